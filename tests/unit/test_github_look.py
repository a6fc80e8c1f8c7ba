"""What a look at a run of GitHub reads, what it finds in the way of a trigger, and what the trigger would take."""

from __future__ import annotations

import json
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests

from test_executions_rerunner import GithubProcessor
from test_executions_rerunner.calls.clocks import Moment, ServerClock
from test_executions_rerunner.calls.failures import CallError, Kind
from test_executions_rerunner.demo import Fault, GithubServer
from test_executions_rerunner.drain.policy import POLICY
from test_executions_rerunner.models import Look, State
from test_executions_rerunner.rerun_request import RerunRequest
from waits import HandMoved, ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "canonical/lab"
RUN = f"/repos/{NAME}/actions/runs/7"
HOUR, DAY = 3600.0, 86400.0
ENTERPRISE = "https://github.example"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        yield github


def processor_of(server: GithubServer, **of: Any) -> GithubProcessor:  # noqa: ANN401 - as the processor takes it
    return GithubProcessor(server.token, **{"github_api_url": server.url, "waiting": ShortWaiting(), **of})


def asked(link: str) -> RerunRequest:
    return RerunRequest.read({"ci_link": link}, needs_id=False)


def look(processor: GithubProcessor, *links: str, asked_at: float | None = None) -> Look:
    """Look at the target of these links, which were asked for at that true time, if at any."""
    requests = [asked(link) for link in links]
    clock = ServerClock(processor.waiting.clock)
    moment = None if asked_at is None else Moment(asked_at, clock)
    return processor.look(processor.target(requests[0]), dict.fromkeys(requests, moment), None)


def gets(server: GithubServer) -> list[str]:
    """Return the GETs since the last call of this, below the actions of the repository."""
    targets = [request.target.partition("/actions/")[2] for request in server.requests if request.method == "GET"]
    server.requests.clear()
    return targets


def group_claim(look: Look) -> list[object]:
    return [claim.key for claim in look.claims]


# concurrency groups


def test_a_look_asks_for_the_run_its_groups_and_all_active_groups_in_this_order(server: GithubServer) -> None:
    server.add_run(NAME, 7, concurrency_group=("ci-main", "lab"))
    found = look(processor_of(server), server.link(7))
    assert gets(server) == [
        "runs/7",
        "runs/7/concurrency_groups?per_page=100",
        "concurrency_groups?per_page=100",
    ]
    assert found.verdict is None
    assert group_claim(found) == [("group", "canonical", "lab", "ci-main"), ("group", "canonical", "lab", "lab")]
    assert found.claims[0].reason == "its concurrency group 'ci-main' is taken"
    assert found.claims[0].most == 1


def test_runs_of_one_group_claim_the_same_whatever_the_case_and_of_two_repositories_they_do_not(
    server: GithubServer,
) -> None:
    for run, name, group in ((7, NAME, "CI"), (8, NAME, "ci"), (9, "canonical/other", "ci")):
        server.add_run(name, run, concurrency_group=group)
    processor = processor_of(server)
    first, second, other = (group_claim(look(processor, server.link(run))) for run in (7, 8, 9))
    assert first == second != other


@pytest.mark.parametrize("status", ["queued", "in_progress", "pending"])
def test_a_run_whose_group_holds_another_run_is_deferred_naming_both(server: GithubServer, status: str) -> None:
    server.add_run(NAME, 7, concurrency_group="ci-main")
    server.add_run(NAME, 8, concurrency_group="ci-main", status=status)
    verdict = look(processor_of(server), server.link(7)).verdict
    assert verdict is not None
    assert verdict.state is State.DEFERRED
    assert "'ci-main'" in verdict.reason
    assert f"https://github.com/{NAME}/actions/runs/8" in verdict.reason


