"""The command line as a new user tries it: help, settings, credentials, files of requests, the report's place."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.cli.settings.rows import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from integration.people.conftest import Ended, World

PROGRAM = (sys.executable, "-m", "test_executions_rerunner")


def called(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a process of its own, with nothing of this one's environment."""
    return subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, *arguments], env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def assert_refused(world: World, ended: Ended, *words: str) -> None:
    assert ended.exit_code == 2
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.shown
    assert [server.requests for server in (world.observer, world.jenkins, world.github)] == [[], [], []]


def test_help_fits_80_columns_and_names_every_flag() -> None:
    ended = called("--help")
    assert ended.returncode == 0
    assert ended.stderr == ""
    assert max(map(len, ended.stdout.splitlines())) <= 80
    assert [row.flag for row in SETTINGS if row.flag and f"{row.flag} " not in ended.stdout.replace("\n", " ")] == []
    for variable in ("TEST_OBSERVER_API_KEY", "JENKINS_API_TOKEN", "JENKINS_USERNAME", "GH_TOKEN", "GITHUB_TOKEN"):
        assert variable in ended.stdout


def test_help_is_80_columns_wide_on_any_terminal() -> None:
    assert called("--help", COLUMNS="40").stdout == called("--help", COLUMNS="200").stdout


def test_the_variables_that_help_shows_are_those_of_the_settings() -> None:
    shown = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", called("--help").stdout))
    assert shown <= {name for row in SETTINGS for name in row.environment}


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"test-executions-rerunner \d+\.\d+\.\d+\n", called("--version").stdout)


