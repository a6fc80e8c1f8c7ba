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
    assert set(WORKFLOWS) >= {"release", "published", "rerun", "tests"}


def test_the_code_and_the_supply_chain_are_looked_at() -> None:
    used = re.findall(r"uses: +([\w/-]+)@", "".join(WORKFLOWS[name].read_text() for name in ("codeql", "scorecard")))

    assert {"github/codeql-action/analyze", "ossf/scorecard-action"} <= set(used)
    assert set(WORKFLOWS) == {"codeql", "published", "release", "rerun", "scorecard", "tests"}
    assert all({"push", "schedule"} <= set(_read(name)[ON]) for name in ("codeql", "scorecard"))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_foreign_action_is_pinned_to_a_commit_with_its_version_beside_it(name: str) -> None:
    for used in re.findall(r"uses: +(.+)", WORKFLOWS[name].read_text()):
        assert used == "./" or re.fullmatch(r"[\w-]+(?:/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)


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
    job = _read("rerun")["jobs"]["rerun"]

    assert job["permissions"] == {"actions": "write", "contents": "read"}


def test_a_drain_gives_the_action_only_inputs_that_it_has() -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    job = _read("rerun")["jobs"]["rerun"]
    (step,) = [step for step in job["steps"] if step["uses"] == "./"]

    assert set(step["with"]) <= set(inputs)


def test_without_the_key_no_drain_is_started() -> None:
    jobs = _read("rerun")["jobs"]

    assert jobs["rerun"]["needs"] == "key"
    assert jobs["rerun"]["if"] == "needs.key.outputs.found == 'true'"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_script_has_a_value_of_the_event_in_its_text(name: str) -> None:
    scripts = [step["run"] for job in _read(name)["jobs"].values() for step in job["steps"] if "run" in step]

    assert [script for script in scripts if "${{" in script] == []


def test_every_python_that_the_project_declares_is_tested_and_none_is_forgotten() -> None:
    classifiers = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())

    assert _read("tests")["jobs"]["test"]["strategy"]["matrix"]["python"] == classifiers


@pytest.mark.parametrize(("name", "job"), [("tests", None), ("release", "test")], ids=["tests", "release"])
def test_where_the_tests_run_nothing_is_skipped(name: str, job: str | None) -> None:
    workflow = _read(name)
    place = workflow["jobs"][job] if job else workflow

    assert place["env"] == {"RERUNNER_REQUIRE_ALL": "1"}


def test_a_person_starts_a_release_and_nothing_is_public_before_a_person_publishes_it() -> None:
    release = _read("release")
    waits = {name: job.get("needs") for name, job in release["jobs"].items()}
    writers = {name for name, job in release["jobs"].items() if job["permissions"].get("contents") == "write"}

    assert set(release[ON]) == {"workflow_dispatch"}
    assert waits == {
        "version": None,
        "test": "version",
        "image": ["version", "test"],
        "join": ["version", "image"],
        "packages": ["version", "test"],
        "draft": ["version", "join", "packages"],
    }
    assert writers == {"draft"}
    scripts = [step.get("run", "") for step in release["jobs"]["draft"]["steps"]]
    assert [script.count("gh release create") for script in scripts if "--draft" in script] == [1]
    assert "gh release edit" not in WORKFLOWS["release"].read_text()
    assert _read("published")[ON] == {"release": {"types": ["published"]}}


def test_all_that_a_release_gives_is_attested() -> None:
    steps = [step for job in _read("release")["jobs"].values() for step in job["steps"]]
    attested = [step["with"] for step in steps if step.get("uses", "").startswith("actions/attest@")]

    assert sorted(sorted(each) for each in attested) == [
        ["push-to-registry", "sbom-path", "subject-digest", "subject-name"],
        ["push-to-registry", "subject-digest", "subject-name"],
        ["subject-path"],
    ]


def test_an_action_is_used_in_one_version_everywhere() -> None:
    paths = [*WORKFLOWS.values(), *(ROOT / "tests" / "container" / "workflows").glob("*.yml")]
    used = {pin for path in paths for pin in re.findall(r"uses: +([\w-]+/[\w-]+)[\w/-]*@(\w+)", path.read_text())}

    assert len(used) == len(dict(used))


def test_dependabot_looks_after_all_that_is_pinned() -> None:
    dependabot = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())

    assert [each["package-ecosystem"] for each in dependabot["updates"]] == ["github-actions", "pip", "npm", "docker"]
