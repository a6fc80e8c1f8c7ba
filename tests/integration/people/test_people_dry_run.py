"""``--dry-run``: the whole plan in queue order, and nothing changed anywhere."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.people.conftest import World

BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])


def plan_of(out: str) -> list[tuple[str, str]]:
    """Return request and outcome of each line behind the counts."""
    found = [re.match(r"[! ] request (\S+)(?: \(.*?\))? ([a-z-]+): ", line) for line in out.splitlines()[1:]]
    return [(line[1], line[2]) for line in found if line]


@BOTH
def test_nothing_is_posted_deleted_or_probed(world: World, processor: str) -> None:
    world.add_jenkins()
    world.add_github()
    ended = world.run(processor, "--dry-run")
    assert ended.exit_code == 0
    assert world.changes == []
    assert len(world.observer.ids()) == 2


@BOTH
@pytest.mark.parametrize("spelled", ["RERUNNER_DRY_RUN", "INPUT_DRY_RUN"])
def test_it_can_be_asked_for_by_a_variable_and_an_input(world: World, processor: str, spelled: str) -> None:
    world.add_jenkins()
    world.add_github()
    assert world.run(processor, **{spelled: "true"}).exit_code == 0
    assert world.changes == []


def test_the_plan_of_github_is_told_whole_in_queue_order(world: World) -> None:
    now = time.time()
    world.github.add_run("canonical/lab", 1)
    world.github.add_run("canonical/lab", 2, status="in_progress")
    world.github.add_run("canonical/lab", 3, run_attempt=2, run_started_at=now - 60)
    world.github.add_run("canonical/lab", 4, run_attempt=51)
    link = "https://github.com/canonical/lab/actions/runs/{}".format
    numbers = [world.observer.add(link(run), created_at=now - 3600 + run) for run in (1, 2, 3, 4, 5)]
    numbers.append(world.observer.add("no link", created_at=now - 3000))
    numbers.append(world.observer.add(link(1), created_at=now - 2000))
    ended = world.run("github", "--dry-run")
    states = ["planned", "deferred", "already-rerun", "refused", "refused", "unsupported", "planned"]
    assert plan_of(ended.out) == [(str(number), state) for number, state in zip(numbers, states, strict=True)]
    assert ended.out.startswith(
        "1 already-rerun, 2 planned, 1 deferred, 1 unsupported, 2 refused; 7 of 7 requests stay"
    )
    assert f"once for requests {numbers[0]}, {numbers[6]}" in ended.out
    assert f"{world.github.url}/repos/canonical/lab/actions/runs/1/rerun" in ended.out
    assert world.changes == []
    assert ended.exit_code == 0, "a plan with failures in it is no failure"


def test_the_plan_of_jenkins_is_told_with_parameters_and_notes(world: World) -> None:
    world.jenkins.add_job("plain")
    world.jenkins.add_job("bare", parameters=[{"name": "X", "type": "StringParameterDefinition", "default": ""}])
    world.jenkins.add_job("off", buildable=False)
    link = f"{world.jenkins.url}/job/{{}}/1/".format
    numbers = [world.observer.add(link(job), family="deb") for job in ("plain", "bare", "off", "gone")]
    ended = world.run("jenkins", "--dry-run")
    assert plan_of(ended.out) == [
        (str(number), state)
        for number, state in zip(numbers, ["planned", "planned", "deferred", "failed"], strict=True)
    ]
    plain, bare, *_ = ended.out.splitlines()[1:]
    assert "{'TEST_OBSERVER_REPORTING': True, 'TESTPLAN': 'full'}" in plain
    assert "does not define" not in plain
    assert "does not define TESTPLAN, TEST_OBSERVER_REPORTING" in bare
    assert world.changes == []


@BOTH
def test_the_plan_goes_to_standard_output_and_what_happened_to_the_log(world: World, processor: str) -> None:
    world.add_jenkins()
    world.add_github()
    ended = world.run(processor, "--dry-run")
    assert "would POST" in ended.out
    assert ended.err == "" or ended.err.startswith("INFO ")


@BOTH
def test_a_limit_is_part_of_the_plan(world: World, processor: str) -> None:
    for number in (1, 2, 3):
        world.add_jenkins(f"lab{number}")
        world.add_github(number)
    ended = world.run(processor, "--dry-run", "--limit", "2")
    mine = [state for _, state in plan_of(ended.out) if state != "unsupported"]
    assert mine == ["planned", "planned", "deferred"]


@BOTH
def test_a_queue_that_cannot_be_read_is_a_failure_all_the_same(world: World, processor: str) -> None:
    world.observer.inject(Fault(times=None, status=500))
    assert world.run(processor, "--dry-run").exit_code == 3


@BOTH
def test_a_key_that_may_not_delete_is_not_found_out(world: World, processor: str) -> None:
    world.observer.api_keys["to_viewer"] = {"view_rerun"}
    world.add_github()
    assert world.run(processor, "--dry-run", TEST_OBSERVER_API_KEY="to_viewer").exit_code == 0
    assert world.changes == []


@BOTH
def test_the_real_drain_does_what_was_planned(world: World, processor: str) -> None:
    world.add_jenkins()
    world.add_github()
    world.observer.add("no link")
    planned = [number for number, state in plan_of(world.run(processor, "--dry-run").out) if state == "planned"]
    world.run(processor)
    assert [str(number) for number in world.observer.deleted] == planned
    assert len(planned) == 1
