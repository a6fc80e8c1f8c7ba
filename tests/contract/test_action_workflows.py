"""The workflows in .github keep to what the README advises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
ON = True
"""YAML 1.1 reads the key `on` as a boolean."""


def _read(name: str) -> dict[Any, Any]:
    workflow: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return workflow


def test_there_is_a_workflow_for_the_tests_one_for_a_release_and_one_for_the_reruns() -> None:
    assert list(WORKFLOWS) == ["release", "rerun", "tests"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_foreign_action_is_pinned_to_a_commit_with_its_version_beside_it(name: str) -> None:
    for used in re.findall(r"uses: +(.+)", WORKFLOWS[name].read_text()):
        assert used == "./" or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_job_has_a_permission_that_it_does_not_ask_for(name: str) -> None:
    workflow = _read(name)

    assert workflow["permissions"] == {}
    assert all("permissions" in job and "timeout-minutes" in job for job in workflow["jobs"].values())


def test_only_a_schedule_and_a_person_start_a_drain() -> None:
    # A drain on workflow_run would start itself for ever: a rerun ends, a drain starts.
    assert set(_read("rerun")[ON]) == {"schedule", "workflow_dispatch"}


def test_a_drain_runs_alone_and_is_never_cancelled() -> None:
    concurrency = _read("rerun")["concurrency"]

    assert concurrency["cancel-in-progress"] is False
    assert "${{" not in concurrency["group"]


def test_a_drain_may_start_reruns_and_read_the_repository_and_no_more() -> None:
    (job,) = _read("rerun")["jobs"].values()

    assert job["permissions"] == {"actions": "write", "contents": "read"}


def test_a_drain_gives_the_action_only_inputs_that_it_has() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    (job,) = _read("rerun")["jobs"].values()
    (step,) = [step for step in job["steps"] if step["uses"] == "./"]

    assert set(step["with"]) <= set(inputs)


def test_the_image_is_pushed_only_after_the_tests_and_only_for_a_tag() -> None:
    release = _read("release")

    assert set(release[ON]) == {"push"}
    assert set(release[ON]["push"]) == {"tags"}
    assert release["jobs"]["image"]["needs"] == "test"
