"""The log: levels, quiet, a progress bar on a terminal only, and nothing of the client libraries' chatter."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from integration.people.conftest import World

BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])


def filled(world: World) -> World:
    world.add_jenkins()
    world.add_github()
    world.observer.add("no link")
    return world


# levels


@BOTH
def test_each_decision_is_one_line_with_its_level_on_stderr(world: World, processor: str) -> None:
    ended = filled(world).run(processor)
    assert ended.out == ""
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert [line for line in ended.err.splitlines() if not re.match(rf"{stamp} (WARNING|INFO   ) \S", line)] == []
    target = "request 1 (lab" if processor == "jenkins" else "request 2 (canonical/lab run 7"
    first, *causes, counts = [line[29:] for line in ended.err.splitlines()]
    assert re.match(re.escape(f"{target}, rpi4 · core22 beta · client-cert · ") + r"\d+ min ago\) triggered: ", first)
    assert [line.partition(": ")[0] for line in causes] == ["1 is not for this drain"] * 2
    assert counts == "1 triggered, 2 are for others; 2 of 3 requests stay in the queue"


@BOTH
def test_two_hundred_good_reruns_are_two_hundred_lines_and_the_counts(world: World, processor: str) -> None:
    for number in range(1, 201):
        if processor == "jenkins":
            world.add_jenkins(f"lab{number}")
        else:
            world.add_github(number)
    world.github.rate_limit_remaining = 5000
    ended = world.run(*("github", "--limit", "60") if processor == "github" else ("jenkins",))
    assert ended.exit_code == 0
    assert len(ended.err.splitlines()) <= 210
    assert "; " in ended.err.splitlines()[-1]


@BOTH
def test_all_requests_of_a_target_are_in_its_line(world: World, processor: str) -> None:
    filled(world)
    for number in (2, 3):
        world.observer.add(f"{world.jenkins.url}/job/lab/{number}/")
        world.observer.add(f"https://github.com/canonical/lab/actions/runs/7/attempts/{number}")
    ended = world.run(processor)
    requests = "1, 4, 6 (lab, " if processor == "jenkins" else "2, 5, 7 (canonical/lab run 7, "
    assert len([line for line in ended.err.splitlines() if f"INFO    requests {requests}" in line]) == 1


@BOTH
def test_a_wrong_token_is_told_once_and_not_for_each_target(world: World, processor: str) -> None:
    for number in range(1, 17):
        world.add_jenkins(f"lab{number}")
        world.add_github(number)
    changes = {"JENKINS_API_TOKEN": "wrong-token", "GH_TOKEN": "wrong-token"}
    lines = world.run(processor, **changes).err.splitlines()
    assert len([line for line in lines if "WARNING nothing more is started" in line]) == 1
    assert len([line for line in lines if "401" in line]) == 2, "when it happened, and in the table"
    assert lines[-1].endswith("16 failed, 16 are for others; 32 of 32 requests stay in the queue")


@BOTH
def test_verbose_tells_the_settings_and_each_call_with_status_and_time(world: World, processor: str) -> None:
    ended = filled(world).run(processor, "-v")
    (settings,) = [line for line in ended.err.splitlines() if "DEBUG   settings: " in line]
    assert f"processor {processor}, test_observer_url {world.observer.url}, test_observer_api_key ***" in settings
    calls = re.findall(r"DEBUG   (GET|POST|DELETE|asking) http\S+[a-z\d ]*: (\d+) after \d+ ms", ended.err)
    assert {method for method, _ in calls} == {"GET", "POST", "DELETE", "asking"}
    mine = 1 if processor == "jenkins" else 2
    assert re.findall(r"DELETE \S+ (.*):", ended.err) == [f"of request {mine}"], "none is told where none was"
    ci = world.jenkins if processor == "jenkins" else world.github
    assert len(calls) == len(world.observer.requests) + len(ci.requests)
    assert len([line for line in ended.err.splitlines() if "INFO    POST {'url'" in line]) == 1


@BOTH
def test_what_is_not_ours_is_told_by_its_cause_and_one_by_one_with_verbose(world: World, processor: str) -> None:
    told = filled(world).run(processor).err
    assert "no link" not in told
    assert "1 is not for this drain: the link is not an http or https URL" in told
    assert "unsupported: ci_link 'no link' is not served" in world.run(processor, "-v").err


@BOTH
def test_quiet_is_silent_where_nothing_needs_a_person(world: World, processor: str) -> None:
    ended = filled(world).run(processor, "-q")
    assert (ended.exit_code, ended.shown) == (0, "")
    assert len(world.observer.deleted) == 1


@BOTH
def test_quiet_tells_what_needs_a_person(world: World, processor: str) -> None:
    world.jenkins.add_job("lab")
    world.jenkins.add_job("other", permission="read")
    for run in (1, 2):
        world.github.add_run("canonical/lab", run, retryable=run == 1)
    for link in ("job/lab", "job/other"):
        world.observer.add(f"{world.jenkins.url}/{link}/1/")
    for run in (1, 2):
        world.observer.add(f"https://github.com/canonical/lab/actions/runs/{run}")
    ended = world.run(processor, "-q")
    outcome, target = ("failed", "other") if processor == "jenkins" else ("refused", "canonical/lab run 2")
    assert ended.exit_code == 1
    assert ended.err.startswith(f"{outcome}: ")
    assert f"({target}) rpi4 · core22 beta" in ended.err
    assert "triggered" not in ended.err


def test_a_delete_that_fails_needs_a_person(world: World) -> None:
    filled(world).observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    ended = world.run("github", "-q")
    assert ended.exit_code == 1
    assert "its request could not be deleted: " in " ".join(ended.err.split())


@BOTH
def test_the_end_of_the_log_is_what_needs_a_person_and_then_the_counts(world: World, processor: str) -> None:
    filled(world)
    world.jenkins.add_job("other", permission="read")
    world.github.add_run("canonical/lab", 2, retryable=False)
    world.observer.add(f"{world.jenkins.url}/job/other/1/")
    world.observer.add("https://github.com/canonical/lab/actions/runs/2")
    lines = world.run(processor).err.splitlines()
    begin = next(n for n, line in enumerate(lines) if re.match(r"(failed|refused): ", line))
    links = [line.strip() for line in lines[begin + 1 :] if line.startswith("    http")]
    other = f"{world.jenkins.url}/job/other/1/"
    assert links == [other if processor == "jenkins" else "https://github.com/canonical/lab/actions/runs/2"]
    assert re.search(
        r"INFO    1 triggered, 1 (failed|refused), 3 are for others; 4 of 5 requests stay in the queue$", lines[-1]
    )


def test_what_was_dropped_is_said(world: World) -> None:
    world.add_github(run_attempt=51)
    ended = world.run("github", "--discard-refused")
    assert "its request was deleted without a rerun" in " ".join(ended.err.split())
    assert ended.err.splitlines()[-1].endswith("1 refused; 0 of 1 requests stay in the queue")


# chatter


@pytest.mark.parametrize("mode", [(), ("-v",), ("-q",)], ids=["plain", "verbose", "quiet"])
@pytest.mark.parametrize("headers", ["X-Extra: sesame-open\nX-More: y", "X-Extra", "no colon at all sesame-open"])
def test_extra_headers_of_python_jenkins_are_not_shown(world: World, mode: tuple[str, ...], headers: str) -> None:
    ended = filled(world).run("jenkins", *mode, JENKINS_API_EXTRA_HEADERS=headers)
    assert "sesame-open" not in ended.shown
    assert "JENKINS_API_EXTRA_HEADERS" not in ended.shown
    assert ended.exit_code == 0


def test_extra_headers_of_python_jenkins_are_sent_and_replace_no_credential(world: World) -> None:
    headers = "X-Extra: sesame-open\nAuthorization: Basic b3RoZXI6b3RoZXI="
    assert filled(world).run("jenkins", JENKINS_API_EXTRA_HEADERS=headers).exit_code == 0
    assert {request.headers.get("x-extra") for request in world.jenkins.requests} == {"sesame-open"}
    assert len(world.observer.deleted) == 1


@pytest.mark.parametrize("mode", [(), ("-v",), ("-q",)], ids=["plain", "verbose", "quiet"])
@BOTH
def test_client_libraries_say_nothing(world: World, processor: str, mode: tuple[str, ...]) -> None:
    """Run as a process of its own: PyGithub adds its handler when it is imported, once a process."""
    filled(world)
    for server in (world.jenkins, world.github):
        server.inject(Fault(method="GET", status=502))
        server.inject(Fault(method="POST", status=403, body="forbidden by law"))
        server.inject(Fault(method="GET", action="reset"))
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "default", "-m", "test_executions_rerunner", processor, *mode],
        env=world.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    ours = re.compile(
        r"\S+Z (INFO    POST|[A-Z]+ +requests? \d|DEBUG +(trigger of|settings: |(GET|POST|DELETE|asking) http)"
        r"|INFO +\d+ (failed|is|are)|WARNING n(othing more|one of))|failed: |  "
    )
    assert [line for line in ended.stderr.splitlines() if not ours.match(line)] == []
    assert ended.stdout == ""


# a terminal


def on_terminal(
    world: World, *arguments: str, columns: int = 100, changes: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run the program with a terminal as its stderr; return the exit code and what the terminal was sent."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "test_executions_rerunner", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=its,
        env={"TERM": "xterm", **world.environment(**(changes or {}))},
    ) as process:
        os.close(its)
        sent = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux' way to say that nobody holds the other end any more
                break
            if not part:
                break
            sent += part
        os.close(ours)
        return process.wait(120), sent.decode()


def seen(sent: str) -> list[str]:
    """Return the lines that a terminal shows in the end: a carriage return goes back to a line's start."""
    lines = []
    for line in sent.replace("\r\n", "\n").split("\n"):
        cells: list[str] = []
        for part in line.split("\r"):
            cells[: len(part)] = part
        lines.append("".join(cells).rstrip())
    return lines


