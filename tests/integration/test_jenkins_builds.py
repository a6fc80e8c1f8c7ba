"""The same build again: the parameters of the build that a link names, ours over them."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import JenkinsProcessor, RequestProcessingError
from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.processors.jenkins.checks import jenkins_checks
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration.conftest import Lab
    from test_executions_rerunner.demo.jenkins.jobs import Value
    from test_executions_rerunner.models import Target

REPORTING = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False}
PLAN = {"name": "TESTPLAN", "type": "ChoiceParameterDefinition", "choices": ["full", "no_stress", "smoke"]}
CHANNEL = {"name": "CHECKBOX_CHANNEL", "type": "StringParameterDefinition", "default": "stable"}
STAGGER = {"name": "NO_STAGGER", "type": "BooleanParameterDefinition", "default": False}
PASSWORD = {"name": "PASSWORD", "type": "PasswordParameterDefinition"}
FILE = {"name": "FILE", "type": "FileParameterDefinition"}
SMOKE: dict[str, Value] = {"TESTPLAN": "smoke", "CHECKBOX_CHANNEL": "beta", "NO_STAGGER": True}
READ_BUILD = "/30/api/json"


def add_job(lab: Lab, *more: Mapping[str, object], name: str = "job", **values: Value) -> None:
    """Add a job with a build 30 that had these values."""
    lab.jenkins.add_job(name, [REPORTING, PLAN, CHANNEL, STAGGER, *more])
    lab.jenkins.add_build(name, number=30, started_at=time.time() - 3600, parameters={**SMOKE, **values})


def repeating(lab: Lab, **more: Any) -> JenkinsProcessor:  # noqa: ANN401 - as the processor takes it
    processor = lab.processor("jenkins", parameters_from="build", **more)
    assert isinstance(processor, JenkinsProcessor)
    return processor


def asked(lab: Lab, name: str = "job", number: int = 30, family: object = "deb") -> RerunRequest:
    link = f"{lab.jenkins.url}/job/{name}/{number}/"
    return RerunRequest.read({"ci_link": link, "family": family}, needs_id=False)


def resolved(lab: Lab, processor: JenkinsProcessor | None = None, **request: Any) -> Target:  # noqa: ANN401 - as above
    processor = processor or repeating(lab)
    return processor.resolved(processor.target(asked(lab, **request)))


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        pytest.param("snap", {"TEST_OBSERVER_REPORTING": True, "A": "1"}, id="snap"),
        pytest.param("deb", {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "full", "A": "1"}, id="deb"),
        pytest.param("charm", {"TEST_OBSERVER_REPORTING": True, "A": "1"}, id="family without parameters"),
        pytest.param(None, {"TEST_OBSERVER_REPORTING": True, "A": "1"}, id="no family"),
        pytest.param(["deb"], {"TEST_OBSERVER_REPORTING": True, "A": "1"}, id="no word"),
    ],
)
def test_processing_sends_nothing_and_serves_every_family(
    lab: Lab, family: object, expected: dict[str, object]
) -> None:
    processor = repeating(lab, build_parameters=["A=1"])
    post = processor.process({"ci_link": f"{lab.jenkins.url}/job/job/30/", "family": family})
    assert post["json"] == expected
    assert lab.jenkins.requests == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param([], {}, id="the build's"),
        pytest.param(["TESTPLAN=full"], {"TESTPLAN": "full"}, id="those for all over them"),
        pytest.param(["deb:TESTPLAN=full"], {"TESTPLAN": "full"}, id="the family's over them"),
        pytest.param(["snap:TESTPLAN=full"], {}, id="another family's are not"),
        pytest.param(
            ["TESTPLAN=full", "deb:TESTPLAN=no_stress"], {"TESTPLAN": "no_stress"}, id="the family's over all"
        ),
        pytest.param(["TEST_OBSERVER_REPORTING="], {"TEST_OBSERVER_REPORTING": ""}, id="over reporting too"),
    ],
)
def test_the_trigger_has_the_builds_parameters_and_ours_over_them(
    lab: Lab, written: list[str], expected: dict[str, object]
) -> None:
    add_job(lab, TEST_OBSERVER_REPORTING=False)
    target = resolved(lab, repeating(lab, build_parameters=written))
    assert target.post_arguments == {
        "url": f"{lab.jenkins.url}/job/job/buildWithParameters",
        "json": {**SMOKE, "TEST_OBSERVER_REPORTING": True, **expected},
    }
    assert target.notes == ()


def test_requests_are_grouped_by_what_is_sent_and_by_their_builds_before_that(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.add_build("job", number=31, parameters=SMOKE)
    lab.jenkins.add_build("job", number=32, parameters={**SMOKE, "TESTPLAN": "full"})
    processor = repeating(lab)
    requests = [asked(lab), asked(lab, "JOB", 31, "snap"), asked(lab, number=32), asked(lab, family="snap")]
    before = [processor.target(request) for request in requests]
    assert len({target.key for target in before}) == 4
    assert processor.target(asked(lab, "Job")).key == before[0].key, "names are looked up without case"
    same, also, other, again = (processor.resolved(target).key for target in before)
    assert same == also == again != other


def test_the_same_target_is_reached_from_a_family_too(lab: Lab) -> None:
    add_job(lab)
    by_family = lab.processor(
        "jenkins", build_parameters=["TESTPLAN=smoke", "CHECKBOX_CHANNEL=beta", "NO_STAGGER=true"]
    )
    assert resolved(lab).key == by_family.target(asked(lab)).key


def test_a_build_is_read_once_for_all_who_ask(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.latency_seconds["GET"] = 0.05
    processor = repeating(lab)
    targets: list[Target] = []
    families = ("snap", "deb", "charm", "image") * 2
    threads = [
        threading.Thread(target=lambda f=family: targets.append(resolved(lab, processor, family=f)))
        for family in families
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({target.key for target in targets}) == 1
    assert len(targets) == 8
    assert lab.jenkins.count("GET") == 1


def test_other_settings_read_no_build(lab: Lab) -> None:
    add_job(lab)
    processor = lab.processor("jenkins")
    target = processor.target(asked(lab))
    assert processor.resolved(target) is target
    assert lab.jenkins.requests == []


def test_values_that_jenkins_does_not_tell_are_left_out_and_named(lab: Lab) -> None:
    add_job(lab, PASSWORD, FILE, PASSWORD="hidden", FILE="x")
    processor = repeating(lab)
    target = resolved(lab, processor)
    assert target.post_arguments["json"] == {**SMOKE, "TEST_OBSERVER_REPORTING": True}
    look = processor.look(target, {asked(lab): None}, None)
    (note,) = look.notes
    assert "build 30 does not tell its FILE, PASSWORD" in note


def test_what_ours_replace_is_not_missed(lab: Lab) -> None:
    add_job(lab, PASSWORD, PASSWORD="hidden")
    target = resolved(lab, repeating(lab, build_parameters=["PASSWORD=known"]))
    assert (target.post_arguments["json"]["PASSWORD"], target.notes) == ("known", ())


def test_a_build_that_is_gone_is_run_with_the_parameters_of_its_family(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.discard_build("job", 30)
    processor = repeating(lab)
    target = resolved(lab, processor)
    assert target.post_arguments["json"] == {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "full"}
    (note,) = processor.look(target, {asked(lab): None}, None).notes
    assert "build 30 is gone" in note
    assert "family deb" in note


@pytest.mark.parametrize("written", [[], ["A=1"]], ids=["none", "for-all"])
def test_a_build_that_is_gone_and_a_family_without_parameters_are_both_said(lab: Lab, written: list[str]) -> None:
    add_job(lab)
    lab.jenkins.discard_build("job", 30)
    with pytest.raises(RequestProcessingError, match=r"build 30 is gone.*family 'charm' is not served"):
        resolved(lab, repeating(lab, build_parameters=written), family="charm")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("missing", "no such job, or no permission", id="no job"),
        pytest.param("hidden", "no such job, or no permission", id="no Job/Read"),
        pytest.param("shy", "403", id="Discover only"),
        pytest.param("folder", "it is a folder", id="folder"),
    ],
)
def test_a_build_whose_job_does_not_answer_is_not_taken_for_gone(lab: Lab, name: str, words: str) -> None:
    lab.jenkins.add_job("hidden", permission="none")
    lab.jenkins.add_job("shy", permission="discover")
    lab.jenkins.add_job("folder/job")
    with pytest.raises(CallError, match=words):
        resolved(lab, name=name)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_build_that_is_read_around_a_restart_is_read_again(lab: Lab, status: int) -> None:
    add_job(lab)
    lab.jenkins.restart_moments(status, path=READ_BUILD)
    assert resolved(lab).post_arguments["json"]["TESTPLAN"] == "smoke"


def test_a_build_that_could_not_be_read_is_read_again_by_the_next_who_asks(lab: Lab) -> None:
    add_job(lab)
    processor = repeating(lab)
    fault = lab.jenkins.inject(Fault(path=READ_BUILD, times=None, status=500))
    with pytest.raises(CallError, match="500"):
        resolved(lab, processor)
    fault.times = 0
    assert resolved(lab, processor).post_arguments["json"]["TESTPLAN"] == "smoke"


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("/job/job/31/", id="another build"),
        pytest.param("/job/other/30/", id="another job"),
        pytest.param("/job/job/130/", id="a number that ends alike"),
        pytest.param("/job/my%20job/30/", id="a name that ends alike"),
    ],
)
def test_an_answer_about_another_build_is_not_taken(lab: Lab, url: str) -> None:
    add_job(lab)
    told = {"url": f"http://configured/jenkins{url}", "actions": [{"parameters": [{"name": "A", "value": "1"}]}]}
    lab.jenkins.inject(Fault(path=READ_BUILD, times=None, action="garbage", body=json.dumps(told)))
    with pytest.raises(CallError, match="about another build"):
        resolved(lab)


@pytest.mark.parametrize("told", ["{}", '{"url": 5}', '{"url": "/job/job/30/", "actions": 7}', "[]", "{"])
def test_an_answer_of_another_shape_is_not_taken(lab: Lab, told: str) -> None:
    add_job(lab)
    lab.jenkins.inject(Fault(path=READ_BUILD, times=None, action="garbage", body=told))
    with pytest.raises(CallError, match=r"shape|no JSON"):
        resolved(lab)


def test_a_branch_in_a_folder_is_recognised_below_another_root(lab: Lab) -> None:
    lab.jenkins.root_url = "https://configured.example/jenkins"
    add_job(lab, name="f 1/feature%2Fx+ü")
    target = resolved(lab, name="F%201/job/feature%252Fx+%C3%BC")
    assert target.post_arguments["json"]["TESTPLAN"] == "smoke"


@pytest.mark.parametrize(
    ("parameters", "is_served"),
    [
        pytest.param({**SMOKE, "TEST_OBSERVER_REPORTING": True}, True, id="those of the build, and ours"),
        pytest.param({"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "full"}, False, id="those of the family"),
        pytest.param(SMOKE, False, id="without reporting"),
    ],
)
def test_a_build_since_the_request_serves_it_with_what_would_be_sent(
    lab: Lab, parameters: dict[str, Value], *, is_served: bool
) -> None:
    add_job(lab)
    lab.jenkins.add_build("job", parameters=parameters)
    processor = repeating(lab)
    request, target = asked(lab), resolved(lab, processor)
    look = processor.look(target, {request: Moment(time.time() - 600, processor.calls.clock)}, None)
    assert (request in look.served) is is_served


def test_what_the_job_does_not_define_any_more_is_told(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.job("job").parameters = [REPORTING, PLAN]
    lab.jenkins.job("job").builds[0].parameters["TESTPLAN"] = "smoke"
    processor = repeating(lab, build_parameters=["EXTRA=1"])
    (note,) = processor.look(resolved(lab, processor), {asked(lab): None}, None).notes
    assert "does not define EXTRA, so Jenkins drops that" in note


@pytest.mark.parametrize("is_defined", [True, False], ids=["defined", "gone"])
def test_a_parameter_called_delay_is_repeated_only_where_the_job_takes_it(lab: Lab, *, is_defined: bool) -> None:
    delay = {"name": "delay", "type": "StringParameterDefinition", "default": ""}
    add_job(lab, delay, delay="7sec")
    told = {"url": "http://configured/job/job/30/", "actions": [{"parameters": [{"name": "delay", "value": "7sec"}]}]}
    lab.jenkins.inject(Fault(path=READ_BUILD, action="garbage", body=json.dumps(told)))
    if not is_defined:
        lab.jenkins.job("job").parameters = [REPORTING]
    processor = repeating(lab)
    look = processor.look(resolved(lab, processor), {asked(lab): None}, None)
    processor.trigger(look)
    (item,) = lab.jenkins.queued("job")
    assert item.parameters.get("delay") == ("7sec" if is_defined else None)
    sent = [request.body for request in lab.jenkins.requests if request.method == "POST"]
    assert (b"delay=7sec" in sent[0], b"delay=20sec" in sent[0]) == (is_defined, not is_defined)


def test_a_parameter_called_json_is_left_out(lab: Lab) -> None:
    """It would make Jenkins ignore all others."""
    add_job(lab, {"name": "json", "type": "StringParameterDefinition", "default": ""}, json="{}")
    target = resolved(lab)
    assert target.post_arguments["json"] == {**SMOKE, "TEST_OBSERVER_REPORTING": True}
    assert "does not tell its json" in target.notes[0]


def test_the_check_tries_what_the_build_had(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.job("job").parameters = [REPORTING, {**PLAN, "choices": ["full"]}, CHANNEL]
    lab.jenkins.job("job").builds[0].parameters["TESTPLAN"] = "smoke"
    processor = repeating(lab)
    *_, check = jenkins_checks(processor, [processor.target(asked(lab))])
    assert check.ok is None
    assert "TESTPLAN does not offer 'smoke', only full" in check.message
    assert "may be built" in check.message


def test_the_check_says_which_build_is_gone(lab: Lab) -> None:
    add_job(lab)
    lab.jenkins.discard_build("job", 30)
    processor = repeating(lab)
    *_, check = jenkins_checks(processor, [processor.target(asked(lab, family="charm"))])
    assert check.ok is None
    assert "build 30 is gone" in check.message
