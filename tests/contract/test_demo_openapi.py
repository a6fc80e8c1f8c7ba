"""The loopback servers' answers and this program's own requests against the services' OpenAPI documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jsonschema
import pytest
import requests

from test_executions_rerunner import GithubProcessor, JenkinsProcessor, Rerunner, TestObserverInterface
from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from test_executions_rerunner.demo import RecordedRequest

DATA = Path(__file__).parents[3] / "shared" / "data"
KEY = {"Authorization": "Bearer to_demo"}
RERUNS = "/v1/test-executions/reruns"
ACTIONS = [pytest.param("rerun", id="whole-run"), pytest.param("rerun-failed-jobs", id="failed-jobs")]
INTEGER = re.compile(r"-?\d+", re.ASCII)

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="NOT CHECKED against OpenAPI: its documents (../shared/data) are not here"
)


class Document:
    """An OpenAPI document that tells whether a request or an answer fits it."""

    def __init__(self, name: str) -> None:
        text = (DATA / name).read_text()
        self.whole = json.loads(text.replace('"#/components/', '"#/$defs/components/'))
        self.whole["$defs"] = {"components": self.whole["components"]}

    def operation(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the document says of a call, and the values in its path."""
        for template, operations in self.whole["paths"].items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            found = re.fullmatch(pattern, path)
            if found:
                return operations[method.lower()], found.groupdict()
        raise AssertionError(f"{method} {path} is no call of this interface")

    def check(self, value: object, schema: Mapping[str, Any]) -> None:
        """Fail unless ``value`` fits the schema."""
        jsonschema.validate(value, {**schema, "$defs": self.whole["$defs"]}, jsonschema.Draft202012Validator)

    def check_request(self, request: RecordedRequest) -> None:
        """Fail unless the document has this request: its path, its parameters and its body."""
        operation, in_path = self.operation(request.method, request.path)
        parameters = {each["name"]: each for each in map(self.parameter, operation.get("parameters", []))}
        for name, text in [*in_path.items(), *parse_qsl(request.query, keep_blank_values=True)]:
            assert name in parameters
            self.check(int(text) if INTEGER.fullmatch(text) else text, parameters[name]["schema"])
        body = operation.get("requestBody")
        if request.body:
            assert body is not None
            self.check(request.json(), body["content"][request.content_type]["schema"])
        else:
            assert not (body and body.get("required", False))

    def parameter(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return a parameter, wherever it is described."""
        reference = value.get("$ref")
        if reference is None:
            return value
        described: dict[str, Any] = self.whole["components"]["parameters"][reference.rpartition("/")[2]]
        return described

    def check_answer(self, method: str, path: str, answer: requests.Response) -> None:
        """Fail unless the document has this answer."""
        operation, _ = self.operation(method, path)
        described = operation["responses"][str(answer.status_code)]
        content_type = answer.headers["Content-Type"].partition(";")[0]
        self.check(answer.json(), described["content"][content_type]["schema"])


@pytest.fixture(scope="module")
def observer_document() -> Document:
    return Document("test-observer-reruns.openapi.json")


@pytest.fixture(scope="module")
def github_document() -> Document:
    return Document("github-rerun.openapi.json")


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
    observer: TestObserverServer, observer_document: Document, method: str, body: object, *, status: int
) -> None:
    observer.add("https://github.com/canonical/lab/actions/runs/7")
    answer = requests.request(method, observer.url + RERUNS, json=body, headers=KEY, timeout=5)
    assert answer.status_code == status
    observer_document.check_answer(method, RERUNS, answer)


def test_a_group_and_a_link_are_shown_as_test_observer_describes_them(observer_document: Document) -> None:
    with TestObserverServer({"to_demo": {"view_rerun", "change_rerun", "change_test"}}) as observer:
        for _ in range(2):
            observer.add("https://github.com/canonical/lab/actions/runs/7", group="nightly", archived=True)
        observer.ask_again(observer.start_test(1, None))
        link = {"label": "Rerun", "url": "https://github.com/canonical/lab/actions/runs/7/attempts/2"}
        added = requests.post(f"{observer.url}/v1/test-executions/3/links", json=link, headers=KEY, timeout=5)
        answer = requests.get(observer.url + RERUNS, headers=KEY, timeout=5)
    observer_document.check_answer("GET", RERUNS, answer)
    (row,) = answer.json()
    assert (row["test_execution_id"], row["artefact"]["archived"]) == (3, True)
    assert row["test_execution"]["relevant_links"] == [added.json()]
    # The document has the link, if not the call that adds it.
    observer_document.check(added.json(), {"$ref": "#/$defs/components/schemas/TestExecutionRelevantLinkResponse"})


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
    github_document.check(answer.json(), {"$ref": "#/$defs/components/schemas/basic-error"})


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
