"""A process that stands still in the middle of a look, and signals at moments that nobody chooses."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import Ended, Program, drain, started
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_executions_rerunner.demo import RecordedRequest

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LABS: dict[str, Callable[[], Lab]] = {"jenkins": JenkinsLab, "github": GithubLab}
each_lab = pytest.mark.parametrize("new_lab", LABS.values(), ids=LABS.keys())
each_signal = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 120


def test_a_drain_that_stood_still_looks_again_and_sees_who_started_the_run_meanwhile(tmp_path: Path) -> None:
    """The look is answered with what is true; then the process is stopped for longer than a look stays fresh."""
    with GithubLab() as lab:
        (request,) = lab.ask(0)
        program: Program
        is_started = threading.Event()

        def stop_at_the_look(request: RecordedRequest) -> None:
            if request.method == "GET" and lab.github.count("GET") == 1:
                assert is_started.wait(_PATIENCE_SECONDS)
                program.send(signal.SIGSTOP)
                until_stopped(program)

        lab.github.on_answer = stop_at_the_look
        with started(lab, tmp_path) as program:
            is_started.set()
            until_stopped(program)
            lab.github.wait_idle()
            lab.rerun_by_somebody(0, time.time())
            stopped_at = time.monotonic()
            while time.monotonic() < stopped_at + FRESH_SECONDS + 0.2:  # its own clock is the machine's
                time.sleep(0.1)
            program.send(signal.SIGCONT)
            ended = program.end()
        assert ended.outcomes == {request: "already-rerun"}, ended.log
        assert lab.github.count("POST") == 0
        assert ended.deleted == {request}


def until_stopped(program: Program) -> None:
    """Wait until the kernel says that a process stands still."""
    _until(lambda: _status(program).get("State", "").startswith("T"))


def until_signals_are_noted(program: Program) -> None:
    """Wait until a process catches SIGTERM and SIGINT: the first thing that the program does."""
    _until(lambda: all(int(_status(program).get("SigCgt", "0"), 16) >> (number - 1) & 1 for number in SIGNALS))


def _status(program: Program) -> dict[str, str]:
    lines = Path(f"/proc/{program.process.pid}/status").read_text("ascii", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.0005)


def assert_in_order(ended: Ended, number: int) -> None:
    """Hold the end of an interrupted drain against what is promised."""
    assert ended.exit_code == 128 + number, ended.log
    assert ended.report is not None, ended.log
    assert "Traceback" not in ended.log
    assert signal.Signals(number).name in ended.report["error"]
    if not ended.report["requests"]:
        assert ended.report["remaining"] in (None, 0)
    assert ended.seconds < 10


def interrupted_after(lab: Lab, folder: Path, number: signal.Signals, seconds: float) -> Ended:
    """Send a signal so long after the program began to note signals, while it imports what it needs."""
    with started(lab, folder) as program:
        until_signals_are_noted(program)
        threading.Event().wait(seconds)
        program.send(number)
        return program.end()


@each_signal
@each_lab
def test_a_signal_while_modules_are_imported_ends_the_drain_in_order(
    number: signal.Signals, new_lab: Callable[[], Lab], tmp_path: Path
) -> None:
    with new_lab() as lab:
        lab.ask(0, 1)
        # without a queue that answers, no drain is over before its signal
        lab.observer.inject(Fault("GET", times=None, action="hang"))
        for milliseconds in (0, 5, 15, 40, 90, 200):
            ended = interrupted_after(lab, tmp_path, number, milliseconds / 1000)
            assert_in_order(ended, number)
            assert ended.report
            assert ended.report["requests"] == []
            assert ended.report["remaining"] is None, "it was not read"
        assert lab.accepted == {}
        lab.observer.clear_faults()
        assert drain(lab, tmp_path).exit_code == 0
        assert lab.accepted == lab.once_each


@each_signal
def test_however_many_signals_come_the_first_one_counts_and_the_drain_ends_in_order(
    number: signal.Signals, tmp_path: Path
) -> None:
    other = next(each for each in SIGNALS if each != number)
    with GithubLab() as lab:
        lab.ask(0, 1)
        lab.github.inject(Fault("POST", action="delay", seconds=1.0))
        with started(lab, tmp_path, "--concurrency", "1") as program:
            lab.github.wait_for("POST")
            program.send(number)
            for each in signals_until_its_end(program, other, number):
                program.process.send_signal(each)
            ended = program.end()
        lab.wait_idle()
        assert_in_order(ended, number)
        assert ended.outcomes == {1: "triggered", 2: "deferred"}
        assert ended.deleted == {1}
        assert lab.observer.ids() == [2]


def signals_until_its_end(program: Program, *numbers: signal.Signals) -> Iterator[signal.Signals]:
    """Yield signals in turn, as fast as they can be noted, until the process has ended."""
    # the first one must have been noted: of two that wait, the kernel delivers the lower number first
    _until(lambda: program.process.poll() is not None or int(_status(program)["ShdPnd"], 16) == 0)
    while program.process.poll() is None:
        yield from numbers
        threading.Event().wait(0.001)


@each_signal
@pytest.mark.parametrize("has_effect", [False, True], ids=["lost", "deleted"])
def test_the_delete_of_a_refused_request_in_flight_at_a_signal_is_told(
    number: signal.Signals, tmp_path: Path, *, has_effect: bool
) -> None:
    """It hangs for longer than an interrupted drain waits."""
    with GithubLab() as lab:
        (refused,) = lab.ask(0)
        lab.github.run(1000).retryable = False
        lab.observer.inject(Fault("DELETE", skip=1, action="hang", effect=has_effect))
        with started(lab, tmp_path, "--discard-refused") as program:
            lab.observer.wait_for("DELETE", count=2)
            program.send(number)
            ended = program.end()
        assert_in_order(ended, number)
        assert ended.outcomes == {refused: "refused"}
        assert ended.deleted == set()
        assert ended.report
        assert "while it was being deleted" in str(ended.report), ended.report


@each_signal
def test_the_delete_of_a_refused_request_that_is_answered_soon_after_a_signal_is_awaited(
    number: signal.Signals, tmp_path: Path
) -> None:
    with GithubLab() as lab:
        (refused,) = lab.ask(0)
        lab.github.run(1000).retryable = False
        lab.observer.inject(Fault("DELETE", skip=1, action="delay", seconds=1.0))
        with started(lab, tmp_path, "--discard-refused") as program:
            lab.observer.wait_for("DELETE", count=2)
            program.send(number)
            ended = program.end()
        assert_in_order(ended, number)
        assert ended.outcomes == {refused: "refused"}
        assert ended.deleted == {refused}
        assert ended.report
        assert ended.report["remaining"] == 0
