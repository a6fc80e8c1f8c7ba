"""A terminal that goes away, a pipe that nobody reads, a slow DELETE: what was accepted is deleted and reported."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import environment_of, started
from test_executions_rerunner.demo import Fault, RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 40
PATIENCE_SECONDS = 120
COMMAND = [sys.executable, "-m", "test_executions_rerunner"]
each_lab = pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab])


def read_json(file: Path) -> dict[str, Any]:
    """Return the report that was written."""
    told = json.loads(file.read_text("utf-8"))
    assert isinstance(told, dict)
    return told


@each_lab
def test_a_terminal_that_goes_away_stops_nothing_and_changes_no_exit_code(
    new_lab: Callable[[], Lab], tmp_path: Path
) -> None:
    """The program leads the terminal's session, as after `ssh HOST program`: the kernel sends it a SIGHUP too."""
    with new_lab() as lab:
        requests = lab.ask(*range(COUNT))
        terminal, of_program = pty.openpty()
        is_gone = threading.Event()

        def go_away(request: RecordedRequest) -> None:
            if request.method == "POST" and not is_gone.is_set():
                is_gone.set()
                os.close(terminal)

        lab.ci.on_request = go_away
        report = tmp_path / "report.json"
        command = ["/usr/bin/setsid", "--ctty", *COMMAND, lab.processor, "--report", str(report)]
        streams = {"stdin": of_program, "stdout": of_program, "stderr": of_program}
        with subprocess.Popen(command, env=environment_of(lab), cwd=tmp_path, **streams) as program:  # type: ignore[call-overload] # noqa: S603 - our own program
            os.close(of_program)
            assert program.wait(PATIENCE_SECONDS) == 0
        assert is_gone.is_set()
        assert lab.accepted == lab.once_each
        assert lab.observer.ids() == []
        told = read_json(report)
    assert {each["test_execution_id"] for each in told["requests"] if each["deleted"]} == set(requests)


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGINT], ids=lambda number: number and number.name)
@each_lab
def test_a_pipe_that_nobody_reads_stops_nothing(
    new_lab: Callable[[], Lab], tmp_path: Path, number: signal.Signals | None
) -> None:
    """Each line of a verbose drain goes into a pipe that is full already; a signal ends the wait for a reader."""
    reading, writing = os.pipe()
    fill(writing)
    with new_lab() as lab:
        lab.ask(*range(COUNT))
        report = tmp_path / "report.json"
        command = [*COMMAND, lab.processor, "--report", str(report), "-v"]
        streams = {"stdout": writing, "stderr": writing}
        with subprocess.Popen(command, env=environment_of(lab), cwd=tmp_path, **streams) as program:  # type: ignore[call-overload] # noqa: S603 - our own program
            os.close(writing)
            wait_until(report.exists)
            assert lab.observer.ids() == [], "all is done, and nobody has read a line"
            began = time.monotonic()
            if number is None:
                with open(reading, "rb") as pipe:  # noqa: PTH123 - no file
                    assert b" 40 triggered" in pipe.read()
            else:
                program.send_signal(number)
            code = program.wait(PATIENCE_SECONDS)
            assert time.monotonic() - began < 10
        if number is not None:
            os.close(reading)
        assert code == (0 if number is None else 128 + number)
        assert read_json(report)["counts"]["triggered"] == COUNT
        assert lab.accepted == lab.once_each


def fill(pipe: int) -> None:
    """Write into a pipe until it takes no more."""
    os.set_blocking(pipe, False)
    try:
        while True:
            os.write(pipe, b"\n" * 65536)
    except BlockingIOError:
        os.set_blocking(pipe, True)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_signal_ends_the_wait_for_whoever_takes_the_report(tmp_path: Path) -> None:
    """The report goes into a pipe with a name that nobody opens."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with GithubLab() as lab:
        lab.ask(1)
        command = [*COMMAND, lab.processor, "--report", str(pipe)]
        with subprocess.Popen(command, env=environment_of(lab), stderr=subprocess.PIPE) as program:  # noqa: S603 - our own program
            lab.observer.wait_for("DELETE", count=2)
            lab.wait_idle()
            program.send_signal(signal.SIGTERM)
            began = time.monotonic()
            program.communicate(timeout=PATIENCE_SECONDS)
            assert time.monotonic() - began < 10
        assert program.returncode == 143


@each_lab
def test_a_delete_that_is_on_its_way_has_all_that_is_left_of_nine_seconds(
    new_lab: Callable[[], Lab], tmp_path: Path
) -> None:
    with new_lab() as lab:
        (request,) = lab.ask(1)
        lab.observer.inject(Fault("DELETE", skip=1, action="delay", seconds=6.0))
        with started(lab, tmp_path) as program:
            lab.observer.wait_for("DELETE", count=2)
            program.send(signal.SIGTERM)
            ended = program.end()
        assert ended.exit_code == 143
        assert ended.seconds < 10
        assert ended.deleted == {request}, ended.log
        assert ended.outcomes == {request: "triggered"}
