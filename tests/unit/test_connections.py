"""One call to a server, through each of the three clients: it ends, it is sent once, its answer is its own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Literal, NamedTuple

import github.Requester
import jenkins
import pytest
import requests

from test_executions_rerunner import GithubProcessor, TestObserverInterface
from test_executions_rerunner.calls.answers import MOST_BYTES
from test_executions_rerunner.calls.clocks import ServerClock
from test_executions_rerunner.calls.failures import Kind, explain
from test_executions_rerunner.calls.sessions import Session, open_session
from test_executions_rerunner.calls.waiting import Waiting, Waits
from test_executions_rerunner.demo import Fault, GithubServer, JenkinsServer, TestObserverServer
from test_executions_rerunner.errors import TestObserverError
from test_executions_rerunner.processors.github.client import GithubClient
from test_executions_rerunner.processors.jenkins.client import JenkinsClient
from tls import tls_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from test_executions_rerunner.demo import LoopbackServer

Part = Literal["head", "body"]
KEY = "to_demo"
RUN = "/repos/canonical/lab/actions/runs/7"
READ_SECONDS = WHOLE_SECONDS = 0.3
SLACK_SECONDS = 1.0
"""How much later than it should a call may end on a machine that is at work."""


class QuickWaiting(Waiting):
    """Every call once, and an answer within 0.6 seconds."""

    def __init__(self, read_seconds: float = READ_SECONDS, whole_seconds: float = WHOLE_SECONDS) -> None:
        super().__init__(Waits(2.0, read_seconds, whole_seconds, retry_seconds=(), recheck_seconds=0.0))


class PatientWaiting(QuickWaiting):
    """Every call once, and time for a large answer."""

    def __init__(self) -> None:
        super().__init__(20.0, 20.0)


class NotingClock(ServerClock):
    """A clock that remembers what it was told."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.clock)
        self.noted: list[tuple[str | None, float, float]] = []

    def note(self, date: str | None, sent_at: float, head_at: float) -> None:
        self.noted.append((date, sent_at, head_at))
        super().note(date, sent_at, head_at)


class Call(NamedTuple):
    """One call of the program: where it goes, and how it is made."""

    server: LoopbackServer
    method: str
    path: str
    make: Callable[[], object]

    def fails(self) -> requests.exceptions.RequestException:
        """Make the call, and return the error of requests that it ended with."""
        with pytest.raises((requests.exceptions.RequestException, TestObserverError)) as caught:
            self.make()
        error: BaseException | None = caught.value
        if isinstance(error, TestObserverError):
            error = error.__cause__ and error.__cause__.__cause__
        assert isinstance(error, requests.exceptions.RequestException)
        return error


def jenkins_call(method: str, path: str, waiting: Waiting, clock: ServerClock | None = None) -> Iterator[Call]:
    with JenkinsServer() as server:
        server.add_job("lab")
        client = JenkinsClient(server.url, "admin", server.token, 1, waiting)
        clock = clock or ServerClock(waiting.clock)
        data = {"TEST_OBSERVER_REPORTING": "true"} if method == "POST" else None
        yield Call(server, method, path, lambda: client.send(method, f"{server.url}{path}", clock, data))


def github_call(method: str, path: str, waiting: Waiting, clock: ServerClock | None = None) -> Iterator[Call]:
    with GithubServer() as server:
        server.runs_finish_at_once = True
        server.add_run("canonical/lab", 7)
        client = GithubClient(server.url, server.token, waiting)
        clock = clock or ServerClock(waiting.clock)
        yield Call(server, method, path, lambda: client.send(method, path, clock))


def observer_call(method: str, waiting: Waiting, clock: ServerClock | None = None) -> Iterator[Call]:
    with TestObserverServer() as server:
        for number in range(20):
            server.add(f"https://github.com/canonical/lab/actions/runs/{number}")
        queue = TestObserverInterface(
            test_observer_url=server.url, test_observer_api_key=KEY, connections=1, waiting=waiting
        )
        if clock:
            queue.clock = clock
        make: Callable[[], object] = (lambda: queue.window(1)) if method == "GET" else (lambda: queue.delete([77]))
        yield Call(server, method, "/v1/test-executions/reruns", make)


