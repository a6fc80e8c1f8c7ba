"""``--check``: each credential and permission a line, with the one-line fix; nothing is changed."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from integration.people.conftest import Ended, World

BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])


class Line(NamedTuple):
    """One check as it was printed."""

    mark: str
    text: str
    fix: str | None


def lines_of(ended: Ended) -> list[Line]:
    """Take apart what was printed."""
    found = []
    for line in ended.out.splitlines():
        if line.startswith("a drain can work"):
            continue
        mark, _, rest = line.partition(": ")
        text, arrow, fix = rest.partition(" -> ")
        found.append(Line(mark, text, fix if arrow else None))
    return found


def line_with(ended: Ended, *words: str) -> Line:
    """Return the one check that has all words."""
    found = [line for line in lines_of(ended) if all(word in line.text for word in words)]
    assert len(found) == 1, ended.out
    return found[0]


def assert_nothing_changed(world: World) -> None:
    """No POST anywhere, and only the two DELETEs that remove nothing."""
    assert [change for change in world.changes if not change.startswith("DELETE ")] == []
    bodies = [json.loads(r.body)["test_execution_ids"] for r in world.observer.requests if r.method == "DELETE"]
    assert all(min(ids, default=-1) < 0 for ids in bodies)
    assert world.observer.deleted == []


def filled(world: World) -> World:
    world.add_jenkins()
    world.add_github()
    return world


@BOTH
def test_where_all_is_well_every_line_is_ok(world: World, processor: str) -> None:
    before = filled(world).observer.ids()
    ended = world.run(processor, "--check")
    assert (ended.exit_code, ended.err) == (0, "")
    assert {line.mark for line in lines_of(ended)} == {"ok"}
    assert [line.fix for line in lines_of(ended) if line.fix] == []
    assert world.observer.ids() == before
    assert_nothing_changed(world)


def test_where_requests_stay_until_their_rerun_starts_jenkins_should_know_the_drain_by_its_user(world: World) -> None:
    ended = world.run("jenkins", "--check", "--acknowledge", "started")
    line = line_with(ended, "Jenkins: user", "--acknowledge started")
    assert (ended.exit_code, line.mark) == (0, "warning")
    assert line.fix == "have this drain alone start builds as that user"


@BOTH
def test_every_check_says_what_it_looked_at(world: World, processor: str) -> None:
    ended = filled(world).run(processor, "--check")
    line_with(ended, "Test Observer: view_rerun", world.observer.url, "2 requests read")
    line_with(ended, "Test Observer: change_rerun:", "deleting is allowed")
    line_with(ended, "change_rerun_bulk", "not granted, and not needed")
    line_with(ended, "Test Observer: key", "'rerunner'", "change_rerun, view_rerun")
    line_with(ended, "clocks")
    if processor == "jenkins":
        line_with(ended, "Jenkins:", world.jenkins.url, "'admin'")
        line_with(ended, "Jenkins job lab", "may be built")
    else:
        line_with(ended, "GitHub:", world.github.url, "accepts the token")
        line_with(ended, "rate limit", "of 5000 calls are left")
        line_with(ended, "GitHub repository canonical/lab", "may be pushed to", "cannot be told without triggering")


@BOTH
@pytest.mark.parametrize("mode", [(), ("-v",), ("-q",)], ids=["plain", "verbose", "quiet"])
def test_the_key_that_test_observer_tells_in_clear_is_never_shown(
    world: World, tmp_path: Path, processor: str, mode: tuple[str, ...]
) -> None:
    key = "to_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
    world.observer.api_keys = {key: {"view_rerun", "change_rerun"}}
    report = tmp_path / "report.json"
    ended = world.run(processor, "--check", "--report", str(report), *mode)
    assert world.observer.count("GET", "/v1/applications/me") == 1
    assert key not in ended.shown
    assert key not in report.read_text()


@BOTH
def test_what_a_drain_would_leave_alone_is_not_looked_at(world: World, processor: str) -> None:
    filled(world)
    link = world.observer.queue[0 if processor == "jenkins" else 1]["ci_link"]  # type: ignore[index] # an object
    other = link.replace("/lab/", "/other/")
    world.observer.add(other, artefact_status="APPROVED")
    world.observer.add(other, priority=-1)
    more = {"RERUNNER_SKIP_DECIDED": "yes", "RERUNNER_MIN_PRIORITY": "0"}
    shown = world.run(processor, "--check", **more)
    assert (shown.exit_code, "other" in shown.shown) == (0, False)
    assert "other" in world.run(processor, "--check").shown


@BOTH
def test_a_negative_number_is_the_value_of_its_flag(world: World, processor: str) -> None:
    filled(world)
    assert world.run(processor, "--check", "--min-priority", "-5").exit_code == 0


@BOTH
@pytest.mark.parametrize(
    ("rights", "failing"),
    [
        pytest.param({"view_rerun"}, ["change_rerun"], id="view only"),
        pytest.param({"change_rerun"}, ["view_rerun"], id="change only"),
        pytest.param(set(), ["view_rerun", "change_rerun"], id="nothing"),
    ],
)
def test_a_permission_of_the_key_that_is_missing(
    world: World, processor: str, rights: set[str], failing: list[str]
) -> None:
    world.observer.api_keys["to_other"] = rights
    ended = filled(world).run(processor, "--check", TEST_OBSERVER_API_KEY="to_other")
    assert ended.exit_code == 3
    for name in failing:
        line = line_with(ended, f"Test Observer: {name}:")
        assert (line.mark, "403" in line.text) == ("FAILED", True)
        assert line.fix is not None
        assert "TEST_OBSERVER_API_KEY" in line.fix
    assert sum(line.mark == "FAILED" for line in lines_of(ended)) == len(failing)
    assert_nothing_changed(world)


@BOTH
def test_bulk_is_told_where_it_is_granted(world: World, processor: str) -> None:
    world.observer.api_keys["to_bulk"] = {"view_rerun", "change_rerun", "change_rerun_bulk"}
    filled(world)
    ended = world.run(processor, "--check", TEST_OBSERVER_API_KEY="to_bulk")
    assert (ended.exit_code, line_with(ended, "change_rerun_bulk:").text.endswith(": granted")) == (0, True)
    assert_nothing_changed(world)


@BOTH
def test_a_wrong_key_is_told_from_a_missing_permission(world: World, processor: str) -> None:
    ended = world.run(processor, "--check", TEST_OBSERVER_API_KEY="to_unknown")
    line = line_with(ended, "Test Observer: key")
    assert (ended.exit_code, line.mark, line.text.endswith("the server does not know this key")) == (3, "warning", True)
    assert "TEST_OBSERVER_API_KEY" in (line.fix or "")


@BOTH
def test_an_open_test_observer_needs_no_key(world: World, processor: str) -> None:
    world.observer.open_permissions = {"view_rerun", "change_rerun"}
    ended = world.run(processor, "--check", TEST_OBSERVER_API_KEY=None)
    assert (ended.exit_code, line_with(ended, "no key is sent").mark) == (0, "warning")


@BOTH
def test_a_test_observer_that_is_down_is_no_matter_for_its_administrator(world: World, processor: str) -> None:
    world.observer.stop()
    ended = world.run(processor, "--check")
    assert ended.exit_code == 3
    for name in ("view_rerun", "change_rerun"):
        line = line_with(ended, f"Test Observer: {name}:", "no connection")
        assert (line.mark, line.fix) == ("FAILED", "check TEST_OBSERVER_URL and the network")
    assert not any("granted" in line.text for line in lines_of(ended))


@BOTH
@pytest.mark.parametrize("body", ["{", "[]", "7", '"x"', '{"name": 5, "permissions": null}', "[" * 100_000])
def test_any_answer_about_the_key_is_taken(world: World, processor: str, body: str) -> None:
    world.observer.inject(Fault(path="applications/me", times=None, action="garbage", body=body))
    ended = filled(world).run(processor, "--check")
    assert ended.exit_code == 0
    line_with(ended, "Test Observer: key")


# Jenkins


@pytest.mark.parametrize(
    ("changes", "fault", "words", "fix"),
    [
        pytest.param({"JENKINS_API_TOKEN": "wrong-token"}, None, "401", "JENKINS_API_TOKEN", id="wrong token"),
        pytest.param({"JENKINS_USERNAME": "nobody"}, None, "401", "JENKINS_USERNAME", id="wrong user"),
        pytest.param({}, Fault(path="/me/", times=None, status=403), "403", "JENKINS_USERNAME", id="forbidden"),
        pytest.param(
            {}, Fault(times=None, status=302, headers={"Location": "/login"}), "302", "JENKINS_URL", id="login"
        ),
        pytest.param({}, Fault(times=None, status=200, body="<p>hi</p>"), "no JSON", "JENKINS_URL", id="page"),
        pytest.param({}, Fault(times=None, status=503), "503", "JENKINS_URL", id="starting"),
    ],
)
def test_a_jenkins_that_cannot_be_used(
    world: World, changes: dict[str, str], fault: Fault | None, words: str, fix: str
) -> None:
    filled(world)
    if fault:
        world.jenkins.inject(fault)
    ended = world.run("jenkins", "--check", **changes)
    line = line_with(ended, "Jenkins:", world.jenkins.url)
    assert (ended.exit_code, line.mark, words in line.text) == (1, "FAILED", True)
    assert fix in (line.fix or "")
    assert_nothing_changed(world)


def test_a_jenkins_that_is_down(world: World) -> None:
    filled(world).jenkins.stop()
    ended = world.run("jenkins", "--check")
    line = line_with(ended, "Jenkins:", "Connection refused")
    assert (ended.exit_code, line.mark, line.fix) == (
        1,
        "FAILED",
        f"check JENKINS_URL ({world.jenkins.url}) and the network",
    )


def test_a_job_that_the_user_may_not_build(world: World) -> None:
    world.add_jenkins(permission="read")
    ended = world.run("jenkins", "--check")
    line = line_with(ended, "Jenkins job lab", "may not be built: 403")
    assert (ended.exit_code, line.mark, line.fix) == (1, "FAILED", "give the user Job/Build")
    assert_nothing_changed(world)


@pytest.mark.parametrize("permission", ["none", "discover"])
def test_a_job_that_is_gone_or_hidden_is_a_warning(world: World, permission: str) -> None:
    world.add_jenkins("other")
    world.add_jenkins(permission=permission)
    ended = world.run("jenkins", "--check")
    line = line_with(ended, "Jenkins job lab")
    assert (ended.exit_code, line.mark, "Job/Read" in (line.fix or "")) == (0, "warning", True)


@pytest.mark.parametrize("permission", ["none", "discover"])
def test_where_no_job_can_be_seen_the_check_fails(world: World, permission: str) -> None:
    for name in ("lab", "other"):
        world.add_jenkins(name, permission=permission)
    ended = world.run("jenkins", "--check")
    line = line_with(ended, "Jenkins: jobs", "(2)")
    assert (ended.exit_code, line.mark, "Job/Read" in (line.fix or "")) == (1, "FAILED", True)
    assert_nothing_changed(world)


def test_a_folder_is_seen_and_told(world: World) -> None:
    world.jenkins.add_job("folder/lab")
    world.observer.add(f"{world.jenkins.url}/job/folder/1/")
    ended = world.run("jenkins", "--check")
    assert (ended.exit_code, line_with(ended, "Jenkins job folder", "it is a folder").mark) == (0, "warning")


def test_a_job_is_one_line_for_all_its_families(world: World) -> None:
    reporting = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition"}
    plan = {"name": "TESTPLAN", "type": "ChoiceParameterDefinition", "choices": ["smoke", "stress"]}
    world.jenkins.add_job("lab", [reporting, plan])
    for name, family in (("lab", "snap"), ("LAB", "deb")):
        world.observer.add(f"{world.jenkins.url}/job/{name}/1/", family=family)
    ended = world.run("jenkins", "--check")
    line = line_with(ended, "Jenkins job")
    assert (ended.exit_code, line.mark) == (0, "warning")
    for words in ("TESTPLAN does not offer 'full', only smoke, stress", "may be built"):
        assert words in line.text
    assert world.jenkins.count("GET", "/api/json?tree=fullName") == 1


def test_what_a_job_does_not_take_is_told(world: World) -> None:
    world.add_jenkins("bare", parameters=None)
    world.add_jenkins("other", parameters=[{"name": "X", "type": "StringParameterDefinition", "default": ""}])
    world.add_jenkins("off", buildable=False)
    ended = world.run("jenkins", "--check")
    assert line_with(ended, "job bare", "takes no parameters").fix is not None
    assert line_with(ended, "job other", "does not define TEST_OBSERVER_REPORTING").fix == "define it in the job"
    assert line_with(ended, "job off", "disabled").mark == "warning"
    assert ended.exit_code == 0
    assert_nothing_changed(world)


def test_each_job_is_looked_at_once(world: World) -> None:
    world.jenkins.add_job("lab")
    for number in range(5):
        world.observer.add(f"{world.jenkins.url}/job/lab/{number + 1}/")
    world.run("jenkins", "--check")
    assert world.jenkins.count("GET", "/job/lab/api/json") == 1


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_jenkins_that_is_just_starting_is_asked_again(world: World, status: int) -> None:
    filled(world).jenkins.restart_moments(status, path="/me/")
    assert world.run("jenkins", "--check").exit_code == 0


# GitHub


@pytest.mark.parametrize(
    ("fault", "words", "fix"),
    [
        pytest.param(Fault(times=None, status=403, body="x"), "403", "GH_TOKEN", id="forbidden"),
        pytest.param(Fault(times=None, status=502), "502", "GITHUB_API_URL", id="broken"),
        pytest.param(Fault(times=None, action="garbage"), "no JSON", "GITHUB_API_URL", id="garbage"),
    ],
)
def test_a_github_that_cannot_be_used(world: World, fault: Fault, words: str, fix: str) -> None:
    filled(world).github.inject(fault)
    ended = world.run("github", "--check")
    line = line_with(ended, "GitHub:", world.github.url)
    assert (ended.exit_code, line.mark, words in line.text, fix in (line.fix or "")) == (1, "FAILED", True, True)
    assert_nothing_changed(world)


def test_a_wrong_github_token(world: World) -> None:
    ended = filled(world).run("github", "--check", GH_TOKEN="wrong-token")
    line = line_with(ended, "GitHub:", "401 Bad credentials")
    assert (ended.exit_code, line.mark, line.fix) == (1, "FAILED", f"check GH_TOKEN for {world.github.url}")


def test_a_github_that_is_down(world: World) -> None:
    filled(world).github.stop()
    line = line_with(world.run("github", "--check"), "GitHub:", "Connection refused")
    assert (line.mark, line.fix) == ("FAILED", f"check GITHUB_API_URL ({world.github.url}) and the network")


def test_a_repository_that_the_token_does_not_see(world: World) -> None:
    world.add_github()
    world.github.add_repository("canonical/lab", private=True, permission="none")
    ended = world.run("github", "--check")
    line = line_with(ended, "GitHub repository canonical/lab", "cannot be seen: 404")
    assert (ended.exit_code, line.mark, line.fix) == (1, "FAILED", "give the token Actions: write there")


def test_a_repository_that_may_only_be_read_is_told_as_far_as_the_token_tells(world: World) -> None:
    world.add_github()
    world.github.add_repository("canonical/lab", permission="read")
    ended = world.run("github", "--check")
    line = line_with(ended, "GitHub repository canonical/lab", "cannot be told without triggering")
    assert (ended.exit_code, line.mark, line.fix) == (0, "warning", "give the token Actions: write there")


def test_a_classic_token_tells_that_it_may_not_write(world: World) -> None:
    world.github.token = "ghp_0123456789"
    world.add_github()
    world.github.add_repository("canonical/lab", permission="read")
    ended = world.run("github", "--check")
    line = line_with(ended, "GitHub repository canonical/lab", "may not be pushed to")
    assert (ended.exit_code, line.mark, line.fix) == (1, "FAILED", "give the token Actions: write there")
    assert_nothing_changed(world)


def test_a_run_that_is_gone_is_a_warning(world: World) -> None:
    world.add_github()
    world.observer.add("https://github.com/canonical/lab/actions/runs/404")
    ended = world.run("github", "--check")
    line = line_with(ended, "GitHub canonical/lab run 404", "404")
    assert (ended.exit_code, line.mark) == (0, "warning")
    assert line.fix is not None


def test_where_no_run_at_all_can_be_seen_it_fails_with_the_fix(world: World) -> None:
    world.github.add_repository("canonical/lab")
    for run in (404, 405):
        world.observer.add(f"https://github.com/canonical/lab/actions/runs/{run}")
    ended = world.run("github", "--check")
    line = line_with(ended, "GitHub: runs", "none of the runs")
    assert (ended.exit_code, line.mark, "Actions: write" in (line.fix or "")) == (1, "FAILED", True)


def test_a_rate_limit_that_is_nearly_used_up_is_a_warning(world: World) -> None:
    world.github.rate_limit_remaining = 20
    line = line_with(world.run("github", "--check"), "rate limit", "20 of")
    assert line.mark == "warning"


# the end


@BOTH
def test_clocks_far_apart_are_a_warning_that_says_how_far(world: World, processor: str) -> None:
    world.observer.clock_skew_seconds = 600
    ended = filled(world).run(processor, "--check")
    line = line_with(ended, "clocks", "behind", "corrected for")
    assert (ended.exit_code, line.mark, "NTP" in (line.fix or "")) == (0, "warning", True)
    assert re.search(r"is (10 minutes|59\d seconds|60\d seconds) behind", line.text)


def test_the_error_of_a_failed_check_counts_where_ten_names_would_stand(world: World) -> None:
    for number in range(10):
        world.add_jenkins(f"lab{number}", permission="read")
    ended = world.run("jenkins", "--check")
    assert ended.exit_code == 1
    (line,) = ended.err.splitlines()
    assert re.search(r"a drain could not work: Jenkins job \S+, Jenkins job \S+, Jenkins job \S+ and 7 more$", line)


@BOTH
def test_quiet_shows_only_what_is_not_well(world: World, processor: str) -> None:
    filled(world)
    assert world.run(processor, "--check", "-q").shown == ""
    ended = world.run(processor, "--check", "-q", TEST_OBSERVER_API_KEY="to_unknown")
    assert {line.mark for line in lines_of(ended)} == {"FAILED", "warning"}


@BOTH
def test_the_result_stands_outside_the_folded_lines_and_in_the_summary(
    world: World, tmp_path: Path, processor: str
) -> None:
    summary = tmp_path / "summary"
    ended = filled(world).run(processor, "--check", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert "::group::" not in ended.shown
    text = summary.read_text(encoding="utf-8")
    assert text.startswith(f"### Check ({processor})\n\n- ok Test Observer&#58; view&#95;rerun")
    assert "stay in the queue" not in text
    assert "not read" not in text


@BOTH
def test_the_report_has_the_checks(world: World, tmp_path: Path, processor: str) -> None:
    report = tmp_path / "report.json"
    world.observer.api_keys["to_viewer"] = {"view_rerun"}
    ended = world.run(processor, "--check", "--report", str(report), TEST_OBSERVER_API_KEY="to_viewer")
    told = json.loads(report.read_text())
    assert told["exit_code"] == ended.exit_code == 3
    assert "change_rerun" in told["error"]
    assert told["requests"] == []
    marks = {True: "ok", False: "FAILED", None: "warning"}
    shown = [Line(marks[check["ok"]], f"{check['name']}: {check['message']}", check["fix"]) for check in told["checks"]]
    assert shown == lines_of(ended)


@BOTH
def test_what_a_server_echoes_is_shown_harmlessly_and_without_secrets(
    world: World, tmp_path: Path, processor: str
) -> None:
    filled(world)
    report = tmp_path / "report.json"
    sent = ["jenkins-token", "YWRtaW46amVua2lucy10b2tlbg=="] if processor == "jenkins" else ["gh-token"]
    echo = f"\\u001b[31m {' '.join(sent)} to_demo \\n::error::x ##[error]y"
    body = f'{{"message": "{echo}", "detail": "{echo}", "name": "{echo}"}}'
    for server in (world.observer, world.jenkins, world.github):
        server.inject(Fault(skip=1, times=None, status=403, headers={"Content-Type": "application/json"}, body=body))
    ended = world.run(processor, "--check", "--report", str(report))
    for text in (ended.shown, report.read_text()):
        assert not [secret for secret in (*sent, "to_demo") if secret in text]
        assert "\x1b" not in text
        assert "##[" not in text
        assert not [line for line in text.splitlines() if line.strip().startswith("::")]


def test_the_user_whom_jenkins_names_is_shown_harmlessly(world: World) -> None:
    world.jenkins.inject(Fault(path="/me/", action="garbage", body='{"id": "a\\u001b[31m\\n::error::b"}'))
    ended = world.run("jenkins", "--check")
    assert "\x1b" not in ended.shown
    line_with(ended, "knows the user as")


@BOTH
@pytest.mark.parametrize(
    ("rights", "mark"),
    [
        pytest.param({"view_rerun", "change_rerun", "change_test"}, "ok", id="granted"),
        pytest.param({"view_rerun", "change_rerun"}, "warning", id="not granted"),
    ],
)
def test_whether_requesters_can_be_told_is_told_where_they_should_be(
    world: World, processor: str, rights: set[str], mark: str
) -> None:
    world.observer.api_keys["to_other"] = rights
    ended = filled(world).run(processor, "--check", "--announce", TEST_OBSERVER_API_KEY="to_other")
    assert (ended.exit_code, line_with(ended, "Test Observer: change_test:").mark) == (0, mark)
    assert_nothing_changed(world)
    assert "change_test:" not in world.run(processor, "--check", TEST_OBSERVER_API_KEY="to_other").out


def file_of(world: World, folder: Path, *, with_ids: bool) -> str:
    """Write the queue into a file, and empty it."""
    entries: Any = filled(world).observer.queue
    file = folder / "queue.json"
    file.write_text(
        json.dumps([entry if with_ids else {"ci_link": entry["ci_link"], "family": "snap"} for entry in entries])
    )
    return str(file)


@BOTH
def test_a_file_with_ids_is_read_and_test_observer_tried_where_they_are_deleted(
    world: World, tmp_path: Path, processor: str
) -> None:
    file = file_of(world, tmp_path, with_ids=True)
    ended = world.run(processor, "--check", "--requests", file)
    assert ended.exit_code == 0
    assert line_with(ended, "requests", "2 requests read from").text == f"requests: 2 requests read from {file}"
    assert line_with(ended, "view_rerun", f"{world.observer.url} answers").text.endswith("answers")
    line_with(ended, "change_rerun:", "deleting is allowed")
    assert_nothing_changed(world)


@BOTH
def test_a_file_with_ids_and_a_test_observer_that_is_down_are_no_success(
    world: World, tmp_path: Path, processor: str
) -> None:
    file = file_of(world, tmp_path, with_ids=True)
    down = f"http://127.0.0.1:{closed_port()}"
    ended = world.run(processor, "--check", "--requests", file, TEST_OBSERVER_URL=down)
    assert ended.exit_code == 3
    assert line_with(ended, "requests", "2 requests read from").mark == "ok"
    assert line_with(ended, "view_rerun", "no connection").mark == "FAILED"


@BOTH
def test_a_file_without_ids_has_nobody_contact_test_observer(world: World, tmp_path: Path, processor: str) -> None:
    file = file_of(world, tmp_path, with_ids=False)
    ended = world.run(processor, "--check", "--announce", "--requests", file)
    assert ended.exit_code == 0
    assert world.observer.requests == []
    line_with(ended, "requests", "2 requests read from")
    assert "Test Observer" not in ended.out


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_server_whose_rate_limits_are_off_is_fine_and_its_repositories_are_tried(world: World) -> None:
    filled(world).github.limits.is_off = True
    ended = world.run("github", "--check")
    assert ended.exit_code == 0
    assert line_with(ended, "GitHub:", "its rate limits are off").mark == "ok"
    assert line_with(ended, "GitHub repository").mark == "ok"


@pytest.mark.parametrize(("how", "status"), [("forbidden", "403"), ("missing", "404")])
def test_where_concurrency_groups_are_not_told_a_check_says_so(world: World, how: str, status: str) -> None:
    filled(world).github.concurrency_groups = how  # type: ignore[assignment] # one of two
    ended = world.run("github", "--check")
    line = line_with(ended, "concurrency groups", "not told" if how == "forbidden" else "should tell", status)
    assert (ended.exit_code, line.mark) == (0, "warning")
    assert ("--acknowledge started" in line.text) is (how == "forbidden")


@pytest.mark.parametrize("path", ["/rate_limit", "/repos/"])
def test_a_right_token_that_a_person_must_allow_once_is_not_to_be_changed(world: World, path: str) -> None:
    page = "https://github.com/orgs/canonical/sso?authorization_request=A"
    headers = {"X-GitHub-SSO": f"required; url={page}"}
    body = json.dumps({"message": "Resource protected by organization SAML enforcement."})
    filled(world).github.inject(Fault(path=path, times=None, status=403, headers=headers, body=body))
    line = line_with(world.run("github", "--check"), f"a person must allow it once at {page}")
    assert (line.mark, line.fix) == ("FAILED", "allow the token for that organization")


# where the queue points


@BOTH
def test_it_says_how_many_of_the_queued_requests_point_here_and_why_not_the_others(
    world: World, processor: str
) -> None:
    filled(world)
    for number in range(3):
        world.observer.add(f"http://elsewhere.example/job/lab/{number}/")
    line = line_with(world.run(processor, "--check"), "queue: 1 of 5 requests point here")
    assert line.mark == "ok"
    assert "3: the link points to http://elsewhere.example, and only " in line.text


def test_a_queue_that_points_to_another_name_of_the_server_is_a_warning_with_the_setting(world: World) -> None:
    world.add_jenkins()
    ended = world.run("jenkins", "--check", JENKINS_URL=world.jenkins.url.replace("127.0.0.1", "localhost"))
    line = line_with(ended, "queue: 0 of 1 requests point here")
    assert line.mark == "warning"
    assert "127.0.0.1" in line.text
    assert "localhost" in line.text
    assert "JENKINS_URL" in str(line.fix)


@BOTH
def test_a_check_ends_with_a_verdict(world: World, processor: str) -> None:
    assert filled(world).run(processor, "--check").out.splitlines()[-1].startswith("a drain can work")
    token = "JENKINS_API_TOKEN" if processor == "jenkins" else "GH_TOKEN"
    assert "a drain could not work" in world.run(processor, "--check", **{token: "wrong-token"}).err.splitlines()[-1]


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_check_that_a_signal_ended_says_so_and_not_that_a_drain_can_work(
    world: World, processor: str, number: signal.Signals
) -> None:
    """What was not tried may be wrong."""
    ci = world.jenkins if processor == "jenkins" else world.github
    filled(world)
    ci.inject(Fault(method="GET", times=None, action="hang"))
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "test_executions_rerunner", processor, "--check"],
        env=world.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ci.wait_for("GET")
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert out.startswith("ok: ")
    assert "a drain can work" not in out
    assert f"interrupted by {number.name}: the rest was not tried" in err.splitlines()[-1]


def test_a_file_that_is_not_there_is_named_once(world: World, tmp_path: Path) -> None:
    file = tmp_path / "requests.json"
    ended = world.run("jenkins", "--requests", str(file), "--check")
    assert ended.err.count(str(file)) == 1
    assert "a readable JSON file is needed (No such file or directory)" in ended.err


def test_one_request_of_a_file_is_told_as_one(world: World, tmp_path: Path) -> None:
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": f"{world.jenkins.url}/job/lab/1/", "family": "snap"}]))
    line_with(world.run("jenkins", "--requests", str(file), "--check"), f"requests: 1 request read from {file}")
