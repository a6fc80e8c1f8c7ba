"""Where speed comes from, counted rather than timed: what is imported, and how many connections there are."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.cli.signals import Signals

if TYPE_CHECKING:
    from integration.conftest import Lab, System


def run_program(lab: Lab, *arguments: str) -> str:
    """Run the command line against a lab's servers; return what it and ``-X importtime`` say on stderr."""
    return run_python(lab, "-m", "test_executions_rerunner", *arguments)


def run_python(lab: Lab, *arguments: str) -> str:
    """Run Python; return what it and ``-X importtime`` say on stderr."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, env=lab.environment(), capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own program
    assert done.returncode == 0, done.stderr
    return done.stderr


def imported(lab: Lab, *arguments: str) -> set[str]:
    """Return the modules that the command line imports."""
    return modules_in(run_program(lab, *arguments))


def modules_in(told: str) -> set[str]:
    """Return the modules that ``-X importtime`` tells of."""
    return set(re.findall(r"^import time: .*\| +(\S+)$", told, re.MULTILINE))


def test_help_imports_no_client_at_all(lab: Lab) -> None:
    clients = {"requests", "urllib3", "jenkins", "github", "tqdm", "http.client"}
    others = {"difflib", "html", "urllib.parse", "dataclasses", "logging"}
    by_itself = modules_in(run_python(lab, "-c", "import argparse"))  # dataclasses from Python 3.14 on
    assert (imported(lab, "--help") - by_itself) & (clients | others) == set()


def test_jenkins_needs_no_github(lab: Lab) -> None:
    lab.request(lab.add_target("jenkins", "t1"))
    modules = imported(lab, "jenkins")
    assert "jenkins" in modules
    assert {"github", "tqdm"} & modules == set()
    assert lab.jenkins.count("POST") == 1


def test_github_needs_no_jenkins(lab: Lab) -> None:
    lab.request(lab.add_target("github", "t1"))
    modules = imported(lab, "github")
    assert "github" in modules
    assert {"jenkins", "tqdm"} & modules == set()
    assert lab.github.count("POST") == 1


def test_an_empty_queue_needs_no_client(lab: Lab, system: System) -> None:
    modules = imported(lab, system)
    assert "requests" in modules
    assert {"github", "jenkins", "difflib", "html"} & modules == set()
    assert lab.observer.count("GET") == 1


@pytest.mark.parametrize("concurrency", [pytest.param(n, id=f"concurrency {n}") for n in (1, 3)])
def test_the_flag_bounds_the_connections_to_each_server(lab: Lab, system: System, concurrency: int) -> None:
    lab.server(system).latency_seconds = lab.observer.latency_seconds = {"POST": 0.02, "DELETE": 0.02}
    ids = [number for n in range(12) for number in lab.request(lab.add_target(system, f"t{n}"))]
    run_program(lab, system, "--concurrency", str(concurrency))
    assert sorted(lab.observer.deleted) == ids
    assert lab.server(system).count("POST") == len(ids)
    assert lab.server(system).connections == concurrency
    assert lab.observer.connections <= concurrency


def test_garbage_is_collected_again_once_the_work_begins() -> None:
    seen: list[bool] = []
    gc.disable()  # as __main__ does
    try:
        Signals().wait(lambda: seen.append(gc.isenabled()))
        assert seen == [True]
    finally:
        gc.enable()
