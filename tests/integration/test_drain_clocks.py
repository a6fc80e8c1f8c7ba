"""What a look is worth: how old it is, and whether the clocks it rests on can be believed."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from integration.conftest import run_number
from test_executions_rerunner.calls.sending import Sending
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.demo.jenkins.jobs import DEFAULT_PARAMETERS
from waits import HandMoved, ShortWaiting

if TYPE_CHECKING:
    from integration.conftest import Lab, System
    from test_executions_rerunner.demo import RecordedRequest

HOUR = 3600.0
LOOK = {"jenkins": r"/job/.*/api/json$", "github": r"/actions/runs/\d+$"}
"""The path of the first read of a target."""


class Jumping(ShortWaiting):
    """Waits whose clock can be put forward, as that of a machine that slept, or of a process that was stopped."""

    def __init__(self) -> None:
        self.ahead = 0.0
        super().__init__(lambda: time.monotonic() + self.ahead)


def jump_at_looks(lab: Lab, system: System, seconds: float, times: int) -> Jumping:
    """Let the time of the first looks pass between their request and their answer."""
    waiting = Jumping()
    lab.waiting = waiting
    left = [seconds] * times

    def hook(request: RecordedRequest) -> None:
        if request.method == "GET" and re.search(LOOK[system], request.path) and left:
            waiting.ahead += left.pop()

    lab.server(system).on_request = hook
    return waiting


def looks(lab: Lab, system: System) -> int:
    """Return how often the targets were looked at."""
    return sum(bool(re.search(LOOK[system], request.path)) for request in lab.server(system).requests)


def start_by_hand(lab: Lab, system: System, name: str, ago: float = 0) -> None:
    """Let somebody else start a target again, with the parameters that we would send."""
    if system == "jenkins":
        parameters = {"TEST_OBSERVER_REPORTING": True}
        lab.jenkins.add_build(name, started_at=time.time() - ago, parameters=parameters)
    else:
        lab.github.rerun_jobs(run_number(name), ["test"], started_at=time.time() - ago, conclusion="success")


# how old a look is


@pytest.mark.parametrize(("seconds", "count"), [(20.0, 2), (1.0, 1)], ids=["old", "fresh"])
def test_no_trigger_follows_an_old_look(lab: Lab, system: System, seconds: float, count: int) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    jump_at_looks(lab, system, seconds, 1)
    assert lab.states(system)[number] == "triggered"
    assert looks(lab, system) == count


def test_six_seconds_are_too_old_for_github_and_fresh_where_jenkins_merges(lab: Lab) -> None:
    counts: dict[System, int] = {"jenkins": 1, "github": 2}
    for system, count in counts.items():
        lab.request(lab.add_target(system, "t1"))
        jump_at_looks(lab, system, 6.0, 1)
        lab.drain(system)
        assert looks(lab, system) == count, system


def test_a_job_that_defines_delay_itself_needs_a_look_of_five_seconds(lab: Lab) -> None:
    lab.jenkins.add_job("t1", [*DEFAULT_PARAMETERS, {"name": "delay", "type": "StringParameterDefinition"}])
    lab.request(f"{lab.jenkins.url}/job/t1/1/")
    jump_at_looks(lab, "jenkins", 6.0, 1)
    assert set(lab.states("jenkins").values()) == {"triggered"}
    assert looks(lab, "jenkins") == 2


def test_what_others_started_during_an_old_look_is_seen(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    waiting = Jumping()
    lab.waiting = waiting
    seen: list[str] = []

    def hook(request: RecordedRequest) -> None:
        if request.method == "GET" and re.search(LOOK[system], request.path):
            seen.append(request.path)
            if len(seen) == 1:
                waiting.ahead += 20.0  # SIGSTOP, or a machine that slept: behind this answer somebody is faster
            elif len(seen) == 2:
                start_by_hand(lab, system, "t1")

    lab.server(system).on_request = hook
    assert lab.states(system)[number] == "already-rerun"
    assert lab.server(system).count("POST") == 0


def test_a_target_that_always_answers_too_slowly_is_left_for_the_next_drain(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    jump_at_looks(lab, system, 20.0, 100)
    outcome = lab.drain(system)[number]
    assert (outcome.state.value, outcome.reason) == ("deferred", "answers too slowly to be looked at")
    assert looks(lab, system) == 3
    assert lab.server(system).count("POST") == 0


def test_the_age_of_a_look_counts_when_the_connection_stands(
    lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.waiting = waiting = Jumping()
    begin, left = Sending.begin, [11.0]

    def slow_connection() -> None:
        if lab.server(system).count("GET") and lab.observer.count("DELETE") and left and looks(lab, system) == 1:
            waiting.ahead += left.pop()
        begin()

    monkeypatch.setattr(Sending, "begin", slow_connection)
    assert lab.states(system)[number] == "triggered"
    assert lab.server(system).count("POST") == 1
    assert looks(lab, system) == 2


# a request that is younger than the margin


def test_a_young_request_waits_behind_the_older_ones(lab: Lab, system: System) -> None:
    lab.waiting = waiting = HandMoved(youngest_seconds=4.0)
    lab.request(lab.add_target(system, "t1"), created_at=time.time())
    lab.request(lab.add_target(system, "t2"))
    assert set(lab.states(system, concurrency=1).values()) == {"triggered"}
    triggers = [request.path for request in lab.server(system).requests if request.method == "POST"]
    assert ["2/" in path for path in triggers] == [True, False]
    assert [seconds for seconds in waiting.slept if seconds > 3]


def test_a_request_of_this_second_is_started_once_although_it_could_not_be_deleted(lab: Lab, system: System) -> None:
    lab.waiting = ShortWaiting(youngest_seconds=4.0)
    (number,) = lab.request(lab.add_target(system, "t1"), created_at=time.time())
    lab.observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    asked = time.time()
    assert lab.states(system)[number] == "triggered"
    assert time.time() - asked >= 3, "it must be three seconds old"
    lab.observer.clear_faults()
    assert lab.states(system)[number] == "already-rerun"
    assert lab.triggered(system, "t1") == 1


def test_a_dry_run_does_not_wait_for_a_young_request(lab: Lab, system: System) -> None:
    lab.waiting = ShortWaiting(youngest_seconds=30.0)
    (number,) = lab.request(lab.add_target(system, "t1"), created_at=time.time())
    started = time.monotonic()
    assert lab.states(system, dry_run=True)[number] == "planned"
    assert time.monotonic() - started < 20


# clocks


@pytest.mark.parametrize("skew", [-HOUR, HOUR, 16 * 60.0], ids=["behind", "ahead", "just over the bound"])
def test_clocks_that_are_far_apart_trigger_nothing(lab: Lab, system: System, skew: float) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), created_at=time.time() - 60)
    start_by_hand(lab, system, "t1", ago=1800)
    lab.server(system).clock_skew_seconds = skew
    outcome = lab.drain(system)[number]
    assert outcome.state.value == "failed"
    assert f"the clocks of {system.title().replace('hub', 'Hub')} and Test Observer are" in outcome.reason
    assert lab.server(system).count("POST") == 0
    assert len(lab.observer.ids()) == 1


@pytest.mark.parametrize("skew", [-14 * 60.0, 14 * 60.0], ids=["behind", "ahead"])
@pytest.mark.parametrize(("ago", "state"), [(1800, "triggered"), (30, "already-rerun")], ids=["before", "since"])
def test_clocks_that_are_a_little_apart_are_corrected_for(
    lab: Lab, system: System, skew: float, ago: float, state: str
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), created_at=time.time() - 60)
    start_by_hand(lab, system, "t1", ago=ago)
    lab.server(system).clock_skew_seconds = skew
    assert lab.states(system)[number] == state


@pytest.mark.parametrize(
    "date",
    [
        pytest.param(-HOUR, id="an hour behind"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", id="1970"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", id="9999"),
    ],
)
def test_one_odd_date_makes_a_server_unbelievable(lab: Lab, system: System, date: float | str) -> None:
    ids = [number for n in range(3) for number in lab.request(lab.add_target(system, f"t{n}"))]
    for n in range(3):
        start_by_hand(lab, system, f"t{n}", ago=7200)
    lab.server(system).inject(
        Fault(method="GET", path=LOOK[system].replace("$", r"(\?|$)"), skip=1, action="date", date=date)
    )
    states = lab.states(system, concurrency=1)
    assert states[ids[0]] == "triggered"
    assert [states[number] for number in ids[1:]] == ["failed", "failed"]
    assert lab.server(system).count("POST") == 1


def test_a_queue_that_takes_over_a_minute_is_no_doubt_about_its_clock(lab: Lab, system: System) -> None:
    before, since = (lab.request(lab.add_target(system, f"t{n}"), created_at=time.time() - 600)[0] for n in (1, 2))
    start_by_hand(lab, system, "t1", ago=900)
    start_by_hand(lab, system, "t2", ago=300)
    lab.waiting = waiting = Jumping()
    left = [69.0]

    def hook(request: RecordedRequest) -> None:  # its Date is that of the arrival of the request
        if request.method == "GET" and left:
            waiting.ahead += left.pop()

    lab.observer.on_request = hook
    states = lab.states(system)
    assert (states[before], states[since]) == ("triggered", "already-rerun")


def test_a_jenkins_that_answers_slowly_does_not_make_a_build_before_the_request_later(lab: Lab) -> None:
    (number,) = lab.request(lab.add_target("jenkins", "t1"), created_at=time.time() - 60)
    start_by_hand(lab, "jenkins", "t1", ago=61)
    lab.jenkins.latency_seconds["GET"] = 3.5  # its Date is that of the arrival of the request
    assert lab.states("jenkins")[number] != "already-rerun"


def test_one_request_with_an_impossible_time_fails_alone(lab: Lab, system: System) -> None:
    link = lab.add_target(system, "t1")
    (good,), (impossible,) = lab.request(link), lab.request(link, created_at=time.time() + HOUR)
    states = lab.states(system)
    assert (states[good], states[impossible]) == ("triggered", "failed")
    assert lab.observer.ids() == [impossible]


def test_a_created_at_that_has_not_come_yet_is_impossible(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), created_at=time.time() + HOUR)
    start_by_hand(lab, system, "t1", ago=30)
    outcome = lab.drain(system)[number]
    assert outcome.state.value == "failed"
    assert "ahead of its own clock" in outcome.reason
    assert lab.server(system).count("POST") == 0


def test_a_start_that_has_not_come_yet_is_impossible(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    start_by_hand(lab, system, "t1", ago=-HOUR)
    outcome = lab.drain(system)[number]
    assert outcome.state.value == "failed"
    assert "ahead of its own clock" in outcome.reason
    assert lab.server(system).count("POST") == 0


def test_our_own_clock_is_compared_with_neither(lab: Lab, system: System) -> None:
    for server in (lab.observer, lab.server(system)):
        server.clock_skew_seconds = 5 * HOUR
    (number,) = lab.request(lab.add_target(system, "t1"))
    start_by_hand(lab, system, "t1", ago=60)
    assert lab.states(system)[number] == "already-rerun"


# the time limit


def test_after_the_time_limit_nothing_new_is_started(lab: Lab, system: System) -> None:
    ids = [number for n in range(4) for number in lab.request(lab.add_target(system, f"t{n}"))]
    waiting = Jumping()
    lab.waiting = waiting

    def hook(request: RecordedRequest) -> None:
        if request.method == "POST" and lab.server(system).count("POST") == 2:
            waiting.ahead += 61.0

    lab.server(system).on_request = hook
    outcomes = lab.drain(system, time_limit=1, concurrency=1)
    assert [outcomes[number].state.value for number in ids] == ["triggered"] * 2 + ["deferred"] * 2
    assert "the time limit of 1 minutes was reached" in outcomes[ids[3]].reason
    assert lab.observer.ids() == ids[2:], "what was in flight has ended, and was deleted"
