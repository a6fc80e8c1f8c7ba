"""Processes and the servers that they call, measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import test_executions_rerunner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

_SOURCES = Path(test_executions_rerunner.__file__).parents[1]
_HERE = Path(__file__).parent
# Only these: a benchmark must not meet the credentials and proxies of whoever runs it.
_ENVIRONMENT = {"PYTHONPATH": str(_SOURCES), "TEST_OBSERVER_API_KEY": "to_demo"}
_ENVIRONMENT |= {"JENKINS_API_TOKEN": "jenkins-token", "GH_TOKEN": "gh-token"}
_KILOBYTES = 1024


class Run(NamedTuple):
    """What one process took."""

    seconds: float
    """From its start to its end."""
    cpu_seconds: float
    """What it used of a processor, in itself and in the system."""
    peak_megabytes: float
    """Most memory that it had resident."""
    started_at: float
    """When it was started, in seconds since 1970."""


class Servers:
    """The loopback servers, in a process of their own; a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, _HERE / "servers.py"],
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def start(self, **scene: Any) -> dict[str, str]:  # noqa: ANN401 - as servers.Scene takes it
        """Start fresh servers; return their addresses."""
        return self._ask(scene)

    def arrived(self) -> dict[str, Any]:
        """Return what arrived since; see `servers.Scene.arrived`."""
        return self._ask({})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(question)}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run a Python program and measure it.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryFile() as output:
        started_at, started = time.time(), time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *arguments],
            env={**_ENVIRONMENT, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{arguments} ended with {process.returncode}: {output.read().decode()}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _KILOBYTES, started_at)


def product(system: str, servers: Mapping[str, str], *flags: str) -> Run:
    """Run the command line against the servers."""
    settings = {"TEST_OBSERVER_URL": servers["observer"], "JENKINS_URL": servers["jenkins"]}
    settings |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": servers["github"]}
    return run(*program(), system, *flags, environment=settings)


def plain(system: str, servers: Mapping[str, str]) -> Run:
    """Run the plain sequential client against the servers."""
    return run(_HERE / "plain.py", servers["observer"], servers[system], system)


def program() -> Sequence[str | Path]:
    """Return the command line as installed, or as a module where it is not."""
    script = Path(sys.executable).with_name("test-executions-rerunner")
    return [script] if script.exists() else ["-m", "test_executions_rerunner"]