def test_the_module_and_the_console_script_are_the_same(world: World) -> None:
    script = os.path.join(os.path.dirname(sys.executable), "test-executions-rerunner")  # noqa: PTH118, PTH120 - no resolving
    arguments = ("github", "--dry-run")
    first = called(*arguments, **world.environment())
    second = subprocess.run(  # noqa: S603 - our own program
        [script, *arguments], env=world.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (first.returncode, first.stdout, first.stderr) == (0, second.stdout, second.stderr)
    assert second.returncode == 0


def test_an_unknown_flag_is_refused_with_the_nearest_one(world: World) -> None:
    assert_refused(world, world.run("--limits", "5"), "--limits is no flag: did you mean --limit?")


def test_a_flag_without_its_value_is_refused(world: World) -> None:
    assert_refused(world, world.run("--limit"), "--limit: expected one argument")


def test_a_second_argument_is_refused(world: World) -> None:
    assert_refused(world, world.run("github", "jenkins"), "one argument is allowed beside the flags: jenkins or github")


def test_all_that_is_wrong_is_told_at_once_one_line_each(world: World, tmp_path: Path) -> None:
    changes = {"JENKINS_API_TOKEN": None, "RERUNNER_LIMITS": "5", "RERUNNER_CHECK": "maybe"}
    place = str(tmp_path / "missing" / "file")
    ended = world.run("--repo", "a/b", "--family", "rpm", "--tokens", "sesame", "--report", place, **changes)
    assert_refused(world, ended)
    assert "sesame" not in ended.shown
    assert [line[29:].partition(":")[0].partition(" ")[0] for line in ended.err.splitlines()] == [
        *("--tokens", "--family", "RERUNNER_CHECK", "--repo", "RERUNNER_LIMITS", "JENKINS_API_TOKEN", "--report"),
    ]
    assert {line[21:28] for line in ended.err.splitlines()} == {"ERROR  "}


@pytest.mark.parametrize("arguments", [(), ("jenkins",), ("github",), ("--dry-run",)], ids=" ".join)
def test_the_bare_command_without_any_credential_explains_itself(arguments: tuple[str, ...]) -> None:
    ended = called(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    for word in ("JENKINS_API_TOKEN", "GH_TOKEN", "TEST_OBSERVER_API_KEY", "--help", "--check"):
        assert word in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("wrong", [("--limit", "0"), ("--tokens",), ()], ids=["value", "flag", "no credential"])
def test_wrong_settings_leave_outputs_a_summary_and_a_report(
    world: World, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "RERUNNER_REPORT")}
    ended = world.run("github", *wrong, GITHUB_ACTIONS="true", GH_TOKEN=None if not wrong else "gh-token", **files)
    assert ended.exit_code == 2
    assert "\nremaining<<" in (tmp_path / "GITHUB_OUTPUT").read_text()
    assert "the queue was not read" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    told = json.loads((tmp_path / "RERUNNER_REPORT").read_text())
    assert (told["exit_code"], told["remaining"], told["requests"]) == (2, None, [])
    assert (wrong or ("GH_TOKEN",))[0] in told["error"]


def test_a_flag_is_not_guessed_from_its_beginning(world: World) -> None:
    assert_refused(world, world.run("--lim", "5"), "--lim is no flag: did you mean --limit?")


def test_an_unknown_processor_is_refused(world: World) -> None:
    assert_refused(world, world.run("travis"), "processor: 'travis' is not allowed: one of jenkins, github")


def test_no_secret_is_taken_as_a_flag(world: World) -> None:
    for flag in ("--token", "--api-key", "--jenkins-api-token", "--github-token"):
        for ended in (world.run(flag, "sesame"), world.run("github", flag, "sesame"), world.run(f"{flag}=sesame")):
            assert_refused(world, ended, f"{flag} is no flag")
            assert "sesame" not in ended.shown


@pytest.mark.parametrize("mode", [(), ("--dry-run",), ("--check",)], ids=["drain", "dry run", "check"])
def test_a_missing_credential_is_named_and_nothing_is_called(world: World, mode: tuple[str, ...]) -> None:
    for processor, variable in (("jenkins", "JENKINS_API_TOKEN"), ("github", "GH_TOKEN")):
        for given in (None, ""):
            ended = world.run(processor, *mode, **{variable: given})
            assert_refused(world, ended, f"{variable}: ", "is needed, and none is set")


def test_an_empty_input_does_not_hide_a_token_of_the_environment(world: World) -> None:
    assert world.run("github", INPUT_GITHUB_TOKEN="").exit_code == 0


def test_the_processor_may_be_an_input(world: World) -> None:
    world.add_github()
    assert world.run(INPUT_PROCESSOR="github").exit_code == 0
    assert world.github.triggered(7) == 1


def test_a_flag_beats_an_input_which_beats_the_environment(world: World) -> None:
    for run_id in range(1, 6):
        world.add_github(run_id)
    world.run("github", "--limit", "1", INPUT_LIMIT="2", RERUNNER_LIMIT="3")
    assert len(world.observer.deleted) == 1
    world.run("github", INPUT_LIMIT="2", RERUNNER_LIMIT="3")
    assert len(world.observer.deleted) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--limit", "0"), ("--limit", "'0'", "a whole number of 1 or more"), id="limit"),
        pytest.param(("--family", "rpm"), ("--family", "'rpm'", "snap, deb, charm, image, solution"), id="family"),
        pytest.param(("--jenkins-url", "jenkins"), ("--jenkins-url", "'jenkins'", "http(s)://"), id="URL"),
        pytest.param(("github", "--repo", "a/b/c"), ("--repo", "'a/b/c'", "OWNER/NAME"), id="repository"),
        pytest.param(("--check", "--dry-run"), ("--check", "--dry-run"), id="two modes"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_called(
    world: World, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(world, world.run(*arguments), *words)


def test_a_wrong_value_cannot_forge_a_line(world: World) -> None:
    ended = world.run("--environment", "a\n::error::forged\x1b[31m", GITHUB_ACTIONS="true")
    assert_refused(world, ended, "--environment")
    assert ended.err.count("\n") == 1
    assert "\x1b" not in ended.shown
    told = [line for line in ended.out.splitlines() if not line.startswith("::add-mask::")]
    assert [line[:30] for line in told] == ["::error title=Wrong setting::-"]


@pytest.mark.parametrize("in_actions", [None, "true"], ids=["elsewhere", "in Actions"])
def test_the_run_that_the_drain_runs_in_is_never_started_wherever_its_id_is_set(
    world: World, in_actions: str | None
) -> None:
    world.add_github(7)
    assert world.run("github", GITHUB_RUN_ID="7", GITHUB_ACTIONS=in_actions).exit_code == 0
    assert (world.github.triggered(7), len(world.observer.ids())) == (0, 1)


# files of requests


def request_of(world: World, **more: object) -> dict[str, object]:
    world.github.add_run("canonical/lab", 7)
    return {"ci_link": "https://github.com/canonical/lab/actions/runs/7", "family": "snap", **more}


def test_requests_of_a_file_without_ids_involve_no_test_observer(world: World, tmp_path: Path) -> None:
    file = tmp_path / "queue.json"
    file.write_text(json.dumps([request_of(world)]))
    assert world.run("github", "--requests", str(file)).exit_code == 0
    assert (world.github.triggered(7), world.observer.requests) == (1, [])


def test_requests_may_come_from_standard_input(world: World) -> None:
    text = json.dumps([request_of(world)])
    ended = called("github", "--requests", "-", stdin=text, **world.environment())
    assert (ended.returncode, world.github.triggered(7)) == (0, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param("", "readable JSON", id="empty"),
        pytest.param("[", "readable JSON", id="cut short"),
        pytest.param("{}", "no array", id="object"),
        pytest.param("null", "no array", id="null"),
        pytest.param("[" * 100_000, "readable JSON", id="too deep"),
        pytest.param(b"\xff\xfe[]", "readable JSON", id="not UTF-8"),
    ],
)
def test_a_file_that_holds_no_requests_is_refused(
    world: World, tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    file = tmp_path / "queue.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_refused(world, world.run("github", "--requests", str(file)), "--requests", str(file), words)


def test_a_folder_of_requests_is_refused(world: World, tmp_path: Path) -> None:
    assert_refused(world, world.run("github", "--requests", str(tmp_path)), "--requests", "Is a directory")


# the report's place


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param("missing/report.json", "No such file or directory", id="folder that is not there"),
        pytest.param(".", "is a folder", id="folder"),
        pytest.param("file/report.json", "Not a directory", id="file in the place of a folder"),
    ],
)
@pytest.mark.parametrize("spelled", ["flag", "variable"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_called(
    world: World, tmp_path: Path, place: str, words: str, spelled: str
) -> None:
    (tmp_path / "file").touch()
    world.add_github()
    path = str(tmp_path / place)
    ended = world.run("github", "--report", path) if spelled == "flag" else world.run("github", RERUNNER_REPORT=path)
    assert_refused(world, ended, "--report" if spelled == "flag" else "RERUNNER_REPORT", repr(path)[1:-1], words)


def test_trying_whether_a_report_can_be_written_leaves_the_old_one(world: World, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    assert world.run("github", "--report", str(file), GH_TOKEN=None, GITHUB_TOKEN=None).exit_code == 2
    assert json.loads(file.read_text())["exit_code"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("processor", ["jenkins", "github"])
def test_a_token_that_is_wrong_is_one_problem_and_no_missing_one(world: World, processor: str) -> None:
    variable = "JENKINS_API_TOKEN" if processor == "jenkins" else "GH_TOKEN"
    ended = world.run(processor, **{variable: "abc"})
    assert ended.exit_code == 2
    assert len(ended.err.splitlines()) == 1
    assert variable in ended.err
    assert "none is set" not in ended.err


def test_what_came_by_an_input_is_blamed_on_the_input(world: World, tmp_path: Path) -> None:
    world.add_github()
    report = tmp_path / "report.json"
    ended = world.run("--report", str(report), INPUT_PROCESSOR="github", INPUT_REPO="canonical/another")
    assert ended.exit_code == 0
    assert "the input repo sets it" in ended.err
    assert "the input repo sets it" in json.loads(report.read_text())["requests"][0]["reason"]
    assert "--repo" not in ended.err


def test_a_wrong_value_of_a_variable_is_blamed_on_the_parameter_of_the_step(world: World) -> None:
    ended = world.run("jenkins", RERUNNER_LIMIT="many", RERUNNER_STEP_PROCESSOR="jenkins")
    assert ended.exit_code == 2
    assert "limit: 'many' is not allowed" in ended.err
    assert "RERUNNER_LIMIT" not in ended.err
