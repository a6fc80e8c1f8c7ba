"""nektos/act runs workflows that use the action; their own steps assert what a workflow sees."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract import pages
from test_executions_rerunner.demo import GithubServer, TestObserverServer

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from container.conftest import Commands

pytestmark = pytest.mark.container

WORKFLOWS = Path(__file__).parent / "workflows"
REPOSITORY = "canonical/lab"
OWN_RUN = 1
"""What act gives for GITHUB_RUN_ID: the run that a drain itself is part of waits for the next one."""
JENKINS_LINK = "http://10.102.156.15:8080/job/a/1/"
FORGED = "::set-output name=triggered::999"


@pytest.fixture
def observer() -> Iterator[TestObserverServer]:
    with TestObserverServer() as server:
        yield server


@pytest.fixture
def github() -> Iterator[GithubServer]:
    with GithubServer(token="a-token-that-only-the-action-masks") as server:
        yield server


def _link(run_id: int) -> str:
    return f"https://github.com/{REPOSITORY}/actions/runs/{run_id}"


def _servers(observer: TestObserverServer, github: GithubServer) -> list[str]:
    return [
        *("--env", f"GITHUB_API_URL={github.url}"),
        *("--var", f"TEST_OBSERVER_URL={observer.url}"),
        *("--secret", "TEST_OBSERVER_API_KEY=to_demo"),
    ]


@pytest.fixture
def drained(
    act: Callable[..., subprocess.CompletedProcess[str]], observer: TestObserverServer, github: GithubServer
) -> subprocess.CompletedProcess[str]:
    """What act says of the workflow that drains a queue of six requests, then fails on purpose, twice."""
    github.add_run(REPOSITORY, 101)
    github.add_run(REPOSITORY, 102, status="in_progress", conclusion=None)
    github.add_run(REPOSITORY, OWN_RUN)
    for link in (_link(101), f"{_link(101)}/attempts/1", _link(102), _link(OWN_RUN), JENKINS_LINK, FORGED):
        observer.add(link)
    return act(WORKFLOWS / "drain.yml", *_servers(observer, github), "--var", f"TOKEN={github.token}")


def test_a_workflow_sees_outputs_summary_exit_codes_and_no_secret(
    drained: subprocess.CompletedProcess[str], observer: TestObserverServer, github: GithubServer
) -> None:
    log = drained.stdout + drained.stderr

    assert drained.returncode == 0, log[-8000:]
    assert log.count("Job succeeded") == 2
    assert github.triggered(101) == 1
    assert len(observer.deleted) == 2
    assert "The token is ***." in log
    assert github.token not in log
    assert f"({_link(101)}/attempts/2)" in log.split("Summary - ")[1]
    assert "::error title=Wrong setting::the input limit: 'many' is not allowed" in log
    assert re.search(r"::error title=The drain stopped::\S+ run \d+ could not be looked at: 401 Bad credentials", log)


def test_the_readmes_workflow_drains_the_queue_by_the_image(
    commands: Commands, image: str, observer: TestObserverServer, github: GithubServer, tmp_path: Path
) -> None:
    github.add_run(REPOSITORY, 101)
    observer.add(_link(101))
    kept = observer.add(JENKINS_LINK)

    done = commands.act(
        _pasted(image, tmp_path),
        *_servers(observer, github),
        *("--env", f"TEST_OBSERVER_URL={observer.url}"),
        *("--secret", f"GITHUB_TOKEN={github.token}"),
        *("--env", f"GITHUB_REPOSITORY={REPOSITORY}"),
    )
    log = done.stdout + done.stderr

    assert done.returncode == 0, log[-8000:]
    assert github.triggered(101) == 1, log[-8000:]
    assert observer.ids() == [kept]
    assert "1 requests stay in the queue." in log


def test_the_readmes_workflow_with_a_wrong_key_says_that_the_queue_was_not_read(
    commands: Commands, image: str, observer: TestObserverServer, github: GithubServer, tmp_path: Path
) -> None:
    observer.api_keys = {"to_another": {"view_rerun", "change_rerun"}}

    done = commands.act(
        _pasted(image, tmp_path),
        *_servers(observer, github),
        *("--env", f"TEST_OBSERVER_URL={observer.url}"),
        *("--secret", f"GITHUB_TOKEN={github.token}"),
        *("--env", f"GITHUB_REPOSITORY={REPOSITORY}"),
    )
    log = done.stdout + done.stderr

    assert done.returncode == 1, log[-8000:]
    assert "It is not known how many requests stay in the queue." in log
    assert "0 requests stay" not in log


def _pasted(image: str, folder: Path) -> Path:
    """Write down the README's workflow, with an image in the place of the released one."""
    workflow = pages.only("workflow")
    pasted = folder / "rerun.yml"
    pasted.write_text(re.sub(r"docker://\S+:TAG", f"docker://{image}", workflow))
    return pasted


def test_a_run_that_can_never_be_rerun_fails_the_job(
    act: Callable[..., subprocess.CompletedProcess[str]], observer: TestObserverServer, github: GithubServer
) -> None:
    github.add_run(REPOSITORY, 3, created_at=time.time() - 40 * 24 * 3600)
    kept = observer.add(_link(3))

    done = act(WORKFLOWS / "failing.yml", *_servers(observer, github), "--secret", f"RERUNNER_TOKEN={github.token}")
    log = done.stdout + done.stderr

    assert done.returncode == 1, log[-8000:]
    assert "exit with `FAILURE`: 1" in log
    assert "This step never runs" not in log
    assert observer.ids() == [kept]
