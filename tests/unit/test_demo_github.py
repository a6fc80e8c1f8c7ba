"""The loopback GitHub answers as GitHub's documentation, recordings and users say."""

from __future__ import annotations

import http.client
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pytest
import requests

from test_executions_rerunner.demo import GithubServer

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "gh-token"
RUN = "/repos/canonical/lab/actions/runs/7"
DAY = 24 * 3600


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        yield github


def ask(
    server: GithubServer,
    method: str,
    path: str,
    *,
    token: str | None = TOKEN,
    **sent: Any,  # noqa: ANN401 - arguments of requests
) -> requests.Response:
    headers = {} if token is None else {"Authorization": f"token {token}"}
    arguments = {"headers": headers, "allow_redirects": False, **sent}
    return requests.request(method, server.url + path, timeout=5, **arguments)


def rerun(server: GithubServer, action: str = "rerun", **sent: Any) -> requests.Response:  # noqa: ANN401 - arguments of requests
    return ask(server, "POST", f"{RUN}/{action}", **sent)


def message_of(answer: requests.Response) -> tuple[int, str]:
    value = answer.json()
    assert value["documentation_url"].startswith("https://docs.github.com/")
    assert value["status"] == str(answer.status_code)
    return answer.status_code, value["message"]


def jobs_of(server: GithubServer, query: str = "filter=all") -> list[tuple[str, int, str | None]]:
    jobs = ask(server, "GET", f"{RUN}/jobs?{query}").json()["jobs"]
    return [(each["name"], each["run_attempt"], each["conclusion"]) for each in jobs]


def test_a_run_shows_its_state(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, run_attempt=2, created_at=1000, run_started_at=2000)
    shown = ask(server, "GET", RUN).json()
    expected = {
        "id": 7,
        "status": "completed",
        "conclusion": "failure",
        "run_attempt": 2,
        "created_at": "1970-01-01T00:16:40Z",
        "run_started_at": "1970-01-01T00:33:20Z",
        "url": f"{server.url}{RUN}",
        "rerun_url": f"{server.url}{RUN}/rerun",
        "html_url": "https://github.com/canonical/lab/actions/runs/7",
    }
    assert {name: shown[name] for name in expected} == expected
    assert shown["repository"]["full_name"] == "canonical/lab"


