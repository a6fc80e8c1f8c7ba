"""``--dry-run``: the whole plan in queue order, and nothing changed anywhere."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from integration.people.conftest import Ended, World

BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])


def planned(world: World, folder: Path, *arguments: str) -> tuple[Ended, list[tuple[int, str]]]:
    """Plan; return the end, and request and outcome of each entry of the report."""
    report = folder / "report.json"
    ended = world.run(*arguments, "--dry-run", "--report", str(report))
    told = json.loads(report.read_text())["requests"]
    return ended, [(request["test_execution_id"], request["outcome"]) for request in told]


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


def test_the_plan_of_github_is_told_whole_in_queue_order(world: World, tmp_path: Path) -> None:
    now = time.time()
    world.github.add_run("canonical/lab", 1)
    world.github.add_run("canonical/lab", 2, status="in_progress")
    world.github.add_run("canonical/lab", 3, run_attempt=2, run_started_at=now - 60)
    world.github.add_run("canonical/lab", 4, run_attempt=51)
    link = "https://github.com/canonical/lab/actions/runs/{}".format
    numbers = [world.observer.add(link(run), created_at=now - 3600 + run) for run in (1, 2, 3, 4, 5)]
    numbers.append(world.observer.add("no link", created_at=now - 3000))
    numbers.append(world.observer.add(link(1), created_at=now - 2000))
    ended, told = planned(world, tmp_path, "github")
    states = ["planned", "deferred", "already-rerun", "refused", "refused", "unsupported", "planned"]
    assert told == list(zip(numbers, states, strict=True))
    assert ended.out.splitlines()[-1] == (
        "1 already-rerun, 2 planned, 1 deferred, 2 refused, 1 is for others; 7 of 7 requests stay in the queue"
    )
    rows = re.findall(r"^([a-z-]+): |^  request (\d+) \((.+?)\)", ended.out, re.MULTILINE)
    assert rows == [
        ("planned", "", ""),
        ("", f"{numbers[0]}", "canonical/lab run 1"),
        ("", f"{numbers[6]}", "canonical/lab run 1"),
        ("deferred", "", ""),
        ("", f"{numbers[1]}", "canonical/lab run 2"),
        ("already-rerun", "", ""),
        ("", f"{numbers[2]}", "canonical/lab run 3"),
        ("refused", "", ""),
        ("", f"{numbers[3]}", "canonical/lab run 4"),
        ("refused", "", ""),
        ("", f"{numbers[4]}", "canonical/lab run 5"),
    ]
    assert [line.strip() for line in ended.out.splitlines() if line.startswith("    https")] == [
        *(link(1), link(1), link(2), f"{link(3)}/attempts/2", link(4), link(5)),
    ]
    assert "1 is not for this drain: the link is not an http or https URL" in ended.out
    assert f"once for requests {numbers[0]}, {numbers[6]}" in " ".join(ended.out.split())
    assert f"{world.github.url}/repos/canonical/lab/actions/runs/1/rerun" in ended.out
    assert world.changes == []
    assert ended.exit_code == 0, "a plan with failures in it is no failure"


def test_the_plan_of_jenkins_is_told_with_parameters_and_notes(world: World, tmp_path: Path) -> None:
    world.jenkins.add_job("plain")
    world.jenkins.add_job("bare", parameters=[{"name": "X", "type": "StringParameterDefinition", "default": ""}])
    world.jenkins.add_job("off", buildable=False)
    link = f"{world.jenkins.url}/job/{{}}/1/".format
    numbers = [world.observer.add(link(job), family="deb") for job in ("plain", "bare", "off", "gone")]
    ended, told = planned(world, tmp_path, "jenkins")
    assert told == list(zip(numbers, ["planned", "planned", "deferred", "failed"], strict=True))
    shown = " ".join(ended.out.split())
    assert f"would POST {world.jenkins.url}/job/plain/buildWithParameters" in shown
    assert "TEST_OBSERVER_REPORTING=true TESTPLAN=full" in shown
    assert "{" not in shown
    assert shown.count("does not define TESTPLAN, TEST_OBSERVER_REPORTING") == 1
    assert world.changes == []


def test_what_would_be_dropped_is_said(world: World, tmp_path: Path) -> None:
    world.add_github(run_attempt=51)
    for arguments, words in (((), False), (("--discard-refused",), True)):
        ended, _ = planned(world, tmp_path, "github", *arguments)
        assert ("its request would be deleted without a rerun" in " ".join(ended.out.split())) is words
    assert world.changes == []


@BOTH
def test_quiet_says_nothing_where_all_is_well(world: World, processor: str) -> None:
    world.add_jenkins()
    world.add_github()
    assert world.run(processor, "--dry-run", "-q").shown == ""


@BOTH
def test_the_plan_goes_to_standard_output_and_what_happened_to_the_log(world: World, processor: str) -> None:
    world.add_jenkins()
    world.add_github()
    ended = world.run(processor, "--dry-run")
    assert "would POST" in ended.out
    assert ended.err == "", "the plan tells it all"


@BOTH
def test_a_limit_is_part_of_the_plan(world: World, tmp_path: Path, processor: str) -> None:
    for number in (1, 2, 3):
        world.add_jenkins(f"lab{number}")
        world.add_github(number)
    _, told = planned(world, tmp_path, processor, "--limit", "2")
    mine = [state for _, state in told if state != "unsupported"]
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
def test_the_real_drain_does_what_was_planned(world: World, tmp_path: Path, processor: str) -> None:
    world.add_jenkins()
    world.add_github()
    world.observer.add("no link")
    _, told = planned(world, tmp_path, processor)
    world.run(processor)
    assert world.observer.deleted == [number for number, state in told if state == "planned"]
    assert len(world.observer.deleted) == 1
