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
    assert [line for line in ended.err.splitlines() if not re.match(r"(DEBUG|INFO|WARNING|ERROR) +\S", line)] == []
    assert len([line for line in ended.err.splitlines() if "INFO    POST {'url'" in line]) == 1


@BOTH
def test_what_is_not_ours_is_told_with_verbose_only(world: World, processor: str) -> None:
    assert "no link" not in filled(world).run(processor).err
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
    failing = "(other) failed" if processor == "jenkins" else "run 2) refused"
    assert ended.exit_code == 1
    assert {failing in line for line in ended.err.splitlines()} == {True}
    assert "triggered" not in ended.err


def test_a_delete_that_fails_needs_a_person(world: World) -> None:
    filled(world).observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    ended = world.run("github", "-q")
    assert ended.exit_code == 1
    assert "NOT DELETED" in ended.err


@BOTH
def test_the_end_of_the_log_has_the_counts_and_first_what_needs_a_person(world: World, processor: str) -> None:
    filled(world)
    world.jenkins.add_job("other", permission="read")
    world.github.add_run("canonical/lab", 2, retryable=False)
    world.observer.add(f"{world.jenkins.url}/job/other/1/")
    world.observer.add("https://github.com/canonical/lab/actions/runs/2")
    *_, counts, first, second = world.run(processor).err.splitlines()
    assert re.match(
        r"INFO    1 triggered, 3 unsupported, 1 (failed|refused); 4 of 5 requests stay in the queue", counts
    )
    assert re.match(r"ERROR   ! request \d", first)
    assert re.match(r"INFO    request \d .* triggered", second)


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
        r"INFO    POST|[A-Z]+ +!? *request \d|DEBUG +trigger of|INFO +\d+ unsupported|WARNING nothing more"
    )
    assert [line for line in ended.stderr.splitlines() if not ours.match(line)] == []
    assert ended.stdout == ""


# a terminal


def on_terminal(world: World, *arguments: str, columns: int = 100) -> tuple[int, str]:
    """Run the program with a terminal as its stderr; return the exit code and what the terminal was sent."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "test_executions_rerunner", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=its,
        env={**world.environment(), "TERM": "xterm"},
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
    assert [line for line in seen(sent) if "triggered: accepted" in line]
    assert seen(sent)[-1] == ""


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
    expected = f"Basic {'YWRtaW46amVua2lucy10b2tlbg=='}" if processor == "jenkins" else "token gh-token"
    assert sent == {"Bearer to_demo", expected}


@BOTH
def test_a_netrc_gives_no_credential_where_none_is_set(world: World, tmp_path: Path, processor: str) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password sesame\n")
    netrc.chmod(0o600)
    world.observer.open_permissions = {"view_rerun", "change_rerun"}
    assert filled(world).run(processor, TEST_OBSERVER_API_KEY=None, NETRC=str(netrc)).exit_code == 0
    assert not [request for request in world.observer.requests if "authorization" in request.headers]
