"""The demo's servers can be tried with the real command, and end when they are told to."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


class Served:
    """The demo's servers in a process of their own.

    Attributes:
        process: The process.
        exports: The variables that it tells to export.
        calls: The commands that it tells to try.
    """

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "test_executions_rerunner.demo", "--serve"]
        self.process = subprocess.Popen(command, env={}, cwd=folder, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
        self.exports: dict[str, str] = {}
        self.calls: list[list[str]] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = shlex.split(line)
            if words[:1] == ["export"]:
                name, _, value = words[1].partition("=")
                self.exports[name] = value
            elif len(self.exports) > 0 and len(words) > 1 and "Ctrl-C" not in line:
                self.calls.append(words)
            if "Ctrl-C" in line:
                return

    def run(self, call: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Run one of the commands with the exported variables."""
        return subprocess.run(  # noqa: S603 - our own program
            call, env=self.exports, cwd=folder, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def served() -> Iterator[Served]:
    servers = Served(ROOT)
    with servers.process as process:
        yield servers
        process.kill()


def test_what_is_shown_runs_the_real_command(served: Served) -> None:
    assert [(call[1:], served.run(call, ROOT).returncode) for call in served.calls] == [
        (["jenkins", "--check"], 0),
        (["jenkins", "--dry-run"], 0),
        (["jenkins"], 1),  # one request of each system can never be served
        (["github", "--dry-run"], 0),
        (["github", "--rerun", "job"], 1),
    ]


def test_a_drain_takes_what_it_serves_from_the_queue(served: Served) -> None:
    def queued() -> int:
        key = {"Authorization": f"Bearer {served.exports['TEST_OBSERVER_API_KEY']}"}
        queue = f"{served.exports['TEST_OBSERVER_URL']}/v1/test-executions/reruns"
        return len(requests.get(queue, headers=key, timeout=5).json())

    before = queued()
    served.run(served.calls[2], ROOT)
    assert (before, queued()) == (15, 10)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, id="ctrl-c"), pytest.param(signal.SIGTERM, id="term")])
def test_the_servers_end_with_0_and_leave_nothing_behind(served: Served, number: signal.Signals) -> None:
    served.process.send_signal(number)
    assert served.process.wait(timeout=30) == 0
    assert served.run(served.calls[1], ROOT).returncode == 3  # nobody answers any more


def test_the_command_is_shown_as_it_can_be_typed_here(served: Served, tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    expected = scripts.relative_to(ROOT) if scripts.is_relative_to(ROOT) else scripts
    assert {call[0] for call in served.calls} == {str(expected / "test-executions-rerunner")}
    elsewhere = Served(tmp_path)
    with elsewhere.process as process:
        process.kill()
    assert {call[0] for call in elsewhere.calls} == {str(scripts / "test-executions-rerunner")}
