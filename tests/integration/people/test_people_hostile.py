"""Whatever strangers and servers write: nothing of it is a command, a link, a secret, or anything but text."""

from __future__ import annotations

import json
import re
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner_rules import Command, commands, outputs
from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.people.conftest import Ended, World

HOSTILE = (
    *("::error::forged", "::add-mask::a", "::set-output name=failed::0", "::stop-commands::x", "::set-env name=A::b"),
    *("##[error]forged", "##[set-env name=A]b", "\r::error::forged", "\n::error::forged", "\u2028::error::x", "\x85"),
    *(
        "\x1b[31m",
        "\x1b]0;t\x07",
        "\u202e",
        "\u2066",
        "\x00",
        "\x9b2J",
        "| x | y |",
        "\n| a |\n",
        "`",
        "<script>x</script>",
    ),
    *(
        "<img src=x>",
        "[a](http://evil.example)",
        "http://evil.example",
        "a@evil.example",
        "EOF",
        "report=x",
        "a<<b",
        "%0A::e::",
    ),
    *("plain", "\u6f22", "\ud800", "x" * 300),
)
TEXTS = st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4).map("".join)
BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])
OURS = re.compile(r"::(add-mask|group|endgroup|error|warning|notice)(::| title=)")
OUR_COMMANDS = {"add-mask", "group", "endgroup", "error", "warning", "notice"}
SECRETS = ("jenkins-token", "gh-token", "to_demo", "YWRtaW46amVua2lucy10b2tlbg==")
EXAMPLES = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def in_actions(world: World, folder: Path, *arguments: str) -> tuple[Ended, dict[str, str], str]:
    """Run the program as a step of GitHub Actions; return its end, its outputs and its summary."""
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    ended = world.run(*arguments, GITHUB_ACTIONS="true", **{name: str(file) for name, file in files.items()})
    told = outputs(files["GITHUB_OUTPUT"].read_text(encoding="utf-8") or "\n")
    return ended, told, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")


def assert_harmless(ended: Ended, told: dict[str, str], summary: str) -> None:
    """Hold all that a step left behind to what this program may say."""
    for stream in (ended.out, ended.err):
        found = commands(stream)
        ours = [line for line in re.split(r"[\r\n]", stream) if OURS.match(line)]
        assert len(found) == len(ours)
        assert {command.name for command in found} <= OUR_COMMANDS
    assert "\r" not in ended.shown
    assert ended.shown.replace("\n", "").isprintable()
    assert summary.replace("\n", "").isprintable()
    report = json.loads(told["report"])
    assert {name: int(told[name.replace("-", "_")]) for name in report["counts"]} == report["counts"]
    assert set(told) == {*(name.replace("-", "_") for name in report["counts"]), "remaining", "report"}
    rows = [line for line in summary.split("\n") if line.startswith("|")]
    told_in_rows = [request for request in report["requests"] if request["outcome"] != "unsupported"]
    assert len(rows) == (len(told_in_rows) + 2 if told_in_rows else 0)
    assert {row.count("|") for row in rows} <= {7}
    rest = re.sub(r"\[(?:asked|rerun)\]\((?:https://github\.com|http://127\.0\.0\.1)[^()\s]*\)", "", summary)
    rest = re.sub(r"<details><summary>\d+ for others</summary>|</details>", "", rest)
    rest = re.sub(r"`[A-Za-z0-9 ./:=_,'+-]+`", "", rest)  # a command to copy
    assert not set(rest) & set("<>[]`\\@")
    assert "://" not in rest


@BOTH
@EXAMPLES
@given(links=st.lists(TEXTS, min_size=1, max_size=5), family=TEXTS)
def test_whatever_stands_in_the_queue(new_world: type[World], processor: str, links: list[str], family: str) -> None:
    with new_world() as world, tempfile.TemporaryDirectory() as folder:
        for link in links:
            world.observer.add(link)
            world.observer.add(f"{world.jenkins.url}/job/{link}/1/")
            world.observer.add(f"{world.jenkins.url}/job/{quote(link.encode('utf-8', 'replace'), safe='')}/1/")
            world.observer.add(f"https://github.com/canonical/{link}/actions/runs/1")
            world.observer.add(f"https://github.com/canonical/lab/actions/runs/1/{link}", created_at=link)
        world.observer.add(f"{world.jenkins.url}/job/lab/1/", family=family, test_execution_id=None)
        world.observer.add_raw(links)
        for mode in (("-v",), ("--dry-run",), ("--check",)):
            assert_harmless(*in_actions(world, Path(folder), processor, *mode))


