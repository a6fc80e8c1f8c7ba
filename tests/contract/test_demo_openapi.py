"""The loopback servers' answers and this program's own requests against the shapes that the services describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import ValidationError

from contract.document import Document
from test_executions_rerunner import GithubProcessor, JenkinsProcessor, Rerunner, TestObserverInterface
from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"Authorization": "Bearer to_demo"}
RERUNS = "/v1/test-executions/reruns"
ACTIONS = [pytest.param("rerun", id="whole-run"), pytest.param("rerun-failed-jobs", id="failed-jobs")]


@pytest.fixture(scope="module")
def observer_document() -> Document:
    return Document("test-observer")


@pytest.fixture(scope="module")
def github_document() -> Document:
    return Document("github")


@pytest.fixture
def observer() -> Iterator[TestObserverServer]:
    with TestObserverServer({"to_demo": {"view_rerun", "change_rerun", "change_rerun_bulk"}}) as server:
        yield server


@pytest.fixture
def github() -> Iterator[GithubServer]:
    with GithubServer() as server:
        server.add_run("canonical/lab", 7)
        yield server


@pytest.mark.parametrize(
    ("query", "status", "length"),
    [
        pytest.param("", 200, 6, id="whole-queue"),
        pytest.param("family=deb&limit=1", 200, 1, id="filtered"),
        pytest.param("environment=nowhere", 200, 0, id="empty"),
        pytest.param("family=bogus", 422, None, id="wrong-family"),
        pytest.param("limit=x", 422, None, id="wrong-limit"),
    ],
)
def test_the_queue_is_shown_as_test_observer_describes_it(
    observer: TestObserverServer, observer_document: Document, *, query: str, status: int, length: int | None
) -> None:
    for family in ("snap", "deb", "charm", "image", "solution"):
        observer.add("https://github.com/canonical/lab/actions/runs/7", family=family)
    observer.add(None, priority=-5, created_at=1767225601)
    answer = requests.get(f"{observer.url}{RERUNS}?{query}", headers=KEY, timeout=5)
    assert answer.status_code == status
    assert length is None or len(answer.json()) == length
    observer_document.check_answer("GET", RERUNS, answer)


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        pytest.param("DELETE", {"test_execution_ids": [1]}, 200, id="delete"),
        pytest.param("DELETE", {"test_execution_ids": ["x", None, 1.5]}, 422, id="wrong-ids"),
        pytest.param("DELETE", [1], 422, id="bare-list"),
        pytest.param("POST", {"test_execution_ids": [1], "priority": 7}, 200, id="ask"),
        pytest.param("POST", {"test_execution_ids": [1], "priority": 10**7}, 422, id="wrong-priority"),
    ],
)
def test_a_change_is_answered_as_test_observer_describes_it(
    observer: TestObserverServer,
    observer_document: Document,
    method: str,
    body: Any,  # noqa: ANN401 - whatever JSON there is
    *,
    status: int,
) -> None:
    observer.add("https://github.com/canonical/lab/actions/runs/7")
    answer = requests.request(method, observer.url + RERUNS, json=body, headers=KEY, timeout=5)
    assert answer.status_code == status
    observer_document.check_answer(method, RERUNS, answer)


def test_a_group_and_a_link_are_shown_as_test_observer_describes_them(observer_document: Document) -> None:
    with TestObserverServer({"to_demo": {"view_rerun", "change_rerun", "change_test"}}) as observer:
        for _ in range(2):
            asked = "https://github.com/canonical/lab/actions/runs/7"
            observer.add(asked, group="nightly", archived=True, artefact_status="APPROVED", status="PASSED")
        observer.ask_again(observer.start_test(1, None))
        link = {"label": "Rerun", "url": "https://github.com/canonical/lab/actions/runs/7/attempts/2"}
        added = requests.post(f"{observer.url}/v1/test-executions/3/links", json=link, headers=KEY, timeout=5)
        answer = requests.get(observer.url + RERUNS, headers=KEY, timeout=5)
    observer_document.check_answer("GET", RERUNS, answer)
    (row,) = answer.json()
    assert (row["test_execution_id"], row["artefact"]["archived"]) == (3, True)
    assert row["test_execution"]["relevant_links"] == [added.json()]
    # The document has the link, if not the call that adds it.
    observer_document.check(added.json(), {"$ref": "#/$defs/TestExecutionRelevantLinkResponse"})


def test_what_a_drain_asks_of_test_observer_is_in_its_document(
    observer: TestObserverServer, observer_document: Document
) -> None:
    with JenkinsServer() as jenkins:
        jenkins.add_job("a")
        observer.add(f"{jenkins.url}/job/a/1/")
        interface = TestObserverInterface(
            test_observer_url=observer.url,
            test_observer_api_key="to_demo",
            family="snap",
            environment="rpi4",
            environment_architecture="arm64",
            build_architecture="arm64",
        )
        processor = JenkinsProcessor("admin", "jenkins-token", jenkins_url=jenkins.url)
        Rerunner(processor, test_observer=interface).run()
        assert (jenkins.triggered("a"), observer.deleted) == (1, [1])
    assert observer.count("GET", "build_architecture=arm64") == 1
    for request in observer.requests:
        observer_document.check_request(request)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_accepted_rerun_is_answered_as_github_describes_it(
    github: GithubServer, github_document: Document, action: str
) -> None:
    path = f"/repos/canonical/lab/actions/runs/7/{action}"
    answer = requests.post(github.url + path, headers={"Authorization": "token gh-token"}, timeout=5)
    assert answer.status_code == 201
    github_document.check_answer("POST", path, answer)


def test_a_refused_rerun_has_the_shape_of_githubs_errors(github: GithubServer, github_document: Document) -> None:
    path = "/repos/canonical/lab/actions/runs/7/rerun"
    answer = requests.post(github.url + path, headers={"Authorization": "token wrong"}, timeout=5)
    assert answer.status_code == 401
    github_document.check(answer.json(), {"$ref": "#/$defs/basic-error"})


@pytest.mark.parametrize(
    ("what", "action"),
    [pytest.param("run", "rerun", id="run"), pytest.param("failed-jobs", "rerun-failed-jobs", id="failed-jobs")],
)
def test_our_posts_are_in_githubs_document(
    github: GithubServer, github_document: Document, what: str, action: str
) -> None:
    processor = GithubProcessor("gh-token", rerun=what, github_api_url=github.url)
    processor.submit(processor.process({"ci_link": github.link(7), "family": "snap"}))
    (request,) = [each for each in github.requests if each.method == "POST"]
    assert (request.path.rpartition("/")[2], request.status) == (action, 201)
    github_document.check_request(request)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("/runs/7", id="run"),
        pytest.param("/runs/7/jobs?filter=all", id="jobs"),
        pytest.param("/runs?status=queued&per_page=100", id="queued-runs"),
    ],
)
def test_what_a_look_reads_has_the_shape_that_github_describes(
    github: GithubServer, github_document: Document, call: str
) -> None:
    github.add_run("canonical/lab", 8, status="queued")
    github.rerun_jobs(7, ("rpi4",), started_at=1767225601, conclusion="failure")
    path = f"/repos/canonical/lab/actions{call}"
    answer = requests.get(github.url + path, headers={"Authorization": "token gh-token"}, timeout=5)
    assert answer.status_code == 200
    # The double tells less than GitHub does.
    github_document.check_answer("GET", path.partition("?")[0], answer, is_whole=False)


@pytest.mark.parametrize(
    ("call", "status"),
    [
        pytest.param("/runs/7/concurrency_groups?per_page=100", 200, id="of-a-run"),
        pytest.param("/concurrency_groups/ci%2Fmain", 200, id="held"),
        pytest.param("/concurrency_groups/ci", 404, id="held-by-nothing"),
        pytest.param("/concurrency_groups?per_page=100", 200, id="active"),
        pytest.param("/runs/9/concurrency_groups", 404, id="of-no-run"),
    ],
)
def test_concurrency_groups_are_told_as_github_describes_them(
    github: GithubServer, github_document: Document, call: str, status: int
) -> None:
    for run in (7, 8):
        github.add_run("canonical/lab", run, concurrency_group="ci/main", status="in_progress")
    path = f"/repos/canonical/lab/actions{call}"
    answer = requests.get(github.url + path, headers={"Authorization": "token gh-token"}, timeout=5)
    assert answer.status_code == status
    github_document.check_answer("GET", path.partition("?")[0], answer)


@pytest.mark.parametrize(
    ("attempt", "status"), [pytest.param(2, 201, id="accepted"), pytest.param(1, 403, id="older-attempt")]
)
def test_the_rerun_of_a_job_is_answered_as_github_describes_it(
    github: GithubServer, github_document: Document, attempt: int, status: int
) -> None:
    github.add_run("canonical/lab", 8, run_attempt=2)
    path = f"/repos/canonical/lab/actions/jobs/{github.job_id(8, 'test', attempt)}/rerun"
    answer = requests.post(github.url + path, headers={"Authorization": "token gh-token"}, timeout=5)
    assert answer.status_code == status
    github_document.check_answer("POST", path, answer)


@pytest.fixture(scope="module")
def jenkins_document() -> Document:
    return Document("jenkins")


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with JenkinsServer() as server:
        server.add_job("lab/a")
        server.add_build("lab/a", started_at=1767225601, parameters={"TESTPLAN": "full"})
        server.add_job("plain", None)
        server.add_job("off").buildable = False
        server.add_job("hidden", permission="none")
        yield server


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/me/api/json", 200, id="user"),
        pytest.param("/queue/api/json", 200, id="queue"),
        pytest.param("/job/lab/job/a/api/json", 200, id="job"),
        pytest.param("/job/hidden/api/json", 404, id="hidden-job"),
    ],
)
def test_jenkins_tells_what_its_schemas_have(
    jenkins: JenkinsServer, jenkins_document: Document, path: str, *, status: int
) -> None:
    credentials = (jenkins.user, jenkins.token)
    requests.post(f"{jenkins.url}/job/lab/job/a/buildWithParameters", auth=credentials, timeout=5)
    answer = requests.get(jenkins.url + path, auth=credentials, timeout=5)
    assert answer.status_code == status
    jenkins_document.check_answer("GET", path, answer)


@pytest.mark.parametrize("path", ["/queue/api/json", "/job/lab/job/a/api/json"], ids=["queue", "job"])
def test_jenkins_refuses_a_wrong_token_as_its_schemas_have_it(
    jenkins: JenkinsServer, jenkins_document: Document, path: str
) -> None:
    answer = requests.get(jenkins.url + path, auth=(jenkins.user, "wrong"), timeout=5)
    assert answer.status_code == 401
    jenkins_document.check_answer("GET", path, answer)


@pytest.mark.parametrize(
    ("job", "status"),
    [
        pytest.param("lab/job/a", 201, id="accepted"),
        pytest.param("plain", 400, id="no-parameters"),
        pytest.param("off", 409, id="disabled"),
        pytest.param("hidden", 404, id="hidden"),
    ],
)
def test_jenkins_answers_a_trigger_as_its_schemas_have_it(
    jenkins: JenkinsServer, jenkins_document: Document, job: str, *, status: int
) -> None:
    path = f"/job/{job}/buildWithParameters"
    answer = requests.post(jenkins.url + path, auth=(jenkins.user, jenkins.token), timeout=5)
    assert answer.status_code == status
    jenkins_document.check_answer("POST", path, answer)


def test_what_a_drain_asks_of_jenkins_is_in_its_schemas(
    observer: TestObserverServer, jenkins: JenkinsServer, jenkins_document: Document
) -> None:
    observer.add(f"{jenkins.url}/job/lab/job/a/1/")
    processor = JenkinsProcessor(jenkins.user, jenkins.token, jenkins_url=jenkins.url)
    queue = TestObserverInterface(test_observer_url=observer.url, test_observer_api_key="to_demo")
    Rerunner(processor, test_observer=queue).run()
    assert jenkins.triggered("lab/a") == 1
    for request in jenkins.requests:
        jenkins_document.check_request(request)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"items": [{"id": "7"}]}, id="wrong-type"),
        pytest.param({}, id="missing-property"),
    ],
)
def test_another_shape_does_not_pass(jenkins_document: Document, value: object) -> None:
    call, _ = jenkins_document.operation("GET", "/queue/api/json")
    with pytest.raises(ValidationError):
        jenkins_document.check(value, call["answers"]["200"]["application/json"])
