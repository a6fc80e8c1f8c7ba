"""Reruns never cancel each other, and no more wait than may: what the triggers of one drain take from each other."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo import RecordedRequest

NAME = "canonical/lab"


def ask_for(lab: Lab, *runs: int, **how: Any) -> list[int]:  # noqa: ANN401 - as the server takes it
    """Add runs of one concurrency group, and ask for each."""
    numbers = []
    for run in runs:
        lab.github.add_run(NAME, run, **{"concurrency_group": "ci-main", "cancel_in_progress": True, **how})
        numbers += lab.request(lab.github.link(run), created_at=time.time() - 60)
    return numbers


def states_of(lab: Lab, **more: Any) -> list[str]:  # noqa: ANN401 - as for drain
    """Drain once; return the states in alphabetical order."""
    return sorted(lab.states("github", **more).values())


@pytest.mark.parametrize("cancels", [pytest.param(True, id="cancelling"), pytest.param(False, id="waiting")])
@pytest.mark.parametrize("concurrency", [pytest.param(1, id="one at a time"), pytest.param(16, id="side by side")])
def test_of_one_group_one_run_is_started_a_drain_and_none_is_cancelled(
    lab: Lab,
    cancels: bool,  # noqa: FBT001 - a parameter of the test
    concurrency: int,
) -> None:
    ids = ask_for(lab, 1, 2, 3, 4, cancel_in_progress=cancels)
    lab.github.inject(Fault(method="POST", action="delay", seconds=0.2, times=None))  # all looks come before
    for served in range(1, 5):
        states = states_of(lab, concurrency=concurrency)
        assert states == ["deferred"] * (4 - served) + ["triggered"]
        assert len(lab.observer.ids()) == len(ids) - served
        lab.github.finish(next(run for run in range(1, 5) if lab.github.run(run).latest.status != "completed"))
    assert lab.github.cancelled_runs == []
    assert [lab.github.triggered(run) for run in range(1, 5)] == [1, 1, 1, 1]


def test_what_is_deferred_names_the_group_and_the_run_of_this_drain(lab: Lab) -> None:
    ask_for(lab, 1, 2)
    outcomes = lab.drain("github", concurrency=1).values()
    (deferred,) = [outcome.reason for outcome in outcomes if outcome.state == "deferred"]
    assert "its concurrency group 'ci-main' is taken" in deferred
    assert "(canonical/lab run 1 of this drain)" in deferred, "the list of active groups was read before it started"


def test_what_is_deferred_side_by_side_names_the_run_of_this_drain(lab: Lab) -> None:
    ask_for(lab, 1, 2)
    lab.github.inject(Fault(method="POST", action="delay", seconds=0.5, times=None))  # both looks come before
    outcomes = lab.drain("github", concurrency=2).values()
    (deferred,) = [outcome.reason for outcome in outcomes if outcome.state == "deferred"]
    assert re.search(rf"its concurrency group 'ci-main' is taken \({NAME} run [12] of this drain\)", deferred)


@pytest.mark.parametrize("slow", [1, 2])
def test_a_group_goes_to_whoever_stands_first_in_the_queue_however_slow_its_look_is(lab: Lab, slow: int) -> None:
    first, second = ask_for(lab, 1, 2)
    other_was_started = threading.Event()

    def hold(request: RecordedRequest) -> None:
        if request.method == "POST":
            other_was_started.set()
        elif request.path.endswith(f"/runs/{slow}"):
            other_was_started.wait(0.5)

    lab.github.on_request = hold
    assert lab.states("github") == {first: "triggered", second: "deferred"}


def test_the_dry_run_plans_what_the_drain_does(lab: Lab) -> None:
    ask_for(lab, 1, 2, 3)
    planned = lab.states("github", concurrency=1, dry_run=True)
    done = lab.states("github", concurrency=1)
    assert {number: state.replace("planned", "triggered") for number, state in planned.items()} == done
    assert lab.github.cancelled_runs == []


def test_a_refused_trigger_gives_its_group_back(lab: Lab) -> None:
    first, second = ask_for(lab, 1, 2)
    lab.github.run(1).retryable = False
    assert lab.states("github", concurrency=1) == {first: "refused", second: "triggered"}


def test_a_doubtful_trigger_keeps_its_group_and_nothing_is_cancelled(lab: Lab) -> None:
    first, second = ask_for(lab, 1, 2)
    lab.github.inject(Fault(method="POST", action="reset", effect=True, times=1))
    assert lab.states("github", concurrency=1) == {first: "triggered", second: "deferred"}
    assert lab.github.cancelled_runs == []


def test_a_drain_killed_before_its_delete_is_followed_by_one_that_starts_nothing_twice(lab: Lab) -> None:
    first, second = ask_for(lab, 1, 2)
    lab.observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    lab.drain("github", concurrency=1)
    lab.observer.clear_faults()
    assert lab.states("github", concurrency=1) == {first: "already-rerun", second: "deferred"}
    assert (lab.github.triggered(1), lab.github.triggered(2), lab.github.cancelled_runs) == (1, 0, [])
    lab.github.finish(1)
    assert lab.states("github") == {second: "triggered"}


def test_groups_of_two_repositories_or_two_names_do_not_meet(lab: Lab) -> None:
    ask_for(lab, 1)
    ask_for(lab, 2, concurrency_group="other")
    lab.github.add_run("canonical/other", 3, concurrency_group="ci-main")
    lab.request(lab.github.link(3))
    assert states_of(lab) == ["triggered"] * 3


def test_no_more_runs_are_started_than_may_wait_in_the_repository(lab: Lab) -> None:
    ids = [number for run in range(1, 6) for number in ask_for(lab, run, concurrency_group=None)]
    lab.github.add_run(NAME, 21, status="queued")
    assert states_of(lab, of={"max_queued": 3}) == ["deferred"] * 3 + ["triggered"] * 2
    assert lab.github.count("GET", "status=queued") == 1
    assert len(lab.observer.ids()) == len(ids) - 2