@pytest.mark.parametrize(
    "name", ["Test-refs/heads/a b", "50% of ../x?y#z", "größe", "a/../b", "##[error]x", "\u202ex\n::x::"], ids=ascii
)
def test_a_group_of_any_name_is_found(server: GithubServer, name: str) -> None:
    server.add_run(NAME, 7, concurrency_group=name)
    assert group_claim(look(processor_of(server), server.link(7))) == [("group", "canonical", "lab", name.lower())]
    server.add_run(NAME, 8, concurrency_group=name, status="in_progress")
    verdict = look(processor_of(server), server.link(7)).verdict
    assert verdict is not None
    assert verdict.reason.isprintable()
    assert "##[" not in verdict.reason


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_a_group_url_may_leave_slashes_as_they_are_and_write_the_repository_in_another_case(
    server: GithubServer, case: str
) -> None:
    server.add_run(NAME, 7, concurrency_group="ci/main")
    server.add_run(NAME, 8, concurrency_group="ci/main", status="in_progress")
    name = NAME.upper() if case == "upper" else NAME
    inject_group(server, f"{server.url}/repos/{name}/actions/concurrency_groups/ci/main", "ci/main")
    found = look(processor_of(server), server.link(7))
    assert found.verdict is not None
    assert found.verdict.state is State.DEFERRED


def inject_group(server: GithubServer, url: str, name: str = "ci") -> None:
    told = {"total_count": 1, "concurrency_groups": [{"group_name": name, "group_url": url, "group_members": []}]}
    server.inject(Fault(method="GET", path="/runs/7/concurrency_groups", status=200, body=json.dumps(told)))


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://evil.example/repos/canonical/lab/actions/concurrency_groups/ci", id="another server"),
        pytest.param("{url}/repos/canonical/other/actions/concurrency_groups/ci", id="another repository"),
        pytest.param("{url}/repos/canonical/lab/actions/runs/8", id="no group"),
        pytest.param("{url}/repos/canonical/lab/actions/concurrency_groups/", id="no name"),
        pytest.param("{url}/repos/canonical/lab/actions/concurrency_groups/../runs/8", id="way up"),
        pytest.param("{url}/repos/canonical/lab/actions/concurrency_groups/%2e%2E/runs/8", id="quoted way up"),
        pytest.param("{url}/repos/canonical/lab/actions/concurrency_groups/ci?x=1", id="query"),
        pytest.param("{url}/repos/x/../canonical/lab/actions/concurrency_groups/ci", id="way up before"),
        pytest.param("http://user@127.0.0.1/repos/canonical/lab/actions/concurrency_groups/ci", id="user"),
        pytest.param("ci", id="no url"),
    ],
)
def test_a_group_url_that_leads_elsewhere_is_not_followed_and_nothing_is_started(
    server: GithubServer, url: str
) -> None:
    server.add_run(NAME, 7, concurrency_group="ci")
    inject_group(server, url.format(url=server.url))
    with pytest.raises(CallError, match="its concurrency group is said to be at") as failed:
        look(processor_of(server), server.link(7))
    assert POLICY[failed.value.failure.kind].look_state is State.FAILED
    assert gets(server) == ["runs/7", "runs/7/concurrency_groups?per_page=100"]


@pytest.mark.parametrize(("how", "status"), [("missing", "404"), ("forbidden", "403")])
def test_where_groups_are_not_told_they_are_asked_for_once_a_repository_and_each_run_says_so(
    server: GithubServer, how: Literal["missing", "forbidden"], status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.concurrency_groups = how
    for run in range(20):
        server.add_run(NAME, run + 1)
    server.add_run("canonical/other", 21)
    server.server_url = ENTERPRISE
    processor = processor_of(server, github_server_url=ENTERPRISE)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda run: look(processor, server.link(run)), range(1, 22)))
    assert not [each for each in found if each.verdict or each.claims]
    notes = [note for each in found for note in each.notes]
    assert len(notes) == 21
    for note in notes:
        assert note.startswith(f"concurrency groups are not told ({status} ")
        assert "reruns of one group may cancel each other" in note
        assert "with --acknowledge started a rerun that was cancelled before it ran is started again" in note
    assert len([record for record in caplog.records if "concurrency groups are not told" in record.message]) == 2
    assert len([each for each in gets(server) if "concurrency_groups" in each]) == 2


