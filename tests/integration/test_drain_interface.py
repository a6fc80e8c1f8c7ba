"""The classes as their users call them: arguments, the four steps, and requests of any kind."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from integration.conftest import run_number
from integration.test_drain_evidence import Jumping, was_rerun
from test_executions_rerunner import (
    GithubProcessor,
    JenkinsProcessor,
    RequestProcessingError,
    Rerunner,
    SettingsError,
    TestObserverInterface,
)
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Lab, System
    from test_executions_rerunner.models import Outcome, Target
    from test_executions_rerunner.rerun_request import RerunRequest

WRONG: dict[str, Callable[[Any], object]] = {
    "concurrency": lambda value: Rerunner(GithubProcessor(), concurrency=value),
    "limit": lambda value: Rerunner(GithubProcessor(), limit=value),
    "time_limit": lambda value: Rerunner(GithubProcessor(), time_limit=value),
    "limit of a queue": lambda value: TestObserverInterface(limit=value),
}


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "3"])
@pytest.mark.parametrize("name", WRONG)
def test_a_number_that_is_none_is_refused_by_the_constructors(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"{name.split(maxsplit=1)[0]}: {value!r} is not allowed: a whole number"):
        WRONG[name](value)


PASSWORD = "ses" + "ame"
CONSTRUCTORS: dict[str, Callable[..., object]] = {
    "observer": TestObserverInterface,
    "jenkins": JenkinsProcessor,
    "github": GithubProcessor,
}


@pytest.mark.parametrize(
    ("of", "name", "value"),
    [
        pytest.param("observer", "family", "bogus", id="a family that there is not"),
        pytest.param("observer", "family", "SNAP", id="a family in capitals"),
        pytest.param("observer", "family", "", id="an empty family"),
        pytest.param("observer", "family", ["snap"], id="a list of families"),
        pytest.param("observer", "environment", "a\nb", id="an environment of two lines"),
        pytest.param("observer", "environment", "", id="an empty environment"),
        pytest.param("observer", "environment_architecture", 64, id="a number"),
        pytest.param("observer", "build_architecture", " ", id="a blank"),
        pytest.param("observer", "test_observer_url", "observer.example", id="no scheme"),
        pytest.param("observer", "test_observer_url", "ftp://observer.example", id="another scheme"),
        pytest.param("observer", "test_observer_url", None, id="no URL"),
        pytest.param("jenkins", "jenkins_url", "jenkins.example:8080", id="a controller without a scheme"),
        pytest.param("jenkins", "jenkins_url", "http://jenkins.example/?a=b", id="a query"),
        pytest.param("jenkins", "user", "a:b", id="a user with a colon"),
        pytest.param("jenkins", "build_parameters", ["A"], id="a parameter without a value"),
        pytest.param("github", "github_server_url", "github.example", id="a server without a scheme"),
        pytest.param("github", "github_api_url", "https://", id="an API without a host"),
    ],
)
def test_an_argument_that_its_setting_does_not_allow_is_refused_by_its_name(of: str, name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .* is not allowed: "):
        CONSTRUCTORS[of](**{name: value})


@pytest.mark.parametrize(
    ("of", "name"),
    [
        ("observer", "test_observer_url"),
        ("jenkins", "jenkins_url"),
        ("github", "github_server_url"),
        ("github", "github_api_url"),
    ],
)
def test_a_url_with_a_password_is_refused_without_showing_it(of: str, name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*without credentials") as refused:
        CONSTRUCTORS[of](**{name: f"https://user:{PASSWORD}@host.example"})
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("value", ["abc", "a b c d", "a\nbcdef", "größer", 12345], ids=repr)
@pytest.mark.parametrize(
    ("of", "name"), [("observer", "test_observer_api_key"), *((of, "token") for of in ("jenkins", "github"))]
)
def test_a_credential_that_cannot_be_sent_or_hidden_is_refused_without_showing_it(
    of: str, name: str, value: object
) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}: its value \(not shown\) is not allowed: ") as refused:
        CONSTRUCTORS[of](**{name: value})
    assert str(value) not in str(refused.value)


@pytest.mark.parametrize("value", [65, 1000])
def test_too_many_calls_at_a_time_are_refused(value: int) -> None:
    with pytest.raises(SettingsError, match="a whole number from 1 to 64"):
        Rerunner(JenkinsProcessor(), concurrency=value)


NO_TIMES = ["yesterday", 17, "", True, {"a": 1}]


def test_a_created_at_that_is_no_time_is_never_triggered_by_the_four_steps_either(lab: Lab, system: System) -> None:
    links = [lab.add_target(system, f"t{n}") for n in range(len(NO_TIMES) + 1)]
    for link, created_at in zip(links[1:], NO_TIMES, strict=True):
        lab.observer.add_raw({"test_execution_id": 100 + len(link), "ci_link": link, "created_at": created_at})
    (good,) = lab.request(links[0])
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue())
    processed = rerunner.process_rerun_requests(rerunner.load_rerun_requests())
    assert list(processed) == [good]
    assert rerunner.submit_processed_requests(processed) == [good]
    assert lab.server(system).count("POST") == 1


def test_a_created_at_that_is_no_time_is_told_once_however_many_windows_there_are(lab: Lab, system: System) -> None:
    link = lab.add_target(system, "t1")
    for number in range(3):
        entry = {"test_execution_id": 5000 + number, "ci_link": link, "family": "snap", "created_at": "yesterday"}
        lab.observer.add_raw(entry)
    for _ in range(700):
        lab.request("https://ci.example.org/job/other/1/")
    lab.drain(system)
    assert len(lab.last.outcomes) == 703
    assert [lab.outcomes[5000 + n].reason for n in range(3)] == ["created_at 'yesterday' is no time"] * 3


# exceptions of a client library


def break_target(monkeypatch: pytest.MonkeyPatch, processor: type, number: int) -> None:
    """Let the processor's own code raise for one request, as a bug of ours or of a library would."""
    true_target = processor.target  # type: ignore[attr-defined] # a processor

    def target(self: Any, request: RerunRequest) -> Target:  # noqa: ANN401 - a processor
        if request.test_execution_id == number:
            raise LookupError("a library's own exception")
        answer: Target = true_target(self, request)
        return answer

    monkeypatch.setattr(processor, "target", target)


