"""What is GitHub's own: attempts, jobs, refusals, rate limits."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.demo import Fault
from waits import HandMoved

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo import RecordedRequest

RUN = 7
NAME = "canonical/ci"


def ask(lab: Lab, job: str | None = None, **more: Any) -> int:  # noqa: ANN401 - as the server takes it
    """Ask for a rerun of the run, or of one of its jobs."""
    return lab.request(lab.github.link(RUN, job), **more)[0]


def minutes_ago(minutes: float) -> float:
    """Return a moment that long ago."""
    return time.time() - minutes * 60


def test_a_run_that_is_going_is_deferred(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, status="in_progress")
    number = ask(lab)
    outcome = lab.drain("github")[number]
    assert outcome.state == "deferred"
    assert "is still going, in progress since 20" in outcome.reason
    assert lab.observer.ids() == [number]


def test_a_rerun_since_the_request_serves_it(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, run_attempt=2, run_started_at=minutes_ago(5))
    number = ask(lab, created_at=minutes_ago(10))
    outcome = lab.drain("github")[number]
    assert outcome.state == "already-rerun"
    assert outcome.link == f"https://github.com/{NAME}/actions/runs/{RUN}/attempts/2"
    assert lab.observer.ids() == []
    assert lab.github.count("POST") == 0


def test_requests_made_before_and_after_a_rerun_are_told_apart(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, run_attempt=2, run_started_at=minutes_ago(5))
    before, after = ask(lab, created_at=minutes_ago(10)), ask(lab, created_at=minutes_ago(1))
    assert lab.states("github") == {before: "already-rerun", after: "triggered"}
    assert lab.github.triggered(RUN) == 1


@pytest.mark.parametrize("carried_over", [pytest.param(True, id="carried over"), pytest.param(False, id="left out")])
def test_a_rerun_of_one_job_serves_the_requests_for_that_job_alone(lab: Lab, carried_over: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lab.github.lists_carried_over_jobs = carried_over
    lab.github.add_run(NAME, RUN, jobs=("one", "two"), run_started_at=minutes_ago(60))
    one, two, run = (ask(lab, job, created_at=minutes_ago(10)) for job in ("one", "two", None))
    lab.github.rerun_jobs(RUN, ["one"], started_at=minutes_ago(5), conclusion="success")
    assert lab.states("github") == {one: "already-rerun", two: "triggered", run: "triggered"}
    assert lab.github.triggered(RUN) == 1


def test_a_job_is_not_served_while_a_rerun_without_it_is_going(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, jobs=("one", "two"), run_started_at=minutes_ago(60))
    one, two = (ask(lab, job, created_at=minutes_ago(10)) for job in ("one", "two"))
    lab.github.rerun_jobs(RUN, ["one"], started_at=minutes_ago(5))
    assert lab.states("github") == {one: "already-rerun", two: "deferred"}
    assert lab.github.count("POST") == 0


def test_jobs_on_later_pages_are_found(lab: Lab) -> None:
    jobs = [f"job {n}" for n in range(250)]
    lab.github.add_run(NAME, RUN, jobs=jobs, run_started_at=minutes_ago(60))
    last, other = ask(lab, "job 249", created_at=minutes_ago(10)), ask(lab, "job 248", created_at=minutes_ago(10))
    lab.github.rerun_jobs(RUN, ["job 249"], started_at=minutes_ago(5), conclusion="success")
    assert lab.states("github") == {last: "already-rerun", other: "triggered"}


def test_the_job_lists_of_two_runs_are_read_beside_each_other(lab: Lab) -> None:
    """As `functools.cached_property` does not, which has one lock for all runs until Python 3.12."""
    both = threading.Barrier(2, timeout=20)
    for run in (RUN, RUN + 1):
        lab.github.add_run(NAME, run, jobs=("one",), run_started_at=minutes_ago(60))
        lab.request(lab.github.link(run), created_at=minutes_ago(10))
        lab.github.rerun_jobs(run, ["one"], started_at=minutes_ago(5))
    met: list[int] = []
    lab.github.on_request = lambda request: met.append(both.wait()) if "/jobs" in request.path else None
    assert set(lab.states("github", concurrency=2).values()) == {"already-rerun"}
    assert sorted(met) == [0, 1]


def test_the_job_list_is_asked_for_only_where_it_decides(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, jobs=("one",))
    ask(lab, "one")
    assert set(lab.states("github").values()) == {"triggered"}
    assert lab.github.count("GET", "/jobs") == 0


@pytest.mark.parametrize(
    ("named", "path"),
    [
        pytest.param((None,), "rerun-failed-jobs", id="no job"),
        pytest.param(("failed",), "rerun-failed-jobs", id="a failed job"),
        pytest.param(("failed", None), "rerun-failed-jobs", id="a failed job and the run"),
        pytest.param(("passed",), "rerun", id="a job that passed"),
        pytest.param(("failed", "passed"), "rerun", id="one of each"),
    ],
)
def test_the_failed_jobs_are_enough_unless_another_is_asked_for(
    lab: Lab, named: tuple[str | None, ...], path: str
) -> None:
    jobs = ({"name": "failed", "conclusion": "failure"}, {"name": "passed", "conclusion": "success"})
    lab.github.add_run(NAME, RUN, jobs=jobs)
    for job in named:
        ask(lab, job)
    assert set(lab.states("github", of={"rerun": "failed-jobs"}).values()) == {"triggered"}
    posts = [r.path.rsplit("/", 1)[1] for r in lab.github.requests if r.method == "POST"]
    assert posts == [path]


def test_the_whole_run_is_rerun_where_the_job_asked_for_is_not_known(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    lab.request(f"{lab.github.link(RUN)}/job/999999")
    assert set(lab.states("github", of={"rerun": "failed-jobs"}).values()) == {"triggered"}
    assert lab.github.count("POST", "/rerun-failed-jobs") == 0


def test_a_later_request_for_a_job_does_not_join_a_rerun_of_the_failed_jobs(lab: Lab) -> None:
    jobs = ({"name": "failed", "conclusion": "failure"}, {"name": "passed", "conclusion": "success"})
    lab.github.add_run(NAME, RUN, jobs=jobs)
    lab.request(lab.github.link(RUN), 200)
    passed = ask(lab, "passed", created_at=minutes_ago(1))
    states = lab.states("github", of={"rerun": "failed-jobs"})
    assert states.pop(passed) == "deferred"
    assert set(states.values()) == {"triggered"}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param({"retryable": False}, "cannot be", id="cannot be retried"),
        pytest.param({"run_attempt": 51}, "attempts used up: 51 of 51", id="attempts used up"),
    ],
)
@pytest.mark.parametrize("discard", [pytest.param(False, id="kept"), pytest.param(True, id="discarded")])
def test_what_can_never_be_rerun_is_refused_and_deleted_where_asked_for(
    lab: Lab,
    how: dict[str, Any],
    words: str,
    discard: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    lab.github.add_run(NAME, RUN, **how)
    number = ask(lab)
    outcome = lab.drain("github", discard_refused=discard)[number]
    assert outcome.state == "refused"
    assert words in outcome.reason
    assert lab.observer.ids() == ([] if discard else [number])


def test_a_run_that_is_gone_is_refused_and_one_that_cannot_be_seen_fails(lab: Lab) -> None:
    lab.github.add_repository(NAME)
    lab.github.add_repository("canonical/secret", private=True, permission="none")
    gone = lab.request(f"https://github.com/{NAME}/actions/runs/404")[0]
    unseen = lab.request("https://github.com/canonical/secret/actions/runs/404")[0]
    assert lab.states("github", discard_refused=True) == {gone: "refused", unseen: "failed"}
    assert lab.observer.ids() == [unseen], "never discarded: the token may see it tomorrow"


def test_fewer_attempts_may_be_allowed(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, run_attempt=3)
    number = ask(lab, created_at=minutes_ago(1))
    assert lab.states("github", of={"max_attempts": 3}) == {number: "refused"}
    assert lab.states("github", of={"max_attempts": 4}) == {number: "triggered"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("classic", "Must have admin rights", id="classic token"),
        pytest.param("integration", "Resource not accessible by integration", id="installation token"),
        pytest.param("fine-grained", "Resource not accessible by personal access token", id="fine-grained token"),
    ],
)
def test_a_missing_right_fails_with_the_words_of_the_server_and_what_to_do(lab: Lab, kind: str, words: str) -> None:
    lab.github.add_run(NAME, RUN)
    lab.github.add_repository(NAME, permission="read")
    lab.github.add_run("canonical/other", 8)
    lab.github.credential_kind = kind  # type: ignore[assignment] # of the ids above
    forbidden, allowed = ask(lab), lab.request(lab.github.link(8))[0]
    outcomes = lab.drain("github")
    assert outcomes[forbidden].state == "failed"
    assert words in outcomes[forbidden].reason
    assert "Actions: write" in outcomes[forbidden].reason
    assert outcomes[allowed].state == "triggered"


def test_without_a_token_a_drain_stops_at_once_and_names_the_setting(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    numbers = [ask(lab), ask(lab)]
    assert lab.states("github", of={"token": ""}) == dict.fromkeys(numbers, "failed")
    assert "github_token: missing; set GH_TOKEN or GITHUB_TOKEN" in lab.reason_to_stop
    assert not lab.github.requests


@pytest.mark.parametrize(
    ("message", "headers", "words"),
    [
        pytest.param(
            "Resource protected by organization SAML enforcement.",
            {"X-GitHub-SSO": "required; url=https://github.com/orgs/canonical/sso?authorization_request=A"},
            "a person must allow it once at https://github.com/orgs/canonical/sso?authorization_request=A",
            id="single sign-on",
        ),
        pytest.param(
            "the `canonical` organization has an IP allow list enabled, and your IP address is not permitted",
            {},
            "this machine's address is not on that list",
            id="allow list",
        ),
    ],
)
def test_a_right_token_that_is_refused_is_not_to_be_checked(
    lab: Lab, message: str, headers: dict[str, str], words: str
) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    body = json.dumps({"message": message})
    lab.github.inject(Fault(method="GET", times=None, status=403, headers=headers, body=body))
    outcome = lab.drain("github")[number]
    assert outcome.state == "failed"
    assert words in outcome.reason
    assert "check GH_TOKEN" not in outcome.reason


def test_an_unknown_403_fails(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    lab.github.inject(Fault(method="POST", status=403, body='{"message": "Something new"}'))
    outcome = lab.drain("github", discard_refused=True)[number]
    assert outcome.state == "failed"
    assert "Something new" in outcome.reason
    assert lab.observer.ids() == [number]


def test_a_moved_repository_fails_and_names_the_new_address(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    lab.github.add_repository(NAME, moved_to="canonical/new-home")
    outcome = lab.drain("github")[number]
    assert outcome.state == "failed"
    assert "/repositories/" in outcome.reason
    assert len([r for r in lab.github.requests if r.method == "GET"]) == 1, "not followed"


def test_already_running_means_rerun_when_it_started_since_the_request(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    body = '{"message": "This workflow is already running", "status": "403"}'
    lab.github.inject(Fault(method="POST", effect=True, status=403, body=body))
    assert lab.states("github") == {number: "already-rerun"}
    assert lab.observer.ids() == []


def test_already_running_defers_when_nothing_started_since_the_request(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    body = '{"message": "This workflow is already running", "status": "403"}'
    lab.github.inject(Fault(method="POST", status=403, body=body))
    assert lab.states("github") == {number: "deferred"}
    assert lab.github.count("POST") == 1


def test_a_lost_trigger_is_not_found_in_a_persons_rerun_of_another_job(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, jobs=("one", "two"), run_started_at=minutes_ago(60))
    number = ask(lab, "one")
    lab.github.inject(Fault(method="POST", action="reset"))

    def rerun_the_other(request: RecordedRequest) -> None:
        if request.method == "POST":
            lab.github.rerun_jobs(RUN, ["two"], conclusion="success")

    lab.github.on_request = rerun_the_other
    assert lab.states("github") == {number: "unknown"}
    lab.github.on_request = None
    assert lab.states("github") == {number: "triggered"}
    assert (lab.github.triggered(RUN), lab.observer.ids()) == (1, [])


def test_a_lost_answer_is_found_in_the_attempt_that_runs_its_job(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, jobs=("one", "two"), run_started_at=minutes_ago(60))
    number = ask(lab, "one")
    lab.github.inject(Fault(method="POST", action="reset", effect=True))
    assert lab.states("github", of={"rerun": "job"}) == {number: "triggered"}
    assert lab.github.triggered(RUN) == 1


def test_the_run_of_this_drain_itself_is_never_triggered(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    assert lab.states("github", of={"own_run_id": str(RUN)}) == {number: "deferred"}
    assert not lab.github.requests


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param({"status": 403, "headers": {"Retry-After": "1"}, "body": '{"message": "x"}'}, id="Retry-After"),
        pytest.param({"status": 429, "headers": {"Retry-After": "1"}}, id="429"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_rate_limit_within_the_bound_is_waited_for(lab: Lab, method: str, limit: dict[str, Any]) -> None:
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    lab.github.inject(Fault(method=method, **limit))
    assert lab.states("github") == {number: "triggered"}
    assert lab.github.triggered(RUN) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_rate_limit_past_the_bound_defers_the_rest(lab: Lab, method: str) -> None:
    ids = [number for n in range(5) for number in lab.request(lab.add_target("github", f"t{n}"))]
    limit = {"Retry-After": "61"}
    lab.github.inject(Fault(method=method, times=None, status=403, headers=limit, body='{"message": "slow down"}'))
    outcomes = lab.drain("github", concurrency=1)
    assert {outcome.state.value for outcome in outcomes.values()} == {"deferred"}
    assert "slow down" in outcomes[ids[0]].reason
    assert len([r for r in lab.github.requests if r.method == method]) == 1, "nobody calls on"
    assert lab.observer.ids() == ids


def test_a_secondary_limit_without_retry_after_waits_a_minute_twice_and_then_defers(lab: Lab) -> None:
    lab.waiting = waiting = HandMoved()
    lab.github.add_run(NAME, RUN)
    number = ask(lab)
    lab.github.secondary_limit(times=None)
    assert lab.states("github", concurrency=1) == {number: "deferred"}
    assert sum(waiting.slept) == pytest.approx(120, abs=1)
    assert lab.github.count("POST") == 3


def test_a_used_up_quota_is_waited_for_until_its_reset(lab: Lab) -> None:
    lab.waiting = waiting = HandMoved()
    for n in range(3):
        lab.request(lab.add_target("github", f"t{n}"))
    lab.github.inject(
        Fault(
            method="GET",
            status=403,
            headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 30)},
            body='{"message": "API rate limit exceeded"}',
        )
    )
    assert set(lab.states("github", concurrency=1).values()) == {"triggered"}
    assert 29 <= sum(max(0.0, seconds) for seconds in waiting.slept) <= 33


def test_the_last_call_of_a_quota_is_followed_by_a_wait_without_a_refusal(lab: Lab) -> None:
    for n in range(2):
        lab.request(lab.add_target("github", f"t{n}"))
    lab.github.rate_limit_remaining = 2
    lab.github.rate_limit_reset_seconds = 2
    assert set(lab.states("github", concurrency=1).values()) == {"triggered"}
    assert not [r for r in lab.github.requests if r.status in {403, 429}]


def test_no_more_than_80_triggers_are_sent_in_a_minute_and_below_that_none_waits(lab: Lab) -> None:
    lab.waiting = waiting = HandMoved()
    for n in range(100):
        lab.request(lab.add_target("github", f"t{n}"))
    assert set(lab.states("github", concurrency=1).values()) == {"triggered"}
    assert len(waiting.slept) >= 1
    assert 59 <= sum(waiting.slept) <= 62
    assert lab.github.count("POST") == 100


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "\u00b2"}, id="a digit that is no number"),
        pytest.param({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 5000}, id="a number without end"),
        pytest.param({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, id="no number"),
    ],
)
def test_nothing_that_comes_with_an_acceptance_turns_it_into_a_doubt(lab: Lab, headers: dict[str, str]) -> None:
    lab.github.add_run("canonical/lab", 7)
    (number,) = lab.request(lab.github.link(7))
    headers = {"Content-Type": "application/json", **headers}
    lab.github.inject(Fault(method="POST", effect=True, status=201, headers=headers, body="{}"))
    outcome = lab.drain("github")[number]
    assert (outcome.state, lab.github.triggered(7), lab.observer.ids()) == ("triggered", 1, [])
    assert outcome.reason.startswith("accepted")


def test_without_created_at_a_run_is_triggered_whatever_ran_before(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, run_attempt=2, run_started_at=minutes_ago(1))
    number = ask(lab, without=("created_at",))
    assert lab.states("github") == {number: "triggered"}


def test_an_enterprise_server_is_served_below_its_api_path(lab: Lab) -> None:
    number = lab.request("https://github.example.com/canonical/ci/actions/runs/7")[0]
    lab.github.add_run(NAME, RUN)
    of = {"github_server_url": "https://github.example.com"}
    assert lab.states("github", of=of) == {number: "triggered"}


@pytest.mark.parametrize("dry_run", [pytest.param(True, id="dry run"), pytest.param(False, id="drain")])
def test_a_run_of_over_a_month_ago_is_refused_without_a_post(lab: Lab, dry_run: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lab.github.add_run(NAME, RUN, created_at=minutes_ago(40 * 24 * 60))
    number = ask(lab)
    assert lab.states("github", dry_run=dry_run) == {number: "refused"}
    assert lab.github.count("POST") == 0


def test_a_run_whose_group_holds_another_one_waits_for_the_next_drain(lab: Lab) -> None:
    lab.github.add_run(NAME, RUN, concurrency_group="ci", cancel_in_progress=True)
    lab.github.add_run(NAME, 8, concurrency_group="ci", status="in_progress")
    number = ask(lab)
    outcome = lab.drain("github")[number]
    assert (outcome.state, lab.observer.ids(), lab.github.cancelled_runs) == ("deferred", [number], [])
    assert f"https://github.com/{NAME}/actions/runs/8" in outcome.reason
    lab.github.finish(8)
    assert lab.states("github") == {number: "triggered"}
