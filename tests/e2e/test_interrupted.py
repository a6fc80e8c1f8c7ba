"""SIGTERM and SIGINT: nothing new starts, what was accepted is deleted, and the report tells it within ten seconds."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import Ended, drain, started
from test_executions_rerunner.demo import Fault, RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUEUE = (0, 1, 0, 2, 1)
"""The targets of requests 1 to 5."""
LABS: dict[str, Callable[[], Lab]] = {"jenkins": JenkinsLab, "github": GithubLab}
SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
MOMENTS = (1, 2, 4, 5, 6, 8, 10)
"""After how many requests, of about 13, the signal comes."""
SLOW_SECONDS = 0.3
"""How long an answer takes then; the program notices a signal within 0.1 s."""
PATIENCE_SECONDS = 120
AT_A_TIME = 8
"""The cases mostly wait, so several run beside each other."""


@dataclass(frozen=True)
class Place:
    """Where a server hangs when the signal comes.

    Attributes:
        server: ``observer`` or ``ci``.
        method: Of the requests that hang, where looks are the only GETs of a CI system meant.
        skip: How many of them are answered before.
        outcomes: Those of requests 1 to 5; none where the queue was not read.
        deleted: Which of them have left the queue.
        accepted: How many targets had accepted a trigger.
        effect: Whether the request takes effect, and only its answer hangs.
    """

    server: str
    method: str
    skip: int
    outcomes: tuple[str, ...]
    deleted: tuple[int, ...] = ()
    accepted: int = 0
    effect: bool = False

    def hang(self, lab: Lab) -> Callable[[], None]:
        """Let it hang; return how to wait until it does."""
        server = lab.observer if self.server == "observer" else lab.ci
        pattern = lab.look if (self.server, self.method) == ("ci", "GET") else ""
        fault = server.inject(Fault(self.method, pattern, skip=self.skip, action="hang", effect=self.effect))
        hangs = threading.Event()
        left = [None] * self.skip

        def note(request: RecordedRequest) -> None:
            if fault.matches(request):
                if left:
                    left.pop()
                else:
                    hangs.set()

        server.on_request = note

        def wait() -> None:
            assert hangs.wait(PATIENCE_SECONDS)

        return wait


DEFERRED = ("deferred",) * 5
FIRST_TARGET_ONLY = ("triggered", "deferred", "triggered", "deferred", "deferred")
SECOND_TARGET_IN_DOUBT = ("triggered", "unknown", "triggered", "deferred", "unknown")
PLACES = {
    "queue": Place("observer", "GET", 0, ()),
    "probe": Place("observer", "DELETE", 0, DEFERRED),
    "look": Place("ci", "GET", 1, FIRST_TARGET_ONLY, deleted=(1, 3), accepted=1),
    "trigger": Place("ci", "POST", 1, SECOND_TARGET_IN_DOUBT, deleted=(1, 3), accepted=1),
    "answer": Place("ci", "POST", 1, SECOND_TARGET_IN_DOUBT, deleted=(1, 3), accepted=2, effect=True),
    "delete": Place("observer", "DELETE", 1, FIRST_TARGET_ONLY, accepted=1),
}


@dataclass
class Interrupted:
    """What became of one interrupted drain, and of the undisturbed one after it.

    Attributes:
        ended: The interrupted process.
        asked: The target of each request.
        accepted: How many triggers each target had accepted by its end.
        queue: The requests that its end left in the queue.
        after_signal: What arrived after the signal.
        is_complete: Whether the next drain emptied the queue, each target being rerun once.
    """

    ended: Ended
    asked: dict[int, str]
    accepted: dict[str, int]
    queue: set[object]
    after_signal: list[RecordedRequest]
    is_complete: bool


def interrupt(lab: Lab, folder: Path, number: signal.Signals, wait: Callable[[], None], *arguments: str) -> Interrupted:
    """Start a drain, send it a signal when ``wait`` returns, and let another one finish the work."""
    with started(lab, folder, *arguments) as program:
        wait()
        seen = len(lab.witness.seen)
        program.send(number)
        ended = program.end()
    lab.wait_idle()
    after_signal = lab.witness.seen[seen:]
    accepted, queue = lab.accepted, set(lab.observer.ids())
    for server in (lab.observer, lab.ci):
        server.clear_faults()
        server.latency_seconds.clear()
    drain(lab, folder)
    is_complete = lab.reruns == lab.accepted == lab.once_each and not lab.observer.ids()
    return Interrupted(ended, lab.asked, accepted, queue, after_signal, is_complete)


Cases: TypeAlias = "Callable[[str, str, str | int], Interrupted]"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cases]:
    """Every lab and signal with every place and moment, each in a thread of its own."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        running: dict[tuple[str, str, str | int], Future[Interrupted]] = {}
        for lab, new_lab in LABS.items():
            for place, (name, number) in product(PLACES, SIGNALS.items()):
                folder = tmp_path_factory.mktemp(f"{lab}-{name}-{place}")
                running[lab, name, place] = pool.submit(_hanging, new_lab, number, place, folder)
            for moment in MOMENTS:
                folder = tmp_path_factory.mktemp(f"{lab}-{moment}")
                running[lab, "SIGTERM", moment] = pool.submit(_slow, new_lab, moment, folder)
        yield lambda lab, number, when: running[lab, number, when].result()


def _hanging(new_lab: Callable[[], Lab], number: signal.Signals, place: str, folder: Path) -> Interrupted:
    with new_lab() as lab:
        lab.ask(*QUEUE)
        return interrupt(lab, folder, number, PLACES[place].hang(lab), "--concurrency", "1")