SHAPES = ("{}", '{{"message": {}}}', '{{"detail": {}}}', "<h1>{}</h1>", '{{"items": [{{"id": {}}}]}}', '{{"id": {}}}')


def answer(text: str, status: int, method: str, shape: str) -> Fault:
    """Make the answer to every call of a method that has a text wherever a text may be."""
    body = shape.format(json.dumps(text) if '"' in shape else text).encode("utf-8", "replace")
    safe = re.sub(r"[^\x20-\x7e]", " ", text)
    headers = {"Location": f"http://x/{safe}", "X-Required-Permission": safe, "Content-Type": "application/json"}
    return Fault(method=method, times=None, status=status, headers=headers, body=body)


@BOTH
@EXAMPLES
@given(
    st.builds(
        answer,
        TEXTS,
        st.sampled_from([200, 201, 302, 303, 400, 401, 403, 404, 409, 422, 500, 503]),
        st.sampled_from(["GET", "POST"]),
        st.sampled_from(SHAPES),
    )
)
def test_whatever_a_ci_system_answers(new_world: type[World], processor: str, fault: Fault) -> None:
    with new_world() as world, tempfile.TemporaryDirectory() as folder:
        world.add_jenkins()
        world.add_github()
        for server in (world.jenkins, world.github):
            server.inject(fault)
        for mode in (("-v",), ("--check",)):
            assert_harmless(*in_actions(world, Path(folder), processor, *mode))


@BOTH
@EXAMPLES
@given(text=TEXTS, status=st.sampled_from([200, 302, 403, 422, 500]), method=st.sampled_from(["GET", "DELETE"]))
def test_whatever_test_observer_answers(
    new_world: type[World], processor: str, text: str, status: int, method: str
) -> None:
    headers = {"Location": re.sub(r"[^\x20-\x7e]", " ", text)}
    with new_world() as world, tempfile.TemporaryDirectory() as folder:
        world.add_jenkins()
        world.add_github()
        body = text.encode("utf-8", "replace")
        world.observer.inject(Fault(method=method, times=None, status=status, headers=headers, body=body))
        for mode in (("-v",), ("--check",)):
            assert_harmless(*in_actions(world, Path(folder), processor, *mode))


# secrets that a server sends back


def places(ended: Ended, told: dict[str, str], summary: str, report: Path) -> dict[str, str]:
    """Return every text that a step leaves behind, by its place; the masks are what they are."""
    printed = "\n".join(line for line in ended.out.splitlines() if not line.startswith("::add-mask::"))
    texts = {"stdout": printed, "stderr": ended.err, "outputs": str(told), "summary": summary}
    return {**texts, "report": report.read_text()}


ECHOES: dict[str, dict[str, Any]] = {
    "JSON body": {"status": 403, "headers": {"Content-Type": "application/json"}, "body": '{"message": "you sent %s"}'},
    "page": {"status": 500, "body": "<pre>Authorization: %s</pre>"},
    "plain text behind a long beginning": {"status": 400, "body": "x" * 385 + " %s"},
    "redirect": {"status": 302, "headers": {"Location": "https://sso.example/?was=%s"}},
    "missing permission": {"status": 403, "headers": {"X-Required-Permission": "%s"}},
    "success of another shape": {"status": 200, "body": "<p>%s</p>"},
    "queue item elsewhere": {"status": 201, "headers": {"Location": "https://%s.example/queue/item/1/"}},
}


def echoing(echo: dict[str, Any], secret: str, method: str) -> Fault:
    """Make the answer to every call of a method that sends a secret back."""
    headers = {name: value.replace("%s", secret) for name, value in echo.get("headers", {}).items()}
    body = echo.get("body", "").replace("%s", secret)
    return Fault(method=method, times=None, status=echo["status"], headers=headers, body=body)


