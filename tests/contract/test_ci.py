"""`.ci/run` says what a person must install where it cannot start; with Docker it runs all and skips nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "dirname", "cat", "id")
THERE = ("java", "mvn", "npm", "git", "python3", "spin", "gcc")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing beside it, and in `tools` what the machine has: all but Docker."""
    (tmp_path / "clone" / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / "clone" / ".ci" / "run")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    for name in THERE:
        _tool(tools, name, "exit 0")
    _tool(tools, "make", 'echo "make $* with $RERUNNER_REQUIRE_ALL"')
    return tmp_path


def _tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def _run(clone: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [str(clone / "clone" / ".ci" / "run")],
        env={"PATH": str(clone / "tools")}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("engine", [None, "exit 1"], ids=["not-installed", "not-running"])
def test_without_docker_it_says_what_to_install_and_runs_nothing(clone: Path, engine: str | None) -> None:
    if engine:
        _tool(clone / "tools", "docker", engine)

    done = _run(clone)

    assert done.returncode == 1
    assert "apt-get install docker.io" in done.stderr
    assert done.stdout == ""


def test_with_docker_it_runs_all_in_a_folder_with_nothing_beside_it(clone: Path) -> None:
    _tool(clone / "tools", "docker", "exit 0")

    done = _run(clone)

    assert done.returncode == 0, done.stderr
    assert "make lint with 1" in done.stdout
    assert "make model with 1" in done.stdout
    assert "make test with 1" in done.stdout
    assert "make fuzz with 1" in done.stdout


@pytest.mark.parametrize("task", ["lint", "model", "test", "fuzz"])
def test_a_task_that_fails_fails_it_and_the_others_run_all_the_same(clone: Path, task: str) -> None:
    _tool(clone / "tools", "docker", "exit 0")
    _tool(clone / "tools", "make", f'echo "make $*"; [ "$1" != {task} ]')

    done = _run(clone)

    assert done.returncode == 1
    assert "make lint" in done.stdout
    assert "make model" in done.stdout
    assert "make test" in done.stdout
    assert "make fuzz" in done.stdout


def test_what_cannot_be_installed_is_named(clone: Path) -> None:
    _tool(clone / "tools", "docker", "exit 0")
    (clone / "tools" / "mvn").unlink()

    done = _run(clone)

    assert done.returncode == 1
    assert "maven" in done.stderr