def test_an_exception_while_a_request_is_processed_is_its_own_outcome_only(
    lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = (lab.request(lab.add_target(system, name))[0] for name in ("t1", "t2"))
    break_target(monkeypatch, JenkinsProcessor if system == "jenkins" else GithubProcessor, broken)
    outcomes = lab.drain(system)
    assert (outcomes[broken].state.value, outcomes[good].state.value) == ("failed", "triggered")
    assert "LookupError: a library's own exception" in outcomes[broken].reason
    assert lab.observer.ids() == [broken]


@pytest.mark.parametrize(
    ("method", "state"), [("look", "failed"), ("rerun_link", "unknown")], ids=["before its trigger", "after it"]
)
def test_an_exception_while_a_target_is_started_is_its_own_outcome_only(
    lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch, method: str, state: str
) -> None:
    broken, good = (lab.request(lab.add_target(system, name))[0] for name in ("t1", "t2"))
    processor = JenkinsProcessor if system == "jenkins" else GithubProcessor
    true_method = getattr(processor, method)

    def raise_for_one(self: Any, target: Target, *more: Any) -> Any:  # noqa: ANN401 - as the method
        if "1" in target.name.split("/")[-1].replace("1002", ""):
            raise LookupError("a library's own exception")
        return true_method(self, target, *more)

    monkeypatch.setattr(processor, method, raise_for_one)
    outcomes = lab.drain(system)
    assert (outcomes[broken].state.value, outcomes[good].state.value) == (state, "triggered")
    assert lab.observer.ids() == [broken]
    monkeypatch.undo()
    assert lab.states(system)[broken] == ("triggered" if state == "failed" else "already-rerun")
    assert lab.triggered(system, "t1") == 1


def test_a_doubtful_trigger_keeps_its_place_in_the_limit(lab: Lab, system: System) -> None:
    ids = [number for n in range(4) for number in lab.request(lab.add_target(system, f"t{n}"))]
    lab.server(system).inject(Fault(method="POST", action="reset"))
    states = lab.states(system, limit=2, concurrency=1)
    assert [states[number] for number in ids] == ["unknown", "triggered", "deferred", "deferred"]
    assert lab.server(system).count("POST") == 2


def test_a_trigger_of_which_nobody_could_see_what_it_did_keeps_its_place_in_the_limit(lab: Lab) -> None:
    first, second = (lab.request(lab.add_target("jenkins", f"t{n}"))[0] for n in range(2))
    lab.jenkins.inject(Fault(method="POST", path="/job/t0/", status=503))
    lab.jenkins.inject(Fault(method="GET", path="/job/t0/", skip=1, times=None, status=503))
    assert lab.states("jenkins", limit=1, concurrency=1) == {first: "deferred", second: "deferred"}
    assert lab.jenkins.count("POST") == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_job_that_always_answers_that_it_failed_does_not_use_up_the_limit(
    lab: Lab, system: System, status: int
) -> None:
    ids = [number for n in range(4) for number in lab.request(lab.add_target(system, f"t{n}"))]
    path = "/job/t0/" if system == "jenkins" else "/1000/"
    lab.server(system).inject(Fault(method="POST", path=path, times=None, status=status))
    for _ in range(2):
        states = lab.states(system, limit=1, concurrency=1)
        assert states[ids[0]] == "unknown"
        assert list(states.values()).count("triggered") == 1, "the next one moves up"


# what serves one drain


def test_a_drain_that_has_run_says_so_when_it_is_run_again(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.drain(system)
    with pytest.raises(RuntimeError, match="drains once"):
        lab.last.run()
    assert [outcome.request.test_execution_id for outcome in lab.last.outcomes] == [number]


@pytest.mark.parametrize("is_by_steps", [False, True], ids=["a whole drain", "the four steps"])
def test_a_processor_that_has_served_a_drain_says_so(lab: Lab, system: System, *, is_by_steps: bool) -> None:
    processor = lab.processor(system)
    Rerunner(processor, test_observer=lab.queue()).run()
    (number,) = lab.request(lab.add_target(system, "t1"))
    another = Rerunner(processor, test_observer=lab.queue())
    processed = another.process_rerun_requests(another.load_rerun_requests())
    with pytest.raises(RuntimeError, match="a processor serves one drain"):
        another.submit_processed_requests(processed) if is_by_steps else another.run()
    assert lab.observer.ids() == [number]
    assert lab.server(system).count("POST") == 0


@pytest.mark.parametrize("processor", ["jenkins", None, GithubProcessor], ids=["a name", "none", "a class"])
def test_what_is_no_processor_is_refused_by_its_name(processor: Any) -> None:  # noqa: ANN401 - of any kind
    with pytest.raises(SettingsError, match="is not allowed: a JenkinsProcessor or Github"):
        Rerunner(processor)


def test_processed_requests_may_have_been_written_as_json(lab: Lab, system: System) -> None:
    ids = [lab.request(lab.add_target(system, f"t{n}"))[0] for n in range(2)]
    first = Rerunner(lab.processor(system), test_observer=lab.queue())
    written = json.dumps(first.process_rerun_requests(first.load_rerun_requests()))
    second = Rerunner(lab.processor(system), test_observer=lab.queue())
    assert second.submit_processed_requests(json.loads(written)) == ids
    second.delete_processed_requests(ids)
    assert lab.observer.ids() == []


def by_steps(lab: Lab, system: System, between: Callable[[], object] = lambda: None, **more: Any) -> list[int]:  # noqa: ANN401 - as Rerunner takes it
    """Drain by the four steps, of which something comes between; return the ids that were submitted."""
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue(), **more)
    processed = rerunner.process_rerun_requests(rerunner.load_rerun_requests())
    between()
    submitted = rerunner.submit_processed_requests(processed)
    rerunner.delete_processed_requests(submitted)
    return submitted


def test_the_four_steps_start_nothing_that_has_left_the_queue_since_it_was_read(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.waiting = waiting = Jumping()

    def report() -> None:
        waiting.ahead += 31
        lab.observer.start_test(number, "https://ci.example.org/job/new/1/")

    assert by_steps(lab, system, report) == []
    assert lab.server(system).count("POST") == 0


def test_the_four_steps_leave_what_is_to_stay_until_its_rerun_starts(lab: Lab, system: System) -> None:
    lab.github.runners_are_free = False
    (number,) = lab.request(lab.add_target(system, "t1"))
    assert by_steps(lab, system, acknowledge="started") == [number]
    assert lab.observer.ids() == [number]
    lab.jenkins.start_items()
    if system == "github":
        lab.github.run(run_number("t1")).latest.start()
    assert by_steps(lab, system, acknowledge="started") == [number]
    assert lab.observer.ids() == []


def test_the_four_steps_delete_nothing_in_a_dry_run(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    was_rerun(lab, system, "t1")
    assert by_steps(lab, system, dry_run=True) == [number]
    assert lab.observer.count("DELETE") == 0


@pytest.mark.parametrize("key", ["x", "", "0", "-1", "12345678901", "4294967296", "\u0661", 0, True, None, 1.5])
def test_a_key_that_is_no_id_is_refused_and_nothing_is_started(lab: Lab, system: System, key: Any) -> None:  # noqa: ANN401
    lab.request(lab.add_target(system, "t1"))
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue())
    (post,) = rerunner.process_rerun_requests(rerunner.load_rerun_requests()).values()
    with pytest.raises(RequestProcessingError, match="is no test_execution_id"):
        rerunner.submit_processed_requests({key: post})
    assert lab.server(system).count("POST") == 0


def raise_at_each(_: list[Outcome]) -> None:
    raise OSError("nobody reads this")


def test_a_listener_that_raises_keeps_no_request_from_being_deleted(lab: Lab, system: System) -> None:
    for n in range(40):
        lab.request(lab.add_target(system, f"t{n}"))
    outcomes = lab.drain(system, on_ended=raise_at_each)
    assert all(outcome.deleted for outcome in outcomes.values())
    assert lab.observer.ids() == []


def test_a_listener_that_hangs_keeps_no_request_from_being_deleted(lab: Lab, system: System) -> None:
    ids = [lab.request(lab.add_target(system, f"t{n}"))[0] for n in range(5)]
    before: list[int] = []

    def wait_for_deletes(_: list[Outcome]) -> None:
        lab.observer.wait_for("DELETE", count=1 + len(ids))  # and the one that removes nothing
        before.append(lab.observer.count("DELETE"))

    outcomes = lab.drain(system, on_ended=wait_for_deletes, concurrency=1)
    assert before
    assert set(before) == {1 + len(ids)}
    assert all(outcome.deleted for outcome in outcomes.values())