def test_a_rerun_is_a_new_attempt_of_the_same_run(server: GithubServer) -> None:
    server.runners_are_free = False
    server.add_run("canonical/lab", 7, jobs=("one", "two"))
    answer = rerun(server)
    assert (answer.status_code, answer.text, server.triggered(7), server.attempts(7)) == (201, "{}", 1, 2)
    shown = ask(server, "GET", RUN).json()
    assert (shown["status"], shown["conclusion"], shown["run_attempt"]) == ("queued", None, 2)
    started = datetime.strptime(shown["run_started_at"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert started == pytest.approx(time.time(), abs=5)
    assert jobs_of(server) == [("one", 1, "failure"), ("two", 1, "failure"), ("one", 2, None), ("two", 2, None)]
    assert jobs_of(server, "") == [("one", 2, None), ("two", 2, None)]


def test_each_attempt_gives_its_jobs_new_ids(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7)
    rerun(server)
    assert server.job_id(7, "test", 1) != server.job_id(7, "test", 2)
    assert server.link(7, "test", 2).endswith(f"/canonical/lab/actions/runs/7/job/{server.job_id(7, 'test', 2)}")
    assert server.link(7) == "https://github.com/canonical/lab/actions/runs/7"


def test_rerun_failed_jobs_runs_only_those(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, jobs=("bad", {"name": "good", "conclusion": "success"}))
    assert rerun(server, "rerun-failed-jobs").status_code == 201
    assert jobs_of(server, "filter=latest") == [("bad", 2, None)]


def test_carried_over_jobs_have_new_ids_and_old_times(server: GithubServer) -> None:
    server.lists_carried_over_jobs = True
    server.add_run("canonical/lab", 7, created_at=1_000_000, jobs=("bad", {"name": "good", "conclusion": "success"}))
    server.rerun_jobs(7, ["bad"], conclusion="success")
    assert jobs_of(server, "filter=latest") == [("bad", 2, "success"), ("good", 2, "success")]
    first, second = (run.jobs[1] for run in server.run(7).attempts)
    assert (first.id == second.id, first.started_at == second.started_at) == (False, True)


def test_finish_ends_a_run_and_its_jobs(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7)
    rerun(server)
    server.finish(7, "cancelled")
    shown = ask(server, "GET", RUN).json()
    assert (shown["status"], shown["conclusion"]) == ("completed", "cancelled")
    assert jobs_of(server, "filter=latest") == [("test", 2, "cancelled")]


def test_runs_can_finish_at_once(server: GithubServer) -> None:
    server.runs_finish_at_once = True
    server.add_run("canonical/lab", 7)
    assert [rerun(server).status_code for _ in range(2)] == [201, 201]
    assert (server.triggered(7), ask(server, "GET", RUN).json()["conclusion"]) == (2, "success")


@pytest.mark.parametrize(
    ("conclusion", "status"),
    [pytest.param(None, "in_progress", id="still-going"), pytest.param("success", "completed", id="over")],
)
def test_a_person_reruns_one_job(server: GithubServer, conclusion: str | None, status: str) -> None:
    server.add_run("canonical/lab", 7, jobs=("one", "two"))
    server.rerun_jobs(7, ["two"], started_at=5_000_000, conclusion=conclusion)
    shown = ask(server, "GET", RUN).json()
    assert (shown["run_attempt"], shown["status"], shown["run_started_at"]) == (2, status, "1970-02-27T20:53:20Z")
    assert jobs_of(server, "") == [("two", 2, conclusion)]
    assert server.triggered(7) == 0


def test_a_skew_moves_every_time(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, created_at=1000)
    server.clock_skew_seconds = 600
    assert ask(server, "GET", RUN).json()["created_at"] == "1970-01-01T00:26:40Z"
    (job,) = ask(server, "GET", f"{RUN}/jobs").json()["jobs"]
    assert job["started_at"] == "1970-01-01T00:26:40Z"


@pytest.mark.parametrize(
    ("run", "action", "message"),
    [
        pytest.param({"status": "in_progress"}, "rerun", "This workflow is already running", id="running"),
        pytest.param({"status": "waiting"}, "rerun-failed-jobs", "This workflow is already running", id="waiting"),
        pytest.param(
            {"created_at": time.time() - 31 * DAY},
            "rerun",
            "Unable to re-run this workflow run because it was created over a month ago",
            id="over-a-month",
        ),
        pytest.param(
            {"created_at": time.time() - 31 * DAY},
            "rerun-failed-jobs",
            "Unable to retry this workflow run because it was created over a month ago",
            id="failed-jobs-over-a-month",
        ),
        pytest.param({"retryable": False}, "rerun", "This workflow run cannot be retried", id="not-retryable"),
        pytest.param({"jobs": ()}, "rerun", "This workflow run cannot be retried", id="no-jobs"),
    ],
)
def test_a_run_that_cannot_be_rerun_is_refused_in_githubs_words(
    server: GithubServer, run: dict[str, Any], action: str, message: str
) -> None:
    server.add_run("canonical/lab", 7, **run)
    assert message_of(rerun(server, action)) == (403, message)
    assert (server.triggered(7), server.attempts(7)) == (0, 1)


def test_a_run_of_less_than_a_month_ago_can_be_rerun(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, created_at=time.time() - 29 * DAY)
    assert rerun(server).status_code == 201


def test_past_50_reruns_an_accepted_one_leads_to_nothing(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, run_attempt=51)
    assert (rerun(server).status_code, server.attempts(7), server.triggered(7)) == (201, 51, 1)


@pytest.mark.parametrize(
    ("kind", "message", "named"),
    [
        pytest.param("classic", "Must have admin rights to Repository.", None, id="classic"),
        pytest.param("integration", "Resource not accessible by integration", "actions=write", id="integration"),
        pytest.param(
            "fine-grained", "Resource not accessible by personal access token", "actions=write", id="fine-grained"
        ),
    ],
)
def test_a_missing_right_is_worded_by_the_kind_of_the_token(
    server: GithubServer, kind: Literal["classic", "integration", "fine-grained"], message: str, named: str | None
) -> None:
    server.credential_kind = kind
    server.add_repository("canonical/lab", permission="read")
    server.add_run("canonical/lab", 7)
    answer = rerun(server)
    assert message_of(answer) == (403, message)
    assert answer.headers.get("X-Accepted-GitHub-Permissions") == named
    assert ask(server, "GET", RUN).status_code == 200


def test_a_wrong_token_is_told_so_everywhere(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7)
    for answer in (rerun(server, token="wrong"), ask(server, "GET", "/user", token="wrong")):
        assert message_of(answer) == (401, "Bad credentials")


@pytest.mark.parametrize("scheme", [pytest.param("token", id="token"), pytest.param("Bearer", id="bearer")])
def test_a_token_comes_in_either_scheme(server: GithubServer, scheme: str) -> None:
    answer = ask(server, "GET", "/user", headers={"Authorization": f"{scheme} gh-token"})
    assert answer.json()["login"] == "demo"


def test_the_token_of_a_workflow_belongs_to_no_user(server: GithubServer) -> None:
    server.credential_kind = "integration"
    assert message_of(ask(server, "GET", "/user")) == (403, "Resource not accessible by integration")


def test_without_a_token_public_runs_are_seen_and_not_rerun(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7)
    assert ask(server, "GET", RUN, token=None).status_code == 200
    assert message_of(rerun(server, token=None)) == (403, "Must have admin rights to Repository.")


@pytest.mark.parametrize(
    ("path", "private", "permission"),
    [
        pytest.param("/repos/canonical/lab/actions/runs/8", False, "write", id="run"),
        pytest.param("/repos/canonical/other/actions/runs/7", False, "write", id="repository"),
        pytest.param(RUN, True, "none", id="private"),
        pytest.param("/nothing", False, "write", id="path"),
        pytest.param(f"{RUN}/nothing", False, "write", id="below-a-run"),
    ],
)
def test_what_is_missing_or_hidden_is_not_found(
    server: GithubServer, path: str, *, private: bool, permission: Literal["write", "none"]
) -> None:
    server.add_run("canonical/lab", 7)
    server.add_repository("canonical/other")
    server.add_repository("canonical/lab", private=private, permission=permission)
    assert message_of(ask(server, "GET", path)) == (404, "Not Found")


def test_owner_and_repository_compare_without_case(server: GithubServer) -> None:
    server.add_run("Canonical/Lab", 7)
    assert rerun(server).status_code == 201


def test_a_repository_shows_what_the_token_may_do(server: GithubServer) -> None:
    for permission, pushes in (("write", True), ("read", False)):
        server.add_repository("canonical/lab", permission=permission)  # type: ignore[arg-type] # a loop holds plain strings
        shown = ask(server, "GET", "/repos/canonical/lab").json()
        assert (shown["permissions"]["push"], shown["permissions"]["pull"]) == (pushes, True)
        assert shown["full_name"] == "canonical/lab"


def test_a_moved_repository_names_its_new_place(server: GithubServer) -> None:
    server.add_repository("canonical/lab", moved_to="canonical/new")
    server.add_run("canonical/lab", 7)
    for method, path in (("GET", f"{RUN}?a=1"), ("POST", f"{RUN}/rerun")):
        answer = ask(server, method, path)
        rest = path.removeprefix("/repos/canonical/lab")
        assert (answer.status_code, answer.json()["message"]) == (301, "Moved Permanently")
        assert answer.headers["Location"] == f"{server.url}/repositories/1{rest}"
    assert server.triggered(7) == 0
    assert ask(server, "GET", "/repositories/1/actions/runs/7").json()["id"] == 7
    shown = ask(server, "GET", "/repos/canonical/new/actions/runs/7").json()
    assert shown["repository"]["full_name"] == "canonical/new"


def test_every_answer_counts_down_the_rate_limit(server: GithubServer) -> None:
    for left in ("4999", "4998"):
        answer = ask(server, "GET", "/nothing")
        assert answer.headers["x-ratelimit-remaining"] == left
    assert float(answer.headers["x-ratelimit-reset"]) == pytest.approx(time.time() + 3600, abs=30)
    assert ask(server, "GET", "/rate_limit").json()["rate"]["remaining"] == 4998


def test_a_used_up_rate_limit_refuses_until_its_reset(server: GithubServer) -> None:
    server.clock_skew_seconds = 600
    server.add_run("canonical/lab", 7)
    server.rate_limit_reset_seconds = 0.5
    server.rate_limit_remaining = 0
    answer = rerun(server)
    assert message_of(answer) == (403, "API rate limit exceeded for user ID 1.")
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert float(answer.headers["x-ratelimit-reset"]) == pytest.approx(time.time() + 600, abs=3)
    server.rate_limit_reset_seconds = 0
    assert rerun(server).status_code == 201


@pytest.mark.parametrize("retry_after", [pytest.param(7, id="with-retry-after"), pytest.param(None, id="without")])
def test_a_secondary_limit_refuses_as_often_as_asked(server: GithubServer, retry_after: int | None) -> None:
    server.add_run("canonical/lab", 7)
    server.secondary_limit(times=2, retry_after=retry_after, status=429)
    answers = [rerun(server) for _ in range(3)]
    assert [each.status_code for each in answers] == [429, 429, 201]
    assert "secondary rate limit" in message_of(answers[0])[1]
    assert answers[0].headers.get("retry-after") == (None if retry_after is None else str(retry_after))
    assert server.triggered(7) == 1


def test_too_many_posts_in_a_minute_meet_the_secondary_limit(server: GithubServer) -> None:
    server.limits.posts_per_minute = 2
    server.add_run("canonical/lab", 7)
    server.runs_finish_at_once = True
    answers = [rerun(server) for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 403]
    assert 58 <= int(answers[2].headers["retry-after"]) <= 60


def test_jobs_come_in_pages_that_name_each_other(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, jobs=[f"job {number}" for number in range(5)])
    path = f"{RUN}/jobs?filter=all&per_page=2"
    first, middle, last = (ask(server, "GET", f"{path}&page={number}") for number in (1, 2, 3))
    assert [len(each.json()["jobs"]) for each in (first, middle, last)] == [2, 2, 1]
    assert {each.json()["total_count"] for each in (first, middle, last)} == {5}
    assert first.links["next"]["url"] == f"{server.url}{path}&page=2"
    assert (middle.links["prev"]["url"], middle.links["last"]["url"]) == (
        f"{server.url}{path}&page=1",
        f"{server.url}{path}&page=3",
    )
    assert (set(first.links), set(last.links)) == ({"next", "last"}, {"prev", "first"})


def test_a_page_has_30_jobs_by_default_and_no_link_where_it_is_the_only_one(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, jobs=[f"job {number}" for number in range(40)])
    assert len(ask(server, "GET", f"{RUN}/jobs").json()["jobs"]) == 30
    assert "Link" not in ask(server, "GET", f"{RUN}/jobs?per_page=100").headers


def test_an_enterprise_server_has_its_prefix_and_its_own_links() -> None:
    with GithubServer(api_prefix="/api/v3", server_url="https://github.example") as server:
        server.add_run("canonical/lab", 7)
        assert server.url.endswith("/api/v3")
        assert ask(server, "GET", RUN).json()["html_url"] == "https://github.example/canonical/lab/actions/runs/7"
        outside = requests.get(server.url.removesuffix("/api/v3") + RUN, timeout=5)
        assert outside.status_code == 404


def test_a_client_that_does_not_name_itself_is_forbidden(server: GithubServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", "/user")
    assert connection.getresponse().status == 403
    connection.close()


def groups_of(server: GithubServer, run: int = 7) -> list[dict[str, Any]]:
    shown = ask(server, "GET", f"/repos/canonical/lab/actions/runs/{run}/concurrency_groups?per_page=100").json()
    assert shown["total_count"] == len(shown["concurrency_groups"])
    groups: list[dict[str, Any]] = shown["concurrency_groups"]
    return groups


def members_of(server: GithubServer, group: dict[str, Any]) -> list[tuple[int, str]] | int:
    answer = ask(server, "GET", group["group_url"].removeprefix(server.url))
    if answer.status_code != 200:
        return answer.status_code
    shown = answer.json()
    assert shown["group_name"].lower() == group["group_name"].lower()
    assert shown["total_count"] == len(shown["group_members"])
    return [(each["run_id"], each["status"]) for each in shown["group_members"]]


def add_group(server: GithubServer, name: str | tuple[str, ...] = "ci-main", *, cancels: bool = False) -> None:
    for run in (7, 8, 9):
        server.add_run("canonical/lab", run, concurrency_group=name, cancel_in_progress=cancels)


@pytest.mark.parametrize("name", ["ci-main", "Test-refs/heads/a b", "50% of ../x?y#z", "größe"], ids=ascii)
def test_a_group_is_listed_when_it_is_idle_and_found_while_a_run_holds_it(server: GithubServer, name: str) -> None:
    add_group(server, name)
    (group,) = groups_of(server)
    assert (group["group_name"], group["group_members"]) == (name, [])
    assert members_of(server, group) == 404
    rerun(server)
    assert members_of(server, group) == [(7, "in_progress")]
    assert groups_of(server)[0]["group_members"][0]["run_html_url"].endswith("/canonical/lab/actions/runs/7")
    assert groups_of(server, 8)[0]["group_members"] == [], "of a run's own list only the run itself is a member"
    server.finish(7)
    assert members_of(server, group) == 404


def test_a_group_is_that_of_one_repository_and_its_name_has_no_case(server: GithubServer) -> None:
    add_group(server, "CI")
    server.add_run("canonical/lab", 10, concurrency_group="ci")
    server.add_run("canonical/other", 11, status="in_progress", concurrency_group="ci")
    (group,) = groups_of(server, 10)
    assert members_of(server, group) == 404
    rerun(server)
    assert members_of(server, group) == [(7, "in_progress")]


def test_a_run_may_have_several_groups_or_none(server: GithubServer) -> None:
    add_group(server, ("b", "a"))
    server.add_run("canonical/lab", 10)
    assert [group["group_name"] for group in groups_of(server)] == ["a", "b"]
    assert groups_of(server, 10) == []


def test_reruns_of_one_group_cancel_each_other_where_the_workflow_says_so(server: GithubServer) -> None:
    add_group(server, cancels=True)
    for run in (7, 8):
        assert ask(server, "POST", f"/repos/canonical/lab/actions/runs/{run}/rerun").status_code == 201
    assert server.cancelled_runs == [7]
    assert server.run(7).latest.conclusion == "cancelled"
    assert members_of(server, groups_of(server)[0]) == [(8, "in_progress")]


def test_otherwise_one_waits_and_a_third_cancels_the_one_that_waits(server: GithubServer) -> None:
    add_group(server)
    for run in (7, 8, 9):
        assert ask(server, "POST", f"/repos/canonical/lab/actions/runs/{run}/rerun").status_code == 201
    assert server.cancelled_runs == [8]
    assert members_of(server, groups_of(server)[0]) == [(7, "in_progress"), (9, "pending")]
    server.finish(7)
    assert members_of(server, groups_of(server)[0]) == [(9, "in_progress")]


def test_a_persons_rerun_joins_the_group_too(server: GithubServer) -> None:
    add_group(server)
    server.rerun_jobs(7, ["test"])
    server.rerun_jobs(8, ["test"])
    assert members_of(server, groups_of(server)[0]) == [(7, "in_progress"), (8, "pending")]


@pytest.mark.parametrize(("how", "status"), [("missing", 404), ("forbidden", 403)])
def test_groups_may_be_unknown_to_the_server_or_hidden_from_the_token(
    server: GithubServer, how: Literal["missing", "forbidden"], status: int
) -> None:
    add_group(server)
    (group,) = groups_of(server)
    server.concurrency_groups = how
    assert ask(server, "GET", f"{RUN}/concurrency_groups").status_code == status
    assert members_of(server, group) == status
    assert ask(server, "GET", RUN).status_code == 200


def rerun_job(server: GithubServer, number: int) -> requests.Response:
    return ask(server, "POST", f"/repos/canonical/lab/actions/jobs/{number}/rerun")


def test_a_job_is_rerun_alone_with_those_that_need_it(server: GithubServer) -> None:
    jobs = ("build", {"name": "test", "needs": ["build"]}, {"name": "report", "needs": ["test"]}, "lint")
    server.add_run("canonical/lab", 7, jobs=jobs)
    answer = rerun_job(server, server.job_id(7, "test"))
    assert (answer.status_code, answer.text, server.triggered(7), server.attempts(7)) == (201, "{}", 1, 2)
    assert jobs_of(server, "filter=latest") == [("test", 2, None), ("report", 2, None)]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        pytest.param({"status": "in_progress"}, "The workflow run containing this job is already running", id="going"),
        pytest.param({"run_attempt": 2}, "Only jobs from the current attempt can be re-run", id="older-attempt"),
        pytest.param({"retryable": False}, "Jobs in this workflow run cannot be re-run", id="never"),
        pytest.param(
            {"created_at": time.time() - 31 * DAY},
            "Unable to re-run this workflow run because it was created over a month ago",
            id="over-a-month",
        ),
    ],
)
def test_a_job_that_cannot_be_rerun_is_refused_in_githubs_words(
    server: GithubServer, how: dict[str, Any], message: str
) -> None:
    server.add_run("canonical/lab", 7, **how)
    assert message_of(rerun_job(server, server.job_id(7, "test", 1))) == (403, message)
    assert server.triggered(7) == 0


def test_a_job_of_a_disabled_workflow_is_refused_in_githubs_words(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7).workflow_is_disabled = True
    assert message_of(rerun_job(server, server.job_id(7, "test")))[1] == "Unable to re-run this job, disabled workflow"


def test_a_job_that_is_not_there_is_not_found_and_a_token_that_may_only_read_is_refused(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7)
    assert message_of(rerun_job(server, 1)) == (404, "Not Found")
    server.add_repository("canonical/lab", permission="read")
    assert message_of(rerun_job(server, server.job_id(7, "test"))) == (403, "Must have admin rights to Repository.")


def test_the_runs_of_a_repository_are_listed_by_their_status(server: GithubServer) -> None:
    for run, status in ((7, "queued"), (8, "in_progress"), (9, "queued"), (10, "completed")):
        server.add_run("canonical/lab", run, status=status, created_at=1000 + run)
    server.add_run("canonical/other", 11, status="queued")
    shown = ask(server, "GET", "/repos/canonical/lab/actions/runs?status=queued&per_page=1").json()
    assert (shown["total_count"], [each["id"] for each in shown["workflow_runs"]]) == (2, [9])
    everyone = ask(server, "GET", "/repos/canonical/lab/actions/runs").json()
    assert [each["id"] for each in everyone["workflow_runs"]] == [10, 9, 8, 7]


def test_a_run_names_its_workflow_and_branch(server: GithubServer) -> None:
    server.add_run("canonical/lab", 7, path=".github/workflows/ci.yml@refs/heads/x", head_branch="x")
    server.add_run("canonical/lab", 8)
    named = ("path", "head_branch", "display_title")
    assert [ask(server, "GET", RUN).json()[name] for name in named] == [
        ".github/workflows/ci.yml@refs/heads/x",
        "x",
        "Test",
    ]
    other = ask(server, "GET", "/repos/canonical/lab/actions/runs/8").json()
    assert [other[name] for name in named] == [".github/workflows/test.yml", "main", "Test"]