@pytest.mark.parametrize("url", ["https://github.com", ENTERPRISE])
def test_a_404_of_a_server_that_tells_groups_is_asked_for_twice_and_then_defers(server: GithubServer, url: str) -> None:
    server.server_url = url
    for run in (7, 8, 9):
        server.add_run(NAME, run, concurrency_group="ci")
    processor = processor_of(server, github_server_url=url)
    if url == ENTERPRISE:
        look(processor, server.link(9))
    missing = server.inject(Fault(method="GET", path="/concurrency_groups", times=1, status=404, body="{}"))
    assert group_claim(look(processor, server.link(7))) == [("group", "canonical", "lab", "ci")], "missing for a moment"
    missing.times = None
    server.requests.clear()
    verdict = look(processor, server.link(8)).verdict
    assert verdict is not None
    assert verdict.state is State.DEFERRED
    assert "should tell its concurrency groups, and answered twice: 404" in verdict.reason
    assert len([each for each in gets(server) if "/concurrency_groups" in each]) == 2


def test_a_403_after_groups_were_told_is_a_failed_look(server: GithubServer) -> None:
    for run in (7, 8):
        server.add_run(NAME, run, concurrency_group="ci")
    processor = processor_of(server)
    look(processor, server.link(7))
    server.concurrency_groups = "forbidden"
    with pytest.raises(CallError) as failed:
        look(processor, server.link(8))
    assert POLICY[failed.value.failure.kind].look_state is State.FAILED


# active groups, in one call for many looks


def test_idle_groups_of_many_runs_cost_one_call_together(server: GithubServer) -> None:
    for run in range(1, 31):
        server.add_run(NAME, run, concurrency_group=(f"group {run}", f"lab {run}", "ci"))
    for run in (31, 32):
        server.add_run(NAME, run, concurrency_group=f"group {run - 30}", status="in_progress")
    processor = GithubProcessor(server.token, github_api_url=server.url, waiting=HandMoved())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda run: look(processor, server.link(run)), range(1, 31)))
    assert [run for run, each in enumerate(found, 1) if each.verdict] == [1, 2]
    asked_for = [each for each in gets(server) if each.startswith("concurrency_groups")]
    assert sorted(asked_for) == [
        "concurrency_groups/group%201",
        "concurrency_groups/group%202",
        "concurrency_groups?per_page=100",
    ]


def test_the_list_of_active_groups_is_shared_for_two_seconds_and_a_look_is_as_old_as_it(server: GithubServer) -> None:
    server.add_run(NAME, 7, concurrency_group="ci")
    waiting = HandMoved()
    processor = GithubProcessor(server.token, github_api_url=server.url, waiting=waiting)
    for seconds, since in ((0.0, 0.0), (1.9, 0.0), (2.0, 2.0)):
        waiting.now = 1000.0 + seconds
        assert look(processor, server.link(7)).since == 1000.0 + since
    assert len([each for each in gets(server) if each.startswith("concurrency_groups?")]) == 2


def test_a_group_on_a_later_page_of_the_active_ones_is_found(server: GithubServer) -> None:
    for run in range(150):
        server.add_run(NAME, 100 + run, concurrency_group=f"group {run:03}", status="in_progress")
    server.add_run(NAME, 7, concurrency_group="Group 149")
    verdict = look(processor_of(server), server.link(7)).verdict
    assert verdict is not None
    assert "runs/249 (in progress)" in verdict.reason
    assert [each for each in gets(server) if each.startswith("concurrency_groups")] == [
        "concurrency_groups?per_page=100",
        "concurrency_groups?after=cursor-100&per_page=100",
        "concurrency_groups/Group%20149",
    ]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 502}, id="502"),
        pytest.param({"status": 404}, id="404"),
        pytest.param({"action": "garbage"}, id="garbage"),
        pytest.param({"status": 200, "body": '{"total_count": 2, "concurrency_groups": []}'}, id="not whole"),
        pytest.param({"status": 200, "body": "{}"}, id="another shape"),
    ],
)
def test_where_active_groups_are_not_told_each_group_is_asked_for_and_the_list_only_once(
    server: GithubServer, fault: dict[str, Any]
) -> None:
    server.add_run(NAME, 7, concurrency_group="ci")
    server.add_run(NAME, 8, concurrency_group="ci", status="in_progress")
    server.inject(Fault(method="GET", path="/actions/concurrency_groups[?]", times=None, **fault))
    processor = processor_of(server)
    for _ in range(2):
        verdict = look(processor, server.link(7)).verdict
        assert verdict is not None
        assert "is taken by" in verdict.reason
    asked_for = [each for each in gets(server) if each.startswith("concurrency_groups")]
    assert asked_for == ["concurrency_groups?per_page=100", *["concurrency_groups/ci"] * 2]


