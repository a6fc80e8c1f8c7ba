"""Drains that meet builds of which nobody can tell whose they are: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.demo import Fault
from test_executions_rerunner.drain import windows

if TYPE_CHECKING:
    from integration.conftest import Lab

REPORTING = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False}
OURS: dict[str, bool | str] = {"TEST_OBSERVER_REPORTING": True}
STARTED = {"acknowledge": "started"}


def add_job(lab: Lab, *, moves: bool = True) -> None:
    """Add a job with a parameter whose default is another each time it is asked for, as a date is."""
    numbers = itertools.count(1)
    stamp = {"name": "STAMP", "type": "StringParameterDefinition", "default": lambda: f"stamp-{next(numbers)}"}
    lab.jenkins.add_job("job", [REPORTING, stamp] if moves else [REPORTING])


def ask(lab: Lab, age: float = 600.0, number: int = 1) -> int:
    return lab.request(f"{lab.jenkins.url}/job/job/{number}/", created_at=time.time() - age)[0]


def state(lab: Lab, number: int, **more: Any) -> str:  # noqa: ANN401 - as Rerunner takes it
    return lab.states("jenkins", **more)[number]


@pytest.mark.parametrize("doubtful", [False, True], ids=["delete fails", "trigger in doubt"])
def test_a_rerun_whose_defaults_moved_is_not_started_again_while_it_waits_or_runs(lab: Lab, *, doubtful: bool) -> None:
    add_job(lab)
    number = ask(lab)
    if doubtful:
        lab.jenkins.inject(Fault("POST", action="reset", effect=True))
    fault = lab.observer.inject(Fault("DELETE", path="", skip=1, times=None, action="reset"))
    assert state(lab, number) == ("unknown" if doubtful else "triggered")
    fault.times = 0
    assert state(lab, number) == "deferred"
    lab.jenkins.start_items()
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "deferred"
    assert "build 2, which runs since" in outcome.reason
    assert lab.jenkins.triggered("job") == 1
    assert lab.observer.ids() == [number]


def test_what_ended_in_doubt_was_anothers_where_the_request_still_stands(lab: Lab) -> None:
    add_job(lab)
    number = ask(lab)
    lab.jenkins.add_build("job", parameters=OURS, user="admin", started_at=time.time() - 60)
    assert state(lab, number) == "triggered"
    assert lab.jenkins.triggered("job") == 1


def test_what_ended_in_doubt_is_not_started_again_where_the_request_has_left_the_queue(lab: Lab) -> None:
    """Test Observer removes it when the rerun reports: here while the job is looked at."""
    add_job(lab)
    number = ask(lab)
    lab.jenkins.add_build("job", parameters=OURS, user="admin", started_at=time.time() - 60)

    def report(request: Any) -> None:  # noqa: ANN401 - as the server gives it
        if "/job/job/api/json" in request.path:
            lab.observer.start_test(number, f"{lab.jenkins.url}/job/job/2/")

    lab.jenkins.on_request = report
    lab.drain("jenkins")
    assert lab.jenkins.count("POST") == 0


def test_what_ended_in_doubt_is_ours_where_requests_stay_until_their_rerun_starts(lab: Lab) -> None:
    add_job(lab)
    number = ask(lab)
    assert state(lab, number, **STARTED) == "triggered"
    lab.jenkins.start_items()
    assert state(lab, number, **STARTED) == "deferred"
    lab.jenkins.end_builds("job")
    assert state(lab, number, **STARTED) == "already-rerun"
    assert lab.jenkins.triggered("job") == 1
    assert lab.observer.ids() == []


def test_a_day_allows_one_start_whatever_the_defaults_are(lab: Lab) -> None:
    add_job(lab)
    for _ in range(3):
        number = ask(lab)
        lab.drain("jenkins", of={"max_per_day": 1})
        lab.jenkins.start_items()
        lab.jenkins.end_builds("job")
    assert lab.jenkins.triggered("job") == 1
    assert lab.outcomes[number].state == "deferred"
    assert "started 1 times in the last 24 hours" in lab.outcomes[number].reason


def test_a_request_of_a_day_ago_is_left_to_a_person(lab: Lab) -> None:
    add_job(lab)
    number = ask(lab, age=25 * 3600)
    lab.jenkins.add_build("job", parameters=OURS, user="admin", started_at=time.time() - 60, result=None)
    outcome = lab.drain("jenkins", discard_refused=True)[number]
    assert outcome.state == "failed"
    assert "a person must look" in outcome.reason
    assert lab.observer.ids() == [number]
    assert lab.jenkins.count("POST") == 0


def test_reruns_that_were_superseded_twice_are_left_to_a_person(lab: Lab) -> None:
    lab.jenkins.add_job("job", [REPORTING], kind="pipeline", concurrency="aborts")
    number = ask(lab)
    for _ in range(2):
        assert state(lab, number, **STARTED) == "triggered"
        lab.jenkins.start_items()
        lab.jenkins.add_item("job")
        lab.jenkins.start_items()
        lab.jenkins.end_builds("job")
    assert [build.result for build in lab.jenkins.builds("job")] == ["NOT_BUILT", "SUCCESS"] * 2
    assert state(lab, number, **STARTED) == "failed"
    assert lab.jenkins.triggered("job") == 2
    assert lab.observer.ids() == [number]


@pytest.mark.parametrize("discard", [False, True], ids=["keep", "discard"])
def test_a_number_that_was_taken_over_starts_and_deletes_nothing(lab: Lab, *, discard: bool) -> None:
    add_job(lab, moves=False)
    lab.jenkins.add_build("job", number=30, started_at=time.time() - 60)
    number = ask(lab, number=30)
    outcome = lab.drain("jenkins", of={"parameters_from": "build"}, discard_refused=discard)[number]
    assert outcome.state == "failed"
    assert "taken over its number, or a clock is wrong" in outcome.reason
    assert lab.jenkins.count("POST") == 0
    assert lab.observer.ids() == [number]


def test_one_request_in_doubt_does_not_hold_a_younger_one_of_its_job(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.add_build("job", parameters=OURS, user="admin", started_at=time.time() - 300, result=None)
    older, younger = ask(lab, age=600), ask(lab, age=60)
    states = lab.states("jenkins")
    assert (states[older], states[younger]) == ("deferred", "triggered")
    assert lab.observer.ids() == [older]


def test_a_later_request_joins_the_trigger_though_another_one_was_held_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "LEAST_STEP", 2)
    add_job(lab)
    now = time.time()
    lab.jenkins.add_build("job", parameters=OURS, user="admin", started_at=now - 300, result=None)
    link = f"{lab.jenkins.url}/job/job/1/"
    asked = [(2, 60.0), (1, 600.0), (0, 50.0)]  # by priority, so that the one of long ago is not the first
    first, held, last = (lab.request(link, priority=n, created_at=now - age)[0] for n, age in asked)
    assert lab.states("jenkins") == {first: "triggered", held: "deferred", last: "triggered"}
    assert lab.observer.ids() == [held]


@pytest.mark.parametrize("is_started", [False, True], ids=["waits", "runs"])
def test_what_a_drain_started_for_one_request_is_no_doubt_for_another_of_its_job(lab: Lab, *, is_started: bool) -> None:
    """The rerun of deb has all the values of the one of snap, and a TESTPLAN that is not the default."""
    lab.jenkins.add_job("job")
    for family in ("deb", "snap"):
        lab.request(f"{lab.jenkins.url}/job/job/1/", family=family, created_at=time.time() - 600)

    def start(request: Any) -> None:  # noqa: ANN401 - as the server gives it
        if is_started and request.method == "POST":
            lab.jenkins.start_items()

    lab.jenkins.on_answer = start
    assert list(lab.states("jenkins", concurrency=1).values()) == ["triggered", "triggered"]
    assert lab.jenkins.triggered("job") == 2


@pytest.mark.parametrize("acknowledge", ["accepted", "started"])
@pytest.mark.parametrize("is_over", [False, True], ids=["waits", "is over"])
@pytest.mark.parametrize("moves", [False, True], ids=["fixed defaults", "moving defaults"])
def test_the_rerun_of_another_family_is_no_doubt_in_a_later_drain_either(
    lab: Lab, acknowledge: str, *, is_over: bool, moves: bool
) -> None:
    """The rerun of deb is known by the TESTPLAN that only deb is sent with."""
    plan = {"name": "TESTPLAN", "type": "StringParameterDefinition", "default": "smoke"}
    add_job(lab, moves=moves)
    job = lab.jenkins.job("job")
    job.parameters = [*(job.parameters or ()), plan]
    lab.request(f"{lab.jenkins.url}/job/job/1/", family="deb", created_at=time.time() - 600)
    lab.drain("jenkins")
    if is_over:
        lab.jenkins.start_items()
        lab.jenkins.end_builds("job")
    number = ask(lab)
    assert state(lab, number, acknowledge=acknowledge) == "triggered"
    assert lab.jenkins.triggered("job") == 2
    assert lab.observer.ids() == ([number] if acknowledge == "started" else [])
