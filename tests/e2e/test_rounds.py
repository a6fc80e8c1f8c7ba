"""Rounds of start-test and a new request at a random moment of drains, with slow calls, kills and two drains."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.lanes import Lanes
from e2e.rounds import Round, plan
from scheduler import ScheduleError
from test_executions_rerunner.drain import course, deleter

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ROUNDS = 100
"""Of each kind; those with one drain and those with two drains beside each other are 200."""
each_lab = pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab], ids=["jenkins", "github"])


@each_lab
@pytest.mark.parametrize("beside", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("acknowledge", ["accepted", "started"])
def test_no_newer_request_is_gone_unserved_and_each_report_is_true(
    new_lab: Callable[[], Lab], acknowledge: str, *, beside: bool
) -> None:
    for seed in range(ROUNDS):
        run(new_lab, seed, acknowledge, beside=beside)


@pytest.mark.parametrize(
    ("module", "rule", "broken"),
    [
        pytest.param(deleter, "PROOF_SECONDS", 60.0, id="a reading of a minute ago is proof"),
        pytest.param(deleter, "READ_BEFORE_SECONDS", 1e6, id="at once, whenever the queue was read"),
        pytest.param(deleter, "AT_ONCE_SECONDS", 60.0, id="at once, a minute after the trigger"),
        pytest.param(course, "ASK_AGAIN_SECONDS", 1e6, id="nobody asks again before a late trigger"),
    ],
)
def test_a_broken_rule_breaks_a_round(module: ModuleType, rule: str, broken: float) -> None:
    """Else the rounds would show nothing."""
    with mock.patch.object(module, rule, broken), pytest.raises(ScheduleError):
        run_all(JenkinsLab)


def run_all(new_lab: Callable[[], Lab]) -> None:
    """Run all rounds with one CI system."""
    for seed, acknowledge, beside in product(range(ROUNDS), ("accepted", "started"), (False, True)):
        run(new_lab, seed, acknowledge, beside=beside)


def run(new_lab: Callable[[], Lab], seed: int, acknowledge: str, *, beside: bool) -> None:
    """Run one round."""
    with Lanes(seed) as lanes:
        lab = new_lab()
        lab.observer.url, lab.ci.url = "http://127.0.0.1:8001", "http://127.0.0.1:8002"
        lanes.run(Round(lanes, lab, plan(seed, beside=beside), acknowledge).run)
