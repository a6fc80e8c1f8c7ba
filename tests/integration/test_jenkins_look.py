"""What a look at Jenkins finds out before a trigger: wrong values, folders, answers about others, and its own age."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import JenkinsProcessor
from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.rerun_request import RerunRequest
from waits import HandMoved, ShortWaiting

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo import RecordedRequest
    from test_executions_rerunner.models import Look

REPORTING = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False}
DELAY = {"name": "delay", "type": "StringParameterDefinition", "default": ""}
QUEUE, JOB = "/queue/api/json", "/job/job/api/json"


def plan(*choices: str) -> dict[str, object]:
    """Return the definition of a choice."""
    return {"name": "TESTPLAN", "type": "ChoiceParameterDefinition", "choices": list(choices)}


def ask(lab: Lab, path: str = "job", **more: Any) -> int:  # noqa: ANN401 - as the server takes it
    return lab.request(f"{lab.jenkins.url}/job/{path}/1/", **more)[0]


# what a job offers


@pytest.mark.parametrize("dry_run", [False, True], ids=["drain", "dry-run"])
def test_a_value_that_the_job_does_not_offer_fails_before_any_trigger(lab: Lab, *, dry_run: bool) -> None:
    lab.jenkins.add_job("job", [REPORTING, plan("smoke", "no_stress")])
    number, other = ask(lab, family="deb"), ask(lab, family="snap")
    outcomes = lab.drain("jenkins", dry_run=dry_run)
    assert outcomes[number].state == "failed"
    assert "TESTPLAN does not offer 'full', only smoke, no_stress" in outcomes[number].reason
    assert outcomes[other].state == ("planned" if dry_run else "triggered"), "it sends no such value"
    assert lab.jenkins.count("POST") == (0 if dry_run else 1)
    assert number in lab.observer.ids()


@pytest.mark.parametrize(
    ("value", "choices", "state"),
    [
        pytest.param("full", ("smoke", "full"), "triggered", id="offered"),
        pytest.param("Full", ("smoke", "full"), "failed", id="another case"),
        pytest.param("", ("smoke", "full"), "failed", id="empty"),
        pytest.param("", ("", "full"), "triggered", id="empty and offered"),
    ],
)
def test_a_choice_is_one_of_its_values_letter_by_letter(
    lab: Lab, value: str, choices: tuple[str, ...], state: str
) -> None:
    lab.jenkins.add_job("job", [REPORTING, plan(*choices)])
    number = ask(lab)
    assert lab.states("jenkins", of={"build_parameters": [f"TESTPLAN={value}"]}) == {number: state}
    assert lab.jenkins.triggered("job") == (state == "triggered")


def test_what_is_offered_is_shown_only_so_far(lab: Lab) -> None:
    lab.jenkins.add_job("job", [REPORTING, plan(*(f"plan-{n}" for n in range(500)))])
    number = ask(lab, family="deb")
    reason = lab.drain("jenkins")[number].reason
    assert "only plan-0, plan-1" in reason
    assert len(reason) < 300


def test_only_a_choice_has_values_that_are_offered(lab: Lab) -> None:
    lab.jenkins.add_job("job", [REPORTING, {**plan("smoke"), "type": "StringParameterDefinition"}])
    number = ask(lab, family="deb")
    assert lab.states("jenkins") == {number: "triggered"}


# folders, and answers about others


@pytest.mark.parametrize("path", ["folder", "folder/job/inner"])
def test_a_link_to_a_folder_fails_at_once_and_says_so(lab: Lab, path: str) -> None:
    lab.waiting = ShortWaiting(recheck_seconds=60.0)
    lab.jenkins.add_job("folder/inner/job")
    number = ask(lab, path)
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "failed"
    assert "it is a folder" in outcome.reason
    assert "network" not in outcome.reason
    assert lab.jenkins.count("GET", "/job/") == 1
    assert lab.jenkins.count("POST") == 0
    assert lab.observer.ids() == [number]


def answer_about(name: str) -> str:
    """Return what Jenkins says of a job in which our build has just started."""
    parameters = [{"name": "TEST_OBSERVER_REPORTING", "value": True}]
    build = {"number": 9, "timestamp": (time.time() - 60) * 1000, "actions": [{"parameters": parameters}]}
    definitions = [{"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition"}]
    told = {
        "fullName": name,
        "buildable": True,
        "builds": [build],
        "property": [{"parameterDefinitions": definitions}],
    }
    return json.dumps(told)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("other", id="another"),
        pytest.param("folder/job", id="of the same name in a folder"),
        pytest.param("jobs", id="that begins alike"),
        pytest.param("", id="without a name"),
    ],
)
def test_an_answer_about_another_job_serves_nothing_and_triggers_nothing(lab: Lab, name: str) -> None:
    lab.jenkins.add_job("job")
    number = ask(lab, created_at=time.time() - 600)
    fault = Fault(path=JOB, times=None, action="garbage", body=answer_about(name))
    lab.jenkins.inject(fault)
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "failed"
    assert f"the answer is about another job, {name}" in outcome.reason
    assert lab.jenkins.count("POST") == 0
    fault.times = 0
    assert lab.states("jenkins") == {number: "triggered"}


def test_an_answer_about_another_job_is_asked_for_again(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    number = ask(lab, created_at=time.time() - 600)
    lab.jenkins.inject(Fault(path=JOB, action="garbage", body=answer_about("other")))
    assert lab.states("jenkins") == {number: "triggered"}


@pytest.mark.parametrize("path", ["job", "JOB", "Job"])
def test_an_answer_is_about_a_job_whatever_the_case_of_its_name(lab: Lab, path: str) -> None:
    lab.jenkins.add_job("Job")
    number = ask(lab, path)
    assert lab.states("jenkins") == {number: "triggered"}


# how old a look is


class SteppedWaiting(HandMoved):
    """A clock that each answer of Jenkins moves; whoever sleeps, sleeps 7 seconds of it."""

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        del seconds
        self.now += 7


class SlowJenkins(JenkinsProcessor):
    """A processor whose answers each take some seconds of the stepped clock.

    Attributes:
        asked: What was asked for, in this order.
    """

    def __init__(self, lab: Lab, waiting: SteppedWaiting, seconds: dict[str, float]) -> None:
        super().__init__("admin", lab.jenkins.token, jenkins_url=lab.jenkins.url, waiting=waiting)
        read = self.api.client.read
        self.asked: list[str] = []

        def slow(url: str, *more: Any) -> dict[str, Any]:  # noqa: ANN401 - as the client takes it
            told = read(url, *more)
            part = QUEUE if QUEUE in url else JOB
            self.asked.append(part)
            waiting.now += seconds[part]
            return told

        vars(self.api.client)["read"] = slow

    def look_at(self, lab: Lab, snapshot: Any) -> Look:  # noqa: ANN401 - as the processor takes it
        request = RerunRequest.read({"ci_link": f"{lab.jenkins.url}/job/job/1/", "family": "snap"}, needs_id=False)
        return self.look(self.target(request), {request: None}, snapshot)


@pytest.mark.parametrize(
    ("definitions", "between", "asked", "since"),
    [
        pytest.param([REPORTING], 4.0, [QUEUE, JOB], 0.0, id="young enough"),
        pytest.param([REPORTING], 5.0, [QUEUE, QUEUE, JOB], 5.0, id="too old"),
        pytest.param([REPORTING, DELAY], 1.0, [QUEUE, JOB], 0.0, id="own delay: young enough"),
        pytest.param([REPORTING, DELAY], 3.0, [QUEUE, JOB, QUEUE, JOB], 4.0, id="own delay: queue and builds again"),
        pytest.param([REPORTING, DELAY], 10.0, [QUEUE, QUEUE, JOB], 10.0, id="own delay: too old for any"),
    ],
)
def test_a_look_rests_on_a_queue_of_its_window_only_while_that_is_young(
    lab: Lab, definitions: list[dict[str, object]], between: float, asked: list[str], since: float
) -> None:
    lab.jenkins.add_job("job", definitions)
    waiting = SteppedWaiting()
    processor = SlowJenkins(lab, waiting, {QUEUE: 0.0, JOB: 1.0})
    started = waiting.now
    snapshot = processor.snapshot()
    waiting.now += between
    look = processor.look_at(lab, snapshot)
    assert processor.asked == asked
    assert look.since == started + since
    assert look.before.takes_delay is (DELAY not in definitions)


@pytest.mark.parametrize("definitions", [[REPORTING], [REPORTING, DELAY]], ids=["delay", "own-delay"])
def test_a_look_is_as_old_as_its_first_request_however_slow_the_answers(
    lab: Lab, definitions: list[dict[str, object]]
) -> None:
    lab.jenkins.add_job("job", definitions)
    waiting = SteppedWaiting()
    processor = SlowJenkins(lab, waiting, {QUEUE: 6.0, JOB: 6.0})
    started = waiting.now
    look = processor.look_at(lab, None)
    assert (look.since, waiting.now) == (started, started + 12)
    assert processor.asked == [QUEUE, JOB], "a second one would be as slow"


def test_a_queue_that_was_asked_for_in_vain_does_not_make_the_look_older(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    waiting = SteppedWaiting()
    processor = SlowJenkins(lab, waiting, {QUEUE: 0.0, JOB: 0.0})
    lab.jenkins.inject(Fault(path=QUEUE, status=503))
    started = waiting.now
    assert processor.look_at(lab, None).since == started + 7


def test_another_look_is_never_at_a_queue_read_before_it(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    waiting = SteppedWaiting()
    processor = SlowJenkins(lab, waiting, {QUEUE: 0.0, JOB: 0.0})
    processor.look_at(lab, processor.snapshot())
    processor.look_at(lab, None)
    assert processor.asked == [QUEUE, JOB, QUEUE, JOB]


# what a doubtful trigger left behind


@pytest.mark.parametrize("is_build", [False, True], ids=["item", "build"])
def test_what_others_started_meanwhile_is_not_taken_for_ours(lab: Lab, *, is_build: bool) -> None:
    """The job has an item or a build with other parameters that was not there at the look; our trigger was lost."""
    lab.jenkins.add_job("job")
    number = ask(lab, created_at=time.time() - 600)
    lab.jenkins.inject(Fault("POST", action="reset"))

    def start_another(request: RecordedRequest) -> None:
        if request.method == "POST" and lab.jenkins.count("POST") == 1:
            (lab.jenkins.add_build if is_build else lab.jenkins.add_item)(
                "job", parameters={"TESTPLAN": "other"}, user="admin"
            )

    lab.jenkins.on_request = start_another
    assert lab.states("jenkins") == {number: "unknown"}
    assert lab.observer.ids() == [number]
    assert lab.states("jenkins") == {number: "triggered"}
    assert lab.jenkins.triggered("job") == 1


@pytest.mark.parametrize("starts", [False, True], ids=["item", "build"])
def test_what_was_there_at_the_look_is_no_proof_of_a_doubtful_trigger(lab: Lab, *, starts: bool) -> None:
    """The item that waits joins nobody once it has started; and a build of the day before is no rerun."""
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=time.time() - 86400, parameters={"TEST_OBSERVER_REPORTING": True})
    number = ask(lab, created_at=time.time() - 600)
    lab.jenkins.inject(Fault("POST", action="reset", effect=starts))
    assert lab.states("jenkins") == {number: "triggered" if starts else "unknown"}


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_a_build_of_others_is_ours_whatever_the_case_of_its_values(lab: Lab, value: str) -> None:
    """A text parameter keeps what python-jenkins sends for True: ``True``."""
    lab.jenkins.add_job("job", [{**REPORTING, "type": "StringParameterDefinition", "default": ""}])
    lab.jenkins.add_build("job", parameters={"TEST_OBSERVER_REPORTING": value})
    number = ask(lab, created_at=time.time() - 600)
    assert lab.states("jenkins") == {number: "already-rerun"}


@pytest.mark.parametrize(
    "error",
    [pytest.param({"error": 1}, id="no fullName"), pytest.param({"fullName": 5}, id="a number for a name")],
)
def test_a_job_without_a_name_has_another_shape(lab: Lab, error: dict[str, object]) -> None:
    lab.jenkins.inject(Fault(path=JOB, times=None, action="garbage", body=json.dumps(error)))
    processor = lab.processor("jenkins")
    request = RerunRequest.read({"ci_link": f"{lab.jenkins.url}/job/job/1/", "family": "snap"}, needs_id=False)
    with pytest.raises(CallError, match="another shape"):
        processor.look(processor.target(request), {request: None}, None)


# where links point


@pytest.mark.parametrize("of", [{}, {"parameters_from": "build"}], ids=["family", "build"])
def test_a_drain_calls_the_controller_for_links_to_its_public_address(lab: Lab, of: dict[str, str]) -> None:
    """Nobody listens there, so that a call to it would fail."""
    public = "http://127.0.0.1:1/ci"
    lab.jenkins.add_job("job", builds=[time.time() - 86400])
    number = lab.request(f"{public}/job/job/1/", created_at=time.time() - 600)[0]
    of = {**of, "jenkins_public_url": public}
    assert lab.states("jenkins", of=of) == {number: "triggered"}
    lab.jenkins.start_items()
    again = lab.request(f"{lab.jenkins.url}/job/job/1/", created_at=time.time() - 600)[0]
    assert lab.states("jenkins", of=of) == {again: "already-rerun"}
    assert lab.jenkins.count("POST") == 1
