"""The narrow trigger refused is not the whole refused; and which new attempt is that of a doubtful trigger."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import GithubProcessor
from test_executions_rerunner.demo import GithubServer
from test_executions_rerunner.rerun_request import RerunRequest
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.models import Look, PostArguments

NAME = "canonical/lab"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        github.lists_carried_over_jobs = True
        yield github


class Run:
    """A run, its processor, and looks at it.

    Args:
        server: GitHub.
        rerun: What is rerun.
        links: What is asked for.
    """

    def __init__(self, server: GithubServer, rerun: str, *links: str) -> None:
        self.processor = GithubProcessor(server.token, github_api_url=server.url, waiting=ShortWaiting(), rerun=rerun)
        self.requests = [asked(link) for link in links]
        self.target = self.processor.target(self.requests[0])

    def look(self, *refused: str) -> Look:
        return self.processor.look(self.target, dict.fromkeys(self.requests), None, refused)

    def widths(self) -> list[tuple[str, bool]]:
        """Return the triggers, each after all before it were refused, and whether each is a narrow one."""
        found: list[tuple[str, bool]] = []
        refused: list[str] = []
        while not found or found[-1][1]:
            look = self.look(*refused)
            found.append((posted(look.post_arguments), look.is_narrow))
            refused.append(look.post_arguments["url"])
        return found


def asked(link: str) -> RerunRequest:
    return RerunRequest.read({"ci_link": link}, needs_id=False)


def posted(post: PostArguments) -> str:
    return re.sub(r".*/actions/(runs|jobs)/[0-9]+/", r"\1/", post["url"])


def add_run(server: GithubServer, **how: Any) -> None:  # noqa: ANN401 - as the server takes it
    jobs = ("one", "two", {"name": "good", "conclusion": "success"})
    server.add_run(NAME, 7, **{"jobs": jobs, "created_at": time.time() - 7200, **how})


JOB, FAILED, WHOLE = ("jobs/rerun", True), ("runs/rerun-failed-jobs", True), ("runs/rerun", False)


@pytest.mark.parametrize(
    ("rerun", "jobs", "widths"),
    [
        pytest.param("run", ("one",), [WHOLE], id="the run from the start"),
        pytest.param("job", ("one",), [JOB, FAILED, WHOLE], id="a job that failed"),
        pytest.param("job", ("good",), [JOB, WHOLE], id="a job that passed is not among the failed"),
        pytest.param("job", ("one", "two"), [FAILED, WHOLE], id="two jobs"),
        pytest.param("job", (None,), [WHOLE], id="no job"),
        pytest.param("failed-jobs", (None,), [FAILED, WHOLE], id="failed jobs"),
        pytest.param("failed-jobs", ("one",), [FAILED, WHOLE], id="a failed job"),
        pytest.param("failed-jobs", ("good",), [WHOLE], id="a job that passed"),
    ],
)
def test_each_refused_trigger_is_followed_by_a_wider_one_up_to_the_run(
    server: GithubServer, rerun: str, jobs: tuple[str | None, ...], widths: list[tuple[str, bool]]
) -> None:
    add_run(server)
    assert Run(server, rerun, *[server.link(7, job) for job in jobs]).widths() == widths


def test_a_job_whose_id_has_changed_since_it_was_refused_is_not_tried_again(server: GithubServer) -> None:
    add_run(server)
    run = Run(server, "job", server.link(7, "one"))
    refused = run.look().post_arguments["url"]
    server.rerun_jobs(7, ["one"], started_at=time.time() - 60, conclusion="failure")
    assert posted(run.look(refused).post_arguments) == FAILED[0]


@pytest.mark.parametrize(
    ("conclusion", "post"),
    [
        ("failure", FAILED[0]),
        ("timed_out", FAILED[0]),
        ("cancelled", WHOLE[0]),
        ("skipped", WHOLE[0]),
        ("success", WHOLE[0]),
    ],
)
def test_failed_jobs_are_enough_for_a_job_only_if_its_newest_entry_is_a_failure(
    server: GithubServer, conclusion: str, post: str
) -> None:
    add_run(server, jobs=({"name": "one", "conclusion": "failure"}, "two"))
    server.rerun_jobs(7, ["one"], started_at=time.time() - 60, conclusion=conclusion)
    assert posted(Run(server, "failed-jobs", server.link(7, "one")).look().post_arguments) == post


def test_of_two_jobs_of_one_name_none_is_rerun_alone_even_if_the_newest_attempt_lists_only_one(
    server: GithubServer,
) -> None:
    server.lists_carried_over_jobs = False
    add_run(server, jobs=("twin", "twin"))
    link = server.link(7, "twin")
    server.rerun_jobs(7, ["twin"], started_at=time.time() - 60, conclusion="failure")
    server.run(7).latest.jobs.pop()
    assert posted(Run(server, "job", link).look().post_arguments) == FAILED[0]


# what a later request may join


def test_with_job_a_link_without_one_joins_neither_the_failed_jobs_nor_a_single_job(server: GithubServer) -> None:
    add_run(server)
    for jobs in (("one", "two"), ("one",)):
        run = Run(server, "job", *[server.link(7, job) for job in jobs])
        sent = run.look().post_arguments
        assert run.processor.cannot_join(asked(server.link(7)), sent) is not None


def test_with_failed_jobs_a_link_without_a_job_joins_them(server: GithubServer) -> None:
    add_run(server)
    run = Run(server, "failed-jobs", server.link(7))
    assert run.processor.cannot_join(asked(server.link(7)), run.look().post_arguments) is None


# after a doubtful trigger


def changed(server: GithubServer, run: Run, *names: str, **how: Any) -> str | None:  # noqa: ANN401 - as the server takes it
    """Let a person rerun jobs after a look, and return the attempt that is taken for ours."""
    look = run.look()
    server.rerun_jobs(7, names, **how)
    found = run.processor.changed(run.target, look)
    return str(found.link).rpartition("/")[2] if found else None


CARRIED = pytest.mark.parametrize("carried_over", [True, False], ids=["carried over", "left out"])


@CARRIED
@pytest.mark.parametrize(
    ("rerun", "asked_for", "started", "is_ours"),
    [
        pytest.param("run", ("one",), ("one", "two", "good"), True, id="the run, with that job"),
        pytest.param("run", ("one",), ("two",), False, id="the run, without that job"),
        pytest.param("run", ("one", "two"), ("one",), False, id="one of two jobs"),
        pytest.param("run", (None,), ("one", "two", "good"), True, id="all"),
        pytest.param("run", (None,), (), False, id="nothing"),
        pytest.param("job", ("one",), ("one",), True, id="that job"),
        pytest.param("job", ("one",), ("two",), False, id="another job"),
        pytest.param("failed-jobs", (None,), ("one", "two"), True, id="all that had failed"),
        pytest.param("failed-jobs", (None,), ("one",), False, id="one that had failed"),
    ],
)
def test_the_next_attempt_is_ours_if_it_runs_what_the_trigger_starts(
    server: GithubServer,
    rerun: str,
    asked_for: tuple[str | None, ...],
    started: tuple[str, ...],
    *,
    carried_over: bool,
    is_ours: bool,
) -> None:
    server.lists_carried_over_jobs = carried_over
    add_run(server)
    run = Run(server, rerun, *[server.link(7, job) for job in asked_for])
    assert changed(server, run, *started) == ("2" if is_ours else None)


def test_of_a_run_asked_for_as_a_whole_all_jobs_must_be_new(server: GithubServer) -> None:
    add_run(server)
    assert changed(server, Run(server, "run", server.link(7)), "one", "two") is None


def test_where_one_link_names_a_job_and_one_does_not_all_jobs_must_be_new(server: GithubServer) -> None:
    add_run(server)
    assert changed(server, Run(server, "run", server.link(7), server.link(7, "one")), "one") is None


def test_of_equal_names_all_must_have_been_started(server: GithubServer) -> None:
    add_run(server, jobs=("twin", "twin"))
    run = Run(server, "run", server.link(7, "twin"))
    look = run.look()
    server.rerun_one_of(7, "twin", started_at=time.time())
    assert run.processor.changed(run.target, look) is None


def test_an_attempt_after_the_next_is_not_ours(server: GithubServer) -> None:
    add_run(server)
    run = Run(server, "job", server.link(7, "one"))
    look = run.look()
    server.rerun_jobs(7, ["two"], conclusion="failure", started_at=time.time() - 1)
    server.rerun_jobs(7, ["one"])
    assert run.processor.changed(run.target, look) is None
