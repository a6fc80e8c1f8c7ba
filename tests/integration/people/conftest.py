"""What every test of this folder needs: three servers on loopback, and the real command line called on them."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from servers import Servers
from test_executions_rerunner.calls import waiting
from test_executions_rerunner.cli import main as cli
from test_executions_rerunner.cli.settings.rows import SETTINGS
from waits import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_OUTSIDE = (
    *(name for proxy in _PROXIES for name in (proxy, proxy.upper())),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "JENKINS_API_EXTRA_HEADERS"),
    *("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_RUN_ID"),
    *("COLUMNS", "NO_COLOR"),
)
_SETTINGS = (name for row in SETTINGS for name in (f"INPUT_{row.name.upper()}", *row.environment))
OURS = frozenset({*_OUTSIDE, *_SETTINGS})
"""Every variable of the environment that means something to the program."""


@dataclass(frozen=True)
class Ended:
    """How one call of the program ended."""

    exit_code: int
    out: str
    err: str

    @property
    def shown(self) -> str:
        """All that a person sees."""
        return self.out + self.err


class World(Servers):
    """All servers, and the program called on them."""

    def add_jenkins(self, name: str = "lab", **job: Any) -> int:  # noqa: ANN401 - handed on to the server
        """Add a job and a request of it."""
        self.jenkins.add_job(name, **job)
        path = "".join(f"/job/{part}" for part in name.split("/"))
        return self.observer.add(f"{self.jenkins.url}{path}/1/")

    def add_github(self, run_id: int = 7, repository: str = "canonical/lab", **run: Any) -> int:  # noqa: ANN401 - as above
        """Add a run and a request of it."""
        self.github.add_run(repository, run_id, **run)
        return self.observer.add(f"https://github.com/{repository}/actions/runs/{run_id}")

    def run(self, *arguments: str, **changes: str | None) -> Ended:
        """Call the program in this process; `environment` has the changes."""
        return run_program(*arguments, environment=self.environment(**changes))

    @property
    def changes(self) -> list[str]:
        """Every request that was no GET, on any server."""
        servers = (self.observer, self.jenkins, self.github)
        return [f"{r.method} {r.target}" for server in servers for r in server.requests if r.method != "GET"]


def run_program(*arguments: str, environment: dict[str, str], stdin: str = "") -> Ended:
    """Call the command line in this process, with these variables only and with short waits."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, _kept_as_it_was():
        of_these_tests = {name for name in os.environ if name.startswith("RERUNNER_")}  # noqa: TID251 - RERUNNER_REQUIRE_ALL
        for name in OURS | of_these_tests:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr("sys.stdin", io.StringIO(stdin))
        patch.setattr(waiting, "WAITS", SHORT)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = cli.main(arguments)
            except SystemExit as ended:  # argparse's own
                code = ended.code if isinstance(ended.code, int) else 1
    return Ended(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _kept_as_it_was() -> Iterator[None]:
    """Undo what a program may change in its process, since this process goes on."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root = logging.getLogger()
    level = root.level
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        root.setLevel(level)


def read_json(path: Path) -> dict[str, Any]:
    """Return the report that was written."""
    told = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(told, dict)
    return told


@pytest.fixture
def world() -> Iterator[World]:
    """Three servers on loopback that end with the test."""
    with World() as servers:
        yield servers


@pytest.fixture(scope="session")
def new_world() -> type[World]:
    """The class of `world`, for tests that need a new one for each example."""
    return World
