"""How often a job is started in a day, and how much may wait in Jenkins' queue."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import JenkinsProcessor
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.models import State
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.models import Look, Outcome

HOUR = 3600.0
OURS = {"TEST_OBSERVER_REPORTING": True}


def ask(lab: Lab, name: str = "job", **more: Any) -> int:  # noqa: ANN401 - as the server takes it
    return lab.request(f"{lab.jenkins.url}/job/{name}/1/", **more)[0]


def hours_ago(hours: float) -> float:
    return time.time() - hours * HOUR


def drained(lab: Lab, number: int, **of: Any) -> Outcome:  # noqa: ANN401 - as the processor takes it
    return lab.drain("jenkins", of=of)[number]


# a day


@pytest.mark.parametrize(
    ("started", "most", "state"),
    [
        pytest.param((1, 5), 2, "deferred", id="as often as allowed"),
        pytest.param((1, 5, 6), 2, "deferred", id="more often than allowed"),
        pytest.param((1, 5), 3, "triggered", id="once less"),
        pytest.param((1, 24.1), 2, "triggered", id="one of them a day ago"),
        pytest.param((1, 23.9), 2, "deferred", id="one of them nearly a day ago"),
        pytest.param((), 1, "triggered", id="never"),
    ],
)
def test_a_job_is_started_only_so_often_in_24_hours(
    lab: Lab, started: tuple[float, ...], most: int, state: str
) -> None:
    lab.jenkins.add_job("job")
    for hours in sorted(started, reverse=True):
        lab.jenkins.add_build("job", started_at=hours_ago(hours), parameters=OURS)
    number = ask(lab, created_at=hours_ago(0.1))
    outcome = drained(lab, number, max_per_day=most)
    assert outcome.state == state
    assert lab.jenkins.triggered("job") == (state == "triggered")
    assert (number in lab.observer.ids()) is (state == "deferred")


def test_how_often_it_was_started_and_when_it_may_be_again_is_told(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for hours in (23, 20, 3):
        lab.jenkins.add_build("job", started_at=hours_ago(hours), parameters=OURS)
    number = ask(lab, created_at=hours_ago(0.1))
    outcome = drained(lab, number, max_per_day=2)
    again = dt.datetime.fromtimestamp(hours_ago(20) + 24 * HOUR + 60, dt.timezone.utc)
    assert f"started 2 times in the last 24 hours, next possible at {again:%Y-%m-%d %H:%M} UTC" in outcome.reason


def test_builds_with_other_parameters_do_not_count(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for hours in (3, 2, 1):
        lab.jenkins.add_build("job", started_at=hours_ago(hours), parameters={**OURS, "TESTPLAN": "other"})
    number = ask(lab, created_at=hours_ago(0.1))
    assert drained(lab, number, max_per_day=1).state == "triggered"


@pytest.mark.parametrize("skew", [600.0, -600.0], ids=["ahead", "behind"])
@pytest.mark.parametrize(("hours", "state"), [(23.9, "deferred"), (24.1, "triggered")])
def test_the_day_is_one_of_jenkins_own_clock(lab: Lab, skew: float, hours: float, state: str) -> None:
    """Ten minutes apart, so that either clock's day would tell another answer."""
    lab.jenkins.clock_skew_seconds = skew
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=hours_ago(hours), parameters=OURS)
    number = ask(lab, created_at=hours_ago(0.1))
    assert drained(lab, number, max_per_day=1).state == state


@pytest.mark.parametrize(
    ("others", "looks", "state"),
    [
        pytest.param(60, 2, "deferred", id="behind more than are told at first"),
        pytest.param(220, 3, "deferred", id="behind many more"),
        pytest.param(10, 1, "deferred", id="among those that are told at first"),
    ],
)
def test_older_builds_of_the_day_are_read_when_they_are_needed(lab: Lab, others: int, looks: int, state: str) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=hours_ago(20), parameters=OURS)
    for n in range(others):
        lab.jenkins.add_build("job", started_at=hours_ago(19) + n)
    number = ask(lab, created_at=hours_ago(0.1))
    assert drained(lab, number, max_per_day=1).state == state
    assert lab.jenkins.count("GET", "/job/job/api/json") == looks


def test_reading_on_ends_with_the_day_and_when_enough_are_known(lab: Lab) -> None:
    lab.jenkins.add_job("old")
    lab.jenkins.add_job("often")
    for n in range(60):
        lab.jenkins.add_build("old", started_at=hours_ago(70 - n))
        lab.jenkins.add_build("often", started_at=hours_ago(2) + n, parameters=OURS)
    numbers = [ask(lab, name, created_at=hours_ago(0.1)) for name in ("old", "often")]
    states = lab.states("jenkins", of={"max_per_day": 3})
    assert [states[number] for number in numbers] == ["triggered", "deferred"]
    assert [lab.jenkins.count("GET", f"/job/{name}/api/json") for name in ("old", "often")] == [1, 1]


