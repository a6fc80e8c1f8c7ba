"""Whatever servers send, sixteen answers at a time, the process stays below 400 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from e2e.lab import GithubLab, JenkinsLab, Lab
from e2e.program import environment_of
from test_executions_rerunner.calls.answers import MOST_BYTES
from test_executions_rerunner.calls.memory import MOST_UNPACKED_BYTES, unpacked_bytes
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MOST_KILOBYTES = 400_000
TARGETS = 32
JSON = {"Content-Type": "application/json"}
each_lab = pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab])


# Linux counts for a process what the one had that started it, so this is one that has little itself.
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:], stdout=open(sys.argv[1], "wb"), stderr=subprocess.STDOUT)
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, int]:
    """Run a program; return its exit code and the most kilobytes that it had at a time."""
    measuring = [sys.executable, "-c", MEASURE, "log", *command]
    done = subprocess.run(measuring, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own program
    code, kilobytes = done.stdout.split()
    return int(code), int(kilobytes)


def drain_measured(lab: Lab, folder: Path, *arguments: str) -> tuple[int, int]:
    """Run the command line; return its exit code and the most kilobytes that it had at a time."""
    command = [sys.executable, "-m", "test_executions_rerunner", lab.processor, "--report", "report.json", *arguments]
    return measured(command, folder, environment_of(lab))


@pytest.mark.parametrize("holds", [0, MOST_KILOBYTES], ids=["little", "much"])
def test_what_is_measured_is_the_program_and_not_this_process(tmp_path: Path, holds: int) -> None:
    ours = b"x" * MOST_KILOBYTES * 1024
    _, kilobytes = measured([sys.executable, "-c", f"b'x' * {holds} * 1024"], tmp_path, {})
    assert len(ours) > 0
    assert (kilobytes > MOST_KILOBYTES) is bool(holds)


def repeated(part: bytes, *, before: bytes = b"[", after: bytes = b"]", most: int = MOST_BYTES - 1) -> bytes:
    """Return a list of as many equal elements as fit."""
    count = (most - len(before) - len(after)) // (len(part) + 1)
    return before + b",".join([part] * count) + after


ANSWERS = {
    "a million empty objects": repeated(b"{}", before=b'{"builds":[', after=b"]}"),
    "lists": repeated(b"[]", before=b'{"jobs":[', after=b"]}"),
    "as many objects as are read": repeated(b'{"a":1}', before=b'{"id":1,"x":[', after=b"]}", most=MOST_BYTES // 14),
    "one long text of wide letters": b'{"message":"' + "\U0001f600".encode() * ((MOST_BYTES - 20) // 4) + b'"}',
    "a page without an end": b"<html><body>" + b"<a <a " * ((MOST_BYTES - 20) // 6),
}


@each_lab
def test_answers_to_looks(new_lab: Callable[[], Lab], tmp_path: Path) -> None:
    with new_lab() as lab:
        lab.ask(*range(TARGETS))
        for status in (200, 500):
            for body in ANSWERS.values():
                lab.ci.inject(Fault("GET", lab.look, status=status, body=body, headers=JSON, times=16))
        lab.ci.inject(Fault("GET", lab.look, status=403, times=None))
        code, kilobytes = drain_measured(lab, tmp_path)
        assert code == 1
        assert lab.accepted == {}
    assert kilobytes < MOST_KILOBYTES


@each_lab
def test_answers_to_triggers(new_lab: Callable[[], Lab], tmp_path: Path) -> None:
    with new_lab() as lab:
        lab.ask(*range(TARGETS))
        lab.ci.inject(
            Fault("POST", status=500, body=ANSWERS["one long text of wide letters"], headers=JSON, times=None)
        )
        _, kilobytes = drain_measured(lab, tmp_path)
    assert kilobytes < MOST_KILOBYTES


def test_builds_that_are_kept(tmp_path: Path) -> None:
    """Each job tells of builds with as many parameters as are read at all."""
    with JenkinsLab() as lab:
        lab.ask(*range(2 * TARGETS))
        for number in range(TARGETS):
            lab.jenkins.inject(Fault("GET", f"/job/cert-{number}/", status=200, body=builds_of(number), times=None))
        _, kilobytes = drain_measured(lab, tmp_path)
    assert kilobytes < MOST_KILOBYTES


def builds_of(number: int) -> bytes:
    parameters = [{"name": f"p{n}", "value": f"v{n}"} for n in range(900)]
    builds = [{"number": n, "timestamp": 1000, "actions": [{"parameters": parameters}]} for n in range(50, 0, -1)]
    told = {"fullName": f"cert-{number}", "buildable": True, "property": [], "builds": builds}
    body = json.dumps(told).encode()
    assert 0.8 * MOST_UNPACKED_BYTES < unpacked_bytes(body) < MOST_UNPACKED_BYTES
    return body


ROWS = {
    "empty objects": b"{}",
    "a row of long texts": json.dumps({"test_execution_id": 1, "ci_link": "x" * 8000, "family": "snap"}).encode(),
    "a row of objects": b'{"ci_link":' + repeated(b"{}", most=8000) + b"}",
    "a row of wide letters": b'{"ci_link":"' + "\U0001f600".encode() * 1990 + b'"}',
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_queue(tmp_path: Path, row: bytes) -> None:
    with GithubLab() as lab:
        lab.observer.inject(Fault("GET", status=200, body=repeated(row), headers=JSON, times=None))
        _, kilobytes = drain_measured(lab, tmp_path)
    assert kilobytes < MOST_KILOBYTES