CALLS: dict[str, Callable[..., Iterator[Call]]] = {
    "the queue": lambda *more: observer_call("GET", *more),
    "a delete": lambda *more: observer_call("DELETE", *more),
    "a look at Jenkins": lambda *more: jenkins_call("GET", "/job/lab/api/json", *more),
    "a trigger of Jenkins": lambda *more: jenkins_call("POST", "/job/lab/buildWithParameters", *more),
    "a look at GitHub": lambda *more: github_call("GET", RUN, *more),
    "a trigger of GitHub": lambda *more: github_call("POST", f"{RUN}/rerun", *more),
}
ALL = [pytest.param(name, id=name) for name in CALLS]


@pytest.fixture
def call(request: pytest.FixtureRequest) -> Iterator[Call]:
    yield from CALLS[request.param](QuickWaiting())


@pytest.fixture
def patient_call(request: pytest.FixtureRequest) -> Iterator[Call]:
    yield from CALLS[request.param](PatientWaiting())


every_call = pytest.mark.parametrize("call", ALL, indirect=True)
every_patient_call = pytest.mark.parametrize("patient_call", ALL, indirect=True)
a_patient_call = pytest.mark.parametrize("patient_call", ["a look at GitHub"], indirect=True)
a_call = pytest.mark.parametrize("call", ["a look at GitHub"], indirect=True)


def assert_sent_once_and_left_behind(call: Call) -> None:
    """Assert that one call was seen, and that the next one is answered, on a connection that holds nothing else."""
    assert call.server.count(call.method, call.path) == 1
    call.server.clear_faults()
    call.make()
    assert call.server.count(call.method, call.path) == 2
    assert call.server.connections == 2


# every call ends


@every_call
@pytest.mark.parametrize("part", [pytest.param("head", id="head"), pytest.param("body", id="body")])
def test_an_answer_that_drips_ends_in_time(call: Call, part: Part) -> None:
    call.server.inject(Fault(action="drip", part=part, seconds=0.05))
    started = time.monotonic()
    if part == "body" and call.method != "GET":
        call.make()  # the others are answered with next to no body
        return
    error = call.fails()
    assert READ_SECONDS < time.monotonic() - started < READ_SECONDS + WHOLE_SECONDS + SLACK_SECONDS
    assert explain(error)[:2] == (Kind.BROKEN, "no answer in time")
    assert_sent_once_and_left_behind(call)


@every_call
def test_an_answer_that_stops_is_waited_for_no_longer_than_for_any_byte(call: Call) -> None:
    call.server.inject(Fault(action="drip", part="head", seconds=30))
    started = time.monotonic()
    assert explain(call.fails())[:2] == (Kind.BROKEN, "no answer in time")
    assert time.monotonic() - started < READ_SECONDS + SLACK_SECONDS


@a_call
def test_an_answer_that_drips_but_is_whole_in_time_counts(call: Call) -> None:
    call.server.inject(Fault(action="drip", part="head", seconds=0.0005))
    call.make()
    assert call.server.count(call.method) == 1


@every_patient_call
@pytest.mark.parametrize(
    ("size", "packed"),
    [pytest.param(32 * MOST_BYTES, True, id="packed"), pytest.param(MOST_BYTES + 1, False, id="plain")],
)
def test_an_answer_that_is_too_large_is_none(patient_call: Call, size: int, *, packed: bool) -> None:
    patient_call.server.inject(Fault(action="fill", size=size, packed=packed))
    failure = explain(patient_call.fails())
    assert (failure.kind, "more than 8,388,608 bytes" in failure.reason) == (Kind.BROKEN, True)
    assert_sent_once_and_left_behind(patient_call)


@a_patient_call
@pytest.mark.parametrize("packed", [pytest.param(True, id="packed"), pytest.param(False, id="plain")])
def test_an_answer_of_just_the_size_that_is_allowed_is_read(patient_call: Call, *, packed: bool) -> None:
    patient_call.server.inject(Fault(action="fill", size=MOST_BYTES, packed=packed))
    answer = patient_call.make()
    assert isinstance(answer, requests.Response)
    assert (len(answer.content), patient_call.server.connections) == (MOST_BYTES, 1)


@a_patient_call
def test_a_gigabyte_in_a_megabyte_of_gzip_takes_no_gigabyte(patient_call: Call) -> None:
    patient_call.server.inject(Fault(action="fill", size=1 << 30, packed=True))
    tracemalloc.start()
    try:
        assert "more than" in explain(patient_call.fails()).reason
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * MOST_BYTES
    assert_sent_once_and_left_behind(patient_call)