def test_a_request_that_was_served_is_so_however_often_its_job_was_started(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for hours in (3, 2, 1):
        lab.jenkins.add_build("job", started_at=hours_ago(hours), parameters=OURS)
    served, number = ask(lab, created_at=hours_ago(5)), ask(lab, created_at=hours_ago(0.1))
    assert lab.states("jenkins", of={"max_per_day": 2}) == {served: "already-rerun", number: "deferred"}


def test_where_every_request_was_served_no_build_is_counted(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for n in range(60):
        lab.jenkins.add_build("job", started_at=hours_ago(2) + n)
    lab.jenkins.add_build("job", started_at=hours_ago(1), parameters=OURS)
    number = ask(lab, created_at=hours_ago(5))
    assert lab.states("jenkins", of={"max_per_day": 9}) == {number: "already-rerun"}
    assert lab.jenkins.count("GET", "/job/job/api/json") == 1


def test_without_a_limit_no_build_is_counted(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for n in range(60):
        lab.jenkins.add_build("job", started_at=hours_ago(2) + n, parameters=OURS)
    number = ask(lab, created_at=hours_ago(0.1))
    assert lab.states("jenkins") == {number: "triggered"}
    assert lab.jenkins.count("GET", "/job/job/api/json") == 1


# the queue


def look_at(lab: Lab, **of: Any) -> Look:  # noqa: ANN401 - as the processor takes it
    lab.jenkins.add_job("job")
    processor = lab.processor("jenkins", **of)
    request = RerunRequest.read({"ci_link": f"{lab.jenkins.url}/job/job/1/", "family": "snap"}, needs_id=False)
    return processor.look(processor.target(request), {request: None}, processor.snapshot())


def fill_queue(lab: Lab) -> None:
    """Let two jobs wait, and a Pipeline for a node."""
    for name in ("other", "another"):
        lab.jenkins.add_job(name)
        lab.jenkins.add_item(name)
    lab.jenkins.add_placeholder_item()
    lab.jenkins.queued("other")[0].since = hours_ago(2)


def test_a_full_queue_defers_with_the_number_and_since_when_the_oldest_waits(lab: Lab) -> None:
    fill_queue(lab)
    lab.jenkins.add_job("job")
    number = ask(lab)
    outcome = drained(lab, number, max_queued=3)
    since = dt.datetime.fromtimestamp(hours_ago(2), dt.timezone.utc)
    assert outcome.state == "deferred"
    assert (
        f"3 items wait in Jenkins' queue, the oldest since {since:%Y-%m-%d %H:%M} UTC, and --max-queued is 3"
        in outcome.reason
    )
    assert lab.jenkins.count("POST") == 0
    assert lab.observer.ids() == [number]


def test_a_queue_with_a_place_takes_one_more(lab: Lab) -> None:
    fill_queue(lab)
    lab.jenkins.add_job("job")
    number = ask(lab)
    assert drained(lab, number, max_queued=4).state == "triggered"


@pytest.mark.parametrize(("most", "left"), [(4, 1), (10, 7)])
def test_a_trigger_takes_one_of_the_places_that_were_left_when_the_queue_was_read(
    lab: Lab, most: int, left: int
) -> None:
    fill_queue(lab)
    look = look_at(lab, max_queued=most)
    assert look.verdict is None
    (claim,) = look.claims
    assert (claim.key, claim.most, claim.since) == (("queue", lab.jenkins.url), left, look.since)
    assert claim.reason.startswith("3 items wait in Jenkins' queue, the oldest since ")
    assert claim.reason.endswith(f"and --max-queued is {most}")


def test_an_empty_queue_waits_since_no_time(lab: Lab) -> None:
    (claim,) = look_at(lab, max_queued=2).claims
    assert claim.reason == "0 items wait in Jenkins' queue, and --max-queued is 2"


def test_a_queue_without_a_place_leaves_none_to_take(lab: Lab) -> None:
    fill_queue(lab)
    look = look_at(lab, max_queued=2)
    assert look.claims == ()
    assert look.verdict is not None
    assert look.verdict.state is State.DEFERRED


def test_without_a_limit_a_trigger_takes_no_place(lab: Lab) -> None:
    fill_queue(lab)
    look = look_at(lab)
    assert (look.claims, look.verdict) == ((), None)


def test_what_the_user_may_not_see_does_not_count(lab: Lab) -> None:
    fill_queue(lab)
    lab.jenkins.job("other").permission = "none"
    (claim,) = look_at(lab, max_queued=10).claims
    assert claim.most == 8


def test_counting_costs_no_call(lab: Lab) -> None:
    look_at(lab, max_queued=2)
    assert lab.jenkins.count("GET") == 2


def test_a_running_pipeline_that_waits_for_a_node_counts(lab: Lab) -> None:
    lab.jenkins.add_job("pipeline", kind="pipeline")
    lab.jenkins.devices_busy = True
    processor = lab.processor("jenkins")
    assert isinstance(processor, JenkinsProcessor)
    url = f"{lab.jenkins.url}/job/pipeline/buildWithParameters"
    processor.submit({"url": url, "json": {"delay": "0sec"}})
    assert len(lab.jenkins.builds("pipeline")) == 1
    (claim,) = look_at(lab, max_queued=10).claims
    assert claim.most == 9


@pytest.mark.parametrize("since", ["9" * 30, "-1", '"soon"', "null", "1e400"])
def test_whatever_jenkins_says_about_when_an_item_came_ends_no_drain(lab: Lab, since: str) -> None:
    item = f'{{"id": 1, "inQueueSince": {since}, "task": {{"name": "x", "url": "http://x/job/x/"}}}}'
    lab.jenkins.inject(Fault(path="/queue/", action="garbage", times=None, body=f'{{"items": [{item}]}}'))
    lab.jenkins.add_job("job")
    number = ask(lab)
    assert drained(lab, number, max_queued=1).state in {"deferred", "failed"}
    assert lab.jenkins.count("POST") == 0
