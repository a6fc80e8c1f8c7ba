"""``--report``: JSON of one shape, whatever happens, and there whole or not at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import test_executions_rerunner
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.people.conftest import Ended, World

BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])
SCHEMA = json.loads((Path(test_executions_rerunner.__file__).parent / "cli/telling/report.schema.json").read_text())


def report_of(path: Path) -> dict[str, Any]:
    """Read a report that holds to the schema and to itself."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert sum(told["counts"].values()) == len(told["requests"])
    for name, count in told["counts"].items():
        assert sum(request["outcome"] == name for request in told["requests"]) == count
    assert told["remaining"] in {None, sum(not request["deleted"] for request in told["requests"])}
    return told


def reported(world: World, folder: Path, *arguments: str, **changes: str | None) -> tuple[Ended, dict[str, Any]]:
    path = folder / "report.json"
    ended = world.run(*arguments, "--report", str(path), **changes)
    told = report_of(path)
    assert told["exit_code"] == ended.exit_code
    assert [file.name for file in folder.iterdir() if file.name.startswith(".report")] == []
    return ended, told


def filled(world: World) -> World:
    world.add_jenkins()
    world.add_github()
    world.observer.add("no link")
    return world


@BOTH
def test_a_drain_is_reported_request_by_request_in_queue_order(world: World, tmp_path: Path, processor: str) -> None:
    filled(world)
    ended, told = reported(world, tmp_path, processor)
    assert ended.exit_code == 0
    assert (told["version"], told["processor"], told["dry_run"], told["error"]) == (3, processor, False, None)
    assert [request["test_execution_id"] for request in told["requests"]] == [1, 2, 3]
    mine = told["requests"][0 if processor == "jenkins" else 1]
    assert (mine["outcome"], mine["deleted"]) == ("triggered", True)
    assert [request["ci_link"] for request in told["requests"]] == [
        *(f"{world.jenkins.url}/job/lab/1/", "https://github.com/canonical/lab/actions/runs/7", "no link"),
    ]
    told_of = (mine["environment"], mine["artefact"], mine["test_plan"])
    assert told_of == ("rpi4", "core22 beta", "com.canonical.certification::client-cert")
    assert time.time() - datetime.fromisoformat(mine["asked_at"][:-1] + "+00:00").timestamp() == pytest.approx(
        3600, abs=60
    )
    assert mine["target"] == ("lab" if processor == "jenkins" else "canonical/lab run 7")
    jenkins, github = f"{world.jenkins.url}/queue/item/1/", "https://github.com/canonical/lab/actions/runs/7/attempts/2"
    assert mine["link"] == (jenkins if processor == "jenkins" else github)
    assert told["counts"]["unsupported"] == told["remaining"] == 2


@BOTH
def test_a_dry_run_is_reported_as_one(world: World, tmp_path: Path, processor: str) -> None:
    _, told = reported(filled(world), tmp_path, processor, "--dry-run")
    assert (told["dry_run"], told["counts"]["planned"], told["remaining"]) == (True, 1, 3)


@BOTH
def test_failures_are_reported(world: World, tmp_path: Path, processor: str) -> None:
    filled(world)
    for server in (world.jenkins, world.github):
        server.inject(Fault(method="GET", times=None, status=500))
    ended, told = reported(world, tmp_path, processor)
    assert (ended.exit_code, told["counts"]["failed"], told["remaining"]) == (1, 1, 3)


@BOTH
def test_a_test_observer_that_cannot_be_used_is_reported(world: World, tmp_path: Path, processor: str) -> None:
    world.observer.stop()
    ended, told = reported(world, tmp_path, processor)
    assert (ended.exit_code, told["requests"], told["remaining"]) == (3, [], None)
    assert "the queue was not read" in ended.err
    assert "stay in the queue" not in ended.shown
    assert world.observer.url in told["error"]
    assert "check TEST_OBSERVER_URL" in told["error"]


@BOTH
def test_what_had_been_done_before_the_queue_failed_is_reported(world: World, tmp_path: Path, processor: str) -> None:
    for number in range(1, 21):
        world.add_jenkins(f"lab{number}")
        world.add_github(number)
    for number in range(180):
        world.observer.add(f"no link {number}")
    world.observer.inject(Fault(method="GET", skip=1, times=None, status=500))
    ended, told = reported(world, tmp_path, processor)
    assert (ended.exit_code, told["counts"]["triggered"]) == (3, 20)
    assert "reading the queue: 500" in told["error"]
    assert len(world.observer.ids()) == 200


