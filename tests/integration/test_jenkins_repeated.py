"""Builds that are run again: values told under other keys, values not told, and builds that are not what they were."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import JenkinsProcessor
from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.models import State
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.conftest import Lab
    from test_executions_rerunner.demo.jenkins.jobs import Value
    from test_executions_rerunner.models import Look, Target

REPEATING = {"parameters_from": "build"}
HOUR = 3600.0
REPORTING = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False}
PLAN = {"name": "TESTPLAN", "type": "StringParameterDefinition", "default": "smoke"}
PASSWORD = {"name": "PASSWORD", "type": "PasswordParameterDefinition"}
OURS: dict[str, Value] = {"TEST_OBSERVER_REPORTING": True}


def of_kind(kind: str, name: str = "V") -> dict[str, object]:
    return {"name": name, "type": f"{kind}ParameterDefinition", "default": "img#1"}


def add_job(lab: Lab, *definitions: Mapping[str, object], builds: Mapping[int, dict[str, Value]]) -> None:
    """Add a job with builds of an hour ago and their values."""
    lab.jenkins.add_job("job", [REPORTING, *definitions])
    for number, values in builds.items():
        lab.jenkins.add_build("job", number=number, started_at=time.time() - HOUR, parameters=values)


def ask(lab: Lab, number: int, age: float = 600.0) -> int:
    return lab.request(f"{lab.jenkins.url}/job/job/{number}/", created_at=time.time() - age)[0]


def repeating(lab: Lab) -> JenkinsProcessor:
    processor = lab.processor("jenkins", **REPEATING)
    assert isinstance(processor, JenkinsProcessor)
    return processor


def read(lab: Lab, number: int) -> RerunRequest:
    return RerunRequest.read({"ci_link": f"{lab.jenkins.url}/job/job/{number}/", "family": "snap"}, needs_id=False)


def resolved(lab: Lab, processor: JenkinsProcessor, number: int) -> Target:
    return processor.resolved(processor.target(read(lab, number)))


def look_at(lab: Lab, number: int, *, age: float = 600.0) -> tuple[Look, RerunRequest]:
    """Look for a request of this age whose link names this build."""
    processor, request = repeating(lab), read(lab, number)
    target = processor.resolved(processor.target(request))
    asked = Moment(time.time() - age, processor.calls.clock)
    return processor.look(target, {request: asked}, None), request


# values that are told under other keys


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("Run", ("img#7", "img#8"), id="run"),
        pytest.param("Run", ("folder/img#7", "folder/other#7"), id="run of another job"),
        pytest.param("ListSubversionTags", ("tags/1", "tags/2"), id="subversion tag"),
        pytest.param("Label", ("arm64", "amd64"), id="label"),
    ],
)
def test_builds_that_differ_in_a_value_under_another_key_are_triggers_of_their_own(
    lab: Lab, kind: str, values: tuple[str, str]
) -> None:
    add_job(lab, of_kind(kind), builds={30: {"V": values[0]}, 31: {"V": values[1]}})
    numbers = [ask(lab, 30), ask(lab, 31)]
    assert lab.states("jenkins", of=REPEATING) == dict.fromkeys(numbers, "triggered")
    assert sorted(str(item.parameters["V"]) for item in lab.jenkins.queued("job")) == sorted(values)


@pytest.mark.parametrize(("started", "state"), [("img#7", "triggered"), ("img#8", "already-rerun")])
def test_a_build_serves_a_request_only_with_the_same_run(lab: Lab, started: str, state: str) -> None:
    add_job(lab, of_kind("Run"), builds={30: {"V": "img#8"}})
    lab.jenkins.add_build("job", started_at=time.time() - 60, parameters={**OURS, "V": started})
    number = ask(lab, 30)
    assert lab.states("jenkins", of=REPEATING) == {number: state}


def test_a_default_under_another_key_is_a_default(lab: Lab) -> None:
    add_job(lab, of_kind("Run"), builds={})
    lab.jenkins.add_build("job", started_at=time.time() - 60, parameters=OURS)
    lab.jenkins.add_build("job", started_at=time.time() - 50, parameters={**OURS, "V": "img#2"})
    request, other = ask(lab, 1), ask(lab, 1, age=55)
    assert lab.states("jenkins") == {request: "already-rerun", other: "triggered"}


# values that are not told


@pytest.mark.parametrize("kind", ["Password", "File", "Credentials"])
def test_builds_with_values_that_are_not_told_are_never_one_trigger(lab: Lab, kind: str) -> None:
    add_job(lab, PLAN, of_kind(kind), builds={30: {"TESTPLAN": "a"}, 31: {"TESTPLAN": "a"}})
    processor = repeating(lab)
    one, other, again = (resolved(lab, processor, number) for number in (30, 31, 30))
    assert one.post_arguments == other.post_arguments
    assert one.key == again.key != other.key
    assert "does not tell its V" in one.notes[0]


def test_a_trigger_that_joins_anothers_item_is_no_acceptance(lab: Lab) -> None:
    """The item came between the look and the trigger; its password may be another."""
    add_job(lab, PASSWORD, builds={30: {}})
    number = ask(lab, 30)

    def add_item(request: Any) -> None:  # noqa: ANN401 - as the server gives it
        if request.method == "POST" and not lab.jenkins.queued("job"):
            lab.jenkins.add_item("job", OURS)

    lab.jenkins.on_request = add_item
    outcome = lab.drain("jenkins", of=REPEATING)[number]
    assert outcome.state == "deferred"
    assert lab.jenkins.count("POST") == 1
    assert lab.observer.ids() == [number]


def test_an_item_that_would_take_the_trigger_in_holds_its_request(lab: Lab) -> None:
    add_job(lab, PASSWORD, builds={30: {}})
    item = lab.jenkins.add_item("job", OURS)
    look, request = look_at(lab, 30)
    assert look.held[request].state is State.DEFERRED
    assert f"item {item.id}" in look.held[request].reason
    assert "does not tell its PASSWORD" in look.held[request].reason


@pytest.mark.parametrize(
    ("user", "result", "where"),
    [("admin", "SUCCESS", "doubtful"), ("admin", None, "held"), ("someone", "SUCCESS", "nowhere")],
)
def test_a_build_is_no_proof_where_values_are_not_told(lab: Lab, user: str, result: str | None, where: str) -> None:
    add_job(lab, PASSWORD, builds={30: {}})
    lab.jenkins.add_build("job", started_at=time.time() - 60, parameters=OURS, user=user, result=result)
    look, request = look_at(lab, 30)
    assert request not in look.served
    assert (request in look.doubtful, request in look.held) == (where == "doubtful", where == "held")


@pytest.mark.parametrize(("user", "is_ours"), [("admin", True), ("someone", False)])
@pytest.mark.parametrize("merged", [False, True], ids=["alone", "merged"])
def test_after_a_doubtful_trigger_only_an_item_of_its_own_is_ours(
    lab: Lab, user: str, *, is_ours: bool, merged: bool
) -> None:
    add_job(lab, PASSWORD, builds={30: {}})
    processor, request = repeating(lab), read(lab, 30)
    target = processor.resolved(processor.target(request))
    look = processor.look(target, {request: None}, None)
    item = lab.jenkins.add_item("job", OURS, user=user)
    item.users += ["admin"] if merged else []
    assert (processor.changed(target, look) is not None) is (is_ours and not merged)


# values that the job would not keep


@pytest.mark.parametrize("dry_run", [False, True], ids=["drain", "dry run"])
@pytest.mark.parametrize(
    ("value", "definition", "words"),
    [
        pytest.param("yes", {"type": "BooleanParameterDefinition"}, "would take 'yes' for false", id="boolean"),
        pytest.param(
            "smoke", {"type": "ChoiceParameterDefinition", "choices": ["full"]}, "does not offer 'smoke'", id="choice"
        ),
    ],
)
def test_a_value_that_the_job_would_not_keep_fails_before_any_trigger(
    lab: Lab, value: str, definition: dict[str, object], words: str, *, dry_run: bool
) -> None:
    add_job(lab, {**PLAN, "name": "V"}, builds={30: {"V": value}})
    number = ask(lab, 30)

    def change(request: Any) -> None:  # noqa: ANN401 - as the server gives it
        """Let the job take another kind of value than its build had, once that was read."""
        if "/job/job/api/json" in request.path:
            lab.jenkins.job("job").parameters = [REPORTING, {"name": "V", **definition}]

    lab.jenkins.on_request = change
    outcome = lab.drain("jenkins", of=REPEATING, dry_run=dry_run)[number]
    assert outcome.state == "failed"
    assert words in outcome.reason
    assert lab.jenkins.count("POST") == 0


# builds that are gone, or seem to be


def test_a_build_that_is_missing_for_a_moment_is_run_with_its_own_parameters(lab: Lab) -> None:
    add_job(lab, PLAN, builds={30: {"TESTPLAN": "smoke-of-the-build"}})
    lab.jenkins.inject(Fault(path="/job/job/30/api/json", status=404))
    number = ask(lab, 30)
    assert lab.states("jenkins", of=REPEATING) == {number: "triggered"}
    assert lab.jenkins.queued("job")[0].parameters["TESTPLAN"] == "smoke-of-the-build"


def test_a_build_that_its_job_lists_is_not_gone(lab: Lab) -> None:
    add_job(lab, PLAN, builds={30: {}})
    fault = lab.jenkins.inject(Fault(path="/job/job/30/api/json", status=404, times=None))
    number = ask(lab, 30)
    outcome = lab.drain("jenkins", of=REPEATING)[number]
    assert outcome.state == "failed"
    assert "404 for build 30, which its job lists" in outcome.reason
    assert lab.jenkins.count("POST") == 0
    fault.times = 0
    assert lab.states("jenkins", of=REPEATING) == {number: "triggered"}


def test_a_build_that_is_gone_is_asked_for_twice(lab: Lab) -> None:
    add_job(lab, PLAN, builds={30: {}})
    lab.jenkins.discard_build("job", 30)
    number = ask(lab, 30)
    outcome = lab.drain("jenkins", of=REPEATING)[number]
    assert outcome.state == "triggered"
    assert "build 30 is gone" in outcome.reason
    assert lab.jenkins.count("GET", "/job/job/30/api/json") == 2


def test_a_number_that_another_build_has_taken_over_is_left_to_a_person(lab: Lab) -> None:
    add_job(lab, PLAN, builds={30: {}})
    lab.jenkins.begin_anew("job")
    lab.jenkins.add_build("job", number=30, started_at=time.time() - 60)
    look, request = look_at(lab, 30)
    held = look.held[request]
    assert held.state is State.FAILED
    assert "another build has taken over its number, or a clock is wrong" in held.reason


@pytest.mark.parametrize("started", [0.0, -HOUR], ids=["unknown", "before"])
def test_a_build_that_did_not_start_later_is_the_one_that_was_asked_for(lab: Lab, started: float) -> None:
    add_job(lab, PLAN, builds={30: {}})
    lab.jenkins.builds("job")[0].started_at = time.time() + started if started else 0.0
    look, request = look_at(lab, 30)
    assert request not in look.held


def test_a_build_of_another_number_in_its_place_is_no_answer(lab: Lab) -> None:
    add_job(lab, PLAN, builds={30: {}})
    lab.jenkins.inject(
        Fault(path="/30/api/json", times=None, action="garbage", body='{"url": "/job/job/31/", "actions": []}')
    )
    with pytest.raises(CallError, match="about another build"):
        resolved(lab, repeating(lab), 30)
