"""Drains that repeat builds, and that leave a full queue alone: each counted on the server's side."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import Rerunner
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.conftest import Lab

FIRST = 7
REPEATING = {"parameters_from": "build"}
SMOKE: dict[str, bool | str] = {"TESTPLAN": "smoke-of-the-build"}
REPEATED = {**SMOKE, "TEST_OBSERVER_REPORTING": True}


def add_build(lab: Lab, number: int, name: str = "job", **parameters: bool | str) -> str:
    """Add a build of an hour ago, with the first one its job; return its link."""
    if number == FIRST:
        lab.jenkins.add_job(name)
    lab.jenkins.add_build(name, number=number, started_at=time.time() - 3600, parameters={**SMOKE, **parameters})
    return f"{lab.jenkins.url}/job/{name}/{number}/"


def states(lab: Lab, **more: Any) -> dict[int | None, str]:  # noqa: ANN401 - as Rerunner takes it
    return lab.states("jenkins", of=REPEATING, **more)


def test_builds_with_the_same_parameters_are_one_trigger_for_requests_of_any_family(lab: Lab) -> None:
    links = [add_build(lab, number) for number in (7, 8)]
    for link in links:
        for family in ("snap", "deb", "charm", "image"):
            lab.request(link, family=family)
    assert set(states(lab).values()) == {"triggered"}
    assert lab.jenkins.count("POST") == 1
    assert [item.parameters for item in lab.jenkins.queued("job")] == [REPEATED]
    assert lab.observer.ids() == []
    assert [lab.jenkins.count("GET", f"/job/job/{number}/api/json") for number in (7, 8)] == [1, 1]


def test_builds_with_other_parameters_are_triggers_of_their_own(lab: Lab) -> None:
    for number in (7, 8):
        lab.request(add_build(lab, number, TESTPLAN=f"plan-{number}"), 3)
    assert set(states(lab).values()) == {"triggered"}
    assert sorted(str(item.parameters["TESTPLAN"]) for item in lab.jenkins.queued("job")) == ["plan-7", "plan-8"]
    assert lab.jenkins.count("POST") == 2


def test_a_dry_run_plans_what_a_drain_sends(lab: Lab) -> None:
    number = lab.request(add_build(lab, 7))[0]
    outcome = lab.drain("jenkins", of=REPEATING, dry_run=True)[number]
    assert outcome.state == "planned"
    assert "smoke-of-the-build" in outcome.reason
    assert lab.jenkins.count("POST") == 0


def test_a_build_that_is_gone_is_told_and_serves_only_families_that_have_parameters(lab: Lab) -> None:
    link = add_build(lab, 7)
    lab.jenkins.discard_build("job", 7)
    served, left = lab.request(link, family="deb")[0], lab.request(link, family="charm")[0]
    outcomes = lab.drain("jenkins", of=REPEATING)
    assert {number: outcome.state.value for number, outcome in outcomes.items()} == {
        served: "triggered",
        left: "unsupported",
    }
    assert all("build 7 is gone" in outcome.reason for outcome in outcomes.values())
    assert lab.jenkins.queued("job")[0].parameters["TESTPLAN"] == "full"
    assert lab.observer.ids() == [left]


def test_a_build_that_cannot_be_read_fails_alone(lab: Lab) -> None:
    broken, other = (lab.request(add_build(lab, 7, name))[0] for name in ("broken", "other"))
    fault = lab.jenkins.inject(Fault(path="/job/broken/7/", times=None, status=500))
    assert states(lab) == {broken: "failed", other: "triggered"}
    assert lab.observer.ids() == [broken]
    fault.times = 0
    assert states(lab) == {broken: "triggered"}
    assert [lab.jenkins.triggered(name) for name in ("broken", "other")] == [1, 1]


@pytest.mark.parametrize("is_started", [False, True], ids=["waits", "started"])
def test_a_drain_that_could_not_delete_is_followed_by_one_that_finds_its_rerun(lab: Lab, *, is_started: bool) -> None:
    numbers = lab.request(add_build(lab, 7), 2, created_at=time.time() - 600)
    fault = lab.observer.inject(Fault("DELETE", path="", skip=1, times=None, action="reset"))
    assert set(states(lab).values()) == {"triggered"}
    assert lab.observer.ids() == numbers
    fault.times = 0
    if is_started:
        lab.jenkins.start_items()
    assert set(states(lab).values()) == {"already-rerun"}
    assert lab.jenkins.triggered("job") == 1
    assert lab.observer.ids() == []


def test_a_lost_answer_is_settled_by_what_was_really_sent(lab: Lab) -> None:
    number = lab.request(add_build(lab, 7))[0]
    lab.jenkins.inject(Fault("POST", action="reset", effect=True))
    assert states(lab) == {number: "triggered"}
    assert lab.jenkins.triggered("job") == 1


def test_the_four_steps_repeat_the_build_too(lab: Lab) -> None:
    number = lab.request(add_build(lab, 7), family="charm")[0]
    rerunner = Rerunner(lab.processor("jenkins", **REPEATING), test_observer=lab.queue())
    processed = rerunner.process_rerun_requests(rerunner.load_rerun_requests())
    assert processed[number]["json"] == {"TEST_OBSERVER_REPORTING": True}, "nothing is asked for yet"
    assert rerunner.submit_processed_requests(processed) == [number]
    assert [item.parameters for item in lab.jenkins.queued("job")] == [REPEATED]


# a queue with few places


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_drain_fills_the_queue_to_its_limit_and_no_further(lab: Lab, concurrency: int) -> None:
    lab.jenkins.add_placeholder_item()
    numbers = [lab.request(lab.add_target("jenkins", f"t{n}"))[0] for n in range(6)]
    outcomes = lab.drain("jenkins", of={"max_queued": 3}, concurrency=concurrency)
    ended = sorted(outcome.state.value for outcome in outcomes.values())
    assert ended == ["deferred"] * 4 + ["triggered"] * 2
    reasons = {outcome.reason for outcome in outcomes.values() if outcome.state == "deferred"}
    assert all("1 item waits in Jenkins' queue" in reason and "of this drain" in reason for reason in reasons)
    assert lab.jenkins.count("POST") == 2
    assert len(lab.observer.ids()) == 4
    lab.jenkins.start_items()
    assert sorted(lab.states("jenkins", of={"max_queued": 3}).values()) == ["deferred"] + ["triggered"] * 3
    assert sum(lab.jenkins.triggered(f"t{n}") for n in range(6)) == 5
    assert set(lab.observer.ids()) < set(numbers)


def test_a_place_is_given_back_where_the_trigger_is_refused(lab: Lab) -> None:
    for n in range(3):
        lab.request(lab.add_target("jenkins", f"t{n}"))
    lab.jenkins.inject(Fault("POST", status=400, body="no"))
    ended = sorted(lab.states("jenkins", of={"max_queued": 2}, concurrency=1).values())
    assert ended == ["failed", "triggered", "triggered"]


def test_a_dry_run_counts_the_places_like_a_drain(lab: Lab) -> None:
    for n in range(4):
        lab.request(lab.add_target("jenkins", f"t{n}"))
    ended = sorted(lab.states("jenkins", of={"max_queued": 3}, dry_run=True).values())
    assert ended == ["deferred", "planned", "planned", "planned"]


@pytest.mark.parametrize("own_delay", [False, True], ids=["delay", "own-delay"])
def test_a_look_that_took_too_long_triggers_nothing(lab: Lab, *, own_delay: bool) -> None:
    """10 s, or 5 s where the job defines delay itself, from the read of the queue on."""
    names = ["TEST_OBSERVER_REPORTING", *(["delay"] if own_delay else [])]
    lab.jenkins.add_job("job", [{"name": name, "type": "StringParameterDefinition", "default": ""} for name in names])
    lab.request(f"{lab.jenkins.url}/job/job/1/", created_at=time.time() - 600)
    seconds, started = 5.5 if own_delay else 10.5, time.monotonic()
    respond, late = lab.jenkins.respond, 0.0

    def answer(request: Any) -> Any:  # noqa: ANN401 - as the server does
        nonlocal late
        if "/job/job/api/json" in request.path:
            late += seconds
        return respond(request)

    vars(lab.jenkins)["respond"] = answer
    lab.waiting.clock = lambda: started + late
    assert list(lab.states("jenkins").values()) == ["deferred"]
    assert lab.jenkins.count("POST") == 0
