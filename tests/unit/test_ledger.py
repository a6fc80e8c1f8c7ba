"""What became of each request, as the threads of a drain write it down."""

from __future__ import annotations

import logging
import threading

import pytest

from test_executions_rerunner.ledger import Ledger, one_line
from test_executions_rerunner.models import Outcome, RerunRequest, State, Verdict

TRIGGERED = Verdict(State.TRIGGERED, "accepted", "https://github.com/a/b/actions/runs/1/attempts/2")


def request(number: int | None = 1) -> RerunRequest:
    return RerunRequest(number, "https://github.com/a/b/actions/runs/1", "snap", None)


def opened(*requests: RerunRequest) -> Ledger:
    ledger = Ledger()
    ledger.open(requests)
    return ledger


def test_outcomes_stand_in_the_order_of_the_queue_not_of_their_end() -> None:
    requests = [request(number) for number in (5, 3, 9)]
    ledger = opened(*requests)
    for each in reversed(requests):
        ledger.settle(each, TRIGGERED)
    assert [outcome.request for outcome in ledger.outcomes] == requests


def test_two_requests_that_say_the_same_are_two() -> None:
    first, second = request(), request()
    ledger = opened(first, second)
    ledger.settle(first, TRIGGERED)
    assert (ledger.known, len(ledger.outcomes), ledger.staying()) == (2, 1, 2)


def test_a_request_stays_until_it_is_deleted() -> None:
    one, other = request(1), request(2)
    ledger = opened(one, other)
    ledger.settle(one, TRIGGERED)
    assert (ledger.staying(), ledger.is_deleting) == (2, True)
    ledger.deleted(one)
    assert (ledger.staying(), ledger.is_deleting) == (1, False)


def test_a_delete_that_failed_is_told() -> None:
    one = request()
    ledger = opened(one)
    ledger.settle(one, TRIGGERED)
    ledger.deleted(one, "403 no")
    (outcome,) = ledger.outcomes
    assert (outcome.deleted, outcome.delete_error, ledger.staying(), ledger.is_deleting) == (False, "403 no", 1, False)


def test_states_are_counted() -> None:
    requests = [request(number) for number in range(1, 4)]
    ledger = opened(*requests)
    for each, state in zip(requests, (State.FAILED, State.TRIGGERED, State.FAILED), strict=True):
        ledger.settle(each, Verdict(state, "x"))
    assert ledger.count() == {State.FAILED: 2, State.TRIGGERED: 1}


def test_the_first_reason_to_stop_stays() -> None:
    ledger = Ledger()
    assert ledger.stopped is None
    ledger.stop(State.FAILED, "first")
    ledger.stop(State.DEFERRED, "second")
    assert ledger.stopped == Verdict(State.FAILED, "first")


def test_nothing_is_in_flight_once_the_drain_has_stopped() -> None:
    one = request()
    ledger = opened(one)
    with ledger.in_flight([one]) as stopped:
        assert stopped is None
    ledger.stop(State.DEFERRED, "signal")
    with ledger.in_flight([one]) as stopped:
        assert stopped == Verdict(State.DEFERRED, "signal")
        ledger.close("signal")
    assert ledger.outcomes[0].state is State.DEFERRED


def test_at_the_end_what_is_in_flight_is_unknown_and_the_rest_deferred() -> None:
    flying, waiting, done = request(1), request(2), request(3)
    ledger = opened(flying, waiting, done)
    ledger.settle(done, TRIGGERED)
    with ledger.in_flight([flying]):
        ledger.close("interrupted by SIGTERM")
    assert [outcome.state for outcome in ledger.outcomes] == [State.UNKNOWN, State.DEFERRED, State.TRIGGERED]
    assert "while its trigger was in flight" in ledger.outcomes[0].reason
    assert ledger.outcomes[1].reason == "interrupted by SIGTERM"


def test_what_ends_after_the_report_is_too_late() -> None:
    one = request()
    ledger = opened(one)
    assert ledger.settle(one, TRIGGERED)
    ledger.close("signal")
    assert not ledger.settle(one, Verdict(State.FAILED, "late"))
    assert ledger.outcomes[0].state is State.TRIGGERED


def test_deletes_that_have_not_ended_are_told() -> None:
    done, refused, other = request(1), request(2), request(None)
    ledger = opened(done, refused, other)
    ledger.settle(done, TRIGGERED)
    ledger.settle(refused, Verdict(State.FAILED, "x"))
    ledger.settle(other, TRIGGERED)
    ledger.close_deletes("interrupted")
    assert [outcome.delete_error for outcome in ledger.outcomes] == ["interrupted", None, None]


def test_no_text_of_an_outcome_shows_a_secret_or_anything_harmful() -> None:
    one = request()
    ledger = Ledger(("sesame",))
    ledger.open([one])
    hostile = "a sesame\n::error::b\x1b[31m ##[error]"
    ledger.settle(one, Verdict(State.FAILED, hostile, f"https://x/{hostile}"), hostile)
    ledger.deleted(one, hostile)
    ledger.stop(State.FAILED, hostile)
    (outcome,) = ledger.outcomes
    assert ledger.stopped is not None
    for text in (outcome.reason, outcome.link, outcome.target, outcome.delete_error, ledger.stopped.reason):
        assert text is not None
        assert "sesame" not in text
        assert text.isprintable()
        assert "##[" not in text


@pytest.mark.parametrize(
    ("state", "level"),
    [
        pytest.param(state, level, id=state.value)
        for state, level in {
            State.TRIGGERED: logging.INFO,
            State.ALREADY_RERUN: logging.INFO,
            State.PLANNED: logging.INFO,
            State.DEFERRED: logging.INFO,
            State.UNSUPPORTED: logging.DEBUG,
            State.REFUSED: logging.ERROR,
            State.FAILED: logging.ERROR,
            State.UNKNOWN: logging.ERROR,
        }.items()
    ],
)
def test_each_outcome_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture, state: State, level: int) -> None:
    one = request()
    with caplog.at_level(logging.DEBUG):
        opened(one).settle(one, Verdict(state, "why", "https://rerun"), "lab")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (level, f"request 1 (lab) {state.value}: why [https://rerun]")
    ]


def test_a_request_without_id_target_and_link_reads_well_too() -> None:
    assert one_line(Outcome(request(None), State.FAILED, "why")) == "request without id failed: why"


def test_everybody_is_told_of_each_outcome_from_any_thread() -> None:
    told: list[Outcome] = []
    ledger = Ledger(on_outcome=told.append)
    requests = [request(number) for number in range(1, 101)]
    ledger.open(requests)
    threads = [threading.Thread(target=ledger.settle, args=(each, TRIGGERED)) for each in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {outcome.request for outcome in told} == set(requests)
    assert ledger.count() == {State.TRIGGERED: 100}
