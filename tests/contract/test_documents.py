"""The documents can be followed: links resolve, commands are real, the quick start drains nothing at first."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.pages import EVERYTHING, PAGES, ROOT, code, marked, only, table
from test_executions_rerunner.cli.main import _read_flags
from test_executions_rerunner.cli.settings.reading import collect_settings
from test_executions_rerunner.demo import JenkinsServer, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = "test-executions-rerunner"
README = PAGES["README.md"]
PROGRAM = Path(sys.executable).with_name(COMMAND)


def _lines(block: str) -> list[str]:
    """Return the commands of a block of a console."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def _arguments(line: str) -> list[list[str]]:
    """Return the arguments of each call of the program in a line of shell."""
    words = [
        word.rpartition("/")[2] if word.endswith(f"/{COMMAND}") else word for word in shlex.split(line, comments=True)
    ]
    starts = [number for number, word in enumerate(words) if word == COMMAND]
    calls = [words[start + 1 :] for start in starts]
    return [call[: _end(call)] for call in calls]


def _end(words: list[str]) -> int:
    return next((n for n, word in enumerate(words) if word in {"|", "<", "&&", ";"}), len(words))


def _problems(arguments: list[str]) -> list[str]:
    flags, problems = _read_flags(arguments)
    _, more = collect_settings(flags, {})
    return [*problems, *more]


# links


