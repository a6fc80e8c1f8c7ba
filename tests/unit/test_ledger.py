"""What became of each request, as the threads of a drain write it down."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.drain.ledger import Ledger
from test_executions_rerunner.drain.slots import Slots
from test_executions_rerunner.models import Outcome, Removal, State, Verdict
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Callable

TRIGGERED = Verdict(State.TRIGGERED, "accepted", "https://github.com/a/b/actions/runs/1/attempts/2")
LONG_SECONDS = 60.0


def request(number: int | None = 1) -> RerunRequest:
    return RerunRequest(number, "https://github.com/a/b/actions/runs/1", "snap", None)


def opened(*requests: RerunRequest) -> Ledger:
    ledger = Ledger()
    ledger.open(requests)
    return ledger


def end(ledger: Ledger, reason: str = "signal") -> None:
    """End a drain that waits for nothing."""
    ledger.end(reason, grace_seconds=0, all_seconds=0)


def beside(work: Callable[[], None]) -> threading.Thread:
    """Do something in a thread of its own."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_outcomes_stand_in_the_order_of_the_queue_not_of_their_end() -> None:
    requests = [request(number) for number in (5, 3, 9)]
    ledger = opened(*requests)
    for each in reversed(requests):
        ledger.settle({each: TRIGGERED})
    assert [outcome.request for outcome in ledger.outcomes] == requests


def test_two_requests_that_say_the_same_are_two() -> None:
    first, second = request(), request()
    ledger = opened(first, second)
    ledger.settle({first: TRIGGERED})
    assert (ledger.known, len(ledger.outcomes), ledger.staying()) == (2, 1, 2)


@pytest.mark.parametrize(
    ("removal", "is_deleted", "is_gone"),
    [
        pytest.param(Removal.DELETED, True, False, id="deleted"),
        pytest.param(Removal.GONE, False, True, id="gone"),
        pytest.param(Removal.REPLACED, False, True, id="replaced by a newer one"),
    ],
)
def test_a_request_stays_until_it_has_left(removal: Removal, *, is_deleted: bool, is_gone: bool) -> None:
    one, other = request(1), request(2)
    ledger = opened(one, other)
    ledger.settle({one: TRIGGERED}, deletes=[one])
    assert ledger.staying() == 2
    ledger.deleted(one, removal)
    (outcome,) = ledger.outcomes
    assert (ledger.staying(), outcome.deleted, outcome.gone) == (1, is_deleted, is_gone)
    assert outcome.reason == ("accepted" if is_deleted else f"accepted; {removal.value}")


def test_a_delete_that_failed_is_told() -> None:
    one = request()
    ledger = opened(one)
    ledger.settle({one: TRIGGERED}, deletes=[one])
    ledger.deleted(one, "403 no")
    (outcome,) = ledger.outcomes
    assert (outcome.deleted, outcome.delete_error, ledger.staying()) == (False, "403 no", 1)


def test_the_first_reason_to_stop_stays() -> None:
    ledger = Ledger()
    assert ledger.stopped is None
    ledger.stop(State.FAILED, "first")
    ledger.stop(State.DEFERRED, "second")
    assert ledger.stopped == Verdict(State.FAILED, "first")


def test_the_drain_stops_when_its_time_is_up() -> None:
    ledger, up = Ledger(), [False]
    ledger.stop_when(lambda: up[0], "the time limit was reached")
    assert ledger.stopped is None
    up[0] = True
    assert ledger.begin([request()]) == ledger.stopped == Verdict(State.DEFERRED, "the time limit was reached")


def test_nothing_is_in_flight_once_the_drain_has_stopped() -> None:
    one = request()
    ledger = opened(one)
    assert ledger.begin([one]) is None
    ledger.take_back([one])
    ledger.stop(State.DEFERRED, "signal")
    assert ledger.begin([one]) == Verdict(State.DEFERRED, "signal")
    assert not ledger.is_in_flight([one])
    end(ledger)
    assert ledger.outcomes[0].state is State.DEFERRED


def test_at_the_end_what_is_in_flight_is_unknown_and_the_rest_deferred() -> None:
    flying, waiting, done = request(1), request(2), request(3)
    ledger = opened(flying, waiting, done)
    ledger.settle({done: TRIGGERED})
    ledger.begin([flying])
    end(ledger, "interrupted by SIGTERM")
    assert [outcome.state for outcome in ledger.outcomes] == [State.UNKNOWN, State.DEFERRED, State.TRIGGERED]
    assert "while its trigger was in flight" in ledger.outcomes[0].reason
    assert ledger.outcomes[1].reason == "interrupted by SIGTERM"


def test_an_acceptance_that_is_not_written_down_yet_is_never_deferred() -> None:
    one = request()
    ledger = opened(one)
    ledger.begin([one])
    # its answer has come; before the thread writes it down, the drain ends
    end(ledger)
    assert not ledger.settle({one: TRIGGERED})
    assert ledger.outcomes[0].state is State.UNKNOWN


def test_the_end_waits_for_what_is_in_flight() -> None:
    one = request()
    ledger = opened(one)
    ledger.begin([one])
    ending = beside(lambda: ledger.end("signal", grace_seconds=LONG_SECONDS, all_seconds=0))
    ledger.settle({one: TRIGGERED})
    ending.join(LONG_SECONDS)
    assert ledger.outcomes[0].state is State.TRIGGERED


