"""What each kind of failure means: the table, and how answers and exceptions come to it."""

from __future__ import annotations

import io
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from test_executions_rerunner.calls.failures import Failure, Kind, TriggerDoubtfulError, explain, was_not_sent
from test_executions_rerunner.demo import Fault as Injected
from test_executions_rerunner.demo import GithubServer
from test_executions_rerunner.drain.policy import POLICY, React
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.models import State
from test_executions_rerunner.processors.github.processor import GithubProcessor
from test_executions_rerunner.processors.jenkins.processor import JenkinsProcessor
from test_executions_rerunner.processors.jenkins.reading import read_job
from test_executions_rerunner.queues.errors import understood

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTED_OR_DONE = {State.TRIGGERED, State.ALREADY_RERUN, State.PLANNED}


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        yield github


def answer(status: int, body: str = "", **headers: str) -> requests.exceptions.HTTPError:
    response = requests.Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    response.raw = io.BytesIO(body.encode())
    return requests.exceptions.HTTPError(response=response)


def test_every_fault_has_its_rule() -> None:
    assert set(POLICY) == set(Kind)


@pytest.mark.parametrize(
    ("fault", "state", "again", "stops"),
    [
        pytest.param(Kind.UNAUTHORIZED, State.FAILED, False, True, id="401 stops the drain"),
        pytest.param(Kind.BUSY, State.DEFERRED, False, False, id="rate limit past the bounds"),
        pytest.param(Kind.NEVER, State.REFUSED, False, False, id="run gone"),
        pytest.param(Kind.REJECTED, State.FAILED, False, False, id="404 of Jenkins, a moved repository"),
        pytest.param(Kind.FORBIDDEN, State.FAILED, False, False, id="403"),
        pytest.param(Kind.BROKEN, State.FAILED, True, False, id="5xx, time-out, garbage"),
        pytest.param(Kind.NOT_SENT, State.FAILED, True, False, id="no connection"),
        pytest.param(Kind.STARTING, State.DEFERRED, True, False, id="503"),
        pytest.param(Kind.DISABLED, State.DEFERRED, False, False, id="disabled job"),
        pytest.param(Kind.RUNNING, State.DEFERRED, False, False, id="run in progress"),
    ],
)
def test_what_a_look_that_fails_means(fault: Kind, state: State, again: bool, stops: bool) -> None:  # noqa: FBT001 - a row
    rule = POLICY[fault]
    assert (rule.look_state, Failure(fault, "").may_pass, rule.stops) == (state, again, stops)


@pytest.mark.parametrize(
    ("fault", "react", "state"),
    [
        pytest.param(Kind.NOT_SENT, React.REPEAT, State.FAILED, id="connection refused is sent again"),
        pytest.param(Kind.BUSY, React.REPEAT, State.DEFERRED, id="rate limit is sent again"),
        pytest.param(Kind.BROKEN, React.COMPARE, State.UNKNOWN, id="reset, time-out, 500 are doubtful"),
        pytest.param(Kind.STARTING, React.COMPARE, State.DEFERRED, id="503 of Jenkins is doubtful, then deferred"),
        pytest.param(Kind.UNAUTHORIZED, React.RECHECK, State.FAILED, id="401 is asked again"),
        pytest.param(Kind.FORBIDDEN, React.RECHECK, State.FAILED, id="403 is asked again"),
        pytest.param(Kind.RUNNING, React.LOOK, State.DEFERRED, id="already running is looked at"),
        pytest.param(Kind.DISABLED, React.END, State.DEFERRED, id="disabled job"),
        pytest.param(Kind.NEVER, React.END, State.REFUSED, id="too old"),
        pytest.param(Kind.REJECTED, React.LOOK, State.FAILED, id="400 is looked at: it says nothing known"),
    ],
)
def test_what_a_trigger_that_fails_means(fault: Kind, react: React, state: State) -> None:
    assert (POLICY[fault].react, POLICY[fault].trigger_state) == (react, state)


