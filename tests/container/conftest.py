"""A Docker engine, and the image built on it from the unchanged Dockerfile."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
STAND_IN = "python:3.13-slim-trixie"
"""What an engine that reaches no registry has in place of the base image, imported and not pulled."""
ACT_IMAGE = "act-dockeraction:latest"
"""What nektos/act calls the image of every `uses: ./`."""


class Commands:
    """Runs docker and act on this project, and keeps what they print."""

    def __init__(self, docker: str) -> None:
        self._docker = docker
        self.project = ROOT

    def docker(self, *arguments: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one docker command to its end, whatever its exit code."""
        return self._run([self._docker, *arguments], timeout_seconds)

    def run(self, *arguments: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run the program in a container that sees this machine's loopback servers."""
        return self.docker("run", "--rm", "--network", "host", *arguments, timeout_seconds=timeout_seconds)

    def python(self, image: str, code: str) -> str:
        """Run Python code in an image, which must succeed, and return what it printed."""
        done = self.run("--entrypoint", "python", image, "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def act(
        self, workflow: Path, *arguments: str, event: str = "workflow_dispatch"
    ) -> subprocess.CompletedProcess[str]:
        """Run a workflow of this repository as a runner of GitHub would."""
        act = Path(sys.executable).with_name("act")
        how = ["--rm", "--pull=false", "--no-cache-server", "--container-daemon-socket", "-"]
        runners = ("ubuntu-24.04", "ubuntu-24.04-arm", "ubuntu-latest")
        runner = [word for label in runners for word in ("-P", f"{label}={STAND_IN}")]
        command = [str(act), event, "-W", str(workflow), *how, *runner, *arguments]
        return self._run(command, timeout_seconds=240)

    def _run(self, command: list[str], timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - commands that the tests spell out
            command,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )


def copy_project(folder: Path) -> Path:
    """Return a copy of this project, without what git ignores."""
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Docker and act; where the base image cannot be had, on a copy of this project that begins with the stand-in."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("no Docker: the image and the action cannot be tested")
    commands = Commands(docker)
    if commands.docker("version").returncode != 0:
        pytest.skip("no Docker engine answers: the image and the action cannot be tested")
    if commands.docker("image", "inspect", "--format", "{{len .RepoDigests}}", STAND_IN).stdout.strip() == "0":
        commands.project = copy_project(tmp_path_factory.mktemp("project"))
        dockerfile = commands.project / "Dockerfile"
        text, count = re.subn(r"(?m)^FROM python:\S+", f"FROM {STAND_IN}", dockerfile.read_text(encoding="utf-8"))
        assert count == 1
        dockerfile.write_text(text, encoding="utf-8")
    return commands


@pytest.fixture(scope="session")
def image(commands: Commands, worker_id: str) -> Iterator[str]:
    """The image, from the Dockerfile; each worker of xdist has a name for it of its own."""
    name = f"test-executions-rerunner:under-test-{worker_id}"
    built = commands.docker("build", "--tag", name, ".", timeout_seconds=280)
    assert built.returncode == 0, built.stderr
    yield name
    commands.docker("image", "rm", "--force", name)


@pytest.fixture(scope="session")
def act(commands: Commands) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """`Commands.act`, and away with the image that it makes."""
    yield commands.act
    commands.docker("image", "rm", "--force", ACT_IMAGE)
