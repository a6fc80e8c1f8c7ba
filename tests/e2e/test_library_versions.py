"""Drains with the lowest and the newest versions of the libraries that the package says it works with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).parents[2]
SECONDS = 120
REPOSITORY = "canonical/certification-lab-ci"


def uv(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command: Sequence[str | Path] = [Path(sys.executable).with_name("uv"), *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603 - a tool of ours


@pytest.fixture(scope="module", params=["lowest-direct", "highest"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python whose packages are the lowest, or the newest, that pyproject.toml allows."""
    folder = tmp_path_factory.mktemp(request.param) / "venv"
    made = uv("venv", "--python", sys.executable, folder)
    assert made.returncode == 0, made.stderr
    python = folder / "bin" / "python"
    wanted = ("--resolution", request.param, "--requirements", PROJECT / "pyproject.toml")
    installed = uv("pip", "install", "--python", python, *wanted)
    if installed.returncode and "error sending request" in installed.stderr:
        pytest.skip(f"NOT TRIED, {request.param}: no package index can be reached: {installed.stderr[-300:]}")
    assert installed.returncode == 0, installed.stderr
    return python


def drain(python: Path, report: Path, system: str, observer: TestObserverServer, **addresses: str) -> dict[str, Any]:
    """Run the command line; return its report."""
    environment = {"PYTHONPATH": str(PROJECT / "src"), "PYTHONWARNINGS": "error", "TEST_OBSERVER_API_KEY": "to_demo"}
    environment |= {"TEST_OBSERVER_URL": observer.url, "JENKINS_API_TOKEN": "jenkins-token", "GH_TOKEN": "gh-token"}
    command: list[str | Path] = [python, "-m", "test_executions_rerunner", system, "--report", report]
    ended = subprocess.run(  # noqa: S603 - our own program
        command, env=environment | addresses, check=False, capture_output=True, text=True, timeout=SECONDS
    )
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(report.read_text())
    return told


@pytest.mark.parametrize("system", ["jenkins", "github"])
def test_a_drain_works_with_the_lowest_and_the_newest_versions(python: Path, tmp_path: Path, system: str) -> None:
    with TestObserverServer() as observer, JenkinsServer() as jenkins, GithubServer() as github:
        if system == "jenkins":
            jenkins.add_job("lab")
            observer.add(f"{jenkins.url}/job/lab/1/")
            server: JenkinsServer | GithubServer = jenkins
        else:
            github.add_run(REPOSITORY, 7)
            observer.add(f"https://github.com/{REPOSITORY}/actions/runs/7")
            server = github
        addresses = {
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_API_URL": github.url,
            "JENKINS_URL": jenkins.url,
        }
        told = drain(python, tmp_path / "report.json", system, observer, **addresses)
        assert told["counts"]["triggered"] == 1
        assert (server.count("POST"), observer.ids()) == (1, [])
