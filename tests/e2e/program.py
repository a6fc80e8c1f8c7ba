"""The real command line, as a process of its own."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator

    from e2e.lab import Lab

_SCHEMA = json.loads((files("test_executions_rerunner.cli.telling") / "report.schema.json").read_text("utf-8"))
_PATIENCE_SECONDS = 240
"""A bound for what hangs; nothing that a test is about takes that long, on the busiest machine."""


@dataclass
class Ended:
    """How a process ended.

    Attributes:
        exit_code: Its exit code; negative: the signal that killed it.
        report: Its report, which matches the schema; None: it wrote none.
        log: What it wrote to standard error.
        seconds: How long it lived, or went on after the signal that it was sent, without the time for which a busy
            machine had no processor for it.
    """

    exit_code: int
    report: dict[str, Any] | None
    log: str
    seconds: float

    @property
    def outcomes(self) -> dict[int | None, str]:
        """The outcome of each request."""
        assert self.report is not None, self.log
        return {each["test_execution_id"]: each["outcome"] for each in self.report["requests"]}

    @property
    def deleted(self) -> set[int]:
        """The requests that the report calls deleted."""
        assert self.report is not None, self.log
        return {each["test_execution_id"] for each in self.report["requests"] if each["deleted"]}


class Program:
    """One call of the command line for a lab.

    Args:
        lab: The servers.
        folder: Where the report is written, and the log.
        *arguments: More flags.
    """

    def __init__(self, lab: Lab, folder: Path, *arguments: str) -> None:
        self._log, self._report = folder / "log", folder / "report.json"
        folder.mkdir(parents=True, exist_ok=True)
        self._report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "test_executions_rerunner", lab.processor]
        command += ["--report", str(self._report), *arguments]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment_of(lab), stdout=log, stderr=log, cwd=folder)  # noqa: S603 - our own program
        self._since = self._own_seconds()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._since = self._own_seconds()
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self.process.kill()
        self.process.wait(_PATIENCE_SECONDS)

    def end(self) -> Ended:
        """Wait for its end."""
        _wait_until_ended(self.process.pid)
        seconds = self._own_seconds() - self._since
        code = self.process.wait(_PATIENCE_SECONDS)
        report = json.loads(self._report.read_text("utf-8")) if self._report.exists() else None
        if report is not None:
            Draft202012Validator(_SCHEMA).validate(report)
        return Ended(code, report, self._log.read_text("utf-8"), seconds)

    def _own_seconds(self) -> float:
        """Return the clock's time, less that for which its main thread could have run and got no processor."""
        now = time.monotonic()
        try:
            _, waited_nanoseconds, _ = Path(f"/proc/{self.process.pid}/schedstat").read_text("ascii").split()
        except (FileNotFoundError, ProcessLookupError):  # killed, and gone already
            return now
        return now - int(waited_nanoseconds) / 1e9


def _wait_until_ended(pid: int) -> None:
    """Wait for a process's end; what the kernel knows of it stays until it is asked for its exit code."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(_PATIENCE_SECONDS * 1000):
            raise TimeoutError(f"It did not end within {_PATIENCE_SECONDS} s.")
    finally:
        os.close(descriptor)


@contextmanager
def started(lab: Lab, folder: Path, *arguments: str) -> Iterator[Program]:
    """Start the command line; it does not outlive the block."""
    program = Program(lab, folder, *arguments)
    try:
        yield program
    finally:
        program.kill()


def drain(lab: Lab, folder: Path, *arguments: str) -> Ended:
    """Run the command line to its end."""
    with started(lab, folder, *arguments) as program:
        return program.end()


def drain_killed(lab: Lab, folder: Path, *arguments: str, request: int, seconds: float | None = None) -> Ended:
    """Run the command line, and kill it when its n-th request has taken effect.

    Args:
        lab: The servers.
        folder: Where it writes.
        *arguments: More flags.
        request: The n.
        seconds: How long after the answer was sent; None: before that.
    """
    is_started = threading.Event()
    killers: list[threading.Timer] = []
    program: Program

    def kill() -> None:
        is_started.wait(_PATIENCE_SECONDS)
        if seconds is None:
            program.kill()
        else:
            killers.append(threading.Timer(seconds, program.kill))
            killers[0].start()

    lab.witness.act_after(request, kill)
    with started(lab, folder, *arguments) as program:
        is_started.set()
        ended = program.end()
    for killer in killers:
        killer.join()
    lab.wait_idle()
    return ended


def environment_of(lab: Lab) -> dict[str, str]:
    """Return nothing but PATH and the settings, so that no test meets the proxies and credentials of a developer."""
    names = ("PATH", *(name for name in os.environ if name.startswith("COVERAGE_")))  # noqa: TID251 - tests start programs
    kept = {name: os.environ[name] for name in names}  # noqa: TID251 - the same; coverage measures subprocesses by these
    observer = {"TEST_OBSERVER_URL": lab.observer.url, "TEST_OBSERVER_API_KEY": "to_demo"}
    return {**kept, **observer, **lab.settings()}
