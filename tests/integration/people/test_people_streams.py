"""Where nobody reads what the program says, or nothing more can be written: it does its work all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from integration.people.conftest import World

PROGRAM = f"{sys.executable} -m test_executions_rerunner"
BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])


def in_shell(world: World, command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which ``$program`` is the program."""
    environment = {**world.environment(**changes), "program": PROGRAM, "PATH": "/usr/bin:/bin"}
    return subprocess.run(  # noqa: S603 - constant lines of shell
        ["/bin/bash", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",  # what an encoding lacks is a test of its own
        timeout=60,
        check=False,
    )


def filled(world: World) -> World:
    world.add_jenkins()
    world.add_github()
    for number in range(50):
        world.observer.add(f"no link {number}")
    return world


@BOTH
@pytest.mark.parametrize("mode", ["--dry-run", "--check"])
def test_a_reader_that_goes_away_is_no_bug(world: World, tmp_path: Path, processor: str, mode: str) -> None:
    report = tmp_path / "report.json"
    ended = in_shell(filled(world), f"$program {processor} {mode} --report {report} | true; exit ${{PIPESTATUS[0]}}")
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert "BrokenPipeError" not in ended.stderr
    assert json.loads(report.read_text())["exit_code"] == 0


@BOTH
@pytest.mark.parametrize("stream", ["1>&-", "2>&-", "1>&- 2>&-", "0<&-", "1>/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("mode", ["", "--dry-run", "--check"], ids=["drain", "dry run", "check"])
def test_a_stream_that_is_closed_or_full_is_no_bug(world: World, processor: str, stream: str, mode: str) -> None:
    ended = in_shell(filled(world), f"$program {processor} {mode} {stream}")
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
    assert len(world.observer.deleted) == (0 if mode else 1)


def test_requests_from_a_standard_input_that_is_closed_are_refused(world: World) -> None:
    ended = in_shell(world, "$program github --requests - 0<&-")
    assert ended.returncode == 2
    assert "--requests: '-' is not allowed" in ended.stderr
    assert "Traceback" not in ended.stderr


@BOTH
def test_a_full_disk_is_told_and_is_a_failure(world: World, processor: str) -> None:
    ended = filled(world).run(processor, "--report", "/dev/full")
    assert ended.exit_code == 1
    assert "/dev/full could not be written" in ended.err
    assert len(world.observer.deleted) == 1


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_of_the_runner_that_cannot_be_written_is_told(world: World, tmp_path: Path, name: str) -> None:
    place = str(tmp_path / "missing" / "file")
    ended = filled(world).run("github", GITHUB_ACTIONS="true", **{name: place})
    assert ended.exit_code == 1
    assert f"{place} could not be written" in ended.err
    assert len(world.observer.deleted) == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_letters_that_an_encoding_lacks_are_escaped(world: World, encoding: str) -> None:
    world.observer.add("https://github.com/canonical/漢/actions/runs/1")
    ended = in_shell(
        world, "$program github --dry-run -v | od -c | head -1; exit ${PIPESTATUS[0]}", PYTHONIOENCODING=encoding
    )
    assert ended.returncode == 0
    assert "Traceback" not in ended.stderr
