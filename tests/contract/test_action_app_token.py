"""The recipe for a GitHub App's token is sound, and the token may no more than a drain needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import pages

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pasted() -> str:
    """The README's workflow, the recipe in place of its permissions and steps; the action is the one that is here."""
    head, found, _ = pages.only("workflow").partition("    permissions:\n")
    assert found
    return head + pages.only("app token").replace("OWNER/REPO@TAG", "./")


@pytest.fixture(scope="module")
def job(pasted: str) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(pasted)["jobs"]["rerun"]
    return parsed


def _lint(tool: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(tool)
    return subprocess.run(  # noqa: S603 - a linter of this project's own environment
        [str(program), *arguments], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )


def test_actionlint_is_content_with_it(pasted: str) -> None:
    done = _lint("actionlint", "-no-color", "-", text=pasted)

    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_is_content_with_it(pasted: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "rerun.yml"  # from standard input it would heed no configuration
    file.parent.mkdir(parents=True)
    file.write_text(pasted, encoding="utf-8")

    done = _lint("zizmor", "--offline", "--no-progress", "--config", ".github/zizmor.yml", str(file))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_apps_token_may_only_start_reruns_of_the_repositories_served(job: dict[str, Any]) -> None:
    mint, drain = job["steps"]
    repositories = [f"{mint['with']['owner']}/{name}" for name in mint["with"]["repositories"].split(",")]

    assert job["permissions"] == {}
    assert re.fullmatch(r"actions/create-github-app-token@[0-9a-f]{40}", mint["uses"])
    assert set(mint["with"]) == {"client-id", "private-key", "owner", "repositories", "permission-actions"}
    assert mint["with"]["permission-actions"] == "write"
    assert drain["with"]["github_token"] == f"${{{{ steps.{mint['id']}.outputs.token }}}}"
    assert drain["with"]["repo"].split() == repositories


def test_the_drain_gives_the_action_only_inputs_that_it_has(job: dict[str, Any]) -> None:
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]

    assert set(job["steps"][-1]["with"]) <= set(inputs)
