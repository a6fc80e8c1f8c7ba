"""The image drains a queue in each of the ways in which it is started."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault, GithubServer, JenkinsServer, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from container.conftest import Commands

pytestmark = pytest.mark.container

REPOSITORY = "canonical/lab"
RUN = 13326600211
RUN_LINK = f"https://github.com/{REPOSITORY}/actions/runs/{RUN}"


@pytest.fixture
def observer() -> Iterator[TestObserverServer]:
    with TestObserverServer() as server:
        yield server


@pytest.fixture
def jenkins(observer: TestObserverServer) -> Iterator[JenkinsServer]:
    """A Jenkins with one job, a rerun of which is asked for."""
    with JenkinsServer() as server:
        server.add_job("cert-rpi400")
        observer.add(f"{server.url}/job/cert-rpi400/29/")
        yield server


@pytest.fixture
def github(observer: TestObserverServer) -> Iterator[GithubServer]:
    """A GitHub with one failed run, a rerun of which is asked for."""
    with GithubServer() as server:
        server.add_run(REPOSITORY, RUN)
        observer.add(RUN_LINK)
        yield server


def _variables(**values: str) -> list[str]:
    return [word for name, value in values.items() for word in ("--env", f"{name}={value}")]


def _for_jenkins(observer: TestObserverServer, jenkins: JenkinsServer) -> list[str]:
    return _variables(
        TEST_OBSERVER_URL=observer.url,
        TEST_OBSERVER_API_KEY="to_demo",
        JENKINS_URL=jenkins.url,
        JENKINS_API_TOKEN=jenkins.token,
    )


def _for_github(observer: TestObserverServer, github: GithubServer) -> list[str]:
    return _variables(
        TEST_OBSERVER_URL=observer.url,
        TEST_OBSERVER_API_KEY="to_demo",
        GITHUB_SERVER_URL="https://github.com",
        GITHUB_API_URL=github.url,
        GH_TOKEN=github.token,
    )


def _read_outputs(path: Path) -> dict[str, str]:
    """Read NAME=VALUE lines and NAME<<DELIMITER blocks, as the runner does."""
    outputs, lines = {}, iter(path.read_text().splitlines())
    for line in lines:
        name, sign, rest = re.split(r"(=|<<)", line, maxsplit=1)
        outputs[name] = rest if sign == "=" else "\n".join(iter(lines.__next__, rest))
    return outputs


def test_a_person_drains_the_queue_of_a_jenkins(
    commands: Commands, image: str, observer: TestObserverServer, jenkins: JenkinsServer
) -> None:
    done = commands.run(*_for_jenkins(observer, jenkins), image)

    assert done.returncode == 0, done.stderr
    assert jenkins.triggered("cert-rpi400") == 1
    assert observer.ids() == []


def test_a_person_drains_the_queue_of_github_up_to_a_limit(
    commands: Commands, image: str, observer: TestObserverServer, github: GithubServer
) -> None:
    github.add_run(REPOSITORY, RUN + 1)
    waiting = observer.add(f"https://github.com/{REPOSITORY}/actions/runs/{RUN + 1}")

    done = commands.run(*_for_github(observer, github), image, "github", "--limit", "1")

    assert done.returncode == 0, done.stderr
    assert (github.triggered(RUN), github.triggered(RUN + 1)) == (1, 0)
    assert observer.ids() == [waiting]


def test_any_user_drains_on_a_file_system_that_nobody_can_write_without_a_home(
    commands: Commands, image: str, observer: TestObserverServer, jenkins: JenkinsServer, github: GithubServer
) -> None:
    agent = ["--user", "4321:4321", "--read-only", "--cap-drop", "ALL", "--env", "HOME=/nonexistent"]

    for_jenkins = commands.run(*agent, *_for_jenkins(observer, jenkins), image, "jenkins")
    for_github = commands.run(*agent, *_for_github(observer, github), image, "github")

    assert (for_jenkins.returncode, for_github.returncode) == (0, 0), for_jenkins.stderr + for_github.stderr
    assert (jenkins.triggered("cert-rpi400"), github.triggered(RUN)) == (1, 1)
    assert observer.ids() == []


def test_a_jenkins_agent_reads_the_report_from_its_workspace(
    commands: Commands, image: str, observer: TestObserverServer, jenkins: JenkinsServer, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)  # the agent's own user would own it
    agent = ["--user", "4321:4321", "--read-only", "--volume", f"{tmp_path}:/workspace"]

    done = commands.run(*agent, *_for_jenkins(observer, jenkins), image, "--report", "/workspace/report.json")

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["triggered"] == 1


def test_the_runner_starts_it_with_the_workspace_mounted_over_and_inputs_as_variables(
    commands: Commands, image: str, observer: TestObserverServer, github: GithubServer, tmp_path: Path
) -> None:
    for name in ("workspace", "home", "file_commands"):
        (tmp_path / name).mkdir()
    (tmp_path / "file_commands" / "output").touch()
    runner = [
        "--volume",
        f"{tmp_path}:/github",
        "--workdir",
        "/github/workspace",
        "--env",
        "HOME=/github/home",
    ]
    variables = _variables(
        GITHUB_ACTIONS="true",
        GITHUB_OUTPUT="/github/file_commands/output",
        GITHUB_SERVER_URL="https://github.com",
        GITHUB_API_URL=github.url,
        INPUT_PROCESSOR="github",
        INPUT_TEST_OBSERVER_URL=observer.url,
        INPUT_TEST_OBSERVER_API_KEY="to_demo",
        INPUT_GITHUB_TOKEN=github.token,
        INPUT_REPO=REPOSITORY,
        INPUT_LIMIT="",
        INPUT_DRY_RUN="",
        # A job's env: reaches the container too; the inputs beat it.
        TEST_OBSERVER_URL="http://127.0.0.1:9",
        RERUNNER_REPO="canonical/another",
    )

    done = commands.run(*runner, *variables, image)

    assert done.returncode == 0, done.stderr
    assert github.triggered(RUN) == 1
    assert observer.ids() == []
    outputs = _read_outputs(tmp_path / "file_commands" / "output")
    assert (outputs["triggered"], outputs["remaining"]) == ("1", "0")
    assert json.loads(outputs["report"])["processor"] == "github"


def test_a_wrong_setting_is_refused_before_any_call(
    commands: Commands, image: str, observer: TestObserverServer, github: GithubServer
) -> None:
    done = commands.run(*_for_github(observer, github), image, "github", "--limit", "0")

    assert done.returncode == 2
    assert "--limit" in done.stderr
    assert observer.requests == github.requests == []


def test_docker_stop_ends_a_drain_while_a_server_hangs_and_the_request_stays(
    commands: Commands, image: str, observer: TestObserverServer, jenkins: JenkinsServer
) -> None:
    jenkins.inject(Fault(method="POST", action="hang", seconds=300))
    name = f"rerunner-stopped-{observer.port}"
    started = commands.docker(
        "run", "--detach", "--network", "host", "--name", name, *_for_jenkins(observer, jenkins), image
    )
    assert started.returncode == 0, started.stderr
    try:
        jenkins.wait_for("POST")
        commands.docker("stop", "--time", "50", name, timeout_seconds=240)  # killed after that, with another exit code
        code = commands.docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip()
        log = commands.docker("logs", name).stderr
    finally:
        commands.docker("rm", "--force", name)

    assert code == "143", log
    assert len(observer.ids()) == 1
    assert "unknown" in log
