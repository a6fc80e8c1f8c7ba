"""Jobs that abort their running build for each new one: no rerun ends a test that runs."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import JenkinsProcessor
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.processors.jenkins.checks import jenkins_checks
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo.jenkins.jobs import Concurrency

HOUR = 3600.0
OTHER: dict[str, bool | str] = {"TESTPLAN": "by hand"}


def add_job(lab: Lab, concurrency: Concurrency = "aborts") -> None:
    lab.jenkins.add_job("job", kind="pipeline", concurrency=concurrency)


def ask(lab: Lab, name: str = "job", **more: Any) -> int:  # noqa: ANN401 - as the server takes it
    return lab.request(f"{lab.jenkins.url}/job/{name}/1/", **{"created_at": time.time() - 600, **more})[0]


@pytest.mark.parametrize(
    ("concurrency", "state"), [("aborts", "deferred"), ("waits", "triggered"), ("free", "triggered")]
)
def test_a_rerun_waits_for_the_build_that_it_would_abort(lab: Lab, concurrency: Concurrency, state: str) -> None:
    add_job(lab, concurrency)
    running = lab.jenkins.add_build("job", started_at=time.time() - HOUR, parameters=OTHER, result=None)
    number = ask(lab)
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == state
    assert running.result is None
    if state == "deferred":
        assert f"would abort build {running.number}, which runs since 20" in outcome.reason
        assert "only a person can choose to abort it" in outcome.reason
        assert lab.jenkins.count("POST") == 0
        lab.jenkins.end_builds("job")
        assert lab.states("jenkins") == {number: "triggered"}


def test_a_rerun_waits_for_another_item_of_such_a_job(lab: Lab) -> None:
    add_job(lab)
    item = lab.jenkins.add_item("job", OTHER)
    number = ask(lab)
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "deferred"
    assert f"item {item.id}, which waits since 20" in outcome.reason
    assert lab.jenkins.count("POST") == 0


@pytest.mark.parametrize("fault", [None, {"action": "reset"}, {"action": "reset", "effect": True}], ids=str)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_two_requests_of_such_a_job_never_end_each_other(
    lab: Lab, concurrency: int, fault: dict[str, Any] | None
) -> None:
    """Whether the first trigger is accepted or doubtful, and however the links spell the job."""
    add_job(lab)
    numbers = [ask(lab, family="snap"), ask(lab, "JOB", family="deb")]
    if fault:
        lab.jenkins.inject(Fault("POST", **fault))
    states = lab.states("jenkins", concurrency=concurrency)
    first = "unknown" if fault and not fault.get("effect") else "triggered"
    assert sorted(states[number] for number in numbers) == sorted(["deferred", first])
    assert lab.jenkins.count("POST") == 1
    lab.jenkins.start_items()
    assert [build.result for build in lab.jenkins.builds("job")] in ([], [None])


def test_what_a_jenkins_that_starts_may_have_taken_is_taken(lab: Lab) -> None:
    add_job(lab)
    numbers = [ask(lab, family="snap"), ask(lab, family="deb")]
    lab.jenkins.inject(Fault("POST", status=503, body="getting ready to work"))
    assert lab.states("jenkins", concurrency=1) == dict.fromkeys(numbers, "deferred")
    assert lab.jenkins.count("POST") == 1


def test_the_place_is_given_back_where_the_trigger_is_refused(lab: Lab) -> None:
    add_job(lab)
    ask(lab, family="snap")
    ask(lab, family="deb")
    lab.jenkins.inject(Fault("POST", status=400, body="no"))
    assert sorted(lab.states("jenkins", concurrency=1).values()) == ["failed", "triggered"]


@pytest.mark.parametrize(("hours", "is_warned"), [(23.9, False), (24.1, True)])
def test_people_are_warned_where_such_a_rerun_waits_for_a_day(
    lab: Lab, caplog: pytest.LogCaptureFixture, hours: float, *, is_warned: bool
) -> None:
    add_job(lab)
    lab.jenkins.add_build("job", started_at=time.time() - 60, parameters=OTHER, result=None)
    number = ask(lab, created_at=time.time() - hours * HOUR)
    with caplog.at_level(logging.WARNING):
        assert lab.states("jenkins") == {number: "deferred"}
    warnings = [record.getMessage() for record in caplog.records if "over a day ago" in record.getMessage()]
    assert bool(warnings) is is_warned
    assert all("would abort build 2" in warning for warning in warnings)


def test_a_rerun_of_ours_that_such_a_job_superseded_is_no_rerun(lab: Lab) -> None:
    add_job(lab)
    number = ask(lab)
    assert lab.states("jenkins") == {number: "triggered"}
    lab.jenkins.start_items()
    again = ask(lab)
    lab.jenkins.add_item("job", OTHER)
    lab.jenkins.start_items()
    assert [build.result for build in lab.jenkins.builds("job")] == ["NOT_BUILT", None]
    lab.jenkins.end_builds("job")
    assert lab.states("jenkins") == {again: "triggered"}


def test_the_check_says_that_requests_of_such_a_job_wait(lab: Lab) -> None:
    add_job(lab)
    processor = lab.processor("jenkins")
    assert isinstance(processor, JenkinsProcessor)
    post = {"ci_link": f"{lab.jenkins.url}/job/job/1/", "family": "snap"}
    *_, check = jenkins_checks(processor, [processor.target(RerunRequest.read(post, needs_id=False))])
    assert check.ok is None
    assert "aborts its running build for each new one" in check.message


def test_a_freestyle_job_never_aborts(lab: Lab) -> None:
    """It tells ``concurrentBuild`` too, and has no such property."""
    lab.jenkins.add_job("job", concurrency="aborts")
    lab.jenkins.add_build("job", started_at=time.time() - 60, parameters=OTHER, result=None)
    number = ask(lab)
    assert lab.states("jenkins") == {number: "triggered"}