def test_a_trigger_is_repeated_only_where_it_was_certainly_not_processed() -> None:
    repeated = {fault for fault, rule in POLICY.items() if rule.react is React.REPEAT}
    assert repeated == {Kind.NOT_SENT, Kind.STALE, Kind.BUSY}


def test_no_failure_means_that_something_was_started() -> None:
    assert not {state for rule in POLICY.values() for state in (rule.look_state, rule.trigger_state)} & STARTED_OR_DONE


@pytest.mark.parametrize(
    ("status", "headers", "fault", "wait"),
    [
        pytest.param(400, {}, Kind.REJECTED, None, id="400"),
        pytest.param(401, {}, Kind.UNAUTHORIZED, None, id="401"),
        pytest.param(403, {}, Kind.FORBIDDEN, None, id="403"),
        pytest.param(404, {}, Kind.REJECTED, None, id="404"),
        pytest.param(302, {"Location": "/x"}, Kind.REJECTED, None, id="302"),
        pytest.param(429, {}, Kind.BUSY, 60.0, id="429 without a time"),
        pytest.param(429, {"Retry_After": "7"}, Kind.BUSY, 7.0, id="429 with a time"),
        pytest.param(500, {}, Kind.BROKEN, None, id="500"),
        pytest.param(502, {}, Kind.BROKEN, None, id="502"),
        pytest.param(504, {"Retry_After": "7"}, Kind.BROKEN, None, id="504 even with a time"),
        pytest.param(503, {}, Kind.STARTING, None, id="503"),
        pytest.param(503, {"Retry_After": "7"}, Kind.BUSY, 7.0, id="503 with a time"),
        pytest.param(503, {"Retry_After": "soon"}, Kind.STARTING, None, id="503 with no time that can be read"),
    ],
)
def test_what_a_status_means(status: int, headers: dict[str, str], fault: Kind, wait: float | None) -> None:
    failure = explain(answer(status, **headers))
    assert (failure.kind, failure.wait_seconds) == (fault, wait)
    assert failure.reason.startswith(str(status))


@pytest.mark.parametrize(
    ("status", "body", "headers", "fault", "wait"),
    [
        pytest.param(403, "This workflow is already running", {}, Kind.RUNNING, None, id="already running"),
        pytest.param(403, "created over a month ago", {}, Kind.NEVER, None, id="too old"),
        pytest.param(403, "This workflow run cannot be retried", {}, Kind.NEVER, None, id="cannot be retried"),
        pytest.param(403, "Must have admin rights to Repository.", {}, Kind.FORBIDDEN, None, id="admin rights"),
        pytest.param(403, "something new", {}, Kind.FORBIDDEN, None, id="unknown 403"),
        pytest.param(403, "You have exceeded a secondary rate limit", {}, Kind.BUSY, 60.0, id="secondary limit"),
        pytest.param(403, "x", {"Retry_After": "9"}, Kind.BUSY, 9.0, id="403 with a time"),
        pytest.param(403, "x", {"x_ratelimit_remaining": "0"}, Kind.BUSY, 60.0, id="primary limit, no reset told"),
        pytest.param(429, "x", {}, Kind.BUSY, 60.0, id="429"),
        pytest.param(
            404, "This workflow is already running", {}, Kind.REJECTED, None, id="words behind another status"
        ),
    ],
)
def test_what_an_answer_of_github_means(
    status: int, body: str, headers: dict[str, str], fault: Kind, wait: float | None
) -> None:
    failure = GithubProcessor("token").explain(answer(status, body, **headers))
    assert (failure.kind, failure.wait_seconds) == (fault, wait)


def test_the_reset_of_githubs_limit_is_measured_on_its_own_clock() -> None:
    headers = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "40", "Date": "Thu, 01 Jan 1970 00:00:10 GMT"}
    failure = GithubProcessor("token").explain(answer(403, "x", **headers))
    assert failure.wait_seconds is not None
    assert 30 <= failure.wait_seconds <= 32