def test_the_queue_may_have_as_much_for_each_thousand_requests_asked_for() -> None:
    with TestObserverServer() as server:
        server.inject(Fault(action="fill", size=MOST_BYTES + 1, packed=True, times=None))
        waiting = Waiting(Waits(retry_seconds=()))
        queue = TestObserverInterface(test_observer_url=server.url, test_observer_api_key=KEY, waiting=waiting)
        assert queue.window(1001).requests == []
        with pytest.raises(TestObserverError, match="more than 8,388,608 bytes"):
            queue.window(1000)
        assert server.count("GET") == 2


@every_call
@pytest.mark.parametrize("status", [101, 102, 103])
@pytest.mark.parametrize("seconds", [pytest.param(0, id="at-once"), pytest.param(0.05, id="later")])
def test_a_head_that_is_no_answer_is_not_taken_for_one(call: Call, status: int, seconds: float) -> None:
    call.server.inject(Fault(action="interim", status=status, seconds=seconds))
    failure = explain(call.fails())
    assert failure.kind is Kind.BROKEN
    assert f"{status} " in failure.reason
    assert "is no answer" in failure.reason
    assert_sent_once_and_left_behind(call)


@every_call
def test_a_100_is_waited_through(call: Call) -> None:
    call.server.inject(Fault(action="interim", status=100, heads=3, seconds=0))
    call.make()
    assert (call.server.count(call.method), call.server.connections) == (1, 1)


@every_patient_call
def test_a_100_without_end_is_no_answer(patient_call: Call) -> None:
    patient_call.server.inject(Fault(action="interim", status=100, heads=None))
    failure = explain(patient_call.fails())
    assert failure.kind is Kind.BROKEN
    # Python itself counts them from 3.14 on
    assert "its head has no end" in failure.reason or "interim responses" in failure.reason
    assert_sent_once_and_left_behind(patient_call)


@a_call
def test_what_stands_behind_an_answer_ends_its_connection(call: Call) -> None:
    behind = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id": 666}'
    call.server.inject(Fault(status=204, body=behind))
    call.make()
    answer = call.make()
    assert isinstance(answer, requests.Response)
    assert answer.json()["id"] == 7
    assert [request.connection for request in call.server.requests] == [1, 2]


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        pytest.param({"Content-Encoding": "br"}, b"x", "packed as 'br'", id="another-packing"),
        pytest.param({"Content-Encoding": "gzip"}, b"x", "cannot be unpacked", id="no-gzip"),
        pytest.param({"Content-Encoding": "gzip"}, b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "its end is missing", id="cut"),
    ],
)
@a_call
def test_what_cannot_be_unpacked_is_no_answer(call: Call, headers: dict[str, str], body: bytes, reason: str) -> None:
    call.server.inject(Fault(status=200, headers=headers, body=body))
    failure = explain(call.fails())
    assert (failure.kind, reason in failure.reason) == (Kind.BROKEN, True)
    assert call.server.count(call.method) == 1


@a_call
def test_no_packing_is_asked_for_but_gzip(call: Call) -> None:
    call.make()
    assert call.server.requests[0].headers["accept-encoding"] == "gzip"


# sent once, in one piece, answered as it is


@every_call
@pytest.mark.parametrize("effect", [pytest.param(True, id="after-the-effect"), pytest.param(False, id="before")])
@pytest.mark.parametrize("action", ["reset", "close", "hang", "cut"])
def test_a_broken_connection_is_an_error_of_requests(
    call: Call, action: Literal["reset", "close", "hang", "cut"], *, effect: bool
) -> None:
    call.server.inject(Fault(action=action, effect=effect, seconds=5))
    assert explain(call.fails()).kind is Kind.BROKEN
    assert_sent_once_and_left_behind(call)


@every_call
def test_a_refused_connection_is_one_that_was_not_sent(call: Call) -> None:
    call.server.stop()
    assert explain(call.fails()).kind is Kind.NOT_SENT


@every_call
def test_a_connection_that_the_server_has_closed_is_not_used_again(call: Call) -> None:
    call.server.idle_seconds = 0.02
    for _ in range(3):
        call.make()
        call.server.wait_closed()
    assert [request.connection for request in call.server.requests] == [1, 2, 3]


@every_call
def test_a_connection_is_used_again(call: Call) -> None:
    for _ in range(3):
        call.make()
    assert [request.connection for request in call.server.requests] == [1, 1, 1]


@every_call
@pytest.mark.parametrize(("status", "connections"), [(500, [1, 2]), (503, [1, 2]), (404, [1, 1])])
def test_a_connection_is_not_used_again_after_a_server_error(call: Call, status: int, connections: list[int]) -> None:
    call.server.inject(Fault(status=status))
    with contextlib.suppress(TestObserverError):
        call.make()
    call.make()
    assert [request.connection for request in call.server.requests] == connections