@BOTH
def test_a_wrong_setting_found_late_is_reported(world: World, tmp_path: Path, processor: str) -> None:
    changes = {"JENKINS_API_TOKEN": None, "GH_TOKEN": None}
    ended, told = reported(world, tmp_path, processor, **changes)
    assert (ended.exit_code, "is needed, and none is set" in told["error"]) == (2, True)
    assert told["remaining"] is None


@BOTH
def test_a_delete_that_failed_is_reported_with_its_request(world: World, tmp_path: Path, processor: str) -> None:
    filled(world).observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    ended, told = reported(world, tmp_path, processor)
    mine = told["requests"][0 if processor == "jenkins" else 1]
    assert (ended.exit_code, mine["outcome"], mine["deleted"]) == (1, "triggered", False)
    assert "could not be deleted" in mine["reason"]
    assert "could not be deleted" in told["error"]


def test_an_old_report_is_replaced_as_a_whole(world: World, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("x" * 100_000)
    reported(filled(world), tmp_path, "github")


def test_a_reader_never_sees_half_a_report(world: World, tmp_path: Path) -> None:
    """Whoever has the old file open keeps it: the new one takes its place and is not written into it."""
    path = tmp_path / "report.json"
    path.write_text("old")
    with path.open() as reader:
        reported(filled(world), tmp_path, "github")
        assert reader.read() == "old"


@BOTH
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_leaves_a_report(
    world: World, tmp_path: Path, processor: str, number: signal.Signals, code: int
) -> None:
    for index in (1, 2, 3):
        world.add_jenkins(f"lab{index}")
        world.add_github(index)
    ci = world.jenkins if processor == "jenkins" else world.github
    ci.inject(Fault(method="GET", times=None, action="hang"))
    path = tmp_path / "report.json"
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "test_executions_rerunner", processor, "--report", str(path)],
        env=world.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ci.wait_for("GET")
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    told = report_of(path)
    assert (process.returncode, told["exit_code"]) == (code, code)
    assert number.name in told["error"]
    assert told["counts"]["deferred"] == told["counts"]["unsupported"] == 3
    assert world.observer.deleted == []
    assert "Traceback" not in err


def test_hostile_texts_are_ascii_in_the_report(world: World, tmp_path: Path) -> None:
    world.observer.add("\ud800\u202e\x1b[31m\n漢")
    world.observer.add_raw({"test_execution_id": 2, "ci_link": ["\x00"], "family": None})
    world.observer.add_raw("no object \x1b[31m")
    _, told = reported(world, tmp_path, "github")
    assert told["counts"]["unsupported"] == 3
    assert all(request["reason"].isprintable() for request in told["requests"])


def test_the_report_may_go_to_a_pipe(world: World) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "test_executions_rerunner", "github", "--report", "/dev/stdout"],
        env=filled(world).environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(ended.stdout)["counts"]["triggered"] == 1


@BOTH
@pytest.mark.parametrize("mode", [(), ("--dry-run",), ("--check",), ("--limit", "0")], ids="-".join)
def test_the_report_on_standard_output_stands_there_alone(world: World, processor: str, mode: tuple[str, ...]) -> None:
    ended = filled(world).run(processor, *mode, "--report", "-", GITHUB_ACTIONS="true")
    told = json.loads(ended.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    assert told["exit_code"] == ended.exit_code
    assert mode != ("--dry-run",) or "would POST" in ended.err


@BOTH
def test_a_drain_that_a_rate_limit_stopped_has_no_error(world: World, tmp_path: Path, processor: str) -> None:
    filled(world)
    for server in (world.jenkins, world.github):
        server.inject(Fault(method="GET", times=None, status=429, headers={"Retry-After": "3600"}))
    ended, told = reported(world, tmp_path, processor, GITHUB_ACTIONS="true")
    assert (ended.exit_code, told["error"]) == (0, None)
    assert told["stopped"]
    assert "ERROR" not in ended.err
    assert "::error" not in ended.shown
    assert len([line for line in ended.out.splitlines() if line.startswith("::notice ")]) == 1


@BOTH
def test_a_bug_ends_with_70_and_leaves_a_report(
    world: World, tmp_path: Path, processor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("test_executions_rerunner.rerunner.Windows", broken)
    ended, told = reported(filled(world), tmp_path, processor)
    assert (ended.exit_code, told["exit_code"]) == (70, 70)
    assert told["error"] == "a bug: ZeroDivisionError: on purpose"
    assert "Traceback" in ended.err
    assert world.changes == []
