"""What all loopback servers share: connections, faults, clock, record."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

import pytest
import requests

from test_executions_rerunner.demo import Fault, GithubServer, JenkinsServer, TestObserverServer
from test_executions_rerunner.demo.playing import pieces
from test_executions_rerunner.demo.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.demo import LoopbackServer

TOKEN = {"Authorization": "token gh-token"}
RUN = "/repos/canonical/lab/actions/runs/7"


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as github:
        github.add_run("canonical/lab", 7)
        yield github


def seconds_of(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


def get(server: LoopbackServer, path: str = RUN) -> requests.Response:
    return requests.get(server.url + path, headers=TOKEN, timeout=5)


def rerun(server: LoopbackServer) -> requests.Response:
    return requests.post(f"{server.url}{RUN}/rerun", headers=TOKEN, timeout=5)


def test_a_request_is_recorded_with_what_was_answered(server: GithubServer) -> None:
    before = time.time()
    requests.post(f"{server.url}/x%20y?a=1&b", data=b"body", headers={"X-Name": "v", **TOKEN}, timeout=5)
    (request,) = server.requests
    assert (request.method, request.path, request.query, request.body) == ("POST", "/x%20y", "a=1&b", b"body")
    assert (request.headers["x-name"], request.status, request.connection) == ("v", 404, 1)
    assert before <= request.received_at <= time.time()


def test_requests_are_counted_by_method_and_part_of_the_path(server: GithubServer) -> None:
    get(server)
    get(server, "/user")
    assert (server.count("GET"), server.count("GET", "runs/7"), server.count("POST")) == (2, 1, 0)


def test_one_connection_carries_several_requests(server: GithubServer) -> None:
    with requests.Session() as session:
        for _ in range(3):
            session.get(server.url + RUN, headers=TOKEN, timeout=5)
    assert (server.connections, [each.connection for each in server.requests]) == (1, [1, 1, 1])


def test_an_answer_on_a_kept_connection_does_not_wait_for_an_acknowledgement(server: GithubServer) -> None:
    with requests.Session() as session:
        session.get(server.url + RUN, headers=TOKEN, timeout=5)
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            session.get(server.url + RUN, headers=TOKEN, timeout=5)
            seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.035  # Nagle's algorithm makes it 0.04 s


def test_a_client_that_asks_for_it_finds_the_connection_closed(server: GithubServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", RUN, headers={"Connection": "close", "User-Agent": "test", **TOKEN})
    assert connection.getresponse().read()
    connection.close()
    server.wait_idle()
    assert server.requests[0].status == 200


def test_a_request_whose_body_is_cut_short_has_no_effect(server: GithubServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        head = f"POST {RUN}/rerun HTTP/1.1\r\nAuthorization: token gh-token\r\nUser-Agent: t\r\nContent-Length: 9"
        client.sendall(f"{head}\r\n\r\n{{".encode())
    server.wait_idle()
    assert (server.requests, server.triggered(7)) == ([], 0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no-request-line"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunked"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", id="no-length"),
    ],
)
def test_what_is_not_understood_ends_the_connection_unrecorded(server: GithubServer, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(text)
        assert client.recv(1) == b""
    assert server.requests == []


def test_the_effect_of_a_client_that_went_away_comes_before_the_server_is_idle(server: GithubServer) -> None:
    server.inject(Fault(method="POST", action="delay", seconds=0.2))
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"POST {RUN}/rerun HTTP/1.1\r\nAuthorization: token gh-token\r\nUser-Agent: t\r\n\r\n".encode())
    server.wait_idle()
    assert server.triggered(7) == 1


def test_waiting_for_a_server_that_stays_at_work_ends(server: GithubServer) -> None:
    server.inject(Fault(action="hang"))
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.wait_for("GET", "/")
        with pytest.raises(TimeoutError, match="still at work"):
            server.wait_idle(0.05)


def test_waiting_for_a_request_that_does_not_come_ends(server: GithubServer) -> None:
    with pytest.raises(TimeoutError, match="1 POST /x did not arrive"):
        server.wait_for("POST", "/x", timeout_seconds=0.05)


def test_a_latency_holds_back_the_answers_to_one_method(server: GithubServer) -> None:
    server.latency_seconds = {"POST": 0.2}
    start = time.perf_counter()
    get(server)
    between = time.perf_counter()
    rerun(server)
    assert time.perf_counter() - between >= 0.2
    assert between - start < 0.2


@pytest.mark.parametrize("skew", [pytest.param(600.0, id="ahead"), pytest.param(-600.0, id="behind")])
def test_a_skew_moves_the_date_and_the_times_of_a_run(server: GithubServer, skew: float) -> None:
    shown = get(server).json()["created_at"]
    server.clock_skew_seconds = skew
    answer = get(server)
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == pytest.approx(server.now(), abs=2)
    assert seconds_of(answer.json()["created_at"]) - seconds_of(shown) == pytest.approx(skew)
    assert server.now() - time.time() == pytest.approx(skew, abs=1)


@pytest.mark.parametrize(
    ("action", "effect"),
    [
        pytest.param("reset", False, id="reset"),
        pytest.param("close", False, id="close"),
        pytest.param("reset", True, id="reset-after-the-effect"),
        pytest.param("close", True, id="close-after-the-effect"),
        pytest.param("cut", True, id="cut-after-the-effect"),
    ],
)
def test_a_broken_connection_reaches_the_client_as_an_error(server: GithubServer, action: str, *, effect: bool) -> None:
    fault = server.inject(Fault(method="POST", action=action, effect=effect))  # type: ignore[arg-type] # a parameter set holds plain strings
    with pytest.raises(requests.exceptions.RequestException):
        rerun(server)
    server.wait_idle()
    assert (server.triggered(7), fault.used) == (int(effect), 1)
    assert server.requests[0].status == (201 if action == "cut" else None)


def test_a_reset_is_a_reset_and_not_an_end(server: GithubServer) -> None:
    server.inject(Fault(action="reset"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_fault_answers_with_what_it_was_given(server: GithubServer) -> None:
    server.inject(Fault(path="runs/7", status=503, headers={"Retry-After": "1"}, body="<html>"))
    answer = get(server)
    assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (503, "1", "<html>")
    assert answer.headers["Content-Type"] == "text/html"


def test_an_answer_after_the_effect_hides_what_happened(server: GithubServer) -> None:
    server.inject(Fault(method="POST", status=502, effect=True))
    assert (rerun(server).status_code, server.triggered(7)) == (502, 1)


def test_garbage_is_half_a_json_object_with_status_200(server: GithubServer) -> None:
    server.inject(Fault(action="garbage"))
    answer = get(server)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(answer.text)


def test_garbage_without_a_status_is_not_even_http(server: GithubServer) -> None:
    server.inject(Fault(action="garbage", status=0, body="SSH-2.0-x\r\n"))
    with pytest.raises(requests.exceptions.ConnectionError, match="SSH-2"):
        get(server)


def test_a_cut_answer_announces_more_than_it_sends(server: GithubServer) -> None:
    server.inject(Fault(action="cut", status=200, body="0123456789"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="5 more expected"):
        get(server)


def test_a_hang_ends_with_its_time(server: GithubServer) -> None:
    server.inject(Fault(action="hang", seconds=0.1))
    with pytest.raises(requests.exceptions.ConnectionError, match="without response"):
        get(server)


def test_a_hang_ends_when_its_client_has_gone(server: GithubServer) -> None:
    server.inject(Fault(action="hang"))
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(server.url, headers=TOKEN, timeout=0.1)
    server.wait_idle()


def test_a_hang_ends_with_its_server() -> None:
    with GithubServer() as server:
        server.inject(Fault(action="hang"))
        failed = threading.Event()

        def ask() -> None:
            try:
                get(server)
            except requests.exceptions.ConnectionError:
                failed.set()

        client = threading.Thread(target=ask)
        client.start()
        server.wait_for("GET", RUN)
    client.join(5)
    assert failed.is_set()


def test_a_delayed_answer_is_the_true_one(server: GithubServer) -> None:
    server.inject(Fault(action="delay", seconds=0.1))
    start = time.perf_counter()
    assert get(server).json()["id"] == 7
    assert time.perf_counter() - start >= 0.1


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", id="literal"),
        pytest.param(-3600.0, None, id="moved"),
    ],
)
def test_one_answer_may_have_another_date(server: GithubServer, date: float | str, shown: str | None) -> None:
    server.inject(Fault(action="date", date=date))
    moved, true = get(server), get(server)
    assert moved.json()["id"] == true.json()["id"] == 7
    if shown:
        assert moved.headers["Date"] == shown
    else:
        apart = parsedate_to_datetime(true.headers["Date"]) - parsedate_to_datetime(moved.headers["Date"])
        assert apart.total_seconds() == pytest.approx(3600, abs=2)


def ask(server: LoopbackServer, method: str = "GET", path: str = RUN) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    client.sendall(f"{method} {path} HTTP/1.1\r\nAuthorization: token gh-token\r\nUser-Agent: t\r\n\r\n".encode())
    return client


def test_an_interim_head_stands_before_the_true_answer(server: GithubServer) -> None:
    server.inject(Fault(action="interim", status=103, headers={"Link": "</x>"}, seconds=0.1))
    start = time.perf_counter()
    with ask(server) as client, client.makefile("rb") as answer:
        interim = [answer.readline() for _ in range(3)]
        assert interim == [b"HTTP/1.1 103 Early Hints\r\n", b"Link: </x>\r\n", b"\r\n"]
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
    assert time.perf_counter() - start >= 0.1


def test_interim_heads_may_have_no_end(server: GithubServer) -> None:
    server.inject(Fault(action="interim", status=100, heads=None))
    with ask(server) as client, client.makefile("rb") as answer:
        assert {answer.readline() for _ in range(1000)} == {b"HTTP/1.1 100 Continue\r\n", b"\r\n"}
    server.wait_idle()


@pytest.mark.parametrize(
    ("part", "head_pieces", "body_pieces"),
    [
        pytest.param("head", None, 1, id="head"),
        pytest.param("body", 1, None, id="body"),
        pytest.param("all", None, None, id="all"),
    ],
)
def test_an_answer_may_drip(
    server: GithubServer, part: Literal["head", "body", "all"], head_pieces: int | None, body_pieces: int | None
) -> None:
    fault = Fault(action="drip", part=part, seconds=0.5)
    answer = Answer(200, b"0123456789")
    sent = list(pieces(fault, answer, time.time(), "t"))
    head, _, body = b"".join(piece for _, piece in sent).partition(b"\r\n\r\n")
    assert body == b"0123456789"
    assert len(sent) == (head_pieces or len(head) + 4) + (body_pieces or len(body))
    assert sum(seconds for seconds, _ in sent) == 0.5 * sum(len(piece) == 1 for _, piece in sent)
    server.inject(replace(fault, seconds=0.00001))
    assert get(server).json()["id"] == 7


@pytest.mark.parametrize("packed", [pytest.param(True, id="packed"), pytest.param(False, id="plain")])
def test_an_answer_may_be_filled_with_blanks(server: GithubServer, *, packed: bool) -> None:
    size = 5_000_000
    server.inject(Fault(action="fill", size=size, packed=packed))
    answer = get(server)
    assert (answer.json()["id"], len(answer.content)) == (7, size)
    assert (answer.headers.get("Content-Encoding"), answer.headers.get("Content-Length")) == (
        ("gzip", None) if packed else (None, str(size))
    )


def test_the_first_fault_that_matches_and_has_hits_left_wins(server: GithubServer) -> None:
    first = server.inject(Fault(method="GET", path=r"runs/\d+$", status=500, times=1, skip=1))
    second = server.inject(Fault(status=502, times=None))
    assert [get(server).status_code for _ in range(4)] == [502, 500, 502, 502]
    assert (rerun(server).status_code, first.used, second.used) == (502, 1, 4)


def test_cleared_faults_are_forgotten(server: GithubServer) -> None:
    server.inject(Fault(times=None))
    server.clear_faults()
    assert get(server).status_code == 200


def test_a_stopped_server_refuses_connections() -> None:
    with GithubServer() as server:
        get(server)
    with pytest.raises(requests.exceptions.ConnectionError):
        get(server)
    server.stop()


def test_a_server_that_ends_connections_after_a_500_does_not_say_so() -> None:
    with TestObserverServer() as server, requests.Session() as session:
        server.inject(Fault())
        answer = session.get(server.url, timeout=5)
        assert (answer.status_code, "Connection" in answer.headers) == (500, False)
        server.wait_idle()
        session.get(server.url, timeout=5)
        assert server.connections == 2


def test_an_idle_connection_is_closed_unannounced() -> None:
    with JenkinsServer() as server:
        server.idle_seconds = 0.05
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            assert client.recv(1) == b""


def test_a_head_request_is_answered_without_a_body(server: GithubServer) -> None:
    with requests.Session() as session:
        assert session.head(server.url + RUN, headers=TOKEN, timeout=5).content == b""
        assert session.get(server.url + RUN, headers=TOKEN, timeout=5).json()["id"] == 7


def test_many_clients_at_once_are_all_recorded(server: GithubServer) -> None:
    clients = [threading.Thread(target=get, args=(server,)) for _ in range(16)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    server.wait_idle()
    assert (server.count("GET"), {each.status for each in server.requests}) == (16, {200})
