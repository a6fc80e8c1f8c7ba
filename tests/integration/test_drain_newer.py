"""Newer requests are others: no trigger of before serves them, and no DELETE takes them away."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner import Rerunner
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.drain import windows
from test_executions_rerunner.drain.deleter import MOST_TRIES
from test_executions_rerunner.drain.windows import LEAST_STEP
from waits import HandMoved

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration.conftest import Lab, System
    from test_executions_rerunner.demo import RecordedRequest

GONE_ELSEWHERE = "https://ci.example.org/job/other/1/"
REFUSAL = "asked for again after this drain's trigger"


def once(method: str, do: Callable[[], object]) -> Callable[[RecordedRequest], None]:
    """Do something when the first request of a method that has a body has arrived, before it takes effect."""
    left = [do]

    def hook(request: RecordedRequest) -> None:
        if request.method == method and b"[]" not in request.body and left:
            left.pop()()

    return hook


def fill_a_window(lab: Lab) -> None:
    """Queue so many requests of others that the next window of the drain has to be read."""
    for _ in range(LEAST_STEP):
        lab.request(GONE_ELSEWHERE)


@pytest.mark.parametrize("with_time", [True, False], ids=["created_at", "an older Test Observer"])
def test_a_newer_request_of_a_later_window_is_not_served_by_the_trigger_of_before(
    lab: Lab, system: System, *, with_time: bool
) -> None:
    without = () if with_time else ("created_at",)
    link = lab.add_target(system, "t1")
    (first,) = lab.request(link, priority=1, without=without)
    fill_a_window(lab)
    is_deleted = threading.Event()

    def note_the_delete(request: RecordedRequest) -> None:
        if request.method == "DELETE" and b"[]" not in request.body:
            is_deleted.set()

    def ask_again(request: RecordedRequest) -> None:
        if request.method == "GET" and lab.observer.count("GET") > 1 and not lab.observer.ids().count(first):
            return
        if request.method == "GET" and lab.observer.count("GET") == 2:
            is_deleted.wait(60)
            lab.observer.add(link, test_execution_id=first, created_at=time.time(), without=without)

    lab.observer.on_answer, lab.observer.on_request = note_the_delete, ask_again
    lab.drain(system)
    outcomes = [outcome for outcome in lab.last.outcomes if outcome.request.test_execution_id == first]
    # without created_at nobody knows whether a reading that began before the DELETE shows another one
    assert [outcome.state.value for outcome in outcomes] == ["triggered", *["deferred"][: int(with_time)]]
    assert [outcome.reason for outcome in outcomes[1:]] == [REFUSAL][: int(with_time)]
    assert lab.observer.ids().count(first) == 1
    assert lab.triggered(system, "t1") == 1


def test_an_older_request_of_a_later_window_joins_the_trigger_of_before(lab: Lab, system: System) -> None:
    link = lab.add_target(system, "t1")
    first = lab.request(link, priority=1)
    fill_a_window(lab)
    last = lab.request(link)
    states = lab.states(system)
    assert [states[number] for number in first + last] == ["triggered", "triggered"]
    assert lab.triggered(system, "t1") == 1
    assert len(lab.observer.ids()) == LEAST_STEP


def test_a_request_that_was_read_before_its_trigger_was_sent_joins_however_young_it_is(
    lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "LEAST_STEP", 1)
    link = lab.add_target(system, "t1")
    first = lab.request(link, priority=1)
    last = lab.request(link, created_at=time.time())
    lab.server(system).latency_seconds["GET"] = 0.1  # in which the rest of the queue is read
    states = lab.states(system)
    assert [states[number] for number in first + last] == ["triggered", "triggered"]
    assert lab.triggered(system, "t1") == 1
    assert lab.observer.ids() == []


def start_and_ask_again(lab: Lab, number: int) -> None:
    """Let the rerun report in, and somebody ask for the same group once more."""
    lab.observer.start_test(number, "https://ci.example.org/job/new/1/")
    lab.observer.ask_again(number)


def test_a_late_delete_leaves_a_newer_request_alone(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    server = lab.server(system)
    server.latency_seconds["POST"] = 1.2
    server.on_request = once("POST", lambda: start_and_ask_again(lab, number))
    outcome = lab.drain(system)[number]
    assert (outcome.state.value, outcome.deleted, outcome.gone) == ("triggered", False, True)
    assert "asked for again since" in outcome.reason
    assert len(lab.observer.ids()) == 1, "the newer request stays"
    assert lab.observer.deleted == []


def test_a_late_delete_removes_what_was_served_after_a_look_at_its_neighbours(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), environment="rpi4", environment_architecture="arm64")
    lab.server(system).latency_seconds["POST"] = 1.2
    assert lab.drain(system)[number].deleted
    assert lab.observer.ids() == []
    (look,) = [request for request in lab.observer.requests if "environment=rpi4" in request.target]
    assert "environment_architecture=arm64" in look.target
    assert "family=snap" in look.target
    assert "build_architecture=" in look.target


def test_a_delete_that_is_sent_at_once_needs_no_look(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"))
    lab.drain(system)
    assert lab.observer.count("GET") == 1


def test_a_repeated_delete_leaves_a_newer_request_alone(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.observer.inject(Fault(method="DELETE", skip=1, action="reset"))
    lab.observer.on_request = once("DELETE", lambda: start_and_ask_again(lab, number))
    outcome = lab.drain(system)[number]
    assert (outcome.state.value, outcome.deleted, outcome.gone) == ("triggered", False, True)
    assert len(lab.observer.ids()) == 1
    assert lab.observer.deleted == []


def test_a_request_that_is_gone_already_is_no_failure(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.observer.inject(Fault(method="DELETE", skip=1, action="reset"))
    lab.observer.on_request = once("DELETE", lambda: lab.observer.start_test(number, "https://ci.example.org/job/n/1/"))
    outcome = lab.drain(system)[number]
    assert (outcome.deleted, outcome.gone, outcome.delete_error) == (False, True, None)
    assert "had left the queue already" in outcome.reason
    assert lab.last.remaining == 0


def test_a_neighbour_that_cannot_be_read_keeps_the_delete_from_being_sent(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.server(system).latency_seconds["POST"] = 1.2
    lab.observer.inject(Fault(method="GET", skip=1, times=None, status=500))
    outcome = lab.drain(system)[number]
    assert (outcome.state.value, outcome.deleted, outcome.delete_error) == ("triggered", False, None)
    assert "it stays in the queue" in outcome.reason, "which is no failure"
    assert lab.last.stopped is None
    assert lab.last.remaining == 1
    assert lab.observer.count("GET") == 1 + MOST_TRIES
    assert lab.observer.count("DELETE") == 1, "only the question whether deleting is allowed"
    lab.observer.clear_faults()
    assert lab.states(system)[number] == "already-rerun"
    assert lab.triggered(system, "t1") == 1


def test_a_queue_that_fails_beside_deletes_is_read_again(lab: Lab, system: System) -> None:
    ids = [number for n in range(5) for number in lab.request(lab.add_target(system, f"t{n}"))]
    fill_a_window(lab)
    lab.observer.inject(Fault(method="GET", path="limit=", skip=1, status=500))
    states = lab.states(system)
    assert [states[number] for number in ids] == ["triggered"] * 5
    assert len(lab.observer.ids()) == LEAST_STEP


def test_the_four_steps_leave_a_newer_request_alone_too(lab: Lab, system: System) -> None:
    lab.waiting = waiting = HandMoved()
    (number,) = lab.request(lab.add_target(system, "t1"))
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue())
    submitted = rerunner.submit_processed_requests(rerunner.process_rerun_requests(rerunner.load_rerun_requests()))
    assert submitted == [number]
    start_and_ask_again(lab, number)
    waiting.now += 1.1  # after which a DELETE is no longer sent at once
    rerunner.delete_processed_requests(submitted)
    assert len(lab.observer.ids()) == 1
    assert lab.observer.deleted == []


def test_the_four_steps_know_a_newer_request_of_the_same_id_as_another(lab: Lab, system: System) -> None:
    lab.waiting = waiting = HandMoved()
    (number,) = lab.request(lab.add_target(system, "t1"))
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue())
    submitted = rerunner.submit_processed_requests(rerunner.process_rerun_requests(rerunner.load_rerun_requests()))
    lab.queue().delete([number])  # by somebody else
    lab.observer.ask_again(number)
    assert [raw["test_execution_id"] for raw in rerunner.load_rerun_requests()] == [number]
    waiting.now += 1.1
    rerunner.delete_processed_requests(submitted)
    assert lab.observer.ids() == [number]
