"""Killed at each of its requests, a drain with any setting loses nothing, and those after it start nothing twice."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import drain, drain_killed, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from test_executions_rerunner.demo import RecordedRequest

QUEUE = (0, 1, 0, 2)
"""The targets of four requests."""
MOST_DRAINS = 3
"""So many drains serve three targets of which one may be started at a time."""
AT_A_TIME = 6
"""The cases mostly wait, so several run beside each other."""


class MatrixLab(GithubLab):
    """A GitHub whose every link names one job of a run, of which only that is rerun."""

    def __init__(self) -> None:
        super().__init__(rerun="job")

    def _target(self, number: int) -> tuple[str, str, str]:
        name, _, family = super()._target(number)
        return f"{name} rpi4", self.github.link(1000 + number, "rpi4"), family

    def target_of(self, trigger: RecordedRequest) -> str:
        *_, kind, number, _ = trigger.path.split("/")
        assert kind == "jobs", "the other machine was not asked for"
        runs = {self.github.job_id(run, "rpi4"): run for run in self._runs}
        return f"run {runs[int(number)]} rpi4"

    @property
    def reruns(self) -> dict[str, int]:
        return {f"{name} rpi4": count for name, count in super().reruns.items()}


class GroupLab(GithubLab):
    """A GitHub whose runs share one concurrency group."""

    def _target(self, number: int) -> tuple[str, str, str]:
        target = super()._target(number)
        self.github.run(1000 + number).groups = ("lab",)
        return target


class SameBuildLab(JenkinsLab):
    """A Jenkins whose builds each had a test plan of their own, which is repeated."""

    def settings(self) -> dict[str, str]:
        return {**super().settings(), "RERUNNER_PARAMETERS_FROM": "build"}

    def _target(self, number: int) -> tuple[str, str, str]:
        job, plan = f"cert-{number}", f"plan-{number}"
        if job not in self._jobs:
            self._jobs.add(job)
            self.jenkins.add_job(job, self._parameters)
            self.jenkins.add_build(job, number=1, started_at=time.time() - 24 * 3600, parameters={"TESTPLAN": plan})
        return f"{job} {plan}", f"{self.jenkins.url}/job/{job}/1/", "image"

    def target_of(self, trigger: RecordedRequest) -> str:
        number = trigger.path.split("/")[2].removeprefix("cert-")
        assert f"TESTPLAN=plan-{number}".encode() in trigger.body
        return f"cert-{number} plan-{number}"


def announced(new_lab: Callable[[], Lab]) -> Callable[[], Lab]:
    """Return what makes a lab where the key may tell requesters."""

    def make() -> Lab:
        lab = new_lab()
        lab.observer.api_keys["to_demo"].add("change_test")
        return lab

    return make


@dataclass(frozen=True)
class Case:
    """One setting.

    Attributes:
        new_lab: Makes the servers.
        arguments: The flags.
        is_young: Whether the requests are made just before.
        drains: How many more drains serve everything.
    """

    new_lab: Callable[[], Lab]
    arguments: tuple[str, ...] = ()
    is_young: bool = False
    drains: int = 1


CASES = {
    "job": Case(MatrixLab),
    "groups": Case(GroupLab, drains=MOST_DRAINS),
    "same-build": Case(SameBuildLab),
    "announce": Case(announced(GithubLab), ("--announce",)),
    "max-per-day-jenkins": Case(JenkinsLab, ("--max-per-day", "1")),
    "max-per-day-github": Case(GithubLab, ("--max-per-day", "2")),
    "max-queued-jenkins": Case(JenkinsLab, ("--max-queued", "1"), drains=MOST_DRAINS),
    "max-queued-github": Case(GithubLab, ("--max-queued", "1"), drains=MOST_DRAINS),
    "young-jenkins": Case(JenkinsLab, is_young=True),
    "young-github": Case(GithubLab, is_young=True),
}


def ask(lab: Lab, case: Case) -> None:
    """Fill the queue."""
    fields: dict[str, Any] = {"created_at": time.time()} if case.is_young else {}
    lab.ask(*QUEUE, **fields)


def complete(lab: Lab, case: Case, folder: Path) -> None:
    """Let further drains complete the work, and hold both promises against what the servers know."""
    for turn in range(case.drains):
        if turn:
            lab.finish_reruns()
        ended = drain(lab, folder, *case.arguments)
        assert ended.exit_code == 0, ended.log
    assert lab.reruns == lab.accepted == lab.once_each
    assert lab.observer.ids() == []
    assert getattr(lab.ci, "cancelled_runs", []) == []
    for number in lab.asked:
        links = [link["url"] for link in lab.observer.links(number)]
        assert len(links) == len(set(links)), links


def check_killed(case: Case, number: int, folder: Path) -> None:
    """Kill a drain at that request, and let others complete its work."""
    with case.new_lab() as lab:
        ask(lab, case)
        killed = drain_killed(lab, folder, "--concurrency", "1", *case.arguments, request=number)
        assert killed.exit_code == -signal.SIGKILL, killed.log
        if number % 2:
            lab.finish_reruns()
        complete(lab, case, folder)


def requests_with_an_effect(case: Case, folder: Path) -> list[int]:
    """Return which requests of a drain that nobody disturbs start or add something, four of them at most.

    Its DELETEs are tried where the settings are the defaults.
    """
    with case.new_lab() as lab:
        ask(lab, case)
        drain(lab, folder, "--concurrency", "1", *case.arguments)
        numbers = [number for number, seen in enumerate(lab.witness.seen, start=1) if seen.method == "POST"]
        assert numbers
        return numbers[:: -(-len(numbers) // 4)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_killed_at_any_trigger_with_any_setting_the_next_drains_complete_the_work(case: Case, tmp_path: Path) -> None:
    numbers = requests_with_an_effect(case, tmp_path)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda number: check_killed(case, number, tmp_path / str(number)), numbers))


@pytest.mark.parametrize("name", ["job", "groups"])
@pytest.mark.parametrize("concurrency", ["1", "16"])
def test_two_drains_at_the_same_time_start_no_run_twice_and_cancel_none(
    name: str, concurrency: str, tmp_path: Path
) -> None:
    case = CASES[name]
    with case.new_lab() as lab:
        ask(lab, case)
        lab.ci.latency_seconds = {"GET": 0.1, "POST": 0.2}
        with (
            started(lab, tmp_path / "one", "--concurrency", concurrency) as one,
            started(lab, tmp_path / "two", "--concurrency", concurrency) as two,
        ):
            ends = [one.end(), two.end()]
        assert [ended.exit_code for ended in ends] == [0, 0], ends
        lab.finish_reruns()
        complete(lab, case, tmp_path)
