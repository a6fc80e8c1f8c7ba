"""One answer of GitHub is no proof: what a look asks for again, and when."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner import GithubProcessor
from test_executions_rerunner.calls.clocks import Moment, ServerClock
from test_executions_rerunner.calls.failures import CallError, Kind
from test_executions_rerunner.demo import Fault, GithubServer
from test_executions_rerunner.rerun_request import RerunRequest
from waits import HandMoved, ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.models import Look

NAME = "canonical/lab"
LINK = f"https://github.com/{NAME}/actions/runs/7"
RUN, JOBS = "/actions/runs/7$", "/actions/runs/7/jobs"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        github.add_repository(NAME)
        yield github


def look(server: GithubServer, waiting: Waiting, link: str = LINK) -> Look:
    """Look at a run that was asked for ten minutes ago."""
    processor = GithubProcessor(server.token, github_api_url=server.url, waiting=waiting)
    request = RerunRequest.read({"ci_link": link}, needs_id=False)
    moment = Moment(time.time() - 600, ServerClock(processor.waiting.clock))
    return processor.look(processor.target(request), {request: moment}, None)


def times(server: GithubServer, path: str) -> int:
    return server.count("GET", path)


def test_a_run_that_is_missing_for_a_moment_was_never_gone(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    server.inject(Fault(method="GET", path=RUN, status=404, body='{"message": "Not Found"}'))
    waiting = HandMoved(recheck_seconds=5.0)
    began = waiting.now
    found = look(server, waiting)
    assert found.verdict is None
    assert found.since is not None
    assert found.since >= began + 5.0, "it rests on the answer that was given then"
    assert times(server, "/actions/runs/7") == 3, "twice the run, then its groups"


def test_a_run_is_gone_if_it_is_still_missing_five_seconds_later(server: GithubServer) -> None:
    waiting = HandMoved(recheck_seconds=5.0)
    with pytest.raises(CallError, match="the repository answers, the run is gone") as failed:
        look(server, waiting)
    assert failed.value.failure.kind is Kind.NEVER
    assert waiting.slept == [pytest.approx(5.0)]
    assert (times(server, "/actions/runs/7"), server.count("GET", f"/repos/{NAME}")) == (2, 3)


def test_a_run_in_a_repository_that_does_not_answer_is_not_gone(server: GithubServer) -> None:
    waiting = HandMoved()
    with pytest.raises(CallError) as failed:
        look(server, waiting, "https://github.com/canonical/unseen/actions/runs/7")
    assert failed.value.failure.kind is Kind.REJECTED
    assert waiting.slept == []


def test_nothing_is_gone_where_a_signal_cuts_the_wait_short(server: GithubServer) -> None:
    waiting = ShortWaiting(recheck_seconds=60.0)
    waiting.interrupt()
    with pytest.raises(CallError) as failed:
        look(server, waiting)
    assert failed.value.failure.kind is Kind.REJECTED


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_list_that_fails_in_large_pages_is_asked_for_in_small_ones(server: GithubServer, status: int) -> None:
    jobs = [f"job {number}" for number in range(70)]
    server.add_run(NAME, 7, jobs=jobs, created_at=time.time() - 3600)
    server.rerun_jobs(7, ["job 69"], started_at=time.time() - 60, conclusion="success")
    server.inject(Fault(method="GET", path="per_page=100", times=None, status=status))
    request = server.link(7, "job 69")
    found = look(server, HandMoved(), request)
    assert len(found.served) == 1
    asked = [each.parameters for each in server.requests if each.path.endswith("/jobs")]
    assert [(each["per_page"], each["page"]) for each in asked] == [
        ("100", "1"),
        *[("30", str(page)) for page in (1, 2, 3)],
    ]


def test_a_list_that_fails_in_small_pages_too_is_a_failed_look(server: GithubServer) -> None:
    server.add_run(NAME, 7, run_attempt=2, run_started_at=time.time() - 60)
    server.inject(Fault(method="GET", path=JOBS, times=None, status=502))
    with pytest.raises(CallError) as failed:
        look(server, ShortWaiting())
    assert failed.value.failure.kind is Kind.BROKEN
    assert {each.parameters["per_page"] for each in server.requests[2:]} == {"30"}


def test_a_list_that_may_not_be_seen_is_asked_for_once(server: GithubServer) -> None:
    server.add_run(NAME, 7, run_attempt=2, run_started_at=time.time() - 60)
    body = json.dumps({"message": "Resource not accessible by integration"})
    server.inject(Fault(method="GET", path=JOBS, times=None, status=403, body=body))
    with pytest.raises(CallError) as failed:
        look(server, ShortWaiting())
    assert (failed.value.failure.kind, times(server, JOBS)) == (Kind.FORBIDDEN, 1)


def test_a_rate_limit_of_the_list_is_waited_for_and_the_pages_stay_large(server: GithubServer) -> None:
    server.add_run(NAME, 7, run_attempt=2, run_started_at=time.time() - 60)
    server.inject(Fault(method="GET", path=JOBS, status=429, headers={"Retry-After": "1"}))
    assert len(look(server, HandMoved()).served) == 1
    assert {each.parameters["per_page"] for each in server.requests if each.path.endswith("/jobs")} == {"100"}