@pytest.mark.parametrize("state", [State.TRIGGERED, State.REFUSED])
def test_the_end_waits_for_each_delete_also_that_of_a_refused_request(state: State) -> None:
    one = request()
    ledger = opened(one)
    ledger.settle({one: Verdict(state, "x")}, deletes=[one])
    ending = beside(lambda: ledger.end("signal", grace_seconds=0, all_seconds=LONG_SECONDS))
    ledger.deleted(one, Removal.DELETED)
    ending.join(LONG_SECONDS)
    (outcome,) = ledger.outcomes
    assert (outcome.deleted, outcome.delete_error) == (True, None)


def test_after_the_end_no_outcome_changes() -> None:
    one, other = request(1), request(2)
    ledger = opened(one, other)
    ledger.settle({one: TRIGGERED}, deletes=[one])
    end(ledger)
    before = [(outcome.state, outcome.reason, outcome.deleted, outcome.delete_error) for outcome in ledger.outcomes]
    assert not ledger.settle({other: Verdict(State.FAILED, "late")})
    ledger.deleted(one, Removal.DELETED)
    ledger.note(one, "late")
    after = [(outcome.state, outcome.reason, outcome.deleted, outcome.delete_error) for outcome in ledger.outcomes]
    assert after == before
    assert ledger.staying() == 2


def test_deletes_that_have_not_ended_are_told() -> None:
    done, refused, other = request(1), request(2), request(3)
    ledger = opened(done, refused, other)
    ledger.settle({done: TRIGGERED, refused: Verdict(State.REFUSED, "x")}, deletes=[done, refused])
    ledger.settle({other: Verdict(State.FAILED, "x")})
    end(ledger, "interrupted")
    told = "interrupted, while it was being deleted"
    assert [outcome.delete_error for outcome in ledger.outcomes] == [told, told, None]


def test_the_end_waits_for_no_delete_of_a_request_that_stays_for_a_reason() -> None:
    one = request()
    ledger = opened(one)
    ledger.settle({one: TRIGGERED}, deletes=[one])
    ledger.kept(one, "it stays")
    ledger.end("signal", grace_seconds=0, all_seconds=0)
    (outcome,) = ledger.outcomes
    assert outcome.reason.endswith("it stays")
    assert (outcome.deleted, outcome.delete_error) == (False, None)


def test_no_text_of_an_outcome_shows_a_secret_or_anything_harmful() -> None:
    one = request()
    ledger = Ledger(("sesame",))
    ledger.open([one])
    hostile = "a sesame\n::error::b\x1b[31m ##[error]"
    ledger.settle({one: Verdict(State.FAILED, hostile, f"https://x/{hostile}")}, hostile)
    ledger.deleted(one, hostile)
    ledger.note(one, hostile)
    ledger.stop(State.FAILED, hostile)
    (outcome,) = ledger.outcomes
    assert ledger.stopped is not None
    for text in (outcome.reason, outcome.link, outcome.target, outcome.delete_error, ledger.stopped.reason):
        assert text is not None
        assert "sesame" not in text
        assert text.isprintable()
        assert "##[" not in text


def test_everybody_is_told_of_each_outcome_from_any_thread() -> None:
    told: list[Outcome] = []
    ledger = Ledger(on_ended=told.extend)
    requests = [request(number) for number in range(1, 101)]
    ledger.open(requests)
    threads = [threading.Thread(target=ledger.settle, args=({each: TRIGGERED},)) for each in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.told()
    assert {outcome.request for outcome in told} == set(requests)


def test_requests_that_end_together_are_told_together() -> None:
    told: list[list[Outcome]] = []
    ledger = Ledger(on_ended=told.append)
    requests = [request(number) for number in (1, 2)]
    ledger.open(requests)
    ledger.settle(dict.fromkeys(requests, TRIGGERED), "lab")
    ledger.told()
    assert [[outcome.request for outcome in ended] for ended in told] == [requests]


def test_whoever_raises_when_told_is_told_of_the_next_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told: list[list[Outcome]] = []

    def listen(ended: list[Outcome]) -> None:
        told.append(ended)
        raise BrokenPipeError("the terminal is gone")

    ledger = Ledger(on_ended=listen)
    requests = [request(number) for number in (1, 2)]
    ledger.open(requests)
    for each in requests:
        assert ledger.settle({each: TRIGGERED}, deletes=[each])
    ledger.told()
    assert [[outcome.request for outcome in ended] for ended in told] == [[each] for each in requests]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning == "whoever is told of outcomes raised BrokenPipeError: the terminal is gone"


def test_nobody_waits_for_whoever_hangs_when_told() -> None:
    is_over = threading.Event()

    def hang(_: list[Outcome]) -> None:
        is_over.wait(LONG_SECONDS)

    ledger = Ledger(on_ended=hang)
    requests = [request(number) for number in (1, 2)]
    ledger.open(requests)
    for each in requests:
        assert ledger.settle({each: TRIGGERED})
    end(ledger)
    assert [outcome.state for outcome in ledger.outcomes] == [State.TRIGGERED] * 2
    assert not is_over.is_set()
    is_over.set()
    ledger.told()


def test_where_no_thread_is_to_be_had_everybody_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[Outcome]] = []
    ledger = Ledger(on_ended=told.append)
    requests = [request(number) for number in (1, 2)]
    ledger.open(requests)
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    for each in requests:
        ledger.settle({each: TRIGGERED})
    assert [[outcome.request for outcome in ended] for ended in told] == [[each] for each in requests]


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_slot_that_is_used_up_is_not_given_back() -> None:
    slots = Slots(2)
    assert slots.take()
    assert slots.take()
    slots.end(is_used=True)
    assert not slots.are_used_up
    slots.end(is_used=False)
    assert slots.take()
    slots.end(is_used=True)
    assert slots.are_used_up
    assert not slots.take()
