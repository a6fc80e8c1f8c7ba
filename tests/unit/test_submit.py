"""What ``submit`` accepts, and that it sends nothing for anything else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from test_executions_rerunner import GithubProcessor, JenkinsProcessor, RequestProcessingError
from test_executions_rerunner.demo import Fault, GithubServer, JenkinsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.models import PostArguments
    from test_executions_rerunner.processors.base import RequestProcessor

    Pair = tuple[RequestProcessor, JenkinsServer | GithubServer]

RUN = "/repos/canonical/lab/actions/runs/7"


@pytest.fixture(scope="module")
def jenkins() -> Iterator[JenkinsServer]:
    with JenkinsServer(context_path="/ci") as server:
        server.add_job("lab")
        yield server


@pytest.fixture(scope="module")
def github() -> Iterator[GithubServer]:
    with GithubServer(api_prefix="/api/v3") as server:
        server.add_run("canonical/lab", 7)
        yield server


@pytest.fixture(scope="module")
def jenkins_processor(jenkins: JenkinsServer) -> JenkinsProcessor:
    return JenkinsProcessor("admin", jenkins.token, jenkins_url=jenkins.url)


@pytest.fixture(scope="module")
def github_processor(github: GithubServer) -> GithubProcessor:
    return GithubProcessor(github.token, github_server_url="https://ghes.example", github_api_url=github.url)


@pytest.fixture(scope="module")
def both(
    jenkins: JenkinsServer,
    jenkins_processor: JenkinsProcessor,
    github: GithubServer,
    github_processor: GithubProcessor,
) -> list[Pair]:
    return [(jenkins_processor, jenkins), (github_processor, github)]


def assert_refused(processor: RequestProcessor, post: Any) -> None:  # noqa: ANN401 - anything that a caller may give
    with pytest.raises(RequestProcessingError):
        processor.submit(post)


JENKINS_URLS = [
    pytest.param("{origin}/job/lab/build", id="another trigger"),
    pytest.param("{origin}/job/lab/", id="the job"),
    pytest.param("{origin}/job/lab/doDelete", id="delete"),
    pytest.param("{origin}/job/lab/7/buildWithParameters", id="below a build"),
    pytest.param("{origin}/buildWithParameters", id="no job"),
    pytest.param("{origin}/job/buildWithParameters", id="no name"),
    pytest.param("{origin}/view/V/job/lab/buildWithParameters", id="in a view"),
    pytest.param("{origin}/job/lab/job/buildWithParameters", id="folder without job"),
    pytest.param("{origin}/job/../buildWithParameters", id="way up"),
    pytest.param("{origin}/job/a%2Fb/buildWithParameters", id="quoted slash"),
    pytest.param("{origin}/job/lab/buildWithParameters?token=x", id="query"),
    pytest.param("{origin}/job/lab/buildWithParameters?", id="empty query"),
    pytest.param("{origin}/job/lab/buildWithParameters#x", id="fragment"),
    pytest.param("{origin}/job/lab/buildWithParameters/", id="slash"),
    pytest.param("{root}/job/lab/buildWithParameters", id="outside the context path"),
    pytest.param("http://127.0.0.1:1/ci/job/lab/buildWithParameters", id="another port"),
    pytest.param("http://user:pw@{host}/ci/job/lab/buildWithParameters", id="user information"),
    pytest.param("https://{host}/ci/job/lab/buildWithParameters", id="another scheme"),
    pytest.param("http://localhost:{port}/ci/job/lab/buildWithParameters", id="another name of the host"),
    pytest.param("", id="empty"),
]
GITHUB_URLS = [
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7", id="the run"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/cancel", id="another action"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/rerun/x", id="one segment more"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/attempts/2/rerun", id="attempt"),
    pytest.param("{origin}/repos/canonical/lab/actions/jobs/7x/rerun", id="a job that is no number"),
    pytest.param("{origin}/repos/canonical/lab/actions/jobs/7/rerun-failed-jobs", id="failed jobs of a job"),
    pytest.param("{origin}/repos/evil/lab/actions/jobs/7/rerun", id="a job of a repository that is not served"),
    pytest.param("{origin}/repos/evil/lab/actions/runs/7/rerun", id="a repository that is not served"),
    pytest.param("{origin}/repos/canonical/../actions/runs/7/rerun", id="way up"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7%2F..%2F8/rerun", id="quoted way up"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/\uff17/rerun", id="full-width digit"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/rerun?x=1", id="query"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/rerun?", id="empty query"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/rerun#x", id="fragment"),
    pytest.param("{origin}/repos/canonical/lab/actions/runs/7/rerun/", id="slash"),
    pytest.param("{root}/repos/canonical/lab/actions/runs/7/rerun", id="outside the API's path"),
    pytest.param("http://127.0.0.1:1/api/v3/repos/canonical/lab/actions/runs/7/rerun", id="another port"),
    pytest.param("http://user:pw@{host}/api/v3/repos/canonical/lab/actions/runs/7/rerun", id="user information"),
    pytest.param("https://api.github.com/repos/canonical/lab/actions/runs/7/rerun", id="another server"),
    pytest.param("", id="empty"),
]


def filled(url: str, server: JenkinsServer | GithubServer) -> str:
    root = f"http://127.0.0.1:{server.port}"
    return url.format(origin=server.url, root=root, host=f"127.0.0.1:{server.port}", port=server.port)


@pytest.mark.parametrize("url", JENKINS_URLS)
def test_jenkins_is_sent_nothing_for_a_url_that_process_never_returns(
    jenkins: JenkinsServer, jenkins_processor: JenkinsProcessor, url: str
) -> None:
    before = len(jenkins.requests)
    assert_refused(jenkins_processor, {"url": filled(url, jenkins), "json": {}})
    assert len(jenkins.requests) == before


@pytest.mark.parametrize("url", GITHUB_URLS)
def test_github_is_sent_nothing_for_a_url_that_process_never_returns(
    github: GithubServer, github_processor: GithubProcessor, url: str
) -> None:
    before = len(github.requests)
    assert_refused(github_processor, {"url": filled(url, github)})
    assert len(github.requests) == before


@pytest.mark.parametrize(
    "post",
    [
        pytest.param({}, id="no url"),
        pytest.param({"url": None}, id="no text"),
        pytest.param({"url": 5}, id="number"),
        pytest.param({"url": ["x"]}, id="list"),
        pytest.param({"url": b"http://x/"}, id="bytes"),
    ],
)
def test_arguments_without_a_url_are_refused(
    jenkins_processor: JenkinsProcessor, github_processor: GithubProcessor, post: object
) -> None:
    assert_refused(jenkins_processor, post)
    assert_refused(github_processor, post)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(None, id="none"),
        pytest.param(["A"], id="list"),
        pytest.param("A=1", id="text"),
        pytest.param({"json": "{}"}, id="a parameter called json, which makes Jenkins ignore the others"),
    ],
)
def test_jenkins_is_sent_nothing_for_parameters_that_process_never_returns(
    jenkins: JenkinsServer, jenkins_processor: JenkinsProcessor, parameters: object
) -> None:
    before = len(jenkins.requests)
    assert_refused(jenkins_processor, {"url": f"{jenkins.url}/job/lab/buildWithParameters", "json": parameters})
    assert len(jenkins.requests) == before


PIECES = st.sampled_from(
    [
        *("/job/", "lab", "/buildWithParameters", "..", "%2F", "%2e%2e", "?x=1", "#", "/", "\\", "@", "evil.example"),
        *("/repos/", "canonical", "/actions/runs/", "7", "/rerun", "/rerun-failed-jobs", "\n", "\u0663", " ", "%0A"),
    ]
)


@settings(deadline=None, max_examples=60)
@given(pieces=st.lists(PIECES, max_size=8), text=st.text(max_size=20))
def test_whatever_is_submitted_only_a_trigger_ever_arrives(both: list[Pair], pieces: list[str], text: str) -> None:
    for processor, server in both:
        server.requests.clear()
        for url in (server.url + "".join(pieces), server.url + text, text):
            post: PostArguments = {"url": url}
            try:
                processor.submit(post)
            except RequestProcessingError:
                assert not server.requests
            except requests.exceptions.HTTPError:
                pass  # sent, and refused
        for request in server.requests:
            assert request.method == "POST"
            assert request.path.endswith(("/buildWithParameters", "/rerun", "/rerun-failed-jobs"))


def test_a_trigger_is_logged_on_the_root_logger_before_it_is_sent(
    jenkins: JenkinsServer, jenkins_processor: JenkinsProcessor, caplog: pytest.LogCaptureFixture
) -> None:
    post: PostArguments = {"url": f"{jenkins.url}/job/lab/buildWithParameters", "json": {"TESTPLAN": "full"}}
    with caplog.at_level(logging.INFO):
        jenkins_processor.submit(post)
    (record,) = caplog.records
    assert (record.name, record.levelname, record.getMessage()) == ("root", "INFO", f"POST {post}")


@pytest.mark.parametrize(
    "status",
    [pytest.param(status, id=str(status)) for status in (200, 302, 303, 400, 401, 403, 404, 409, 429, 500, 502, 503)],
)
def test_every_refusal_is_an_http_error_with_the_true_answer(both: list[Pair], status: int) -> None:
    fault = {"method": "POST", "status": status, "headers": {"X-Odd": "true"}, "body": "<p>words</p>"}
    for (processor, server), path in zip(both, ("/job/lab/buildWithParameters", f"{RUN}/rerun"), strict=True):
        server.inject(Fault(**fault))  # type: ignore[arg-type] # one dictionary for both
        before = len(server.requests)
        with pytest.raises(requests.exceptions.HTTPError) as refused:
            processor.submit({"url": f"{server.url}{path}"})
        answer = refused.value.response
        assert answer is not None
        assert (answer.status_code, answer.headers["X-Odd"], answer.text) == (status, "true", "<p>words</p>")
        assert len(server.requests) == before + 1
