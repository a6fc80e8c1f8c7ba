"""Around a restart of Jenkins: valid credentials get 401, 403, 500 and 503 for moments, and a crash forgets items."""

from __future__ import annotations

import random
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from e2e.lab import JenkinsLab
from e2e.program import drain, drain_killed
from test_executions_rerunner.demo import Fault
from waits import ShortWaiting

if TYPE_CHECKING:
    from pathlib import Path

QUEUE = (0, 1, 2, 0)
"""The targets of requests 1 to 4."""
LOOKS = {"queue": "/queue/", "job": "/job/"}
AFTER_TRIGGER = {401: "failed", 403: "failed", 500: "unknown", 503: "deferred"}
"""The outcome of a request whose trigger met such a moment; none of them is started."""
RESTART_SECONDS = 0.3


class PatientWaiting(ShortWaiting):
    """As in earnest, the retries are over before a refusal is believed, and a restart before both.

    Args:
        is_over: Set when the restart is over; None: there is none.
    """

    def __init__(self, is_over: threading.Event | None = None) -> None:
        super().__init__(retry_seconds=(0.02, 0.04, 0.08), recheck_seconds=300.0)
        self._is_over = is_over

    def sleep(self, seconds: float) -> None:
        """Let the long wait before a refusal is believed end with the restart, however slow this machine is."""
        if seconds < self.waits.longest_seconds:
            super().sleep(seconds)
        elif self._is_over:
            assert self._is_over.wait(self.waits.recheck_seconds)


@pytest.mark.parametrize("status", AFTER_TRIGGER)
@pytest.mark.parametrize("path", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("concurrency", [1, 8], ids=["one-at-a-time", "at-once"])
def test_a_look_at_such_a_moment_is_repeated_until_it_is_over(status: int, path: str, concurrency: int) -> None:
    with JenkinsLab() as lab:
        lab.ask(*QUEUE)
        lab.jenkins.restart_moments(status, method="GET", path=path)
        outcomes = lab.outcomes(concurrency=concurrency)
        assert {outcome.state.value for outcome in outcomes.values()} == {"triggered"}
        assert lab.reruns == lab.accepted == lab.once_each
        assert lab.observer.ids() == []


@pytest.mark.parametrize(("status", "expected"), AFTER_TRIGGER.items())
@pytest.mark.parametrize("concurrency", [1, 8], ids=["one-at-a-time", "at-once"])
def test_a_trigger_at_such_a_moment_is_left_to_the_next_drain(status: int, expected: str, concurrency: int) -> None:
    with JenkinsLab() as lab:
        lab.ask(1, 2, 3)
        lab.jenkins.restart_moments(status, method="POST")
        rerunner = lab.rerunner(PatientWaiting(), concurrency=concurrency)
        states = [outcome.state.value for outcome in rerunner.run()]
        assert rerunner.stopped is None
        assert sorted(states) == sorted(["triggered", "triggered", expected])
        assert len(lab.observer.ids()) == 1
        lab.jenkins.start_items()
        states = [outcome.state.value for outcome in lab.rerunner(PatientWaiting()).run()]
        assert states == ["triggered"]
        assert lab.reruns == lab.accepted == lab.once_each
        assert lab.observer.ids() == []


@pytest.mark.parametrize("concurrency", [1, 8], ids=["one-at-a-time", "at-once"])
@pytest.mark.parametrize("seed", range(8))
def test_no_drain_gives_up_over_a_restart_in_its_middle(seed: int, concurrency: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    is_over = threading.Event()
    with JenkinsLab() as lab:
        lab.ask(*QUEUE, 3, 4, 5)

        def restart() -> None:
            for _ in range(100):
                lab.jenkins.restart_moments(chance.choice((401, 403, 500)))
            threading.Timer(RESTART_SECONDS, end).start()

        def end() -> None:
            lab.jenkins.clear_faults()
            is_over.set()

        lab.witness.act_after(chance.randint(2, 15), restart)
        rerunner = lab.rerunner(PatientWaiting(is_over), concurrency=concurrency)
        rerunner.run()
        assert rerunner.stopped is None
        assert is_over.wait(240)
        lab.jenkins.start_items()
        lab.rerunner(PatientWaiting()).run()
        assert lab.reruns == lab.accepted == lab.once_each
        assert lab.observer.ids() == []


def test_the_program_itself_waits_until_a_moment_of_a_restart_is_over(tmp_path: Path) -> None:
    with JenkinsLab() as lab:
        lab.ask(*QUEUE)
        lab.jenkins.restart_moments(401, 403, 500, method="GET", path=lab.look)
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert ended.seconds > 5
        assert set(ended.outcomes.values()) == {"triggered"}
        assert lab.reruns == lab.accepted == lab.once_each


def test_a_crash_between_acceptance_and_delete_loses_nothing(tmp_path: Path) -> None:
    with JenkinsLab() as lab:
        lab.ask(0)
        # the queue, the probe, Jenkins' queue, the job, the trigger
        killed = drain_killed(lab, tmp_path, request=5)
        assert killed.exit_code == -signal.SIGKILL
        assert lab.reruns == lab.once_each
        lab.jenkins.crash()
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert lab.reruns == lab.once_each
        assert lab.observer.ids() == []


def test_a_crash_before_the_answer_leaves_the_request_to_the_next_drain(tmp_path: Path) -> None:
    with JenkinsLab() as lab:
        lab.ask(0)
        lab.jenkins.inject(Fault("POST", action="reset", effect=True))
        lab.witness.act_after(5, lab.jenkins.crash)
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 1
        assert ended.outcomes == {1: "unknown"}
        assert drain(lab, tmp_path).outcomes == {1: "triggered"}
        assert lab.reruns == lab.once_each
        assert lab.observer.ids() == []


def test_a_crash_after_a_drain_forgets_what_was_accepted_and_the_target_can_be_asked_for_again(tmp_path: Path) -> None:
    """Jenkins itself loses what it accepted in the last minute: no client can know."""
    with JenkinsLab() as lab:
        lab.ask(0, 1)
        assert drain(lab, tmp_path).exit_code == 0
        lab.jenkins.crash()
        nothing = drain(lab, tmp_path)
        assert nothing.exit_code == 0
        assert nothing.outcomes == {}
        assert lab.reruns == {}
        (again,) = lab.ask(0)
        assert drain(lab, tmp_path).outcomes == {again: "triggered"}
        assert lab.reruns == {lab.asked[again]: 1}
