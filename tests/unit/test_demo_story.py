"""The demo tells the truth: what it shows is what happened, and it fails when something else did."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, ClassVar

import pytest

from test_executions_rerunner.demo import Fault, story
from test_executions_rerunner.demo.scene import Scene

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


def run_demo(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as `make demo` does."""
    command = [sys.executable, "-m", "test_executions_rerunner.demo", *flags]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own program


@pytest.fixture(scope="module")
def told() -> subprocess.CompletedProcess[str]:
    """What the demo says when all is well."""
    return run_demo()


def section(told: subprocess.CompletedProcess[str], heading: str) -> list[str]:
    """Return the lines of the table below a heading, without the names of its columns, each blank one blank wide."""
    lines = told.stdout.partition(heading)[2].splitlines()[2:]
    return [" ".join(line.split()) for line in lines[: lines.index("")]]


def test_the_demo_ends_with_0_when_all_is_well(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0
    assert "\nNothing asked for was lost, and nothing was started twice.\n" in told.stdout
    assert "WRONG" not in told.stdout


def test_the_demo_fits_a_terminal_and_every_encoding(told: subprocess.CompletedProcess[str]) -> None:
    lines = told.stdout.splitlines()
    assert told.stdout.isascii()
    assert (max(map(len, lines)) <= 100, len(lines) <= 40) == (True, True)


def test_the_demo_shows_the_queue_before_and_after(told: subprocess.CompletedProcess[str]) -> None:
    before = section(told, "People asked for these reruns:")
    assert [row.split()[0] for row in before] == [str(number) for number in range(1, 16)]
    assert "\nThe queue afterwards: 6 7 10 11 12 14 15 (7 of 15 requests)\n" in told.stdout


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("cert-rpi400-snap", "triggered", "accepted"), id="a trigger"),
        pytest.param(("cert-rpi5-snap", "already-rerun", "build 2 started since the request"), id="by hand"),
        pytest.param(("cert-broken-device", "deferred", "the job is disabled"), id="a disabled job"),
        pytest.param(("run 4104", "deferred", "attempt 1 of the run is still going"), id="a run in progress"),
        pytest.param(("run 4103", "deferred", "rpi4", "4102"), id="a run whose group is held"),
    ],
)
def test_the_demo_shows_what_the_command_says(told: subprocess.CompletedProcess[str], words: tuple[str, ...]) -> None:
    assert any(all(word in line for word in words) for line in told.stderr.splitlines())


@pytest.mark.parametrize(
    "flags", [pytest.param("jenkins", id="jenkins"), pytest.param("github --rerun job", id="github")]
)
def test_the_demo_shows_each_command_and_its_exit_code(told: subprocess.CompletedProcess[str], flags: str) -> None:
    assert f"\n$ test-executions-rerunner {flags}\nexit code 1: a request failed\n" in told.stdout


def test_the_demo_shows_what_the_servers_started(told: subprocess.CompletedProcess[str]) -> None:
    assert section(told, "What the servers started:") == [
        "cert-rpi400-snap TEST_OBSERVER_REPORTING=True, TESTPLAN=smoke",
        "cert-xps13-deb TEST_OBSERVER_REPORTING=True, TESTPLAN=full",
        "run 4101 attempt 2: rpi5",
        "run 4102 attempt 2: test",
    ]


def test_the_demo_heeds_neither_credentials_nor_proxies_of_whoever_runs_it() -> None:
    others = {"http_proxy": "http://127.0.0.1:9", "GH_TOKEN": "mine", "RERUNNER_DRY_RUN": "1", "RERUNNER_LIMIT": "1"}
    assert run_demo(**others).returncode == 0


def test_the_demo_explains_itself() -> None:
    shown = run_demo("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "python -m test_executions_rerunner.demo" in shown.stdout
    assert "--serve" in shown.stdout
    assert run_demo("--bogus").returncode == 2


@pytest.mark.parametrize(
    ("faults", "wrong"),
    [
        pytest.param(
            {"jenkins": Fault("POST", "/cert-xps13-deb/", status=403)},
            "request 4 should have been triggered for jenkins, not failed",
            id="a refused trigger",
        ),
        pytest.param(
            {"jenkins": Fault("POST", "/cert-xps13-deb/", status=429, headers={"Retry-After": "0"})},
            "cert-xps13-deb should have been triggered 1 times, not 2",
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
