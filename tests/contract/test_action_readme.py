"""The workflows that the documents give to paste are sound, and use only what the action has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import pages
from test_executions_rerunner import defaults

ROOT = Path(__file__).parents[2]

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
IMAGE = re.compile(r"docker://ghcr\.io/[\w.-]+/[\w.-]+:TAG")


@pytest.fixture(scope="module", params=["image", "source"])
def pasted(request: pytest.FixtureRequest) -> str:
    """The README's workflow: with the released image, and with the action, which is here."""
    workflow = pages.only("workflow")
    if request.param == "image":
        return workflow
    (step,) = re.findall(r"^      - id: rerun\n(?:        .+\n)+", workflow, re.MULTILINE)
    built = re.sub(r"uses: \S+@TAG", "uses: ./", pages.only("workflow step"))
    return workflow.replace(step, built)


@pytest.fixture(scope="module")
def workflow(pasted: str) -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(pasted)
    return parsed


def test_actionlint_is_content_with_it(pasted: str) -> None:
    actionlint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run(  # noqa: S603 - the linter of this project's own environment
        [str(actionlint), "-no-color", "-"],
        cwd=ROOT,
        input=pasted,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == ""
    assert done.returncode == 0, done.stderr


def test_it_is_started_by_a_schedule_or_a_person_only(workflow: dict[Any, Any]) -> None:
    assert set(workflow[True]) == {
        "schedule",
        "workflow_dispatch",
    }  # YAML 1.1 reads the key `on` as a boolean


def test_it_runs_alone_is_never_cancelled_and_may_only_start_reruns(workflow: dict[Any, Any]) -> None:
    assert workflow["concurrency"]["cancel-in-progress"] is False
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["rerun"]["permissions"] == {"actions": "write"}


def test_it_names_only_inputs_and_outputs_of_the_action(workflow: dict[Any, Any], pasted: str) -> None:
    (step,) = [step for step in workflow["jobs"]["rerun"]["steps"] if step.get("id") == "rerun"]

    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(r"steps\.rerun\.outputs\.(\w+)", pasted)) <= set(ACTION["outputs"])


def test_the_workflow_with_the_image_sets_what_the_action_would_have_set_itself() -> None:
    workflow = yaml.safe_load(pages.only("workflow"))
    (step,) = [step for step in workflow["jobs"]["rerun"]["steps"] if step.get("id") == "rerun"]
    defaults = {name: each["default"] for name, each in ACTION["inputs"].items() if "default" in each}

    assert IMAGE.fullmatch(step["uses"])
    assert {name: step["with"][name] for name in defaults} == defaults


def test_the_step_for_machines_in_a_matrix_asks_for_single_jobs() -> None:
    (step,) = yaml.safe_load(pages.only("part of a workflow"))
    (built,) = yaml.safe_load(pages.only("workflow step"))

    assert step == {**built, "with": {**built["with"], "rerun": "job"}}
    assert step["with"]["rerun"] in defaults.RERUNS


def test_every_output_is_explained() -> None:
    assert [name for name in ACTION["outputs"] if f"`{name}`" not in pages.EVERYTHING] == []
