"""``acknowledge="started"`` at GitHub: a request stays until its rerun has a runner; what never ran starts again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from integration.conftest import Lab

NAME = "canonical/lab"
ENTERPRISE = {"github_server_url": "https://github.example"}
STARTED = {"acknowledge": "started"}


@pytest.fixture
def enterprise(lab: Lab) -> Lab:
    """An Enterprise Server that knows no concurrency groups, with three runs of one."""
    lab.github.server_url = ENTERPRISE["github_server_url"]
    lab.github.concurrency_groups = "missing"
    for run in (1, 2, 3):
        lab.github.add_run(NAME, run, concurrency_group="lab", created_at=time.time() - 3600)
    return lab


def ask(lab: Lab, run: int) -> int:
    """Ask for a rerun a minute ago."""
    return lab.request(lab.github.link(run), created_at=time.time() - 60)[0]


def test_a_rerun_that_its_group_cancelled_before_it_ran_is_started_again(enterprise: Lab) -> None:
    lab = enterprise
    first, second, third = (ask(lab, run) for run in (1, 2, 3))
    outcomes = lab.drain("github", of=ENTERPRISE, concurrency=1, **STARTED)
    assert {outcome.state.value for outcome in outcomes.values()} == {"triggered"}
    for outcome in outcomes.values():
        assert "reruns of one group may cancel each other; with --acknowledge started" in outcome.reason
    assert lab.github.cancelled_runs == [2], "the third took the place of the second, which waited"
    lab.github.finish(1)
    assert lab.states("github", of=ENTERPRISE, **STARTED) == {
        first: "already-rerun",
        second: "triggered",
        third: "already-rerun",
    }
    assert lab.observer.ids() == [second]
    lab.github.finish(3)
    assert lab.states("github", of=ENTERPRISE, **STARTED) == {second: "already-rerun"}
    assert ([lab.github.triggered(run) for run in (1, 2, 3)], lab.observer.ids()) == ([1, 2, 1], [])


def test_a_rerun_that_waits_for_a_runner_is_neither_started_again_nor_forgotten(lab: Lab) -> None:
    lab.github.runners_are_free = False
    lab.github.add_run(NAME, 1, created_at=time.time() - 3600)
    number = ask(lab, 1)
    assert lab.states("github", **STARTED) == {number: "triggered"}
    assert lab.states("github", **STARTED) == {number: "deferred"}
    assert "is still going, queued since" in lab.outcomes[number].reason
    lab.github.run(1).latest.start()
    assert lab.states("github", **STARTED) == {number: "already-rerun"}
    assert (lab.github.triggered(1), lab.observer.ids()) == (1, [])


@pytest.mark.parametrize("conclusion", ["cancelled", "startup_failure"])
def test_what_was_over_twice_before_it_ran_is_left_to_a_person(lab: Lab, conclusion: str) -> None:
    lab.github.runners_are_free = False
    lab.github.add_run(NAME, 1, created_at=time.time() - 3600)
    number = ask(lab, 1)
    for _ in range(2):
        assert lab.states("github", **STARTED) == {number: "triggered"}
        lab.github.finish(1, conclusion)
    assert lab.states("github", **STARTED) == {number: "failed"}
    assert (lab.github.triggered(1), lab.observer.ids()) == (2, [number])