@every_call
def test_head_and_body_leave_in_one_piece(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    sendall, here = socket.socket.sendall, threading.current_thread()

    def noted(self: socket.socket, data: bytes) -> None:
        if threading.current_thread() is here:
            sent.append(data)
        sendall(self, data)

    monkeypatch.setattr(socket.socket, "sendall", noted)
    call.make()
    (whole,) = sent
    (request,) = call.server.requests
    assert whole.startswith(call.method.encode())
    assert whole.endswith(b"\r\n\r\n" + request.body)


@every_call
@pytest.mark.parametrize("status", [202, 301, 302, 303, 307, 308])
def test_no_answer_is_repeated_or_followed(call: Call, status: int) -> None:
    call.server.inject(Fault(status=status, headers={"Location": f"{call.server.url}{RUN}"}, times=None))
    with contextlib.suppress(TestObserverError):
        answer = call.make()
        if not isinstance(call.server, TestObserverServer):
            assert isinstance(answer, requests.Response)
            assert (answer.status_code, answer.headers["Location"]) == (status, f"{call.server.url}{RUN}")
    assert len(call.server.requests) == 1


@pytest.mark.parametrize("call", ["a trigger of GitHub"], indirect=True)
def test_a_rate_limit_that_is_no_number_leaves_an_acceptance_one(call: Call) -> None:
    headers = {"x-ratelimit-remaining": "many", "x-ratelimit-limit": "more", "x-ratelimit-reset": "²"}
    call.server.inject(Fault(status=201, headers=headers, body="{}"))
    answer = call.make()
    assert isinstance(answer, requests.Response)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"], answer.json()) == (201, "many", {})


@pytest.mark.parametrize("call", ["a look at GitHub"], indirect=True)
def test_github_is_told_who_asks_and_how(call: Call) -> None:
    call.make()
    headers = call.server.requests[0].headers
    assert headers["authorization"] == f"Bearer {call.server.token}"  # type: ignore[attr-defined] # a GithubServer
    assert (headers["user-agent"], headers["x-github-api-version"]) == ("PyGithub/Python", "2022-11-28")


def test_a_netrc_entry_is_no_credential(
    call_of_observer: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login stranger password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    call_of_observer.make()
    assert call_of_observer.server.requests[0].headers["authorization"].startswith("Bearer ")


@pytest.fixture
def call_of_observer() -> Iterator[Call]:
    yield from CALLS["the queue"](QuickWaiting())


def test_many_threads_each_have_the_answer_to_their_own_call() -> None:
    waiting = Waiting()
    with GithubServer() as server:
        for number in range(1, 321):
            server.add_run("canonical/lab", number)
        client, wrong = GithubClient(server.url, server.token, waiting), list[int]()
        start = threading.Barrier(16)

        def work(first: int) -> None:
            start.wait(10)
            for number in range(first, 321, 16):
                path = f"/repos/canonical/lab/actions/runs/{number}"
                told, _ = client.read(path, ServerClock(waiting.clock))
                posted = client.send("POST", f"{path}/rerun", ServerClock(waiting.clock))
                if told["id"] != number or posted.status_code != 201:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 17)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert wrong == []
        assert (server.count("GET"), server.count("POST"), server.connections) == (320, 320, 16)
        assert {server.triggered(number) for number in range(1, 321)} == {1}


class GithubServerOn6(GithubServer):
    """One on the loopback address of IPv6."""

    host = "::1"


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_a_github_at_an_ipv6_address_works() -> None:
    with GithubServerOn6(api_prefix="/api/v3") as server:
        server.add_run("canonical/lab", 7)
        assert server.url.startswith("http://[::1]:")
        root = server.url.removesuffix("/api/v3")
        processor = GithubProcessor(server.token, github_server_url=root, github_api_url=server.url)
        post = processor.process({"ci_link": f"{root}/canonical/lab/actions/runs/7"})
        processor.submit(post)
        assert (server.triggered(7), server.count("POST")) == (1, 1)


def test_a_session_uses_no_connection_to_another_server() -> None:
    with GithubServer() as one, GithubServer() as other:
        session = open_session(one.url, auth=None, connections=1, waiting=Waiting())
        for server in (one, other, one):
            session.request("GET", server.url, timeout=(5, 5))
        assert (len(one.requests), len(other.requests)) == (2, 1)


def test_one_proxy_may_stand_before_several_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    with GithubServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        waiting = QuickWaiting()
        session = open_session("http://one.example", auth=None, connections=1, waiting=waiting)
        for host in ("one", "other"):
            session.request("GET", f"http://{host}.example/x", timeout=(5, 5))
        proxy.inject(Fault(action="drip", seconds=0.05))
        with pytest.raises(requests.exceptions.ReadTimeout):
            session.request("GET", "http://one.example/x", timeout=(5, READ_SECONDS))
        assert [request.target for request in proxy.requests] == [
            "http://one.example/x",
            "http://other.example/x",
            "http://one.example/x",
        ]


def test_no_cookie_is_kept() -> None:
    with GithubServer() as server:
        server.inject(Fault(status=200, headers={"Set-Cookie": "a=b"}))
        session = open_session(server.url, auth=None, connections=1, waiting=Waiting())
        for _ in range(2):
            session.request("GET", server.url, timeout=(5, 5))
        assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "missing", [pytest.param(True, id="no-such-method"), pytest.param(False, id="a-method-that-nobody-calls")]
)
def test_another_python_jenkins_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, *, missing: bool) -> None:
    def another_way(self: jenkins.Jenkins, req: requests.Request, **_: object) -> requests.Response:
        response: requests.Response = self._session.get(req.url)
        return response

    with JenkinsServer() as server:
        if missing:
            monkeypatch.delattr(jenkins.Jenkins, "_request")
        else:
            monkeypatch.setattr(jenkins.Jenkins, "jenkins_request", another_way)
        with pytest.raises(RuntimeError, match="python-jenkins"):
            JenkinsClient(server.url, "admin", server.token, 1, Waiting())
        assert server.requests == []


