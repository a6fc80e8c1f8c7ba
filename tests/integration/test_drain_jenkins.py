"""What is Jenkins' own: parameters, the queue, builds of others, clocks, its moments around a restart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.demo import Fault
from test_executions_rerunner.rerun_request import RerunRequest
from waits import HandMoved, ShortWaiting

if TYPE_CHECKING:
    from integration.conftest import Lab

OURS = {"TEST_OBSERVER_REPORTING": True}


def minutes_ago(minutes: float) -> float:
    """Return a moment that long ago."""
    return time.time() - minutes * 60


def ask(lab: Lab, name: str = "job", **more: Any) -> int:  # noqa: ANN401 - as the server takes it
    """Ask for a rerun of a job."""
    return lab.request(f"{lab.jenkins.url}/job/{name}/1/", **more)[0]


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        pytest.param("snap", {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "smoke"}, id="snap"),
        pytest.param("deb", {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "full"}, id="deb"),
    ],
)
def test_our_parameters_reach_the_build(lab: Lab, family: str, expected: dict[str, object]) -> None:
    lab.jenkins.add_job("job")
    ask(lab, family=family)
    lab.drain("jenkins")
    lab.jenkins.start_items()
    assert [build.parameters for build in lab.jenkins.builds("job")] == [expected]


def test_more_parameters_reach_the_build_with_their_special_characters(lab: Lab) -> None:
    names = ("TEST_OBSERVER_REPORTING", "A", "EMPTY")
    lab.jenkins.add_job("job", [{"name": name, "type": "StringParameterDefinition", "default": "x"} for name in names])
    number = ask(lab, family="charm")
    more = ["charm:A=a b&c=d+%20ü\"'", "EMPTY="]
    assert lab.states("jenkins", of={"build_parameters": more}) == {number: "triggered"}
    lab.jenkins.start_items()
    expected = {"TEST_OBSERVER_REPORTING": "true", "A": "a b&c=d+%20ü\"'", "EMPTY": ""}
    assert [build.parameters for build in lab.jenkins.builds("job")] == [expected]


def test_a_family_without_parameters_is_not_served(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    number = ask(lab, family="charm")
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "unsupported"
    assert "--build-parameter" in outcome.reason


def test_a_parameter_that_the_job_does_not_define_is_told(lab: Lab) -> None:
    lab.jenkins.add_job("job", [{"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition"}])
    number = ask(lab, family="deb")
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "triggered"
    assert "does not define TESTPLAN" in outcome.reason


def test_a_job_without_parameters_fails_and_is_not_started_by_guessing(lab: Lab) -> None:
    lab.jenkins.add_job("job", None)
    number = ask(lab)
    outcome = lab.drain("jenkins", discard_refused=True)[number]
    assert outcome.state == "failed"
    assert "takes no parameters" in outcome.reason
    assert lab.jenkins.count("POST") == 0
    assert lab.observer.ids() == [number]


@pytest.mark.parametrize(
    ("how", "state"),
    [
        pytest.param({"buildable": False}, "deferred", id="disabled"),
        pytest.param({"permission": "read"}, "failed", id="no Build"),
        pytest.param({"permission": "discover"}, "failed", id="Discover only"),
        pytest.param({"permission": "none"}, "failed", id="no Read"),
    ],
)
def test_a_job_that_cannot_be_built_now_keeps_its_requests(lab: Lab, how: dict[str, Any], state: str) -> None:
    lab.jenkins.add_job("job", **how)
    number = ask(lab)
    assert lab.states("jenkins", discard_refused=True) == {number: state}
    assert lab.observer.ids() == [number]
    lab.jenkins.add_job("job")
    assert lab.states("jenkins") == {number: "triggered"}


def test_a_job_disabled_after_the_look_is_deferred(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    number = ask(lab)
    lab.jenkins.inject(Fault(method="POST", status=409, body="job is not buildable"))
    outcome = lab.drain("jenkins")[number]
    assert outcome.state == "deferred"
    assert "not buildable" in outcome.reason


def test_a_vetoed_trigger_fails(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    number = ask(lab)
    lab.jenkins.veto("job")
    assert lab.states("jenkins") == {number: "failed"}


def test_an_identical_item_in_the_queue_serves_without_a_trigger(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    first = ask(lab)
    lab.drain("jenkins")
    again = ask(lab, without=("created_at",))
    outcome = lab.drain("jenkins")[again]
    assert outcome.state == "already-rerun"
    assert "/queue/item/" in (outcome.link or "")
    assert lab.jenkins.triggered("job") == 1
    assert first not in lab.observer.ids()


def test_303_to_a_queue_item_is_an_acceptance(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    ask(lab)
    lab.drain("jenkins")
    again = ask(lab)
    # the queue is read before the other drain's trigger
    lab.jenkins.inject(Fault(method="GET", path="/queue/api/json", status=200, body='{"items": []}'))
    outcome = lab.drain("jenkins")[again]
    assert outcome.state == "triggered"
    assert "was waiting" in outcome.reason
    assert lab.jenkins.triggered("job") == 1


def test_an_item_of_another_kind_serves_nothing(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_placeholder_item()
    number = ask(lab)
    assert lab.states("jenkins") == {number: "triggered"}


@pytest.mark.parametrize(
    ("parameters", "family", "state"),
    [
        pytest.param(OURS, "snap", "already-rerun", id="ours"),
        pytest.param({**OURS, "TESTPLAN": "smoke"}, "snap", "already-rerun", id="ours, the default written out"),
        pytest.param({}, "snap", "triggered", id="a smoke build without reporting"),
        pytest.param({**OURS, "TESTPLAN": "other"}, "snap", "triggered", id="another plan"),
        pytest.param({**OURS, "TESTPLAN": "full"}, "deb", "already-rerun", id="a full plan for deb"),
        pytest.param(OURS, "deb", "triggered", id="a default plan for deb"),
    ],
)
def test_a_build_since_the_request_serves_it_only_with_our_parameters(
    lab: Lab, parameters: dict[str, bool | str], family: str, state: str
) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=minutes_ago(5), parameters=parameters)
    number = ask(lab, family=family, created_at=minutes_ago(10))
    assert lab.states("jenkins") == {number: state}


@pytest.mark.parametrize("kind", ["PasswordParameterDefinition", "FileParameterDefinition"])
def test_parameters_whose_values_are_hidden_do_not_count(lab: Lab, kind: str) -> None:
    definitions: list[dict[str, object]] = [
        {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False},
        {"name": "HIDDEN", "type": kind},
    ]
    lab.jenkins.add_job("job", definitions)
    number = ask(lab)
    lab.drain("jenkins")
    lab.jenkins.start_items()
    lab.observer.add(f"{lab.jenkins.url}/job/job/1/", test_execution_id=number)
    assert lab.states("jenkins") == {number: "already-rerun"}


def test_a_build_whose_undeclared_parameters_were_dropped_is_recognised(lab: Lab) -> None:
    lab.jenkins.add_job("job", [{"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition"}])
    lab.jenkins.add_build("job", started_at=minutes_ago(5), parameters=OURS)
    number = ask(lab, family="deb", created_at=minutes_ago(10))
    assert lab.states("jenkins") == {number: "already-rerun"}


def test_requests_made_before_and_after_a_build_are_told_apart(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=minutes_ago(5), parameters=OURS)
    before, after = ask(lab, created_at=minutes_ago(10)), ask(lab, created_at=minutes_ago(1))
    assert lab.states("jenkins") == {before: "already-rerun", after: "triggered"}


def test_a_build_behind_many_newer_ones_is_found(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=minutes_ago(9), parameters=OURS)
    for n in range(220):
        lab.jenkins.add_build("job", started_at=minutes_ago(8) + n)
    number = ask(lab, created_at=minutes_ago(10))
    assert lab.states("jenkins") == {number: "already-rerun"}


def test_reading_on_ends_with_the_first_build_older_than_the_request(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for n in range(70):
        lab.jenkins.add_build("job", started_at=minutes_ago(70 - n))
    number = ask(lab, created_at=minutes_ago(60.5))
    assert lab.states("jenkins") == {number: "triggered"}
    looks = [r for r in lab.jenkins.requests if "/job/job/api/json" in r.path]
    assert len(looks) == 2


def test_without_created_at_earlier_builds_serve_nothing(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=minutes_ago(1), parameters=OURS)
    number = ask(lab, without=("created_at",))
    assert lab.states("jenkins") == {number: "triggered"}


def test_created_at_without_a_zone_is_utc(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        lab.jenkins.add_job("job")
        lab.jenkins.add_build("job", started_at=minutes_ago(5), parameters=OURS)
        before, after = ask(lab, created_at=minutes_ago(10)), ask(lab, created_at=minutes_ago(1))
        assert lab.states("jenkins") == {before: "already-rerun", after: "triggered"}
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("skew", [pytest.param(600.0, id="ahead"), pytest.param(-600.0, id="behind")])
@pytest.mark.parametrize("server", ["jenkins", "observer"])
def test_clocks_ten_minutes_apart_are_corrected_for(lab: Lab, server: str, skew: float) -> None:
    getattr(lab, server).clock_skew_seconds = skew
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=minutes_ago(5), parameters=OURS)
    before, after = ask(lab, created_at=minutes_ago(6)), ask(lab, created_at=minutes_ago(4))
    assert lab.states("jenkins") == {before: "already-rerun", after: "triggered"}


@pytest.mark.parametrize("path", [pytest.param("/queue/", id="queue"), pytest.param("/job/", id="job")])
@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_moment_around_a_restart_is_not_believed(lab: Lab, path: str, status: int) -> None:
    lab.jenkins.add_job("job")
    number = ask(lab)
    lab.jenkins.restart_moments(status, method="GET", path=path)
    assert lab.states("jenkins") == {number: "triggered"}


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_trigger_in_a_moment_around_a_restart_is_not_repeated_and_not_lost(lab: Lab, status: int) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_job("other")
    number, other = ask(lab), ask(lab, "other")
    lab.jenkins.restart_moments(status, method="POST", path="/job/job/")
    states = lab.states("jenkins")
    assert states[number] in {"failed", "unknown", "deferred"}
    assert states[other] == "triggered", "no drain gives up over it"
    assert lab.states("jenkins") == {number: "triggered"}
    assert lab.jenkins.triggered("job") == 1


def test_a_job_that_defines_delay_gets_its_own(lab: Lab) -> None:
    names = ("TEST_OBSERVER_REPORTING", "delay")
    lab.jenkins.add_job("job", [{"name": name, "type": "StringParameterDefinition", "default": ""} for name in names])
    number = ask(lab)
    assert lab.states("jenkins") == {number: "triggered"}
    posts = [r.body for r in lab.jenkins.requests if r.method == "POST"]
    assert posts == [b"TEST_OBSERVER_REPORTING=true"]


def test_folders_branches_and_strange_names_are_triggered_and_recognised(lab: Lab) -> None:
    names = {
        "f1/f 2/a+b": "job/f1/job/f%202/job/a+b",
        "mb/feature%2Fx": "job/mb/job/feature%252Fx",
        "ümlaut": "job/ümlaut",
    }
    ids = {}
    for name, path in names.items():
        lab.jenkins.add_job(name)
        ids[name] = lab.request(f"{lab.jenkins.url}/view/V/{path}/30/console?x=1#y", family="snap")[0]
    assert set(lab.states("jenkins").values()) == {"triggered"}
    assert [lab.jenkins.triggered(name) for name in names] == [1, 1, 1]
    for name, path in names.items():
        lab.observer.add(f"{lab.jenkins.url}/{path}/31/", test_execution_id=ids[name])
    assert set(lab.states("jenkins").values()) == {"already-rerun"}


def test_a_look_at_the_queue_that_has_grown_old_is_repeated_once_for_all(lab: Lab) -> None:
    lab.waiting = waiting = HandMoved()
    processor = lab.processor("jenkins")
    links = [lab.add_target("jenkins", f"t{n}") for n in range(3)]
    requests = [RerunRequest.read({"ci_link": link, "family": "snap"}, needs_id=False) for link in links]
    snapshot = processor.snapshot()
    for request in requests:
        processor.look(processor.target(request), {request: None}, snapshot)
    assert lab.jenkins.count("GET", "/queue/api/json") == 1
    waiting.now += 11
    for request in requests:
        processor.look(processor.target(request), {request: None}, snapshot)
    assert lab.jenkins.count("GET", "/queue/api/json") == 2


def test_older_builds_are_read_once_for_all_requests_of_a_job(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    for n in range(120):
        lab.jenkins.add_build("job", started_at=minutes_ago(8) + n)
    for _ in range(5):
        ask(lab, created_at=minutes_ago(10))
    assert set(lab.states("jenkins").values()) == {"triggered"}
    assert len([r for r in lab.jenkins.requests if "/job/job/api/json" in r.path]) == 2


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_slow_answer_of_such_a_moment_is_asked_again_too(lab: Lab, status: int) -> None:
    lab.waiting = ShortWaiting(recheck_seconds=0.2)
    lab.jenkins.add_job("job")
    number = ask(lab)
    lab.jenkins.inject(Fault(method="GET", path="/job/", action="delay", seconds=0.4, status=status))
    lab.jenkins.restart_moments(status, method="GET", path="/job/")
    lab.jenkins.latency_seconds["GET"] = 0.3
    assert lab.states("jenkins") == {number: "triggered"}
