"""The demo tells the truth: what it shows is what happened, and it fails when something else did."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, ClassVar

import pytest

from test_executions_rerunner.demo import Fault, story
from test_executions_rerunner.demo.scene import OPEN, Scene

if TYPE_CHECKING:
    from typing_extensions import Self


class FaultyScene(Scene):
    """The demo's scene, whose servers have faults."""

    faults: ClassVar[dict[str, Fault]] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        for server, fault in self.faults.items():
            getattr(self, server).inject(fault)
        return self


def run_demo(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as `make demo` does."""
    command = [sys.executable, "-m", "test_executions_rerunner.demo"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own program


@pytest.fixture(scope="module")
def told() -> subprocess.CompletedProcess[str]:
    """What the demo says when all is well."""
    return run_demo()


def section(told: subprocess.CompletedProcess[str], heading: str) -> list[list[str]]:
    """Return the words of each line of the table below a heading, without the names of its columns."""
    lines = told.stdout.partition(heading)[2].splitlines()[2:]
    return [line.split() for line in lines[: lines.index("") if "" in lines else None]]


def test_the_demo_ends_with_0_and_says_nothing_on_stderr(told: subprocess.CompletedProcess[str]) -> None:
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith("\nNothing asked for was lost, and nothing was started twice.\n")
    assert "WRONG" not in told.stdout


def test_the_demo_fits_a_terminal_and_every_encoding(told: subprocess.CompletedProcess[str]) -> None:
    assert told.stdout.isascii()
    assert max(map(len, told.stdout.splitlines())) <= 130


def test_the_demo_shows_the_queue_before_and_after(told: subprocess.CompletedProcess[str]) -> None:
    before = section(told, "People asked for these reruns:")
    after = section(told, "The queue afterwards: 7 of 16 requests")
    assert [row[0] for row in before] == [str(number) for number in range(1, 17)]
    assert [row[0] for row in after][:7] == ["6", "7", "11", "12", "14", "15", "16"]


@pytest.mark.parametrize(
    ("processor", "ids", "row"),
    [
        pytest.param("jenkins", "1 2 3", "triggered cert-rpi400-snap accepted", id="one trigger for three requests"),
        pytest.param("jenkins", "5", "already-rerun cert-rpi5-snap build 2 started since the request", id="by hand"),
        pytest.param("jenkins", "6", "deferred cert-broken-device the job is disabled", id="a disabled job"),
        pytest.param("github", "8 9 10", "triggered canonical/lab run 13326600211 accepted", id="three of one run"),
        pytest.param("github", "11", "deferred canonical/lab run 13326600212 attempt 1 of the run", id="running"),
    ],
)
def test_the_demo_shows_what_became_of_each_request(
    told: subprocess.CompletedProcess[str], processor: str, ids: str, row: str
) -> None:
    shown = [" ".join(words) for words in section(told, f"$ test-executions-rerunner {processor} ")]
    assert any(line.startswith(f"{ids} {row}") for line in shown), shown


def test_the_demo_counts_what_the_servers_were_sent(told: subprocess.CompletedProcess[str]) -> None:
    started = {" ".join(row[:-1] if row[-1] == "-" else row) for row in section(told, "asked to start:")}
    assert "cert-xps13-deb 1 queued with TEST_OBSERVER_REPORTING=True, TESTPLAN=full" in started
    assert {"run 13326600211 1 attempt 2", "run 13326600212 0", "cert-rpi5-snap 0"} <= started


def test_the_demo_heeds_neither_credentials_nor_proxies_of_whoever_runs_it() -> None:
    others = {"http_proxy": "http://127.0.0.1:9", "GH_TOKEN": "mine", "RERUNNER_DRY_RUN": "1", "RERUNNER_LIMIT": "1"}
    assert run_demo(**others).returncode == 0


@pytest.mark.parametrize(
    ("faults", "wrong"),
    [
        pytest.param(
            {"jenkins": Fault("POST", "/cert-xps13-deb/", status=403)},
            "request 4 should have been triggered for jenkins, not failed",
            id="a refused trigger",
        ),
        pytest.param(
            {"github": Fault("POST", f"/{OPEN}/rerun", status=429, headers={"Retry-After": "0"})},
            "run 13326600211 should have been triggered 1 times, not 2",
            id="a second POST",
        ),
        pytest.param(
            {"observer": Fault("DELETE", skip=1, status=200, body="null")},
            "the queue should hold",
            id="a request that was not deleted",
        ),
        pytest.param(
            {"observer": Fault("DELETE", status=403, times=None)},
            "github should have ended with 1, not 3",
            id="another exit code",
        ),
    ],
)
def test_the_demo_fails_and_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], faults: dict[str, Fault], wrong: str
) -> None:
    monkeypatch.setattr(FaultyScene, "faults", faults)
    monkeypatch.setattr(story, "Scene", FaultyScene)
    assert story.tell() == 1
    shown = capsys.readouterr().out
    assert f"\nWRONG: {wrong}" in shown
    assert "Nothing asked for was lost" not in shown