@pytest.mark.parametrize("path", ["/runs/7/concurrency_groups", "/concurrency_groups/ci"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 502}, id="502"),
        pytest.param({"action": "garbage"}, id="garbage"),
        pytest.param({"status": 200, "body": "{}"}, id="another shape"),
        pytest.param({"status": 200, "body": '{"group_name": "other", "group_members": []}'}, id="another group"),
    ],
)
def test_groups_that_cannot_be_read_are_a_failed_look(server: GithubServer, path: str, fault: dict[str, Any]) -> None:
    server.add_run(NAME, 7, concurrency_group="ci")
    server.add_run(NAME, 8, concurrency_group="ci", status="in_progress")
    server.inject(Fault(method="GET", path=f"{path}(\\?|$)", times=None, **fault))
    with pytest.raises(CallError) as failed:
        look(processor_of(server), server.link(7))
    assert failed.value.failure.kind is Kind.BROKEN


def test_a_list_of_groups_that_is_not_whole_is_a_failed_look(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    body = '{"total_count": 101, "concurrency_groups": []}'
    server.inject(Fault(method="GET", path="/concurrency_groups", times=None, status=200, body=body))
    with pytest.raises(CallError):
        look(processor_of(server), server.link(7))


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"status": "in_progress"}, id="still going"),
        pytest.param({"run_attempt": 51}, id="attempts used up"),
        pytest.param({"created_at": time.time() - 31 * DAY}, id="too old"),
    ],
)
def test_a_run_that_is_not_to_be_started_costs_one_call(server: GithubServer, how: dict[str, Any]) -> None:
    server.add_run(NAME, 7, concurrency_group="ci", **how)
    assert look(processor_of(server, max_queued=1), server.link(7)).verdict is not None
    assert gets(server) == ["runs/7"]


def test_a_run_that_was_rerun_since_costs_a_list_of_its_jobs(server: GithubServer) -> None:
    server.add_run(NAME, 7, concurrency_group="ci", run_attempt=2, run_started_at=time.time() - 60)
    found = look(processor_of(server), server.link(7), asked_at=time.time() - HOUR)
    assert (len(found.served), gets(server)) == (1, ["runs/7", "runs/7/jobs?filter=all&page=1&per_page=100"])


# the answer is about what was asked, and its times can be


@pytest.mark.parametrize("shown", [{"id": 8}, {"id": None}, {"id": True}], ids=str)
def test_an_answer_about_another_run_is_none(server: GithubServer, shown: dict[str, object]) -> None:
    server.add_run(NAME, 7, **shown)  # type: ignore[arg-type] # what its JSON says
    with pytest.raises(CallError, match="the answer is about another run") as failed:
        look(processor_of(server), server.link(7))
    assert failed.value.failure.kind is Kind.BROKEN


