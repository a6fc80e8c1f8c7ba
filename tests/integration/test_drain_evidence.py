"""What removes a request is evidence: that our trigger was accepted a moment ago, or that the queue shows it now."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from integration.conftest import run_number
from test_executions_rerunner import Rerunner
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.demo.jenkins.jobs import DEFAULT_PARAMETERS
from test_executions_rerunner.drain.deleter import MOST_TRIES
from test_executions_rerunner.queues.file import RequestFile
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.conftest import Lab, System
    from test_executions_rerunner.demo import RecordedRequest

ELSEWHERE = "https://ci.example.org/job/new/1/"


class Jumping(ShortWaiting):
    """Waits whose clock a test puts forward, as that of a machine that slept, or of a process that was stopped."""

    def __init__(self, **others: Any) -> None:  # noqa: ANN401 - of `Waits`
        self.ahead = 0.0
        super().__init__(lambda: time.monotonic() + self.ahead, **others)


def start_and_ask_again(lab: Lab, number: int, link: str | None = ELSEWHERE) -> None:
    """Let a run report in, and somebody ask for the same group once more."""
    lab.observer.start_test(number, link)
    lab.observer.ask_again(number)


def was_rerun(lab: Lab, system: System, name: str, ago: float = 60.0) -> None:
    """Let somebody have started a target again, as we would."""
    if system == "jenkins":
        parameters = {"TEST_OBSERVER_REPORTING": True}
        lab.jenkins.add_build(name, started_at=time.time() - ago, parameters=parameters)
    else:
        lab.github.rerun_jobs(run_number(name), ["test"], started_at=time.time() - ago, conclusion="success")


def at(method: str, count: int, do: Callable[[], object], words: str = "") -> Callable[[RecordedRequest], None]:
    """Do something when the so-manieth request of a method arrives, before it takes effect."""
    seen: list[RecordedRequest] = []

    def hook(request: RecordedRequest) -> None:
        if request.method == method and words in request.target and b"[]" not in request.body:
            seen.append(request)
            if len(seen) == count:
                do()

    return hook


def neighbour_reads(lab: Lab) -> int:
    """Return how often a part of the queue was read."""
    return sum("environment=" in request.target for request in lab.observer.requests if request.method == "GET")


# what was served before our drain came


def test_what_was_rerun_already_is_looked_up_before_its_delete_however_young_its_window_is(
    lab: Lab, system: System
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    was_rerun(lab, system, "t1")
    hook = at("GET", 1, lambda: start_and_ask_again(lab, number), "/jobs" if system == "github" else "/job/")
    lab.server(system).on_request = hook
    outcome = lab.drain(system)[number]
    assert (outcome.state.value, outcome.deleted) == ("already-rerun", False)
    assert "asked for again since" in outcome.reason
    assert len(lab.observer.ids()) == 1, "what was asked for in that second"
    assert lab.observer.deleted == []
    assert neighbour_reads(lab) == 1


def test_a_file_says_nothing_about_what_is_queued_now(lab: Lab, system: System, tmp_path: Path) -> None:
    ids = [number for n in range(2) for number in lab.request(lab.add_target(system, f"t{n}"))]
    file = tmp_path / "an hour old.json"
    file.write_text(json.dumps(lab.observer.queue))
    start_and_ask_again(lab, ids[0])
    queue = RequestFile(str(file), lab.queue())
    outcomes = Rerunner(lab.processor(system), test_observer=queue, concurrency=1)
    outcomes.run()
    assert len(lab.observer.ids()) == 1
    assert lab.observer.deleted == [ids[1]]
    assert neighbour_reads(lab) >= 1


@pytest.mark.parametrize("is_newer", [False, True])
def test_a_file_that_says_no_times_removes_only_what_was_asked_for_before_its_trigger(
    lab: Lab, system: System, tmp_path: Path, *, is_newer: bool
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    file = tmp_path / "timeless.json"
    entries: list[Any] = lab.observer.queue
    file.write_text(json.dumps([{name: each[name] for name in each if name != "created_at"} for each in entries]))

    def ask_again() -> None:
        lab.observer.start_test(number, None)
        lab.observer.ask_again(number)

    if is_newer:
        lab.server(system).on_request = at("POST", 1, ask_again)
    (outcome,) = Rerunner(lab.processor(system), test_observer=RequestFile(str(file), lab.queue())).run()
    assert (outcome.state.value, outcome.deleted, outcome.gone) == ("triggered", not is_newer, is_newer)
    assert len(lab.observer.ids()) == is_newer


def test_a_refusal_is_no_acceptance(lab: Lab) -> None:
    lab.github.add_run("canonical/certification-lab-ci", 1001, retryable=False)
    (number,) = lab.request("https://github.com/canonical/certification-lab-ci/actions/runs/1001")
    lab.github.on_request = at("POST", 1, lambda: start_and_ask_again(lab, number))
    outcome = lab.drain("github", discard_refused=True)[number]
    assert (outcome.state.value, outcome.deleted) == ("refused", False)
    assert len(lab.observer.ids()) == 1


def test_a_build_that_starts_at_once_may_have_reported_before_the_delete(lab: Lab) -> None:
    lab.jenkins.add_job("t1", [*DEFAULT_PARAMETERS, {"name": "delay", "type": "StringParameterDefinition"}])
    (number,) = lab.request(f"{lab.jenkins.url}/job/t1/1/")
    lab.jenkins.on_request = at("POST", 1, lambda: start_and_ask_again(lab, number))
    outcome = lab.drain("jenkins")[number]
    assert (outcome.state.value, outcome.deleted) == ("triggered", False)
    assert len(lab.observer.ids()) == 1
    assert neighbour_reads(lab) == 1


# how old what is known may be


@pytest.mark.parametrize(("seconds", "reads"), [(4.0, 0), (6.0, 1)], ids=["young", "older than 5 seconds"])
def test_a_trigger_is_followed_by_a_delete_without_a_look_only_where_the_queue_was_just_read(
    lab: Lab, system: System, seconds: float, reads: int
) -> None:
    lab.request(lab.add_target(system, "t1"))
    lab.waiting = waiting = Jumping()
    left = [seconds]

    def hook(request: RecordedRequest) -> None:
        if request.method == "DELETE" and left:  # whether deleting is allowed: after the window, before the look
            waiting.ahead += left.pop()

    lab.observer.on_request = hook
    assert set(lab.states(system).values()) == {"triggered"}
    assert neighbour_reads(lab) == reads
    assert lab.observer.ids() == []


@pytest.mark.parametrize("times", [1, 99], ids=["once", "always"])
def test_a_look_at_the_queue_counts_from_its_sending_and_only_for_some_seconds(
    lab: Lab, system: System, times: int
) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    was_rerun(lab, system, "t1")
    lab.waiting = waiting = Jumping()
    left = [6.0] * times

    def hook(request: RecordedRequest) -> None:
        if request.method == "GET" and "environment=" in request.target and left:
            waiting.ahead += left.pop()

    lab.observer.on_request = hook
    outcome = lab.drain(system)[number]
    assert outcome.state.value == "already-rerun"
    assert outcome.delete_error is None, "an old look is no failure"
    if times == 1:
        assert outcome.deleted
        assert neighbour_reads(lab) == 2
    else:
        assert not outcome.deleted
        assert "it stays in the queue" in outcome.reason
        assert lab.last.remaining == 1
        assert neighbour_reads(lab) == MOST_TRIES
        assert lab.observer.deleted == []


def test_a_delete_that_was_decided_in_time_is_not_sent_late(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.waiting = waiting = Jumping()
    queue = lab.queue()
    remove = queue.remove

    def stopped(*arguments: Any, **more: Any) -> bool:  # noqa: ANN401 - as `remove` takes it
        if waiting.ahead == 0:
            waiting.ahead = 3.0  # SIGSTOP, or a connection that is taken
            start_and_ask_again(lab, number)
        return remove(*arguments, **more)

    queue.remove = stopped  # type: ignore[method-assign] # what a test puts before it
    drain = Rerunner(lab.processor(system), test_observer=queue)
    (outcome,) = drain.run()
    assert (outcome.state.value, outcome.deleted, outcome.gone) == ("triggered", False, True)
    assert len(lab.observer.ids()) == 1
    assert lab.observer.deleted == []


# a long drain


def late(lab: Lab, seconds: float, do: Callable[[], object]) -> None:
    """Let much time pass after the window, in which others do something."""
    lab.waiting = waiting = Jumping()

    def pass_time() -> None:
        waiting.ahead += seconds
        do()

    def hook(request: RecordedRequest) -> None:
        if request.method == "DELETE" and b"[]" in request.body and not waiting.ahead:
            pass_time()

    lab.observer.on_request = hook


def test_what_has_left_the_queue_since_it_was_read_is_not_started(lab: Lab, system: System) -> None:
    ids = [number for n in range(20) for number in lab.request(lab.add_target(system, f"t{n}"))]
    late(lab, 31, lambda: [lab.observer.start_test(number, f"{ELSEWHERE}{number}") for number in ids[:10]])
    outcomes = lab.drain(system)
    assert lab.server(system).count("POST") == 10
    assert [outcomes[number].state.value for number in ids] == ["deferred"] * 10 + ["triggered"] * 10
    assert "has left the queue" in outcomes[ids[0]].reason
    assert lab.last.remaining == 0
    assert neighbour_reads(lab) == 1, "one reading for all of one part, and for their DELETEs"


def test_what_was_asked_for_anew_by_another_link_waits(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    late(lab, 31, lambda: start_and_ask_again(lab, number, f"{lab.jenkins.url}/job/other/9/"))
    outcome = lab.drain(system)[number]
    assert outcome.state.value == "deferred"
    assert lab.server(system).count("POST") == 0
    assert len(lab.observer.ids()) == 1


def test_what_has_got_another_link_waits_also_beside_others_of_its_target(lab: Lab, system: System) -> None:
    first, second = lab.request(lab.add_target(system, "t1"), 2)
    late(lab, 31, lambda: lab.observer.set_link(second, ELSEWHERE))
    states = lab.states(system)
    assert states == {first: "triggered", second: "deferred"}
    assert lab.observer.ids() == [second]


def test_within_half_a_minute_nobody_is_asked_again(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    late(lab, 29, lambda: None)
    assert lab.states(system) == {number: "triggered"}
    assert neighbour_reads(lab) == 1, "before the DELETE"


def test_what_cannot_be_asked_for_again_is_left_for_the_next_drain(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    late(lab, 31, lambda: lab.observer.inject(Fault(method="GET", times=None, status=500)))
    assert lab.states(system) == {number: "deferred"}
    assert lab.server(system).count("POST") == 0


# what it costs


@pytest.mark.parametrize("count", [190, 600])
def test_many_of_one_environment_leave_for_few_rows(lab: Lab, system: System, count: int) -> None:
    lab.observer.fails_beside_deletes = True
    for n in range(count):
        lab.request(lab.add_target(system, f"t{n}"))
        was_rerun(lab, system, f"t{n}")
    lab.drain(system)
    assert lab.observer.ids() == []
    targets = [request.target for request in lab.observer.requests if "environment=" in request.target]
    rows = sum(min(int(limit[1]), count) for target in targets if (limit := re.search(r"limit=(\d+)", target)))
    assert rows <= 1.5 * count
    assert lab.last.stopped is None


def test_our_own_deletes_do_not_make_the_readings_fail(lab: Lab, system: System) -> None:
    lab.observer.fails_beside_deletes = True
    lab.observer.latency_seconds = {"GET": 0.05}
    for n in range(150):
        lab.request(lab.add_target(system, f"t{n}"))
        was_rerun(lab, system, f"t{n}")
    outcomes = lab.drain(system)
    assert all(outcome.deleted for outcome in outcomes.values())
    assert [request for request in lab.observer.requests if request.status == 500] == []


def test_a_slot_that_is_waited_for_keeps_no_delete_back(lab: Lab, system: System) -> None:
    served, _, last = (lab.request(lab.add_target(system, f"t{n}"))[0] for n in range(3))
    was_rerun(lab, system, "t0")
    is_deleted = threading.Event()
    were_deleted: list[bool] = []

    def note_the_delete(request: RecordedRequest) -> None:
        if request.method == "DELETE" and b"[]" not in request.body:
            is_deleted.set()

    def answer_when_it_is_deleted(request: RecordedRequest) -> None:
        if request.method == "POST":
            were_deleted.append(is_deleted.wait(20))

    lab.observer.on_answer, lab.server(system).on_request = note_the_delete, answer_when_it_is_deleted
    states = lab.states(system, limit=1)
    assert (states[served], states[last]) == ("already-rerun", "deferred")
    assert were_deleted == [True]


def test_what_a_spent_budget_leaves_stays_and_is_no_failure(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_executions_rerunner.queues.neighbours._LEAST_BUDGET", 5)
    monkeypatch.setattr("test_executions_rerunner.queues.neighbours._OF_WINDOWS", 0.0)
    monkeypatch.setattr("test_executions_rerunner.queues.neighbours.LEAST_ROWS", 1)
    for n in range(12):
        lab.request(lab.add_target("github", f"t{n}"))
        was_rerun(lab, "github", f"t{n}")
    outcomes = lab.drain("github")
    kept = [outcome for outcome in outcomes.values() if not outcome.deleted]
    assert {outcome.state.value for outcome in outcomes.values()} == {"already-rerun"}
    assert len(kept) == 7
    assert all("it stays in the queue" in outcome.reason and outcome.delete_error is None for outcome in kept)
    assert lab.last.remaining == len(lab.observer.ids()) == 7
    assert lab.last.stopped is None
