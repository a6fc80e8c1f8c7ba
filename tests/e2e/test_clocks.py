"""Servers whose clocks are ten minutes apart: what was rerun since a request is still told from what was not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from e2e.lab import HOUR, GithubLab, JenkinsLab, Lab
from e2e.program import drain
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEN_MINUTES = 600.0
SKEWS = {
    "alike": (0.0, 0.0),
    "queue-ahead": (TEN_MINUTES, 0.0),
    "queue-behind": (-TEN_MINUTES, 0.0),
    "ci-ahead": (0.0, TEN_MINUTES),
    "ci-behind": (0.0, -TEN_MINUTES),
    "both-apart": (TEN_MINUTES / 2, -TEN_MINUTES / 2),
}


@pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab], ids=["jenkins", "github"])
@pytest.mark.parametrize("skews", SKEWS.values(), ids=SKEWS.keys())
def test_a_rerun_from_before_a_request_is_not_taken_for_its_own_and_one_from_after_it_is(
    new_lab: Callable[[], Lab], skews: tuple[float, float], tmp_path: Path
) -> None:
    with new_lab() as lab:
        lab.observer.clock_skew_seconds, lab.ci.clock_skew_seconds = skews
        asked = time.time() - HOUR / 2
        before, after = lab.ask(0, 1, created_at=asked)
        # the second link of a GitHub lab names a job
        job_before, job_after = lab.ask(3, 5, created_at=asked)
        for number, seconds in ((0, -30), (3, -30), (1, 30), (5, 30)):
            lab.rerun_by_somebody(number, started_at=asked + seconds)
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert ended.outcomes == {
            before: "triggered",
            after: "already-rerun",
            job_before: "triggered",
            job_after: "already-rerun",
        }
        assert lab.reruns == {lab.asked[before]: 1, lab.asked[job_before]: 1}


@pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab], ids=["jenkins", "github"])
@pytest.mark.parametrize("skew", [TEN_MINUTES, -TEN_MINUTES], ids=["ci-ahead", "ci-behind"])
def test_the_next_drain_recognises_the_rerun_of_a_request_that_was_just_made(
    new_lab: Callable[[], Lab], skew: float, tmp_path: Path
) -> None:
    """Deleting fails for the whole first drain; the clocks must not make the second one start it again."""
    with new_lab() as lab:
        lab.ci.clock_skew_seconds = skew
        lab.ask(0, 1, created_at=time.time() - 5)
        # the first DELETE is the one that asks whether deleting is allowed
        lab.observer.inject(Fault("DELETE", skip=1, times=None, status=403))
        assert drain(lab, tmp_path, "--concurrency", "2").exit_code == 1
        lab.observer.clear_faults()
        lab.finish_reruns()
        ended = drain(lab, tmp_path)
        assert ended.exit_code == 0, ended.log
        assert lab.observer.ids() == []
        assert lab.accepted == lab.once_each