def test_jobs_of_another_run_are_none(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    server.add_run(NAME, 8)
    job = {"id": 1, "run_id": 8, "name": "test", "created_at": "2026-01-01T00:00:00Z", "conclusion": "failure"}
    body = json.dumps({"total_count": 1, "jobs": [job]})
    server.inject(Fault(method="GET", path="/runs/7/jobs", times=None, status=200, body=body))
    with pytest.raises(CallError, match="the answer is about another run"):
        look(processor_of(server, rerun="failed-jobs"), server.link(7, "test"))


def test_the_repository_must_answer_for_a_run_to_be_gone(server: GithubServer) -> None:
    server.add_repository(NAME)
    link = f"https://github.com/{NAME}/actions/runs/7"
    processor = processor_of(server)
    with pytest.raises(CallError) as failed:
        look(processor, link)
    assert failed.value.failure.kind is Kind.NEVER
    body = '{"full_name": "canonical/other"}'
    server.inject(Fault(method="GET", path=f"/repos/{NAME}$", times=None, status=200, body=body))
    with pytest.raises(CallError, match="about another repository") as failed:
        look(processor, link)
    assert failed.value.failure.kind is Kind.BROKEN


@pytest.mark.parametrize(
    "shown", [{"run_attempt": float("inf")}, {"created_at": None}, {"run_started_at": "yesterday"}], ids=str
)
def test_a_run_of_another_shape_is_a_failed_look(server: GithubServer, shown: dict[str, Any]) -> None:
    run = server.add_run(NAME, 7)
    run.shown = shown
    with pytest.raises(CallError, match="another shape") as failed:
        look(processor_of(server), server.link(7))
    assert failed.value.failure.kind is Kind.BROKEN


def test_an_attempt_that_started_after_githubs_own_time_is_compared_with_nothing(server: GithubServer) -> None:
    server.add_run(NAME, 7, run_attempt=2, run_started_at=time.time() + HOUR)
    with pytest.raises(CallError, match="ahead of its own clock") as failed:
        look(processor_of(server), server.link(7), asked_at=time.time() - 60)
    assert failed.value.failure.kind is Kind.CLOCKS


@pytest.mark.parametrize(
    ("seconds", "is_served"),
    [pytest.param(1.0, False, id="within the margin"), pytest.param(10.0, True, id="past it")],
)
def test_an_attempt_is_later_only_by_more_than_the_margin(
    server: GithubServer,
    seconds: float,
    is_served: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    started = float(int(time.time()) - 100)
    server.add_run(NAME, 7, run_attempt=2, run_started_at=started)
    processor = processor_of(server)
    target, request = processor.target(asked(server.link(7))), asked(server.link(7))
    look(processor, server.link(7))  # its clock is known from here on
    moment = Moment(started - seconds, processor.calls.clock)
    assert bool(processor.look(target, {request: moment}, None).served) is is_served


def test_only_an_attempt_that_was_not_there_at_the_look_has_changed_the_run(server: GithubServer) -> None:
    server.add_run(NAME, 7, run_attempt=3)
    processor = processor_of(server)
    target = processor.target(asked(server.link(7)))
    found = look(processor, server.link(7))
    assert processor.changed(target, found) is None
    server.rerun_jobs(7, ["test"])
    changed = processor.changed(target, found)
    assert changed is not None
    assert changed.link == f"https://github.com/{NAME}/actions/runs/7/attempts/4"


# too old


@pytest.mark.parametrize(
    ("age", "is_refused"),
    [
        pytest.param(29.9 * DAY, False, id="younger"),
        pytest.param(30 * DAY + 300, False, id="in the last minutes GitHub decides"),
        pytest.param(30 * DAY + 900, True, id="older"),
    ],
)
@pytest.mark.parametrize("skew", [0.0, -45 * DAY], ids=["true clock", "GitHub's clock is elsewhere"])
def test_a_run_is_too_old_by_githubs_own_clock(
    server: GithubServer,
    age: float,
    skew: float,
    is_refused: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    server.clock_skew_seconds = skew
    server.add_run(NAME, 7, created_at=time.time() - age)
    found = look(processor_of(server), server.link(7))
    verdict = found.verdict
    assert (verdict is not None and verdict.state is State.REFUSED) is is_refused
    assert verdict is None or "over a month ago" in verdict.reason
    assert found.way_out == (
        f"it can be started afresh, if its workflow allows that: `gh workflow run test.yml -R {NAME} --ref main`"
    )


# a day


def run_of_a_day(server: GithubServer, *hours_ago: float) -> None:
    """Add a run whose attempts started so many hours ago, each with a job of its own and one carried over."""
    now = time.time()
    server.lists_carried_over_jobs = True
    server.add_run(NAME, 7, jobs=("test", "other"), created_at=now - hours_ago[0] * HOUR, conclusion="failure")
    for hours in hours_ago[1:]:
        server.rerun_jobs(7, ["test"], started_at=now - hours * HOUR, conclusion="failure")


@pytest.mark.parametrize(
    ("hours_ago", "most", "is_deferred"),
    [
        pytest.param((5,), 1, True, id="the first attempt counts"),
        pytest.param((25,), 1, False, id="yesterday's does not"),
        pytest.param((30, 5, 1), 2, True, id="two of three"),
        pytest.param((30, 5, 1), 3, False, id="not three"),
        pytest.param((23, 5, 1), 3, True, id="three"),
        pytest.param((50, 40, 30), 3, False, id="all before"),
    ],
)
def test_a_run_that_was_started_too_often_in_a_day_is_deferred(
    server: GithubServer,
    hours_ago: tuple[float, ...],
    most: int,
    is_deferred: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    run_of_a_day(server, *hours_ago)
    verdict = look(processor_of(server, max_per_day=most), server.link(7)).verdict
    assert (verdict is not None) is is_deferred
    if verdict:
        recent = sorted(hours for hours in hours_ago if hours < 24)
        often = "once" if len(recent) == 1 else f"{len(recent)} times"
        possible = time.gmtime(time.time() + (24 - recent[most - 1]) * HOUR)
        assert verdict.state is State.DEFERRED
        assert f"started {often} in the last 24 hours (--max-per-day is {most}), next possible at " in verdict.reason
        assert time.strftime("%Y-%m-%d %H:", possible) in verdict.reason
        assert verdict.reason.endswith(" UTC")


@pytest.mark.parametrize(
    ("hours_ago", "most"),
    [
        pytest.param((5, 1), 3, id="fewer attempts than may be"),
        pytest.param((50, 40, 30), 2, id="none today"),
        pytest.param((5,), 1, id="one says it all"),
    ],
)
def test_the_job_list_is_asked_for_only_where_a_day_may_be_full(
    server: GithubServer, hours_ago: tuple[float, ...], most: int
) -> None:
    run_of_a_day(server, *hours_ago)
    look(processor_of(server, max_per_day=most), server.link(7))
    assert not [each for each in gets(server) if "/jobs" in each]


# a queue


def test_the_queued_runs_are_counted_once_a_repository_and_are_a_claim_to_what_is_left(server: GithubServer) -> None:
    for run in (7, 8, 9):
        server.add_run(NAME, run)
    for run, name in ((21, NAME), (22, NAME), (23, "canonical/other")):
        server.add_run(name, run, status="queued")
    server.add_run(NAME, 24, status="in_progress")
    server.add_run(NAME, 25, status="waiting")
    processor = processor_of(server, max_queued=5)
    before = processor.waiting.clock()
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda run: look(processor, server.link(run)), (7, 8, 9)))
    assert gets(server).count("runs?page=1&per_page=100&status=queued") == 1
    claims = {claim for each in found for claim in each.claims}
    assert len(claims) == 1
    (claim,) = claims
    assert (claim.key, claim.most) == (("queue", "canonical", "lab"), 3)
    assert before <= claim.since <= processor.waiting.clock()
    assert claim.reason.startswith(f"2 runs were queued in {NAME}, the first since 20")
    assert claim.reason.endswith(" UTC, and --max-queued is 5")


def test_where_too_many_runs_are_queued_a_run_is_deferred_with_their_number_and_since_when(
    server: GithubServer,
) -> None:
    server.add_run(NAME, 7)
    since = time.time() - HOUR
    server.add_run(NAME, 21, status="queued", created_at=time.time() - 5 * DAY, run_started_at=since)
    server.add_run(NAME, 22, status="queued", created_at=time.time() - 60)
    verdict = look(processor_of(server, max_queued=2), server.link(7)).verdict
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(since))
    assert verdict is not None
    assert verdict.state is State.DEFERRED
    assert verdict.reason == f"2 runs were queued in {NAME}, the first since {shown}, and --max-queued is 2"
    assert gets(server) == ["runs/7", "runs?page=1&per_page=100&status=queued"]


def test_more_runs_than_a_page_are_counted(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    for run in range(120):
        server.add_run(NAME, 100 + run, status="queued")
    verdict = look(processor_of(server, max_queued=110), server.link(7)).verdict
    assert verdict is not None
    assert verdict.reason.startswith("120 runs were queued")


def test_runs_that_are_queued_for_over_a_day_are_dead_unless_they_moved_since(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    for run in (21, 22, 23):
        server.add_run(NAME, run, status="queued", created_at=time.time() - 2 * DAY)
    moved = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - HOUR))
    server.add_run(NAME, 24, status="queued", created_at=time.time() - 2 * DAY, updated_at=moved)
    server.add_run(NAME, 25, status="queued", created_at=time.time() - HOUR)
    (claim,) = look(processor_of(server, max_queued=3), server.link(7)).claims
    assert claim.most == 1
    assert claim.reason.startswith(f"2 runs were queued in {NAME}, the first since 20")
    assert claim.reason.endswith(" UTC (3 more for over a day, which nobody takes), and --max-queued is 3")
    verdict = look(processor_of(server, max_queued=2), server.link(7)).verdict
    assert verdict is not None
    assert verdict.state is State.DEFERRED


def test_a_run_that_was_queued_when_they_were_counted_and_is_over_now_does_not_count_for_itself(
    server: GithubServer,
) -> None:
    for run in (7, 8):
        server.add_run(NAME, run)
    server.add_run(NAME, 9, status="queued", created_at=time.time() - HOUR)
    processor = processor_of(server, max_queued=2)
    (claim,) = look(processor, server.link(7)).claims
    server.finish(9)
    (own,) = look(processor, server.link(9)).claims
    assert (claim.most, own.most) == (1, 2)


def test_a_run_that_is_listed_on_two_pages_is_counted_once(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    server.add_run(NAME, 9, status="queued", created_at=time.time() - HOUR)
    page = requests.get(
        f"{server.url}/repos/{NAME}/actions/runs?status=queued",
        headers={"Authorization": f"Bearer {server.token}"},
        timeout=5,
    ).json()
    body = json.dumps({**page, "total_count": 2})
    server.inject(Fault(method="GET", path="status=queued", times=2, status=200, body=body))
    (claim,) = look(processor_of(server, max_queued=3), server.link(7)).claims
    assert claim.most == 2


def test_a_queue_that_cannot_be_counted_is_a_failed_look_for_all_and_asked_for_once(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    server.inject(Fault(method="GET", path="status=queued", times=None, status=404, body='{"message": "x"}'))
    processor = processor_of(server, max_queued=2)
    for _ in range(3):
        with pytest.raises(CallError):
            look(processor, server.link(7))
    assert gets(server).count("runs?page=1&per_page=100&status=queued") == 1


def test_without_a_bound_no_queue_is_counted(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    look(processor_of(server), server.link(7))
    assert not [each for each in gets(server) if "status=queued" in each]


# what cannot become untrue


def test_for_another_look_only_what_may_have_changed_is_read_again(server: GithubServer) -> None:
    server.lists_carried_over_jobs = True
    for run in (7, 8):
        server.add_run(NAME, run, jobs=("rpi4", "rpi5"), concurrency_group="ci", created_at=time.time() - 2 * HOUR)
    processor = processor_of(server, rerun="job")
    first = posted(look(processor, server.link(7, "rpi4")))
    server.requests.clear()
    for _ in range(2):
        assert posted(look(processor, server.link(7, "rpi4"))) == first
    assert gets(server) == ["runs/7", "runs/7"], "the active groups are shared"
    server.rerun_jobs(7, ["rpi4"], started_at=time.time() - HOUR, conclusion="failure")
    assert posted(look(processor, server.link(7, "rpi4"))) == f"jobs/{server.job_id(7, 'rpi4', 2)}/rerun"
    assert [each.partition("?")[0] for each in gets(server)] == ["runs/7", "runs/7/jobs"]


def test_the_jobs_of_a_run_that_is_going_are_read_in_each_look(server: GithubServer) -> None:
    server.add_run(NAME, 7, created_at=time.time() - 2 * HOUR)
    link = server.link(7, "test")
    server.rerun_jobs(7, ["test"], has_runners=False, started_at=time.time() - 60)
    processor = processor_of(server)
    assert not look(processor, link, asked_at=time.time() - HOUR).served
    server.run(7).latest.start()
    assert look(processor, link, asked_at=time.time() - HOUR).served


def test_the_jobs_of_no_more_runs_are_kept_than_a_drain_has_threads(server: GithubServer) -> None:
    for run in range(1, 67):
        server.add_run(NAME, run)
    processor = processor_of(server, rerun="job")
    for run in (*range(1, 66), 1, 65):
        look(processor, server.link(run, "test"))
    lists = [each for each in gets(server) if "/jobs" in each]
    assert (len(lists), lists[-1].partition("/jobs")[0]) == (66, "runs/1")


# one job


def posted(found: Look) -> str:
    return re.sub(r".*/actions/", "", found.post_arguments["url"])


@pytest.mark.parametrize("carries_over", [True, False], ids=["carried over", "left out"])
def test_a_job_is_rerun_by_its_id_in_the_newest_attempt(
    server: GithubServer,
    carries_over: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    server.lists_carried_over_jobs = carries_over
    server.add_run(NAME, 7, jobs=("rpi4", "rpi5"))
    link = server.link(7, "rpi4")
    server.rerun_jobs(7, ["rpi4"], conclusion="success")
    found = look(processor_of(server, rerun="job"), link, f"{link}#pre-upgrade")
    assert posted(found) == f"jobs/{server.job_id(7, 'rpi4', 2)}/rerun"
    assert [each.partition("?")[0] for each in gets(server)] == ["runs/7", "runs/7/jobs", "runs/7/concurrency_groups"]


@pytest.mark.parametrize(
    ("conclusion", "post"),
    [pytest.param("failure", "rerun-failed-jobs", id="failed"), pytest.param("success", "rerun", id="passed")],
)
def test_a_job_that_the_newest_attempt_lacks_is_rerun_with_the_failed_ones_or_the_whole_run(
    server: GithubServer, conclusion: str, post: str
) -> None:
    server.add_run(NAME, 7, jobs=({"name": "rpi4", "conclusion": conclusion}, "rpi5"))
    server.rerun_jobs(7, ["rpi5"], conclusion="success")
    assert posted(look(processor_of(server, rerun="job"), server.link(7, "rpi4"))) == f"runs/7/{post}"


@pytest.mark.parametrize(
    ("jobs", "post"),
    [
        pytest.param(("bad", "worse"), "rerun-failed-jobs", id="all of them failed"),
        pytest.param(("bad", "good"), "rerun", id="one passed"),
        pytest.param(("bad", None), "rerun", id="one link without a job"),
        pytest.param((None,), "rerun", id="no job"),
        pytest.param((999,), "rerun", id="an unknown job"),
        pytest.param(("bad", 999), "rerun", id="one unknown"),
        pytest.param(("twin",), "rerun-failed-jobs", id="two jobs of that name"),
        pytest.param(("mixed",), "rerun", id="two of that name and one passed"),
    ],
)
def test_where_one_job_alone_will_not_do_as_little_as_possible_is_rerun(
    server: GithubServer, jobs: tuple[str | int | None, ...], post: str
) -> None:
    failed = ("bad", "worse", "twin", "twin", "mixed")
    passed = [{"name": name, "conclusion": "success"} for name in ("good", "mixed")]
    server.add_run(NAME, 7, jobs=(*failed, *passed))
    links = [f"{server.link(7)}/job/{job}" if isinstance(job, int) else server.link(7, job) for job in jobs]
    assert posted(look(processor_of(server, rerun="job"), *links)) == f"runs/7/{post}"


def test_a_later_request_joins_the_trigger_of_one_job_only_if_it_names_that_job(server: GithubServer) -> None:
    server.add_run(NAME, 7, jobs=("rpi4", "rpi5"))
    first = server.link(7, "rpi4")
    server.rerun_jobs(7, ["rpi4", "rpi5"], conclusion="failure")
    processor = processor_of(server, rerun="job")
    sent = look(processor, first).post_arguments
    assert processor.cannot_join(asked(first), sent) is None
    assert processor.cannot_join(asked(server.link(7, "rpi4", 2)), sent) is None
    for other in (server.link(7, "rpi5"), server.link(7), f"{server.link(7)}/job/999"):
        assert "does not name that job" in (processor.cannot_join(asked(other), sent) or "")


def test_a_whole_run_is_joined_by_everyone(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    processor = processor_of(server, rerun="job")
    sent = look(processor, server.link(7)).post_arguments
    for link in (server.link(7), server.link(7, "test")):
        assert processor.cannot_join(asked(link), sent) is None


def test_looks_side_by_side_do_not_wait_for_each_other_once_groups_are_told(server: GithubServer) -> None:
    for run in (7, 8, 9):
        server.add_run(NAME, run)
    processor = processor_of(server)
    look(processor, server.link(7))
    hung = server.inject(Fault(method="GET", path="/runs/8/concurrency_groups", action="hang", times=None))
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(look, processor, server.link(8))
        server.wait_for("GET", "/runs/8/concurrency_groups")
        assert look(processor, server.link(9)).verdict is None
        assert not stuck.done()
        hung.times = 0
        server.stop()
        assert isinstance(stuck.exception(10), CallError)
