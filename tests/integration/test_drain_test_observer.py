"""A Test Observer that fails: nothing is started that could not be removed, nothing is started again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import TestObserverError
from test_executions_rerunner.demo import Fault
from waits import ShortWaiting

if TYPE_CHECKING:
    from integration.conftest import Lab, System
    from test_executions_rerunner.demo import RecordedRequest

HTML = {"Content-Type": "text/html"}


def targets(lab: Lab, system: System, count: int) -> list[int]:
    """Ask for one rerun of each of so many targets."""
    return [number for n in range(count) for number in lab.request(lab.add_target(system, f"t{n}"))]


FAILING_DELETES: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "body": "Internal Server Error"},
    "a reset": {"action": "reset"},
    "a login page": {"status": 200, "headers": HTML, "body": "<html>Sign in</html>"},
    "302": {"status": 302, "headers": {"Location": "/login"}},
}


@pytest.mark.parametrize("answer", [pytest.param(value, id=name) for name, value in FAILING_DELETES.items()])
def test_a_delete_that_fails_for_good_stops_the_drain_and_the_next_one_starts_nothing_again(
    lab: Lab, system: System, answer: dict[str, Any]
) -> None:
    ids = targets(lab, system, 5)
    lab.observer.inject(Fault(method="DELETE", skip=1, times=None, **answer))
    outcomes = lab.drain(system, concurrency=1)
    assert [outcomes[number].state.value for number in ids] == ["triggered"] + ["deferred"] * 4
    assert outcomes[ids[0]].delete_error
    assert f"request {ids[0]}" in lab.reason_to_stop
    assert lab.observer.ids() == ids
    lab.observer.clear_faults()
    states = lab.states(system)
    assert [states[number] for number in ids] == ["already-rerun"] + ["triggered"] * 4
    assert all(lab.triggered(system, f"t{n}") == 1 for n in range(5))
    assert lab.observer.ids() == []


def test_a_delete_that_is_refused_stops_the_drain_and_fails_the_rest(lab: Lab, system: System) -> None:
    ids = targets(lab, system, 3)
    body = '{"detail":"Insufficient permissions"}'
    lab.observer.inject(Fault(method="DELETE", skip=1, times=None, status=403, body=body))
    states = lab.states(system, concurrency=1)
    assert [states[number] for number in ids] == ["triggered", "failed", "failed"]
    assert lab.server(system).count("POST") == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"status": 500, "body": "Internal Server Error"}, id="500"),
        pytest.param({"action": "reset"}, id="a reset"),
        pytest.param({"action": "close"}, id="a closed connection"),
        pytest.param({"status": 503, "headers": {"Retry-After": "0"}}, id="503"),
    ],
)
def test_calls_to_test_observer_are_repeated(lab: Lab, system: System, method: str, answer: dict[str, Any]) -> None:
    ids = targets(lab, system, 2)
    lab.observer.inject(Fault(method=method, **answer))
    assert lab.states(system) == dict.fromkeys(ids, "triggered")
    assert lab.observer.ids() == []


UNUSABLE: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "body": "Internal Server Error"},
    "302 to a login": {"status": 302, "headers": {"Location": "/login"}},
    "garbage": {"action": "garbage", "body": "[{oops]"},
    "an object": {"status": 200, "body": '{"detail": "x"}'},
    "a page": {"status": 200, "headers": HTML, "body": "<html></html>"},
    "a time-out": {"action": "hang", "seconds": 30},
}


@pytest.mark.parametrize("answer", [pytest.param(value, id=name) for name, value in UNUSABLE.items()])
def test_a_queue_that_cannot_be_read_is_an_error_that_names_the_server(lab: Lab, answer: dict[str, Any]) -> None:
    targets(lab, "github", 1)
    lab.waiting = ShortWaiting(read_seconds=0.1, retry_seconds=())
    lab.observer.inject(Fault(method="GET", times=None, **answer))
    with pytest.raises(TestObserverError, match=lab.observer.url):
        lab.drain("github")
    assert not lab.github.requests
    assert not lab.observer.count("GET", "/login")


def test_a_later_window_that_cannot_be_read_is_an_error_and_keeps_what_was_done(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"), 200)
    lab.observer.inject(Fault(method="GET", skip=1, times=None, status=500))
    with pytest.raises(TestObserverError):
        lab.drain(system)
    assert {outcome.state.value for outcome in lab.outcomes.values()} == {"triggered"}
    assert lab.observer.ids() == []


@pytest.mark.parametrize(
    ("rights", "message"),
    [
        pytest.param({"view_rerun"}, "deleting", id="view only"),
        pytest.param({"change_rerun"}, "reading the queue", id="change only"),
        pytest.param(set(), "wrong key from a missing permission", id="nothing"),
    ],
)
def test_without_a_needed_permission_nothing_is_started(
    lab: Lab, system: System, rights: set[str], message: str
) -> None:
    targets(lab, system, 2)
    lab.observer.api_keys["to_other"] = rights
    with pytest.raises(TestObserverError, match=message):
        lab.drain(system, queue={"test_observer_api_key": "to_other"})
    assert lab.server(system).count("POST") == 0


def test_no_permission_for_bulk_deletes_is_needed(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"), 3)
    assert "change_rerun_bulk" not in lab.observer.api_keys["to_demo"]
    assert set(lab.states(system).values()) == {"triggered"}
    assert lab.observer.ids() == []


def test_a_wrong_key_says_that_the_server_does_not_tell_it_from_a_missing_permission(lab: Lab, system: System) -> None:
    with pytest.raises(TestObserverError, match="does not tell a wrong key from a missing permission"):
        lab.drain(system, queue={"test_observer_api_key": "to_wrong"})


@pytest.mark.parametrize("reading", ["a part", "all, after a 500"])
def test_no_reading_begins_beside_a_delete_that_may_make_it_fail(lab: Lab, reading: str) -> None:
    (number,) = lab.request("https://ci.example.org/job/t1/1/")
    queue = lab.queue()
    (request,) = queue.window(1).requests
    is_all = reading != "a part"
    if is_all:
        lab.observer.inject(Fault(method="GET", status=500))
    was_read, is_deleting, seen = threading.Event(), threading.Event(), lab.observer.count("GET")
    beside: list[bool] = []

    def hook(recorded: RecordedRequest) -> None:
        if recorded.method == "DELETE":
            is_deleting.set()
            beside.append(was_read.wait(0.5))
        elif lab.observer.count("GET") > seen + is_all:
            was_read.set()

    lab.observer.on_request = hook
    by = lab.waiting.clock() + 60.0
    deleting = threading.Thread(target=queue.remove, args=[request], kwargs={"send_by": by})
    deleting.start()
    assert is_deleting.wait(60)
    assert (queue.window(5) if is_all else queue.part(request, 5)).requests == []
    deleting.join(60)
    assert beside == [False]
    assert lab.observer.deleted == [number]
