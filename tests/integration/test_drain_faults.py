"""Looks and triggers that fail, provoked on the server side."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests

from test_executions_rerunner.demo import Fault
from tls import Relay, make_certificate
from waits import ShortWaiting

if TYPE_CHECKING:
    from pathlib import Path

    from integration.conftest import Lab, System
    from test_executions_rerunner.models import Served

LOOK = {"jenkins": r"/job/t1/api/json", "github": r"/runs/1001(\?|$)"}
TRIGGER = {"jenkins": r"/job/t1/buildWithParameters", "github": r"/runs/1001/rerun"}
HTML = {"Content-Type": "text/html"}


def two_targets(lab: Lab, system: System) -> tuple[int, int]:
    """Ask for reruns of the target that faults hit, and of another."""
    return lab.request(lab.add_target(system, "t1"))[0], lab.request(lab.add_target(system, "t2"))[0]


def fault(times: int | None = None, **more: Any) -> Fault:  # noqa: ANN401 - as Fault takes it
    """Return a fault that stays until it is cleared."""
    return Fault(times=times, **more)


def provoke(lab: Lab, system: System, answer: dict[str, Any], times: int | None = None, **where: Any) -> Fault:  # noqa: ANN401 - as Fault takes it
    """Let a CI system answer so; where no answer comes at all, it is not waited for long."""
    if answer.get("action") == "hang":
        lab.waiting = ShortWaiting(read_seconds=0.5)
    return lab.server(system).inject(fault(times, **where, **answer))


FAILING_LOOKS: dict[str, tuple[dict[str, Any], str]] = {
    "403": ({"status": 403, "body": "no"}, "failed"),
    "404": ({"status": 404, "body": "no"}, "failed"),
    "500": ({"status": 500, "body": "no"}, "failed"),
    "502": ({"status": 502, "body": "no"}, "failed"),
    "503": ({"status": 503, "body": "getting ready to work"}, "deferred"),
    "a reset": ({"action": "reset"}, "failed"),
    "a closed connection": ({"action": "close"}, "failed"),
    "a time-out": ({"action": "hang", "seconds": 30}, "failed"),
    "an answer cut short": ({"action": "cut"}, "failed"),
    "garbage": ({"action": "garbage", "body": "{oops"}, "failed"),
    "a login page": ({"status": 200, "headers": HTML, "body": "<html>Sign in</html>"}, "failed"),
    "JSON of another shape": ({"status": 200, "body": "[1]"}, "failed"),
    "an empty object": ({"status": 200, "body": "{}"}, "failed"),
    "a redirect": ({"status": 302, "headers": {"Location": "/login"}}, "failed"),
    "a rate limit out of bounds": ({"status": 429, "headers": {"Retry-After": "3600"}}, "deferred"),
}


@pytest.mark.parametrize(
    ("answer", "state"), [pytest.param(*values, id=name) for name, values in FAILING_LOOKS.items()]
)
def test_a_look_that_fails_triggers_nothing(lab: Lab, system: System, answer: dict[str, Any], state: str) -> None:
    first, second = two_targets(lab, system)
    provoke(lab, system, answer, method="GET", path=LOOK[system])
    states = lab.states(system)
    if system == "github" and answer.get("status") == 404:
        state = "refused"  # its repository answers, so the run is gone
    assert states[first] == state
    assert lab.triggered(system, "t1") == 0
    assert first in lab.observer.ids()
    if "Retry-After" not in answer.get("headers", {}):
        assert states[second] == "triggered", "the others go on"


MOMENTARY = {name: answer for name, (answer, _) in FAILING_LOOKS.items() if answer.get("status") not in {302, 403, 404}}
MOMENTARY["a rate limit out of bounds"] = {"status": 429, "headers": {"Retry-After": "0"}}


@pytest.mark.parametrize("answer", [pytest.param(value, id=name) for name, value in MOMENTARY.items()])
def test_a_look_that_fails_for_a_moment_is_repeated(lab: Lab, system: System, answer: dict[str, Any]) -> None:
    first, _ = two_targets(lab, system)
    provoke(lab, system, answer, 1, method="GET", path=LOOK[system])
    assert lab.states(system)[first] == "triggered"


def test_a_look_that_is_answered_401_stops_the_drain(lab: Lab, system: System) -> None:
    lab.server(system).inject(fault(method="GET", status=401, body='{"message": "Bad credentials"}'))
    two_targets(lab, system)
    assert set(lab.states(system).values()) == {"failed"}
    assert "401" in lab.reason_to_stop
    assert lab.server(system).count("POST") == 0


LOST_ANSWERS: dict[str, dict[str, Any]] = {
    "a reset": {"action": "reset"},
    "a closed connection": {"action": "close"},
    "a time-out": {"action": "hang", "seconds": 30},
    "500": {"status": 500, "body": "Oops!"},
    "502": {"status": 502, "body": "Bad Gateway"},
    "504": {"status": 504, "body": "Gateway Timeout"},
    "503": {"status": 503, "body": "Service Unavailable"},
    "an answer cut short": {"action": "cut", "status": 201, "headers": {"Location": "/queue/item/1/"}, "body": "{}"},
}
lost_answers = pytest.mark.parametrize("answer", [pytest.param(v, id=n) for n, v in LOST_ANSWERS.items()])


@lost_answers
def test_a_trigger_whose_answer_is_lost_is_found_by_the_second_look(
    lab: Lab, system: System, answer: dict[str, Any]
) -> None:
    first, second = two_targets(lab, system)
    lost = provoke(lab, system, answer, method="POST", path=TRIGGER[system], effect=True)
    assert lab.states(system) == {first: "triggered", second: "triggered"}
    assert lost.used == 1
    assert lab.triggered(system, "t1") == 1
    assert lab.observer.ids() == []


@lost_answers
def test_a_trigger_that_took_no_effect_is_not_repeated_and_its_request_stays(
    lab: Lab, system: System, answer: dict[str, Any]
) -> None:
    first, second = two_targets(lab, system)
    provoke(lab, system, answer, 1, method="POST", path=TRIGGER[system], effect=False)
    states = lab.states(system)
    expected = "deferred" if system == "jenkins" and answer.get("status") == 503 else "unknown"
    assert states == {first: expected, second: "triggered"}
    assert lab.server(system).count("POST") == 2
    assert lab.observer.ids() == [first]
    assert lab.states(system) == {first: "triggered"}, "the next drain serves it"
    assert lab.triggered(system, "t1") == 1


@lost_answers
def test_a_lost_answer_that_no_look_settles_is_settled_by_the_next_drain(
    lab: Lab, system: System, answer: dict[str, Any]
) -> None:
    first, _ = two_targets(lab, system)
    server = lab.server(system)
    provoke(lab, system, answer, method="POST", path=TRIGGER[system], effect=True)
    server.inject(fault(method="GET", path=LOOK[system], skip=1, status=500, body="Oops!"))
    assert lab.states(system)[first] in {"unknown", "deferred"}
    server.clear_faults()
    assert lab.states(system)[first] == "already-rerun"
    assert lab.triggered(system, "t1") == 1
    assert lab.observer.ids() == []


NOT_ACCEPTED: dict[str, dict[str, Any]] = {
    "302 to a page": {"status": 302, "headers": {"Location": "/job/t1/"}},
    "303 to a login": {"status": 303, "headers": {"Location": "/securityRealm/login"}},
    "307": {"status": 307, "headers": {"Location": "/elsewhere"}},
    "308": {"status": 308, "headers": {"Location": "/elsewhere"}},
    "301": {"status": 301, "headers": {"Location": "/repos/canonical/elsewhere/actions/runs/1001/rerun"}},
    "200 with HTML": {"status": 200, "headers": HTML, "body": "<html>Sign in</html>"},
    "202": {"status": 202, "body": "{}"},
    "204": {"status": 204},
    "422": {"status": 422, "body": '{"message": "Unprocessable"}'},
}


@pytest.mark.parametrize("answer", [pytest.param(value, id=name) for name, value in NOT_ACCEPTED.items()])
def test_nothing_but_an_acceptance_is_one_and_no_redirect_is_followed(
    lab: Lab, system: System, answer: dict[str, Any]
) -> None:
    first, second = two_targets(lab, system)
    server = lab.server(system)
    headers = {k: server.url + v if v.startswith("/") else v for k, v in answer.get("headers", {}).items()}
    server.inject(fault(method="POST", path=TRIGGER[system], **{**answer, "headers": headers}))
    assert lab.states(system) == {first: "failed", second: "triggered"}
    assert len([r for r in server.requests if r.method == "POST"]) == 2
    assert not [r for r in server.requests if "login" in r.path or "elsewhere" in r.path]
    assert lab.observer.ids() == [first]


def test_a_301_to_itself_is_asked_once(lab: Lab, system: System) -> None:
    first, _ = two_targets(lab, system)
    server = lab.server(system)
    path = {
        "jenkins": "/job/t1/buildWithParameters",
        "github": "/repos/canonical/certification-lab-ci/actions/runs/1001/rerun",
    }
    location = {"Location": f"{server.url}{path[system]}?again"}
    moved = server.inject(fault(method="POST", path=TRIGGER[system], status=301, headers=location))
    assert lab.states(system)[first] == "failed"
    assert moved.used == 1


def test_a_look_that_is_answered_202_is_not_repeated_without_end(lab: Lab) -> None:
    first, _ = two_targets(lab, "github")
    lab.github.inject(fault(method="GET", path=LOOK["github"], status=202, body="{}"))
    assert lab.states("github")[first] == "failed"


def test_201_without_location_is_no_acceptance(lab: Lab) -> None:
    first, _ = two_targets(lab, "jenkins")
    lab.jenkins.inject(fault(method="POST", path=TRIGGER["jenkins"], status=201))
    assert lab.states("jenkins")[first] == "failed"
    assert lab.observer.ids() == [first]


def test_a_queue_item_on_another_origin_is_looked_for(lab: Lab) -> None:
    first, second = two_targets(lab, "jenkins")
    elsewhere = {"Location": "https://proxy.example.org/queue/item/7/"}
    lab.jenkins.inject(fault(method="POST", path=TRIGGER["jenkins"], status=201, headers=elsewhere, effect=True))
    lab.jenkins.inject(fault(method="POST", path="/job/t2/", status=201, headers=elsewhere, effect=False))
    assert lab.states("jenkins") == {first: "triggered", second: "unknown"}
    assert lab.observer.ids() == [second]


@pytest.mark.parametrize("status", [pytest.param(429, id="429"), pytest.param(503, id="503")])
def test_a_trigger_that_was_certainly_not_processed_is_repeated(lab: Lab, system: System, status: int) -> None:
    first, second = two_targets(lab, system)
    server = lab.server(system)
    server.inject(fault(1, method="POST", path=TRIGGER[system], status=status, headers={"Retry-After": "0"}))
    assert lab.states(system) == {first: "triggered", second: "triggered"}
    assert lab.triggered(system, "t1") == 1


def refuse_connections(lab: Lab, system: System, times: int, patch: pytest.MonkeyPatch) -> None:
    """Let the next triggers be sent to a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    processor, session, left = type(lab.processor(system)), requests.Session(), [nobody] * times
    session.trust_env = False
    submit = processor.submit

    def submit_to_nobody(*arguments: Any, **more: Any) -> Served:  # noqa: ANN401 - as the method takes them
        if left:
            session.post(left.pop())
        return submit(*arguments, **more)

    patch.setattr(processor, "submit", submit_to_nobody)


