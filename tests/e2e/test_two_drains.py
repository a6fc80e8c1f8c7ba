"""Two drains at the same time: no target is rerun twice, and nothing is lost."""

from __future__ import annotations

import random
import re
import threading
from typing import TYPE_CHECKING

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import drain, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_SECONDS = 120
LABS: dict[str, Callable[[], Lab]] = {
    "jenkins": JenkinsLab,
    "jenkins-starts-at-once": lambda: JenkinsLab(starts_at_once=True),
    "github": GithubLab,
}


@pytest.mark.parametrize("new_lab", LABS.values(), ids=LABS.keys())
@pytest.mark.parametrize("seed", range(4))
def test_two_drains_at_the_same_time_rerun_each_target_once(
    new_lab: Callable[[], Lab], seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    with new_lab() as lab:
        lab.ask(0, 1, 0, 2, 1, 3, 4, 0)
        # both look before either triggers, or while the other does
        lab.ci.latency_seconds = {"GET": chance.uniform(0, 0.3), "POST": chance.uniform(0, 0.3)}
        concurrency = ("--concurrency", chance.choice(("1", "4", "16")))
        with (
            started(lab, tmp_path / "one", *concurrency) as one,
            started(lab, tmp_path / "two", *concurrency) as two,
        ):
            ends = [one.end(), two.end()]
        assert [ended.exit_code for ended in ends] == [0, 0], ends
        assert lab.reruns == lab.once_each
        for ended in ends:
            assert set(ended.outcomes.values()) <= {"triggered", "already-rerun", "deferred"}
        drain(lab, tmp_path)
        assert lab.observer.ids() == []
        assert lab.reruns == lab.once_each


@pytest.mark.parametrize("new_lab", LABS.values(), ids=LABS.keys())
def test_two_drains_that_look_before_either_triggers_both_serve_the_request(
    new_lab: Callable[[], Lab], tmp_path: Path
) -> None:
    """The race itself, certain to happen: each has looked at the target while it was not rerun."""
    with new_lab() as lab:
        (request,) = lab.ask(0)
        lab.ci.latency_seconds["GET"] = 1.0
        looks = threading.Semaphore(0)
        lab.ci.on_request = lambda request: looks.release() if re.search(lab.look, request.target) else None
        with started(lab, tmp_path / "one") as one, started(lab, tmp_path / "two") as two:
            assert all(looks.acquire(timeout=PATIENCE_SECONDS) for _ in (one, two))
            assert lab.ci.count("POST") == 0
            ends = [one.end(), two.end()]
        assert lab.ci.count("POST") == 2
        assert lab.reruns == lab.once_each
        assert [ended.exit_code for ended in ends] == [0, 0]
        assert {ended.outcomes[request] for ended in ends} <= {"triggered", "already-rerun"}
        assert any(ended.deleted == {request} for ended in ends), "a drain that comes late finds it gone"
        assert lab.observer.ids() == []