TOKENS = {"jenkins": "qzjt0123456789abcdef", "github": "qzgh0123456789abcdef"}
SENT = {
    "Jenkins token": ("jenkins", TOKENS["jenkins"]),
    "Jenkins token in Basic form": ("jenkins", b64encode(f"admin:{TOKENS['jenkins']}".encode()).decode()),
    "GitHub token": ("github", TOKENS["github"]),
}


@pytest.mark.parametrize("echo", [pytest.param(value, id=name) for name, value in ECHOES.items()])
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(("-v", "GET"), id="look"),
        pytest.param(("-v", "POST"), id="trigger"),
        pytest.param(("--check", "GET"), id="check"),
    ],
)
@pytest.mark.parametrize("sent", [pytest.param(value, id=name) for name, value in SENT.items()])
def test_no_secret_that_a_ci_system_echoes_is_shown(
    world: World, tmp_path: Path, echo: dict[str, Any], call: tuple[str, str], sent: tuple[str, str]
) -> None:
    (mode, method), (processor, secret) = call, sent
    world.jenkins.token, world.github.token = TOKENS["jenkins"], TOKENS["github"]
    world.add_jenkins()
    world.add_github()
    (world.jenkins if processor == "jenkins" else world.github).inject(echoing(echo, secret, method))
    report = tmp_path / "report.json"
    ended, told, summary = in_actions(world, tmp_path, processor, mode, "--report", str(report))
    assert ended.exit_code in {0, 1}, "0: to GitHub, 201 is acceptance whatever else it says"
    for place, text in places(ended, told, summary, report).items():
        assert secret[:6] not in text, place


@BOTH
@pytest.mark.parametrize("status", [403, 500, 302, 200])
@pytest.mark.parametrize("mode", [("-v",), ("--check",), ("--dry-run",)], ids=["drain", "check", "dry run"])
def test_no_key_that_test_observer_echoes_is_shown(
    world: World, tmp_path: Path, processor: str, status: int, mode: tuple[str, ...]
) -> None:
    headers = {"Location": "/login?key=to_demo", "Content-Type": "application/json"}
    body = '{"detail": "your key is to_demo"}'
    world.observer.inject(Fault(times=None, status=status, headers=headers, body=body))
    report = tmp_path / "report.json"
    ended, told, summary = in_actions(world, tmp_path, processor, *mode, "--report", str(report))
    assert ended.exit_code == 3
    for place, text in places(ended, told, summary, report).items():
        assert "to_demo" not in text, place


@BOTH
def test_no_secret_is_shown_as_the_name_of_a_job_or_a_repository(world: World, tmp_path: Path, processor: str) -> None:
    for secret in ("jenkins-token", "gh-token"):
        world.jenkins.add_job(secret)
        world.observer.add(f"{world.jenkins.url}/job/{secret}/1/")
        world.github.add_run(f"canonical/{secret}", len(secret))
        world.observer.add(f"https://github.com/canonical/{secret}/actions/runs/{len(secret)}")
    report = tmp_path / "report.json"
    ended, told, summary = in_actions(world, tmp_path, processor, "-v", "--report", str(report))
    secret = "jenkins-token" if processor == "jenkins" else "gh-token"
    for place, text in places(ended, told, summary, report).items():
        assert secret not in text, place


def test_the_first_that_is_printed_are_the_masks(world: World, tmp_path: Path) -> None:
    ended, _, _ = in_actions(world, tmp_path, "jenkins")
    masked = [command.data for command in commands(ended.out)]
    assert sorted(masked) == sorted(SECRETS)
    assert ended.out.splitlines()[: len(SECRETS)] == [f"::add-mask::{secret}" for secret in masked]


def test_a_secret_is_masked_under_github_actions_only(world: World) -> None:
    assert "add-mask" not in world.run("jenkins").shown


def test_a_group_holds_what_happened_and_annotations_stand_outside(world: World, tmp_path: Path) -> None:
    world.add_github(retryable=False)
    ended, _, _ = in_actions(world, tmp_path, "github")
    assert [command.name for command in commands(ended.err)] == ["group", "endgroup"]
    errors = [command for command in commands(ended.out) if command.name == "error"]
    assert errors == [Command("error", "title=request 1 refused", errors[0].data)]
    assert "cannot be retried" in errors[0].data
