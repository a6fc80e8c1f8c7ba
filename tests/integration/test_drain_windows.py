"""The windows of a drain: a small one, then all the rest, which is read while the triggers of the first one run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault
from test_executions_rerunner.drain.ledger import Ledger
from test_executions_rerunner.drain.windows import LEAST_STEP, Windows
from test_executions_rerunner.errors import TestObserverError
from test_executions_rerunner.queues.neighbours import Neighbours

if TYPE_CHECKING:
    from integration.conftest import Lab, System
    from test_executions_rerunner.demo.wire import RecordedRequest

SECONDS = 60
REST = "limit=20000"
ELSEWHERE = "https://ci.example.org/job/other/1/"


def fill_a_window(lab: Lab) -> None:
    lab.request(ELSEWHERE, LEAST_STEP)


def asked_limits(lab: Lab) -> list[int]:
    """Return how much each window asked for."""
    windows = [one.parameters for one in lab.observer.requests if one.method == "GET"]
    return [int(each["limit"]) for each in windows if "environment" not in each]


def is_rest(request: RecordedRequest) -> bool:
    return request.method == "GET" and REST in request.query


@pytest.mark.parametrize("queued", [1000, 3000])
@pytest.mark.parametrize("one_of", [pytest.param(5, id="some are ours"), pytest.param(None, id="none is ours")])
def test_a_queue_is_read_once_and_its_head_twice(lab: Lab, queued: int, one_of: int | None) -> None:
    for n in range(queued):
        link = lab.add_target("jenkins", f"t{n}") if one_of and n % one_of == 0 else ELSEWHERE
        lab.observer.add(link, environment=f"machine {n}")
    states = lab.states("jenkins")
    assert len(states) == queued
    assert asked_limits(lab) == [LEAST_STEP, 20000, 20000], "one for each family"
    assert lab.jenkins.count("POST") == list(states.values()).count("triggered") == (queued // one_of if one_of else 0)


def test_a_small_queue_is_read_once(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"))
    lab.drain(system)
    assert asked_limits(lab) == [LEAST_STEP]


def test_the_rest_is_read_while_the_first_triggers_run(lab: Lab, system: System) -> None:
    (first,) = lab.request(lab.add_target(system, "t1"), priority=1)
    fill_a_window(lab)
    (last,) = lab.request(lab.add_target(system, "t2"))

    def hold_the_first_trigger(request: RecordedRequest) -> None:
        if request.method == "POST":
            lab.observer.wait_for("GET", REST, timeout_seconds=SECONDS)

    lab.server(system).on_request = hold_the_first_trigger
    states = lab.states(system)
    assert (states[first], states[last]) == ("triggered", "triggered")
    assert lab.last.remaining == LEAST_STEP


def test_the_order_of_the_queue_is_kept_over_windows(lab: Lab) -> None:
    links = [lab.add_target("jenkins", f"t{n}") for n in range(6)]
    lab.request(links[0], priority=2)
    lab.request(ELSEWHERE, LEAST_STEP, priority=1)
    for link in links[1:]:
        lab.request(link)
    lab.drain("jenkins", concurrency=1)
    posted = [request.path for request in lab.jenkins.requests if request.method == "POST"]
    assert posted == [f"/job/t{n}/buildWithParameters" for n in range(6)]


# what ends it


def test_a_limit_that_the_first_window_uses_up_reads_no_more(lab: Lab, system: System) -> None:
    for n in range(2):
        lab.request(lab.add_target(system, f"t{n}"), priority=1)
    fill_a_window(lab)
    states = lab.states(system, limit=1)
    assert list(states.values()).count("triggered") == 1
    assert asked_limits(lab) == [LEAST_STEP]


def test_a_slot_that_is_given_back_is_taken_by_a_request_of_a_later_window(lab: Lab) -> None:
    lab.jenkins.add_job("forbidden", permission="read")
    (first,) = lab.request(f"{lab.jenkins.url}/job/forbidden/1/", priority=1)
    fill_a_window(lab)
    (last,) = lab.request(lab.add_target("jenkins", "t1"))
    states = lab.states("jenkins", limit=1)
    assert (states[first], states[last]) == ("failed", "triggered")


def test_a_limit_holds_over_windows(lab: Lab, system: System) -> None:
    first = lab.request(lab.add_target(system, "t1"), priority=1)
    fill_a_window(lab)
    rest = [number for n in range(2, 5) for number in lab.request(lab.add_target(system, f"t{n}"))]
    states = lab.states(system, limit=2)
    assert [states[number] for number in first + rest] == ["triggered", "triggered", "deferred", "deferred"]
    assert lab.server(system).count("POST") == 2


def test_a_drain_that_is_ended_waits_for_no_reading(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), priority=1)
    fill_a_window(lab)
    released = threading.Event()

    def end_the_drain(request: RecordedRequest) -> None:
        if is_rest(request):
            lab.observer.wait_for("DELETE", count=2, timeout_seconds=SECONDS)  # one asks whether it may
            lab.last.end("interrupted by SIGTERM")
            released.wait(SECONDS)

    lab.observer.on_request = end_the_drain
    outcomes = lab.drain(system)
    assert not released.is_set(), "the reading is under way still"
    released.set()
    assert outcomes[number].state.value == "triggered"
    assert len(outcomes) == LEAST_STEP
    assert lab.last.remaining is None, "nobody knows what stands behind the first window"


def test_after_a_signal_no_delete_waits_for_a_reading_of_the_whole_queue(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), priority=1)
    fill_a_window(lab)
    lab.observer.inject(Fault(method="GET", path=REST, status=500))
    is_read_again, is_over = threading.Event(), threading.Event()

    def end_the_drain(request: RecordedRequest) -> None:
        if is_rest(request) and lab.observer.count("GET", REST) > 1:
            is_read_again.set()
            is_over.wait(SECONDS)

    def accept_when_it_is_read_again(request: RecordedRequest) -> None:
        if request.method == "POST":
            is_read_again.wait(SECONDS)
            threading.Thread(target=lab.last.end, args=["interrupted by SIGTERM"]).start()

    lab.observer.on_request, lab.server(system).on_request = end_the_drain, accept_when_it_is_read_again
    outcome = lab.drain(system)[number]
    is_over.set()
    assert (outcome.state.value, outcome.deleted) == ("triggered", True)


def test_a_time_limit_that_passes_during_a_reading_ends_the_drain(lab: Lab, system: System) -> None:
    now = [0.0]
    (number,) = lab.request(lab.add_target(system, "t1"), priority=1)
    fill_a_window(lab)
    released = threading.Event()

    def let_the_time_pass(request: RecordedRequest) -> None:
        if is_rest(request):
            lab.observer.wait_for("DELETE", count=2, timeout_seconds=SECONDS)
            now[0] += 61.0
            released.wait(SECONDS)

    own = lab.waiting.clock
    lab.waiting.clock = lambda: own() + now[0]
    lab.observer.on_request = let_the_time_pass
    outcomes = lab.drain(system, time_limit=1)
    assert not released.is_set(), "the reading is under way still"
    released.set()
    assert outcomes[number].state.value == "triggered"
    assert "the time limit of 1 minutes was reached" in lab.reason_to_stop


def test_a_rest_that_cannot_be_read_ends_the_drain_after_the_first_triggers(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), priority=1)
    fill_a_window(lab)
    lab.observer.inject(Fault(method="GET", path=REST, status=401, times=None))
    with pytest.raises(TestObserverError):
        lab.drain(system)
    outcome = lab.outcomes[number]
    assert (outcome.state.value, outcome.deleted) == ("triggered", True)


# what a reading shows that was begun before


def test_what_was_served_since_a_reading_began_is_not_started_again(lab: Lab, system: System) -> None:
    """Without ``created_at`` only that the old one had left before would show that this is another."""
    (number,) = lab.request(lab.add_target(system, "t1"), priority=1, without=("created_at",))
    fill_a_window(lab)
    is_taken = threading.Event()

    def answer_when_it_is_deleted(request: RecordedRequest) -> None:
        if is_rest(request):
            is_taken.set()
            lab.observer.wait_for("DELETE", count=2, timeout_seconds=SECONDS)

    def trigger_when_it_was_read(request: RecordedRequest) -> None:
        if request.method == "POST":
            assert is_taken.wait(SECONDS)

    lab.observer.on_answer = answer_when_it_is_deleted
    lab.server(system).on_request = trigger_when_it_was_read
    lab.drain(system)
    ended = [outcome.state.value for outcome in lab.last.outcomes if outcome.request.test_execution_id == number]
    assert ended == ["triggered"]
    assert lab.triggered(system, "t1") == 1
    assert lab.observer.ids().count(number) == 0


def test_a_window_that_shows_another_link_is_no_proof_that_a_request_stands(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    queue, ledger = lab.queue(), Ledger()
    neighbours = Neighbours(queue, ledger.has_left)
    fill_a_window(lab)
    windows = Windows(queue, ledger, neighbours, None)
    first = next(request for request in windows.read() if request.test_execution_id == number)
    stood_at = neighbours.stood_at(first)
    lab.observer.set_link(number, ELSEWHERE)
    assert [request.test_execution_id for request in windows.read()] == lab.observer.ids()[LEAST_STEP:]
    assert neighbours.stood_at(first) == stood_at


def test_without_another_thread_windows_are_read_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = lab.request(lab.add_target("jenkins", "t1"))
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "drain-reader":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert lab.states("jenkins")[number] == "triggered"


# families that are not served


def families_asked_for(lab: Lab) -> list[str | None]:
    windows = [one.parameters for one in lab.observer.requests if one.method == "GET"]
    return [each.get("family") for each in windows if "environment" not in each]


def test_behind_the_first_window_no_family_is_read_that_jenkins_does_not_serve(lab: Lab) -> None:
    lab.request(ELSEWHERE, LEAST_STEP, family="charm", priority=1)
    ids = [
        number
        for n, family in enumerate(("deb", "snap", "charm", "snap", "deb"))
        for number in lab.request(lab.add_target("jenkins", f"t{n}"), family=family, environment=f"machine {n}")
    ]
    states = lab.states("jenkins", concurrency=1)
    assert families_asked_for(lab) == [None, "snap", "deb"]
    assert [states.get(number) for number in ids] == ["triggered", "triggered", None, "triggered", "triggered"]
    posted = [request.path for request in lab.jenkins.requests if request.method == "POST"]
    assert posted == [f"/job/t{n}/buildWithParameters" for n in (0, 1, 3, 4)], "in the order of the queue"
    assert lab.last.remaining is None, "nobody knows how many of the others stand behind"


@pytest.mark.parametrize(
    ("system", "of", "queue", "expected"),
    [
        pytest.param("github", {}, {}, [None, None], id="github serves any"),
        pytest.param("jenkins", {"parameters_from": "build"}, {}, [None, None], id="a build's parameters serve any"),
        pytest.param("jenkins", {}, {"family": "deb"}, ["deb", "deb"], id="one that is asked for"),
        pytest.param(
            "jenkins", {"build_parameters": ["charm:A=1"]}, {}, [None, "snap", "deb", "charm"], id="one of the settings"
        ),
    ],
)
def test_families_are_read_that_may_be_served(
    lab: Lab, system: System, of: dict[str, str], queue: dict[str, str], expected: list[str | None]
) -> None:
    lab.request(ELSEWHERE, LEAST_STEP, family="deb")
    lab.drain(system, of=of, queue=queue)
    assert families_asked_for(lab) == expected
