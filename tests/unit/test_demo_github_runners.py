"""What the loopback GitHub tells of runners, of what never ran, and of tokens and limits, as the real one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from test_executions_rerunner.demo import GithubServer
from test_executions_rerunner.demo.github.server import APP_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "canonical/lab"
REPOSITORY = f"/repos/{NAME}"
RUN = f"{REPOSITORY}/actions/runs/7"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        yield github


def ask(server: GithubServer, path: str, method: str = "GET", scheme: str = "Bearer") -> requests.Response:
    headers = {"Authorization": f"{scheme} {server.token}"}
    return requests.request(method, server.url + path, headers=headers, timeout=5)


def jobs_of(server: GithubServer) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = ask(server, f"{RUN}/jobs?filter=all").json()["jobs"]
    return jobs


def runners_of(server: GithubServer, attempt: int) -> dict[str, bool]:
    """Return of each job of an attempt whether it had a runner; what tells that agrees."""
    jobs = [job for job in jobs_of(server) if job["run_attempt"] == attempt]
    assert all(bool(job["runner_id"]) == bool(job["steps"]) for job in jobs)
    return {job["name"]: bool(job["runner_id"]) for job in jobs}


def test_a_job_has_a_runner_from_its_start_on(server: GithubServer) -> None:
    server.runners_are_free = False
    server.add_run(NAME, 7)
    assert ask(server, f"{RUN}/rerun", "POST").status_code == 201
    assert (runners_of(server, 2), server.run(7).latest.status) == ({"test": False}, "queued")
    server.run(7).latest.start()
    assert (runners_of(server, 2), server.run(7).latest.status) == ({"test": True}, "in_progress")


def test_what_was_cancelled_before_it_had_a_runner_never_has_one(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    server.rerun_jobs(7, ["test"], conclusion="cancelled", has_runners=False)
    server.rerun_jobs(7, ["test"], conclusion="cancelled")
    assert [runners_of(server, attempt) for attempt in (1, 2, 3)] == [{"test": True}, {"test": False}, {"test": True}]


def test_a_skipped_job_has_a_start_and_no_runner(server: GithubServer) -> None:
    server.add_run(NAME, 7, jobs=("one", {"name": "two", "conclusion": "skipped"}))
    skipped = next(job for job in jobs_of(server) if job["name"] == "two")
    assert (skipped["conclusion"], skipped["runner_id"], skipped["steps"]) == ("skipped", None, [])
    assert skipped["started_at"]


def test_a_startup_failure_has_no_jobs(server: GithubServer) -> None:
    server.add_run(NAME, 7)
    server.rerun_jobs(7, (), conclusion="startup_failure")
    assert runners_of(server, 2) == {}
    shown = ask(server, RUN).json()
    assert (shown["run_attempt"], shown["status"], shown["conclusion"]) == (2, "completed", "startup_failure")


def test_an_attempt_that_waits_for_its_group_is_cancelled_before_anything_ran(server: GithubServer) -> None:
    for run in (7, 8, 9):
        server.add_run(NAME, run, concurrency_group="lab")
    for run in (8, 7, 9):
        ask(server, f"{REPOSITORY}/actions/runs/{run}/rerun", "POST")
    assert server.cancelled_runs == [7]
    assert runners_of(server, 2) == {"test": False}


def test_carried_over_entries_keep_their_start_and_runner(server: GithubServer) -> None:
    server.lists_carried_over_jobs = True
    server.add_run(NAME, 7, jobs=("one", "two"))
    server.rerun_jobs(7, ["one"], conclusion="success")
    old, new = (job for job in jobs_of(server) if job["name"] == "two")
    assert old["id"] != new["id"]
    assert (old["started_at"], old["runner_id"]) == (new["started_at"], new["runner_id"])


def test_jobs_may_have_equal_names_and_one_of_them_may_be_rerun(server: GithubServer) -> None:
    server.add_run(NAME, 7, jobs=("twin", "twin"), created_at=1000)
    server.rerun_one_of(7, "twin", started_at=5000)
    starts = [job["started_at"] for job in jobs_of(server) if job["run_attempt"] == 2]
    assert starts == ["1970-01-01T01:23:20Z", "1970-01-01T00:16:40Z"]
    server.rerun_jobs(7, ["twin"], started_at=9000)
    assert len([job for job in jobs_of(server) if job["run_attempt"] == 3]) == 2


def test_a_jobs_own_rerun_may_be_refused_where_the_runs_is_taken(server: GithubServer) -> None:
    server.add_run(NAME, 7).jobs_are_retryable = False
    refused = ask(server, f"{REPOSITORY}/actions/jobs/{server.job_id(7, 'test')}/rerun", "POST")
    assert (refused.status_code, refused.json()["message"]) == (403, "Jobs in this workflow run cannot be re-run")
    assert ask(server, f"{RUN}/rerun", "POST").status_code == 201


def test_failed_jobs_of_a_run_without_any_cannot_be_retried_and_the_run_can(server: GithubServer) -> None:
    server.add_run(NAME, 7, conclusion="success")
    refused = ask(server, f"{RUN}/rerun-failed-jobs", "POST")
    assert (refused.status_code, refused.json()["message"]) == (403, "This workflow run cannot be retried")
    assert ask(server, f"{RUN}/rerun", "POST").status_code == 201


@pytest.mark.parametrize("status", ["waiting", "queued"])
def test_between_its_jobs_a_run_waits_or_is_queued(server: GithubServer, status: str) -> None:
    server.add_run(NAME, 7, jobs=("one", "two"))
    server.rerun_jobs(7, ["one", "two"])
    server.run(7).latest.end_job("one", "success")
    server.run(7).latest.status = status
    assert ask(server, RUN).json()["status"] == status
    assert [job["status"] for job in jobs_of(server) if job["run_attempt"] == 2] == ["completed", "in_progress"]


def test_the_active_groups_of_a_repository_come_in_pages_that_a_cursor_names(server: GithubServer) -> None:
    for run in range(5):
        server.add_run(NAME, run + 1, status="in_progress", concurrency_group=f"group {run}")
    server.add_run(NAME, 8, concurrency_group="idle")
    server.add_run("canonical/other", 9, status="in_progress", concurrency_group="other")
    path, names = f"{REPOSITORY}/actions/concurrency_groups?per_page=2", []
    while path:
        answer = ask(server, path)
        assert answer.json()["total_count"] == 5
        names += [group["group_name"] for group in answer.json()["concurrency_groups"]]
        path = answer.links.get("next", {}).get("url", "").removeprefix(server.url)
    assert names == [f"group {run}" for run in range(5)]


def test_an_enterprise_server_without_rate_limits_says_so(server: GithubServer) -> None:
    server.limits.is_off = True
    server.add_run(NAME, 7)
    answer = ask(server, "/rate_limit")
    assert (answer.status_code, answer.json()["message"]) == (404, "Rate limiting is not enabled.")
    assert not [name for name in ask(server, RUN).headers if name.lower().startswith("x-ratelimit")]


@pytest.mark.parametrize(("scheme", "status"), [("Bearer", 200), ("token", 401)])
def test_the_token_of_an_app_is_a_jwt_and_has_one_scheme(server: GithubServer, scheme: str, status: int) -> None:
    server.token = APP_TOKEN
    assert (len(APP_TOKEN), APP_TOKEN.count(".")) == (520, 2)
    server.add_run(NAME, 7)
    assert ask(server, RUN, scheme=scheme).status_code == status