# when the head came


@pytest.mark.parametrize("name", ["the queue", "a look at Jenkins", "a look at GitHub"])
def test_the_date_counts_from_the_moment_of_the_head(name: str) -> None:
    waiting = PatientWaiting()
    clock = NotingClock(waiting)
    for call in CALLS[name](waiting, clock):
        call.server.inject(Fault(action="drip", part="body", seconds=0.005, date="Fri, 31 Dec 9999 23:59:59 GMT"))
        started = waiting.clock()
        call.make()
        took, ((date, sent_at, head_at),) = waiting.clock() - started, clock.noted
        assert date == "Fri, 31 Dec 9999 23:59:59 GMT"
        assert started <= sent_at <= head_at
        assert head_at - started < took / 3


# TLS


@pytest.mark.parametrize("part", [pytest.param("head", id="head"), pytest.param("body", id="body")])
def test_an_answer_that_drips_through_tls_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Part
) -> None:
    certificate = tmp_path / "localhost.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with GithubServer() as server, tls_before(server, certificate) as url:
        server.add_run("canonical/lab", 7)
        waiting = QuickWaiting()
        client = GithubClient(url, server.token, waiting)
        assert client.read(RUN, ServerClock(waiting.clock))[0]["id"] == 7
        server.inject(Fault(action="drip", part=part, seconds=0.05))
        started = time.monotonic()
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.read(RUN, ServerClock(waiting.clock))
        assert time.monotonic() - started < READ_SECONDS + WHOLE_SECONDS + SLACK_SECONDS
        assert client.read(RUN, ServerClock(waiting.clock))[0]["id"] == 7
        assert (server.count("GET", RUN), server.connections) == (3, 2)


def test_the_relay_to_tls_ends_with_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = tmp_path / "localhost.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    there_before = set(threading.enumerate())
    with GithubServer() as server, tls_before(server, certificate) as url:
        session = open_session(url, auth=None, connections=1, waiting=PatientWaiting())
        session.request("GET", url, timeout=(20, 20))
    # the session keeps its connection: a thread that still read it would write to whatever has its number next
    for thread in set(threading.enumerate()) - there_before:
        thread.join(5)
        assert not thread.is_alive()


def test_pygithub_is_left_as_it_was() -> None:
    with GithubServer() as server:
        GithubClient(server.url, server.token, Waiting()).send("GET", "/user", ServerClock(Waiting().clock))
    kept = vars(github.Requester.Requester)
    assert kept["_Requester__httpConnectionClass"] is github.Requester.HTTPRequestsConnectionClass
    assert kept["_Requester__persist"] is True


def test_a_session_of_requests_takes_ours_for_one_of_its_own() -> None:
    assert isinstance(open_session("http://127.0.0.1", auth=None, connections=1, waiting=Waiting()), Session)