def _slow(new_lab: Callable[[], Lab], moment: int, folder: Path) -> Interrupted:
    with new_lab() as lab:
        lab.ask(*QUEUE)
        for server in (lab.observer, lab.ci):
            server.latency_seconds = dict.fromkeys(("GET", "POST", "DELETE"), SLOW_SECONDS)
        wait = lab.when_asked(moment)
        return interrupt(lab, folder, signal.SIGTERM, wait, "--concurrency", "1")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("lab", LABS)
@pytest.mark.parametrize("place", PLACES)
def test_a_drain_ends_in_order_while_a_server_hangs(place: str, lab: str, number: str, case: Cases) -> None:
    seen, expected = case(lab, number, place), PLACES[place]
    assert seen.ended.exit_code == 128 + SIGNALS[number], seen.ended.log
    assert seen.ended.seconds < 10
    assert seen.ended.report
    assert seen.ended.report["error"] == f"interrupted by {number}"
    assert seen.ended.log.splitlines()[-1].endswith(f"interrupted by {number}"), "a person looks at the end"
    assert seen.ended.outcomes == dict(enumerate(expected.outcomes, start=1))
    assert seen.ended.deleted == set(expected.deleted)
    assert seen.queue == {1, 2, 3, 4, 5} - set(expected.deleted)
    assert sum(seen.accepted.values()) == expected.accepted
    assert "Traceback" not in seen.ended.log
    assert seen.is_complete


@pytest.mark.parametrize("lab", LABS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_signal_at_any_moment_no_trigger_arrives_and_what_was_accepted_is_deleted(
    lab: str, moment: int, case: Cases
) -> None:
    seen = case(lab, "SIGTERM", moment)
    assert seen.ended.exit_code == 143
    assert "POST" not in {request.method for request in seen.after_signal}
    accepted = {number for number, target in seen.asked.items() if target in seen.accepted}
    assert seen.ended.deleted == accepted
    assert seen.queue == set(seen.asked) - accepted
    assert {number for number, outcome in seen.ended.outcomes.items() if outcome == "triggered"} == accepted
    assert seen.is_complete


@pytest.mark.parametrize("lab_name", LABS)
def test_a_trigger_that_is_answered_soon_after_the_signal_is_accepted_and_deleted(
    lab_name: str, tmp_path: Path
) -> None:
    with LABS[lab_name]() as lab:
        lab.ask(*QUEUE)
        lab.ci.inject(Fault("POST", times=None, action="delay", seconds=1.5))
        seen = interrupt(lab, tmp_path, signal.SIGTERM, lambda: lab.ci.wait_for("POST", count=3))
        assert seen.ended.exit_code == 143
        assert set(seen.ended.outcomes.values()) == {"triggered"}
        assert seen.ended.deleted == {1, 2, 3, 4, 5}
        assert seen.is_complete


def test_a_look_that_a_signal_cuts_short_is_deferred_and_not_failed(tmp_path: Path) -> None:
    """Around a restart Jenkins answers 401 for moments; the signal comes before that is believed."""
    with JenkinsLab() as lab:
        lab.ask(*QUEUE)
        lab.jenkins.restart_moments(*[401] * 20, path=lab.look)
        seen = interrupt(lab, tmp_path, signal.SIGTERM, lambda: lab.jenkins.wait_for("GET", "/job/", count=3))
        assert seen.ended.exit_code == 143
        assert set(seen.ended.outcomes.values()) == {"deferred"}
        assert seen.is_complete


@pytest.mark.parametrize("place", ["queue", "probe", "snapshot"])
def test_a_first_call_that_a_signal_cuts_short_fails_no_request(place: str, tmp_path: Path) -> None:
    with JenkinsLab() as lab:
        lab.ask(*QUEUE)
        method = "DELETE" if place == "probe" else "GET"
        server = lab.ci if place == "snapshot" else lab.observer
        server.inject(Fault(method, times=None, status=500))
        seen = interrupt(lab, tmp_path, signal.SIGTERM, lambda: server.wait_for(method, count=2))
        assert seen.ended.exit_code == 143
        assert set(seen.ended.outcomes.values()) <= {"deferred"}
        assert not seen.accepted
        assert seen.is_complete


def test_triggers_that_wait_for_a_rate_limit_are_not_sent_after_a_signal(tmp_path: Path) -> None:
    with GithubLab() as lab:
        lab.ask(*QUEUE)
        lab.github.secondary_limit(times=1, retry_after=30)
        seen = interrupt(lab, tmp_path, signal.SIGTERM, lambda: lab.github.wait_for("POST"), "--concurrency", "1")
        assert seen.ended.exit_code == 143
        assert set(seen.ended.outcomes.values()) == {"deferred"}
        assert {request.method for request in seen.after_signal} <= {"GET"}
        assert seen.is_complete


def test_triggers_that_wait_for_the_pace_are_not_sent_after_a_signal(tmp_path: Path) -> None:
    """GitHub allows 80 triggers in a minute, and more threads than are allowed want one at the same moment."""
    with GithubLab() as lab:
        lab.ask(*range(100))
        lab.github.latency_seconds["POST"] = 0.2
        with started(lab, tmp_path, "--concurrency", "64") as program:
            lab.github.wait_for("POST", count=80)
            lab.github.wait_idle()
            program.send(signal.SIGTERM)
            ended = program.end()
        assert ended.exit_code == 143
        assert lab.github.count("POST") == 80
        assert set(lab.observer.ids()) == {n for n, outcome in ended.outcomes.items() if outcome == "deferred"}
        assert len(lab.observer.ids()) == 20
