"""What is told while a drain works: a line for each target, and one for what stops several."""

from __future__ import annotations

import logging

import pytest

from test_executions_rerunner.cli.telling.progress import Teller
from test_executions_rerunner.models import Outcome, State, Verdict
from test_executions_rerunner.rerun_request import RerunRequest
from test_executions_rerunner.text import post_text


def outcome(number: int, state: State, reason: str, target: str | None = "lab") -> Outcome:
    return Outcome(RerunRequest(number, None, None, None), state, reason, target)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was told at the level of a person, with its level."""
    return [f"{r.levelname} {r.getMessage()}" for r in caplog.records if r.levelno > logging.DEBUG]


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_requests_that_ended_alike_are_one_line_and_others_another(caplog: pytest.LogCaptureFixture) -> None:
    Teller(lambda: None).ended(
        [
            outcome(1, State.ALREADY_RERUN, "build 8 started later"),
            outcome(2, State.TRIGGERED, "accepted"),
            outcome(3, State.TRIGGERED, "accepted"),
        ]
    )
    assert told(caplog) == [
        "INFO request 1 (lab) already-rerun: build 8 started later",
        "INFO requests 2, 3 (lab) triggered: accepted",
    ]


def test_what_needs_a_person_is_an_error_and_what_is_anothers_is_told_with_verbose_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    teller = Teller(lambda: None)
    for state in (State.REFUSED, State.FAILED, State.UNKNOWN):
        teller.ended([outcome(1, state, "no")])
    teller.ended([outcome(2, State.UNSUPPORTED, "another's", None)])
    assert [line.split()[0] for line in told(caplog)] == ["ERROR"] * 3
    assert caplog.records[-1].getMessage() == "request 2 unsupported: another's"


def test_what_stopped_the_drain_is_not_told_again_for_each_target(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(lambda: Verdict(State.FAILED, "lab could not be looked at: 401"))
    teller.ended([outcome(1, State.FAILED, "could not be looked at: 401")])
    teller.ended([outcome(2, State.FAILED, "lab could not be looked at: 401", "lab2")])
    teller.ended([outcome(3, State.FAILED, "another reason", "lab3")])
    assert told(caplog) == ["ERROR request 3 (lab3) failed: another reason"]


def test_what_keeps_several_targets_waiting_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(lambda: None)
    for number in range(1, 101):
        teller.ended([outcome(number, State.DEFERRED, "the limit was reached", f"lab{number}")])
    assert told(caplog) == ["INFO request 1 (lab1) deferred: the limit was reached"]


def test_the_same_failure_of_two_targets_is_told_for_both(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(lambda: None)
    for number in (1, 2):
        teller.ended([outcome(number, State.FAILED, "404", f"lab{number}")])
    assert len(told(caplog)) == 2


def test_what_is_told_later_is_told_with_verbose_only(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller(lambda: None, is_told_later=True)
    for state in State:
        teller.ended([outcome(1, state, "why")])
    assert told(caplog) == []
    assert len(caplog.records) == len(State)


@pytest.mark.parametrize(
    ("post", "text"),
    [
        pytest.param({"url": "http://x/rerun"}, "POST http://x/rerun", id="GitHub"),
        pytest.param(
            {"url": "http://x/b", "json": {"A": True, "B": "f g"}}, "POST http://x/b A=true B=f g", id="Jenkins"
        ),
        pytest.param({"url": "http://x/b", "json": {"A": "\n::error::"}}, "POST http://x/b A= ::error::", id="hostile"),
    ],
)
def test_a_post_is_told_as_a_person_reads_it(post: dict[str, object], text: str) -> None:
    assert post_text(post) == text