@pytest.mark.parametrize("times", [1, 2])
def test_after_a_refused_connection_the_target_is_looked_at_again_and_triggered_once(
    lab: Lab, system: System, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    refuse_connections(lab, system, times, monkeypatch)
    assert lab.states(system) == {number: "triggered"}
    assert sum(bool(re.search(LOOK[system], r.target)) for r in lab.server(system).requests) == times + 1
    assert (lab.triggered(system, "t1"), lab.server(system).count("POST")) == (1, 1)
    assert lab.observer.ids() == []


def test_after_too_many_refused_connections_the_request_fails_and_stays(
    lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    refuse_connections(lab, system, len(lab.waiting.waits.retry_seconds) + 1, monkeypatch)
    assert lab.states(system) == {number: "failed"}
    assert lab.server(system).count("POST") == 0
    assert lab.observer.ids() == [number]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_trigger_fails_alone_when_a_look_is_fine(lab: Lab, system: System, status: int) -> None:
    first, second = two_targets(lab, system)
    lab.server(system).inject(fault(method="POST", path=TRIGGER[system], status=status, body='{"message": "no"}'))
    assert lab.states(system) == {first: "failed", second: "triggered"}
    assert lab.last.stopped is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_trigger_stops_the_drain_when_looks_are_refused_too(lab: Lab, system: System, status: int) -> None:
    ids = [number for n in range(6) for number in lab.request(lab.add_target(system, f"t{n}"))]
    server = lab.server(system)
    server.inject(fault(method="POST", status=status, body='{"message": "no"}'))
    look = {"jenkins": "/job/t0/api/json", "github": r"/runs/1000$"}[system]
    server.inject(fault(method="GET", path=look, skip=1, status=status, body='{"message": "no"}'))
    states = lab.states(system, concurrency=1)
    assert [states[number] for number in ids] == ["failed"] * 6
    assert lab.last.stopped
    assert len([r for r in server.requests if r.method == "POST"]) == 1
    assert lab.observer.ids() == ids


def test_a_server_that_is_down_loses_nothing(lab: Lab, system: System) -> None:
    ids = two_targets(lab, system)
    lab.server(system).stop()
    assert set(lab.states(system).values()) == {"failed"}
    assert lab.observer.ids() == list(ids)


def test_tls_that_breaks_after_a_trigger_was_accepted_is_looked_at_again(
    lab: Lab, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes is no TLS any more, as from a proxy that fails: no certificate has to do with that."""
    server, certificate = lab.server(system), tmp_path / "certificate.pem"
    make_certificate(certificate)
    with Relay(server.port, certificate) as relay:
        relay.breaks_tls, url = True, relay.url
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        lab.add_target(system, "t1")
        link = f"{url}/job/t1/1/" if system == "jenkins" else lab.add_target(system, "t1")
        (number,) = lab.request(link)
        server.inject(Fault("POST", action="close", effect=True))
        of = {"jenkins_url" if system == "jenkins" else "github_api_url": url}
        outcome = lab.drain(system, of=of)[number]
    assert (outcome.state.value, outcome.deleted) == ("triggered", True), outcome.reason
    assert lab.triggered(system, "t1") == 1
    assert "certificate" not in outcome.reason