def test_a_missing_right_at_github_names_the_right() -> None:
    failure = GithubProcessor("token").explain(answer(403, "Resource not accessible by integration"))
    assert failure.kind is Kind.FORBIDDEN
    assert "Actions: write" in failure.reason


@pytest.mark.parametrize(
    ("status", "body", "fault", "words"),
    [
        pytest.param(404, "<p>x</p>", Kind.REJECTED, "no such job, or no permission to see it", id="404"),
        pytest.param(409, "lab is not buildable", Kind.DISABLED, "not buildable", id="409"),
        pytest.param(400, "lab is not parameterized", Kind.REJECTED, "not parameterized", id="400"),
        pytest.param(403, "No valid crumb was included", Kind.FORBIDDEN, "use an API token", id="crumb"),
    ],
)
def test_what_an_answer_of_jenkins_means(status: int, body: str, fault: Kind, words: str) -> None:
    failure = JenkinsProcessor("u", "token").explain(answer(status, body))
    assert failure.kind is fault
    assert words in failure.reason


def test_a_branch_that_is_gone_is_not_called_disabled_by_somebody() -> None:
    told = {"fullName": "lab/main", "buildable": False, "builds": []}
    branch = {"_class": "org.jenkinsci.plugins.workflow.multibranch.BranchJobProperty"}
    assert "branch is gone" in read_job({**told, "property": [branch]}, "lab/main").waits_since_disabled
    assert "branch" not in read_job({**told, "property": [{}]}, "lab/main").waits_since_disabled


def test_a_doubtful_answer_is_compared() -> None:
    error = answer(201)
    doubtful = TriggerDoubtfulError("x", response=error.response)
    for processor in (JenkinsProcessor("u", "token"), GithubProcessor("token")):
        assert processor.explain(doubtful).kind is Kind.BROKEN


@pytest.mark.parametrize(
    ("injected", "fault", "words"),
    [
        pytest.param(Injected(action="reset"), Kind.BROKEN, "the connection broke", id="reset"),
        pytest.param(Injected(action="close"), Kind.BROKEN, "the connection broke", id="closed without an answer"),
        pytest.param(Injected(action="hang"), Kind.BROKEN, "no answer in time", id="hang"),
        pytest.param(
            Injected(action="cut", status=200, body="long enough"), Kind.BROKEN, "the connection broke", id="cut"
        ),
        pytest.param(
            Injected(action="garbage", status=0, body="x\n\n"), Kind.BROKEN, "the connection broke", id="no HTTP"
        ),
    ],
)
def test_a_call_that_may_have_been_processed_is_broken(
    server: GithubServer, injected: Injected, fault: Kind, words: str
) -> None:
    server.inject(injected)
    with pytest.raises(requests.exceptions.RequestException) as raised:
        requests.post(f"{server.url}/x", timeout=0.3)
    failure = explain(raised.value)
    assert failure.kind is fault
    assert failure.reason.startswith(words)
    assert not was_not_sent(raised.value)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_a_call_without_a_connection_was_not_sent() -> None:
    session = requests.Session()
    session.trust_env = False
    with pytest.raises(requests.exceptions.RequestException) as raised:
        session.get(f"http://127.0.0.1:{free_port()}/", timeout=5)
    assert explain(raised.value) == Failure(Kind.NOT_SENT, "no connection: Connection refused")


def test_a_dead_proxy_is_named_as_what_is_dead() -> None:
    session = requests.Session()
    session.proxies = {"http": f"http://robot:sesame@127.0.0.1:{free_port()}"}
    with pytest.raises(requests.exceptions.RequestException) as raised:
        session.get("http://observer.invalid/", timeout=5)
    failure = explain(raised.value)
    assert failure.kind is Kind.NOT_SENT
    assert "proxy" in failure.reason
    assert "sesame" not in failure.reason