def _anchors(text: str) -> set[str]:
    return {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in re.sub(r"^```.+?^```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("name", PAGES)
def test_each_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (ROOT / name).parent / path if path else ROOT / name
        assert there.exists(), target
        if anchor:
            assert anchor in _anchors(there.read_text(encoding="utf-8")), target


def test_every_page_is_named_by_the_readme() -> None:
    assert [name for name in PAGES if name != "README.md" and f"({name})" not in README] == []


def test_each_make_task_that_is_named_exists() -> None:
    tasks = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make ([a-z]+)`", EVERYTHING)) <= tasks


# the README


def test_the_readme_is_one_page_in_the_order_of_a_newcomer() -> None:
    places = [README.index(text) for text in ("[![", "## Quick start", "## A GitHub workflow", "## A Jenkinsfile")]

    assert len(README.splitlines()) <= 300
    assert places == sorted(places)


def test_the_prerequisites_of_the_jenkinsfile_stand_above_it() -> None:
    above, _, below = README.partition("## A Jenkinsfile\n")[2].partition("<!-- test: step -->")
    names = re.findall(r"(?:CredentialsId: |image: |@Library\(|label )'([^':]+)", below)

    assert len(names) == 5
    assert [name for name in names if name.partition(":")[0] not in above] == []


@pytest.fixture
def lab() -> Iterator[tuple[TestObserverServer, JenkinsServer]]:
    """Two requests for two jobs."""
    with TestObserverServer() as observer, JenkinsServer() as jenkins:
        for name in ("one", "two"):
            jenkins.add_job(name)
            observer.add(f"{jenkins.url}/job/{name}/1/", family="snap")
        yield observer, jenkins


def test_the_quick_start_drains_nothing_until_its_fifth_line(lab: tuple[TestObserverServer, JenkinsServer]) -> None:
    """Each of its calls runs as it stands; only the last one starts something, and that is one rerun."""
    observer, jenkins = lab
    lines = _lines(only("quick start", "console"))
    environment = {
        "TEST_OBSERVER_URL": observer.url,
        "TEST_OBSERVER_API_KEY": next(iter(observer.api_keys)),
        "JENKINS_URL": jenkins.url,
        "JENKINS_USERNAME": jenkins.user,
        "JENKINS_API_TOKEN": jenkins.token,
    }
    started = []
    for line in lines:
        for arguments in _arguments(line):
            subprocess.run([PROGRAM, *arguments], env=environment, check=True, capture_output=True)  # noqa: S603 - ours
        started.append(jenkins.triggered("one") + jenkins.triggered("two"))

    assert len(lines) >= 5
    assert started == [0] * (len(lines) - 1) + [1]
    assert len(observer.ids()) == 1


def test_the_cron_line_and_the_timer_call_the_program_and_keep_drains_apart() -> None:
    cron = only("cron", "text")
    units = configparser.ConfigParser(strict=False, interpolation=None)
    units.optionxform = str  # type: ignore[assignment,method-assign] # as systemd reads it
    units.read_string(only("systemd", "ini"))

    assert re.match(r"\*/\d+ \* \* \* \* ", cron)
    assert "flock -n " in cron
    assert "%" not in cron, "cron ends a command there"
    assert units["Service"]["Type"] == "oneshot"
    for line in (cron.partition("flock")[2], units["Service"]["ExecStart"]):
        (arguments,) = _arguments(line)
        assert _problems(arguments) == []


# the tasks


@pytest.mark.parametrize("line", [line for block in marked("task", "console") for line in _lines(block)])
def test_each_task_is_a_command_that_the_program_takes(line: str) -> None:
    (arguments,) = _arguments(line)

    assert _problems(arguments) == []


def test_the_file_by_hand_is_a_file_of_requests(lab: tuple[TestObserverServer, JenkinsServer], tmp_path: Path) -> None:
    _, jenkins = lab
    entries = json.loads(only("file", "json"))
    place = re.match(r"https?://[^/]+", entries[0]["ci_link"])
    assert place
    jenkins.add_job("cert-rpi400-arm64-core24-beta")
    file = tmp_path / "requests.json"
    file.write_text(json.dumps(entries).replace(place[0], jenkins.url))
    environment = {"JENKINS_URL": jenkins.url, "JENKINS_USERNAME": jenkins.user, "JENKINS_API_TOKEN": jenkins.token}

    subprocess.run([PROGRAM, "jenkins", "--requests", file], env=environment, check=True)  # noqa: S603 - ours

    assert jenkins.triggered("cert-rpi400-arm64-core24-beta") == 1


@pytest.mark.parametrize(
    ("hours", "error", "code", "expected"),
    [
        pytest.param([50], None, 1, 0, id="old"),
        pytest.param([50, 1], None, 1, 1, id="new"),
        pytest.param([None], None, 1, 1, id="no age"),
        pytest.param([50], "a delete failed", 1, 1, id="the drain itself"),
        pytest.param([50], None, 3, 3, id="no Test Observer"),
        pytest.param([], None, 0, 0, id="nothing failed"),
    ],
)
def test_a_script_can_be_red_for_what_is_new_only(
    tmp_path: Path, hours: list[int | None], error: str | None, code: int, expected: int
) -> None:
    then = (None if each is None else time.gmtime(time.time() - each * 3600) for each in hours)
    requests = [{"outcome": "refused", "asked_at": each and time.strftime("%Y-%m-%dT%H:%M:%SZ", each)} for each in then]
    requests.append({"outcome": "triggered", "asked_at": "2999-01-01T00:00:00Z"})
    (tmp_path / "told.json").write_text(json.dumps({"requests": requests, "error": error}))
    program = tmp_path / COMMAND
    program.write_text(f"#!/bin/sh\ncp told.json report.json\nexit {code}\n")
    program.chmod(0o755)

    done = subprocess.run(  # noqa: S603 - as documented
        ["/bin/sh", "-c", only("red for what is new", "sh")],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"},
        check=False,
    )

    assert done.returncode == expected


def test_no_secret_stands_in_a_line_of_shell() -> None:
    blocks = re.findall(r"^```(?:console|sh|bash)\n(.+?)^```", EVERYTHING, re.DOTALL | re.MULTILINE)

    assert blocks
    assert re.findall(r"\w*(?:TOKEN|KEY|PASSWORD)=\S+", "".join(blocks)) == []


# what to do about a message


def _texts() -> list[str]:
    """Return every text of the program, what is put in at run time as an ellipsis."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


TEXTS = _texts()


@pytest.mark.parametrize("message", [code(cells[0])[0] for cells in table("messages")])
def test_each_message_that_is_explained_is_one_of_the_program(message: str) -> None:
    assert any(message in text for text in TEXTS)


def test_all_unsupported_is_the_first_trouble_that_is_explained() -> None:
    first, *_ = re.findall(r"^## (.+)$", PAGES["docs/troubleshooting.md"], re.MULTILINE)

    assert "unsupported" in first


def test_what_takes_repositories_out_is_always_quoted() -> None:
    # bare it is a tag in YAML, and history in a shell
    found = re.findall(r"(.?)![\w*-]+/[\w*-]+(.?)", EVERYTHING)

    assert len(found) > 1
    assert set(found) == {("'", "'")}


# what is promised


@pytest.mark.parametrize(
    ("section", "facts"),
    [
        pytest.param(
            "When a request leaves the queue", ["accepted", "started", "remaining", "failed"], id="acknowledge"
        ),
        pytest.param("The drain's own Jenkins user", ["--max-per-day", "deferred", "after a day"], id="own user"),
        pytest.param("Groups that are not told", ["3.19", "--acknowledge started", "--check"], id="groups"),
        pytest.param(
            "What no rule removes",
            [
                *("5 seconds", "DELETE", "broke off", "abortPrevious", "defaults of parameters that move"),
                *("shorter delay", "between our look and our POST", "milestone()", "discards its builds"),
            ],
            id="what is left",
        ),
    ],
)
def test_what_is_not_promised_is_named(section: str, facts: list[str]) -> None:
    told = PAGES["docs/promises.md"].partition(f"## {section}\n")[2].partition("\n## ")[0]

    assert [fact for fact in facts if fact not in " ".join(told.split())] == []
