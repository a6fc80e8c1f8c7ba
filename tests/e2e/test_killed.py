"""A drain that is killed at any moment loses nothing, and nothing is started twice by those after it."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import drain, drain_killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUEUE = (0, 1, 0, 2, 1)
"""The targets of five requests."""
JENKINS_REQUESTS, GITHUB_REQUESTS = 14, 16
"""How many requests the servers get in an undisturbed drain of them."""
LABS = {
    "jenkins": JenkinsLab,
    "jenkins-without-delay": lambda: JenkinsLab(starts_at_once=True, defines_delay=True),
    "github": GithubLab,
    "github-finished": lambda: GithubLab(finishes_at_once=True),
    "github-failed-jobs": lambda: GithubLab(finishes_at_once=True, rerun="failed-jobs"),
}
each_lab = pytest.mark.parametrize("new_lab", LABS.values(), ids=LABS.keys())


def assert_all_done_once(lab: Lab) -> None:
    """Hold both promises against what the servers know."""
    assert lab.reruns == lab.once_each
    assert lab.accepted == lab.once_each
    assert lab.observer.ids() == []


@pytest.mark.parametrize(
    ("new_lab", "requests"),
    [
        pytest.param(JenkinsLab, JENKINS_REQUESTS, id="jenkins"),
        pytest.param(GithubLab, GITHUB_REQUESTS, id="github"),
    ],
)
def test_a_drain_that_nobody_disturbs_starts_each_target_once(
    new_lab: Callable[[], Lab], requests: int, tmp_path: Path
) -> None:
    with new_lab() as lab:
        lab.ask(*QUEUE)
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert_all_done_once(lab)
        # so that the kill points below are all there are
        assert len(lab.witness.seen) == requests


@pytest.mark.parametrize(
    ("new_lab", "request_number"),
    [
        *(pytest.param(JenkinsLab, n, id=f"jenkins-{n}") for n in range(1, JENKINS_REQUESTS + 1)),
        *(pytest.param(GithubLab, n, id=f"github-{n}") for n in range(1, GITHUB_REQUESTS + 1)),
    ],
)
def test_killed_before_any_one_answer_the_next_drain_completes_the_work(
    new_lab: Callable[[], Lab], request_number: int, tmp_path: Path
) -> None:
    with new_lab() as lab:
        lab.ask(*QUEUE)
        killed = drain_killed(lab, tmp_path, "--concurrency", "1", request=request_number)
        assert killed.exit_code == -signal.SIGKILL
        assert killed.report is None
        if request_number % 2:
            lab.finish_reruns()
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert_all_done_once(lab)


@each_lab
@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_at_random_moments_the_work_is_completed_once(
    new_lab: Callable[[], Lab], seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    with new_lab() as lab:
        lab.ask(*QUEUE)
        for _ in range(3):
            seconds = chance.choice((None, chance.uniform(0, 0.01)))
            drain_killed(lab, tmp_path, request=chance.randint(2, 9), seconds=seconds)
            assert all(count == 1 for count in lab.reruns.values())
            if chance.random() < 0.5:
                lab.finish_reruns()
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert_all_done_once(lab)