@pytest.mark.parametrize("proxy", ["http://", "localhost:x", "ftp://127.0.0.1:9"])
def test_a_malformed_proxy_is_no_wrong_server(proxy: str) -> None:
    session = requests.Session()
    session.proxies = {"http": proxy}
    with pytest.raises((requests.exceptions.RequestException, urllib3.exceptions.HTTPError)) as raised:
        session.get("http://observer.invalid/", timeout=5)
    failure = explain(raised.value)
    assert failure.kind is Kind.NOT_SENT
    assert "the proxy of HTTP_PROXY" in failure.reason
    for advice in (JenkinsProcessor("u", "token").advice(failure), understood(failure, "reading", "x", ()).advice):
        assert "NO_PROXY" in str(advice)
        assert "--" not in str(advice)


@pytest.mark.parametrize(
    ("headers", "words", "advice"),
    [
        pytest.param(
            {"WWW_Authenticate": 'Basic realm="Jenkins", charset="UTF-8"'}, "expired", "JENKINS_API_TOKEN", id="Jenkins"
        ),
        pytest.param(
            {"WWW_Authenticate": 'Negotiate, Basic realm="Lab"'}, "Lab", "a proxy before Jenkins", id="a proxy"
        ),
        pytest.param({}, "Jenkins would name its realm", "a proxy before Jenkins", id="neither"),
    ],
)
def test_a_401_of_a_proxy_is_no_wrong_token(headers: dict[str, str], words: str, advice: str) -> None:
    processor = JenkinsProcessor("u", "token")
    failure = processor.explain(answer(401, "<p>No</p>", **headers))
    assert failure.kind is Kind.UNAUTHORIZED
    assert words in failure.reason
    assert advice in str(processor.advice(failure))
    assert ("JENKINS_API_TOKEN" in str(processor.advice(failure))) is ("expired" in failure.reason)


def test_a_404_of_another_server_is_no_missing_permission_alone() -> None:
    processor = JenkinsProcessor("u", "token")
    own = processor.explain(answer(404, "<p>x</p>", X_Jenkins="2.580")).reason
    apache = processor.explain(answer(404, "<h1>Not Found</h1>", Server="Apache/2.4.58 (Ubuntu)")).reason
    assert "Job/Read" in own
    assert "--jenkins-url" not in own
    assert "Apache/2.4.58" in apache
    assert "--jenkins-url with its context path" in apache


def test_a_certificate_that_is_not_trusted_is_no_reason_to_try_again() -> None:
    error = requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed certificate"))
    failure = explain(error)
    assert failure.kind is Kind.REJECTED
    assert "self-signed certificate" in failure.reason
    assert "REQUESTS_CA_BUNDLE" in str(failure.advice)


def test_a_certificate_of_another_host_is_not_trusted_either() -> None:
    error = CertificateError("hostname 'a' doesn't match 'b'")
    wrapped = requests.exceptions.SSLError(urllib3.exceptions.SSLError(error))
    assert explain(wrapped).kind is Kind.REJECTED


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), id="an end"),
        pytest.param(ssl.SSLError(1, "[SSL] record layer failure"), id="a broken record"),
        pytest.param(ssl.SSLError(1, "[SSL: SSLV3_ALERT_BAD_RECORD_MAC] alert"), id="an alert"),
    ],
)
def test_tls_that_breaks_may_break_after_the_call_was_sent(error: ssl.SSLError) -> None:
    failure = explain(requests.exceptions.SSLError(urllib3.exceptions.SSLError(error)))
    assert failure.kind is Kind.BROKEN
    assert "certificate" not in failure.reason
    assert "TLS" in failure.reason


def test_a_bug_of_a_client_library_may_have_come_after_the_call() -> None:
    assert explain(ZeroDivisionError("x")).kind is Kind.BROKEN
    assert explain(RequestProcessingError("x")).kind is Kind.REJECTED
