"""Processes and the servers that they call, measured."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import certifi

import test_executions_rerunner
from tls import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from typing_extensions import Self

_SOURCES = Path(test_executions_rerunner.__file__).parents[1]
_HERE = Path(__file__).parent
# Only these: a benchmark must not meet the credentials and proxies of whoever runs it.
_ENVIRONMENT = {"PYTHONPATH": str(_SOURCES), "TEST_OBSERVER_API_KEY": "to_demo"}
_ENVIRONMENT |= {"JENKINS_API_TOKEN": "jenkins-token", "GH_TOKEN": "gh-token"}
_KILOBYTES = 1024
BEFORE = "b13b32c"
"""The version that the work on speed began with."""


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
        self._folder = tempfile.TemporaryDirectory()
        self._certificate, self._bundle = (Path(self._folder.name, name) for name in ("server.pem", "bundle.pem"))
        make_certificate(self._certificate)
        # as many authorities as there are where nobody set REQUESTS_CA_BUNDLE: reading them is a part of the cost
        self._bundle.write_bytes(Path(certifi.where()).read_bytes() + self._certificate.read_bytes())
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
        self._folder.cleanup()

    def start(self, *, tls: bool = False, **scene: Any) -> dict[str, str]:  # noqa: ANN401 - as servers.Scene takes it
        """Start fresh servers; return their addresses, and where the certificate authorities are that know them."""
        addresses = self._ask({"system": "jenkins", **scene, "certificate": str(self._certificate) if tls else None})
        return {**addresses, "bundle": str(self._bundle)}

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


def product(system: str, servers: Mapping[str, str], *, sources: Path = _SOURCES) -> Run:
    """Run the command line against the servers.

    Args:
        system: The processor.
        servers: As `Servers.start` returns them.
        sources: Where the program is.
    """
    settings = {"TEST_OBSERVER_URL": servers["observer"], "JENKINS_URL": servers["jenkins"]}
    settings |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": servers["github"]}
    settings |= {"REQUESTS_CA_BUNDLE": servers["bundle"], "PYTHONPATH": str(sources)}
    return run(*program(), system, environment=settings)


def plain(system: str, servers: Mapping[str, str]) -> Run:
    """Run the plain sequential client against the servers."""
    more = {"REQUESTS_CA_BUNDLE": servers["bundle"]}
    return run(_HERE / "plain.py", servers["observer"], servers[system], system, environment=more)


@contextlib.contextmanager
def before() -> Iterator[Path | None]:
    """Yield the sources of the version `BEFORE`, taken out of this repository; None: they are not in it."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "before.tar")
        command = ["git", "-C", str(_HERE.parents[1]), "archive", "--output", str(archive), BEFORE, "src"]
        is_there = shutil.which("git") and not subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603 - git
        if is_there:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        yield Path(folder, "src") if is_there else None


def program() -> Sequence[str | Path]:
    """Return the command line as installed, or as a module where it is not."""
    script = Path(sys.executable).with_name("test-executions-rerunner")
    return [script] if script.exists() else ["-m", "test_executions_rerunner"]
