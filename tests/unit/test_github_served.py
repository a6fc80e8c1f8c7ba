"""Which requests a look at a run of GitHub finds served: only what is proven to have been rerun since."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import GithubProcessor
from test_executions_rerunner.calls.clocks import Moment, ServerClock
from test_executions_rerunner.demo import GithubServer
from test_executions_rerunner.models import Look, State
from test_executions_rerunner.rerun_request import RerunRequest
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "canonical/lab"
MINUTE, DAY = 60.0, 86400.0
MODES = pytest.mark.parametrize("rerun", ["run", "failed-jobs", "job"])
CARRIED = pytest.mark.parametrize("carried_over", [True, False], ids=["carried over", "left out"])


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        github.lists_carried_over_jobs = True
        yield github


def ago(minutes: float) -> float:
    return time.time() - minutes * MINUTE


def look(server: GithubServer, *links: str, rerun: str = "run", asked_at: float | None = None) -> Look:
    """Look at a run whose requests were made ten minutes ago."""
    processor = GithubProcessor(server.token, github_api_url=server.url, waiting=ShortWaiting(), rerun=rerun)
    requests = [RerunRequest.read({"ci_link": link}, needs_id=False) for link in links]
    moment = Moment(ago(10) if asked_at is None else asked_at, ServerClock(processor.waiting.clock))
    return processor.look(processor.target(requests[0]), dict.fromkeys(requests, moment), None)


def attempts(found: Look) -> list[int | None]:
    """Return for each request which attempt serves it."""
    numbers = [int(str(served.link).rpartition("/")[2]) for served in found.served.values()]
    return [*numbers] or [None]


def is_served(server: GithubServer, link: str, **how: Any) -> bool:  # noqa: ANN401 - as `look` takes it
    return bool(look(server, link, **how).served)


def add_run(server: GithubServer, *jobs: Any, **how: Any) -> None:  # noqa: ANN401 - as the server takes them
    """Add a run that ended an hour ago."""
    server.add_run(NAME, 7, **{"jobs": jobs or ("one", "two"), "created_at": ago(70), **how})


def rerun(server: GithubServer, *names: str, at: float = 5, conclusion: str | None = "success", **how: Any) -> None:  # noqa: ANN401 - as the server takes them
    """Let a person rerun jobs so many minutes ago, by default after the request."""
    server.rerun_jobs(7, names, started_at=ago(at), conclusion=conclusion, **how)


# something ran


@MODES
@pytest.mark.parametrize("job", ["one", None])
@pytest.mark.parametrize("going", ["over", "going"])
def test_an_attempt_that_ran_everything_serves(server: GithubServer, rerun: str, job: str | None, going: str) -> None:
    add_run(server)
    server.rerun_jobs(7, ["one", "two"], started_at=ago(5), conclusion="success" if going == "over" else None)
    assert attempts(look(server, server.link(7, job), rerun=rerun)) == [2]


@MODES
@CARRIED
@pytest.mark.parametrize("job", ["one", None])
@pytest.mark.parametrize("how", ["cancelled", "startup_failure"])
def test_an_attempt_that_ended_before_anything_ran_is_no_rerun_and_a_miss(
    server: GithubServer,
    rerun: str,
    carried_over: bool,  # noqa: FBT001 - a parameter of the test
    job: str | None,
    how: str,
) -> None:
    server.lists_carried_over_jobs = carried_over
    add_run(server)
    names = ["one"] if how == "cancelled" else []
    server.rerun_jobs(7, names, started_at=ago(5), conclusion=how, has_runners=False)
    found = look(server, server.link(7, job), rerun=rerun)
    assert (attempts(found), found.verdict) == ([None], None)
    assert list(found.misses.values()) == [1]


def test_each_attempt_that_ran_nothing_since_the_request_is_a_miss(server: GithubServer) -> None:
    add_run(server)
    for at in (20, 8, 6):
        rerun(server, "one", "two", at=at, conclusion="cancelled", has_runners=False)
    rerun(server, at=4, conclusion="startup_failure")
    assert list(look(server, server.link(7)).misses.values()) == [3]
    assert list(look(server, f"{server.link(7)}/attempts/3").misses.values()) == [2]
    rerun(server, "one", "two", at=2)
    assert look(server, server.link(7)).misses == {}, "served"


def test_an_attempt_without_jobs_began_later_if_the_one_before_did(server: GithubServer) -> None:
    add_run(server)
    rerun(server, at=20, conclusion="startup_failure")
    rerun(server, "one", "two", at=8, conclusion="cancelled", has_runners=False)
    rerun(server, at=6, conclusion="startup_failure")
    rerun(server, "one", "two", at=4, conclusion="cancelled", has_runners=False)
    assert list(look(server, server.link(7)).misses.values()) == [3]


def test_an_attempt_whose_jobs_wait_for_runners_serves_nobody_yet(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one", "two", conclusion=None, has_runners=False)
    found = look(server, server.link(7), server.link(7, "one"))
    assert (attempts(found), dict(found.misses)) == ([None], {})
    assert found.verdict is not None
    assert found.verdict.state is State.DEFERRED


def test_a_job_that_waits_for_its_runner_keeps_its_run_from_serving(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one", "two", conclusion=None)
    server.run(7).latest.jobs[1].status, server.run(7).latest.jobs[1].runner_id = "queued", None
    assert not is_served(server, server.link(7))
    assert is_served(server, server.link(7, "one"))
    assert not is_served(server, server.link(7, "two"))


# any attempt, but not those of the link


@CARRIED
def test_any_attempt_since_the_request_may_have_served_it(
    server: GithubServer,
    carried_over: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    server.lists_carried_over_jobs = carried_over
    add_run(server)
    rerun(server, "one", at=8)
    rerun(server, "two", at=6)
    rerun(server, "one", "two", at=4, conclusion="cancelled", has_runners=False)
    assert attempts(look(server, server.link(7, "one"))) == [2]
    assert attempts(look(server, server.link(7, "two"))) == [3]
    assert attempts(look(server, server.link(7))) == [3], "both, one after the other"


@MODES
@pytest.mark.parametrize(("attempt", "serves"), [(1, True), (2, False), (3, False)])
@pytest.mark.parametrize("ending", ["", "/job/{job}"])
def test_attempts_up_to_the_links_own_are_none_of_its_reruns(
    server: GithubServer,
    rerun: str,
    attempt: int,
    serves: bool,  # noqa: FBT001 - a parameter of the test
    ending: str,
) -> None:
    add_run(server)
    server.rerun_jobs(7, ["one", "two"], started_at=ago(5), conclusion="success")
    link = f"{server.link(7)}/attempts/{attempt}{ending.format(job=server.job_id(7, 'one'))}"
    assert is_served(server, link, rerun=rerun) is serves


def test_the_job_of_a_link_is_never_its_own_rerun(server: GithubServer) -> None:
    """A clock that is behind makes the job that failed seem to have started after the request."""
    add_run(server)
    rerun(server, "one")
    assert not is_served(server, server.link(7, "one", 2))
    rerun(server, "two", at=3)
    assert not is_served(server, server.link(7, "one", 2)), "nor is it, carried over"
    rerun(server, "one", at=1)
    assert attempts(look(server, server.link(7, "one", 2))) == [4]


def test_a_job_of_the_first_attempt_that_is_carried_over_was_not_rerun(server: GithubServer) -> None:
    add_run(server, "one", {"name": "two", "started_at": ago(8)})
    rerun(server, "one")
    assert not is_served(server, server.link(7, "two"))
    assert not is_served(server, server.link(7))


# a link with a job


@pytest.mark.parametrize("conclusion", ["skipped", "cancelled"])
def test_a_job_that_was_skipped_or_cancelled_before_it_had_a_runner_was_not_started(
    server: GithubServer, conclusion: str
) -> None:
    add_run(server)
    rerun(server, "one", "two", conclusion=None)
    server.run(7).latest.jobs[1].runner_id = None
    server.run(7).latest.end_job("two", conclusion)
    server.finish(7)
    found = look(server, server.link(7, "two"))
    assert (attempts(found), list(found.misses.values())) == ([None], [1])
    assert is_served(server, server.link(7, "one"))


def test_a_job_that_was_cancelled_while_it_ran_was_started(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one", conclusion="cancelled")
    assert is_served(server, server.link(7, "one"))


@MODES
def test_of_jobs_of_one_name_all_must_have_started(server: GithubServer, rerun: str) -> None:
    add_run(server, "twin", "twin", "one")
    server.rerun_one_of(7, "twin", started_at=ago(8))
    assert not is_served(server, server.link(7, "twin"), rerun=rerun), "which of them, nobody can tell"
    server.rerun_jobs(7, ["one"], started_at=ago(6), conclusion="success")
    assert not is_served(server, server.link(7, "twin"), rerun=rerun), "carried over, it is the same one still"
    server.rerun_jobs(7, ["twin"], started_at=ago(4), conclusion="success")
    assert attempts(look(server, server.link(7, "twin"), rerun=rerun)) == [4]


def test_a_job_that_nobody_knows_is_served_by_a_rerun_of_the_whole_run(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one")
    assert not is_served(server, f"{server.link(7)}/job/999")
    rerun(server, "one", "two", at=3)
    assert is_served(server, f"{server.link(7)}/job/999")


# a link without a job


@CARRIED
@MODES
def test_a_rerun_of_a_part_does_not_serve_a_link_without_a_job(
    server: GithubServer,
    carried_over: bool,  # noqa: FBT001 - a parameter of the test
    rerun: str,
) -> None:
    server.lists_carried_over_jobs = carried_over
    add_run(server)
    for at in (8, 4):
        server.rerun_jobs(7, ["one"], started_at=ago(at), conclusion="success")
    assert not is_served(server, server.link(7), rerun=rerun)


def test_what_was_left_out_of_the_list_before_the_request_belongs_to_the_run(server: GithubServer) -> None:
    server.lists_carried_over_jobs = False
    add_run(server)
    for at in (20, 5):
        rerun(server, "one", at=at)
    assert not is_served(server, server.link(7))


def test_a_job_that_was_skipped_anew_counts_for_a_link_without_one(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one", "two", conclusion=None)
    server.run(7).latest.jobs[1].runner_id = None
    server.run(7).latest.end_job("two", "skipped")
    server.finish(7)
    assert is_served(server, server.link(7))


def test_where_all_was_skipped_nothing_ran(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one", "two", conclusion="skipped", has_runners=False)
    assert not is_served(server, server.link(7))


def test_equal_names_must_all_have_started_for_a_link_without_a_job(server: GithubServer) -> None:
    add_run(server, "twin", "twin")
    server.rerun_one_of(7, "twin", started_at=ago(5))
    assert not is_served(server, server.link(7))
    rerun(server, "twin", at=3)
    assert is_served(server, server.link(7))


@pytest.mark.parametrize("conclusion", ["failure", "timed_out"])
@pytest.mark.parametrize(("mode", "serves"), [("failed-jobs", True), ("run", False), ("job", False)])
def test_with_failed_jobs_a_rerun_of_all_that_had_failed_serves(
    server: GithubServer,
    conclusion: str,
    mode: str,
    serves: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    failed = [{"name": name, "conclusion": conclusion} for name in ("bad", "worse")]
    add_run(server, *failed, {"name": "good", "conclusion": "success"})
    rerun(server, "bad", at=8)
    assert not is_served(server, server.link(7), rerun=mode), "one of two"
    rerun(server, "worse", at=4)
    assert is_served(server, server.link(7), rerun=mode) is serves


def test_with_failed_jobs_where_none_had_failed_the_whole_run_must_have_been_rerun(server: GithubServer) -> None:
    add_run(server, conclusion="cancelled")
    rerun(server, "one", at=8)
    assert not is_served(server, server.link(7), rerun="failed-jobs")
    rerun(server, "one", "two", at=4)
    assert is_served(server, server.link(7), rerun="failed-jobs")


@pytest.mark.parametrize(("mode", "names"), [("run", ("one", "two", "good")), ("failed-jobs", ("one", "two"))])
def test_an_attempt_of_all_that_is_asked_for_that_did_not_run_all_of_it_is_a_miss(
    server: GithubServer, mode: str, names: tuple[str, ...]
) -> None:
    """As in a matrix with fail-fast: the first failure cancels what waits for a runner."""
    add_run(server, "one", "two", {"name": "good", "conclusion": "success"})
    rerun(server, *names, conclusion=None)
    server.run(7).latest.jobs[0].runner_id = None
    server.run(7).latest.end_job("one", "cancelled")
    server.finish(7, "failure")
    assert list(look(server, server.link(7), rerun=mode).misses.values()) == [1]


def test_a_persons_rerun_of_other_jobs_is_no_miss(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one")
    assert look(server, server.link(7), server.link(7, "two")).misses == {}


def test_of_equal_names_that_were_all_started_one_that_did_not_run_is_a_miss(server: GithubServer) -> None:
    add_run(server, "twin", "twin")
    rerun(server, "twin", conclusion=None)
    first = server.run(7).latest.jobs[0]
    first.runner_id, first.status, first.conclusion = None, "completed", "cancelled"
    server.finish(7)
    found = look(server, server.link(7, "twin"))
    assert (attempts(found), list(found.misses.values())) == ([None], [1])


def test_jobs_that_nobody_knew_make_an_attempt_that_is_never_the_whole_run_a_miss(server: GithubServer) -> None:
    add_run(server)
    rerun(server, "one", "two", conclusion=None)
    for job in server.run(7).latest.jobs:
        job.name = f"{job.name} of today"
    server.finish(7)
    found = look(server, server.link(7))
    assert (attempts(found), list(found.misses.values())) == ([None], [1])


# a run that is going


@pytest.mark.parametrize(
    ("status", "days", "words"),
    [
        ("waiting", 0.1, "a person may have to approve it"),
        ("pending", 0.1, "it waits for its concurrency group"),
        ("queued", 2, "nobody takes it: a runner that fits it must be started, or a person must cancel it"),
        ("in_progress", 2, "if it hangs, a person must cancel it"),
        ("queued", 0.1, None),
        ("in_progress", 0.1, None),
    ],
)
def test_a_run_that_is_going_says_in_which_state_since_when_and_who_must_act(
    server: GithubServer, status: str, days: float, words: str | None
) -> None:
    started = time.time() - days * DAY
    server.add_run(NAME, 7, status=status, created_at=started)
    verdict = look(server, server.link(7)).verdict
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(started))
    assert verdict is not None
    assert verdict.state is State.DEFERRED
    reason = f"attempt 1 of the run is still going, {status.replace('_', ' ')} since {since}"
    assert verdict.reason == (f"{reason}: {words}" if words else reason)


def test_a_run_that_moved_on_within_a_day_is_no_run_that_nobody_takes(server: GithubServer) -> None:
    moved = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ago(60)))
    server.add_run(NAME, 7, status="queued", created_at=time.time() - 2 * DAY, updated_at=moved)
    verdict = look(server, server.link(7)).verdict
    assert verdict is not None
    assert "nobody" not in verdict.reason


@pytest.mark.parametrize("status", ["waiting", "queued"])
def test_between_its_jobs_a_run_is_going_and_serves_those_that_started(server: GithubServer, status: str) -> None:
    add_run(server)
    rerun(server, "one", conclusion=None)
    server.run(7).latest.end_job("one", "success")
    server.run(7).latest.status = status
    found = look(server, server.link(7, "one"), server.link(7, "two"))
    assert attempts(found) == [2]
    assert found.verdict is not None
    assert f"still going, {status} since" in found.verdict.reason