@BOTH
def test_a_terminal_shows_a_progress_bar_that_is_gone_in_the_end(world: World, processor: str) -> None:
    filled(world)
    code, sent = on_terminal(world, processor)
    assert code == 0
    assert "reruns:" in sent
    assert not [line for line in seen(sent) if "reruns:" in line]
    assert "triggered: accepted" in " ".join(" ".join(seen(sent)).split())
    assert seen(sent)[-1] == ""


@pytest.mark.parametrize(
    ("changes", "escape"),
    [
        pytest.param({}, True, id="terminal"),
        pytest.param({"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param({"NO_COLOR": ""}, True, id="empty NO_COLOR"),
        pytest.param({"TERM": "dumb"}, False, id="dumb terminal"),
    ],
)
def test_a_terminal_shows_levels_in_colour_unless_it_should_not(
    world: World,
    changes: dict[str, str],
    escape: bool,  # noqa: FBT001 - a parameter
) -> None:
    world.add_github(retryable=False)
    code, sent = on_terminal(world, "github", changes=changes)
    assert code == 1
    assert ("\x1b[31mERROR  \x1b[0m request 1 (canonical/lab run 7" in sent) is escape
    assert ("ERROR   request 1 (canonical/lab run 7" in sent) is not escape
    assert ("\x1b[31mrefused\x1b[0m: " in sent) is escape
    assert not re.search(r"\d\d:\d\d:\d\dZ", sent), "no time stamp on a terminal"


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_table_is_as_wide_as_the_terminal(world: World, columns: int) -> None:
    world.add_github(retryable=False)
    _, sent = on_terminal(world, "github", "-q", columns=columns)
    plain = re.sub(r"\x1b\[\d+m", "", sent)
    lines = [line for line in seen(plain) if line and "https://" not in line and "`" not in line]
    assert max(map(len, lines)) <= columns
    assert "https://github.com/canonical/lab/actions/runs/7\r\n" in plain
    assert "`gh workflow run test.yml -R canonical/lab --ref main`" in plain


def test_a_terminal_without_a_size_is_no_narrow_one(world: World) -> None:
    """``docker run -t`` gives one before it is told the size."""
    world.add_github(retryable=False)
    _, sent = on_terminal(world, "github", "-q", columns=0)
    assert max(map(len, seen(sent))) > 80


def test_columns_says_how_wide_a_terminal_is(world: World) -> None:
    world.add_github(retryable=False)
    _, sent = on_terminal(world, "github", "-q", columns=200, changes={"COLUMNS": "60", "NO_COLOR": "1"})
    assert max(len(line) for line in seen(sent) if "`" not in line) <= 60


def test_no_name_no_link_and_no_command_is_broken_on_a_narrow_terminal(world: World) -> None:
    name = "cert-" + "-".join(["a-long-name-of-a-job"] * 4)
    world.add_jenkins(name)
    world.jenkins.add_job("other", permission="read")
    world.observer.add(f"{world.jenkins.url}/job/other/1/", environment="a-machine-with-a-name-of-many-parts-arm64")
    _, sent = on_terminal(world, "jenkins", columns=60)
    shown = [word for line in seen(sent) for word in line.split()]
    assert [word for word in shown if name in word]
    assert "a-machine-with-a-name-of-many-parts-arm64" in [word.strip("(),") for word in shown]
    assert f"{world.jenkins.url}/queue/item/1/" in shown
    assert f"{world.jenkins.url}/job/other/1/" in shown


def test_elsewhere_there_are_no_colours(world: World) -> None:
    world.add_github(retryable=False)
    assert "\x1b" not in world.run("github", TERM="xterm").err


@BOTH
def test_quiet_shows_no_progress_bar(world: World, processor: str) -> None:
    assert on_terminal(filled(world), processor, "-q") == (0, "")


@BOTH
def test_where_there_is_no_terminal_there_is_no_progress_bar(world: World, processor: str) -> None:
    ended = filled(world).run(processor)
    assert "\r" not in ended.err
    assert "reruns:" not in ended.err


def test_a_terminal_is_sent_no_escapes_of_strangers(world: World) -> None:
    world.observer.add("\x1b]0;forged\x07\x1b[2J\u202ehttp://x")
    _, sent = on_terminal(world, "github", "-v")
    assert "\x1b]" not in sent
    assert "\x1b[2J" not in sent
    assert "\u202e" not in sent


# a .netrc


@BOTH
def test_a_netrc_never_replaces_a_credential(world: World, tmp_path: Path, processor: str) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password sesame\ndefault login thief password sesame\n")
    netrc.chmod(0o600)
    filled(world)
    changes = {"NETRC": str(netrc), "HOME": str(tmp_path)}
    assert world.run(processor, **changes).exit_code == 0
    assert world.run(processor, "--check", **changes).exit_code == 0
    ci = world.jenkins if processor == "jenkins" else world.github
    sent = {request.headers.get("authorization", "") for request in (*world.observer.requests, *ci.requests)}
    expected = f"Basic {'YWRtaW46amVua2lucy10b2tlbg=='}" if processor == "jenkins" else "Bearer gh-token"
    assert sent == {"Bearer to_demo", expected}


@BOTH
def test_a_netrc_gives_no_credential_where_none_is_set(world: World, tmp_path: Path, processor: str) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password sesame\n")
    netrc.chmod(0o600)
    world.observer.open_permissions = {"view_rerun", "change_rerun"}
    assert filled(world).run(processor, TEST_OBSERVER_API_KEY=None, NETRC=str(netrc)).exit_code == 0
    assert not [request for request in world.observer.requests if "authorization" in request.headers]
