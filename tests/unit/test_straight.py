"""What a session sends is what requests would send: prepared once is prepared the same."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from test_executions_rerunner.calls.straight import StraightSession, prepared_url, quoted

HOSTS = st.sampled_from(
    ["a", "ci.example.com", "10.102.156.15", "LAB", "x-1.y", "bücher.example", "[::1]", ".a", "a_b"]
)
PORTS = st.one_of(st.just(""), st.integers(0, 70000).map(":{}".format), st.sampled_from([":080", ":", ":x"]))
PIECES = st.one_of(
    st.sampled_from(
        ["a", "Z", "7", ".", "..", "/", "//", "-", "_", "~", "@", ":", "+", "%", "?", "#", "ü", " ", "{", "["]
    ),
    st.integers(0, 255).map("%{:02X}".format),
    st.integers(0, 255).map("%{:02x}".format),
    st.characters(codec="utf-8"),
)
ADDRESSES = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    HOSTS,
    PORTS,
    st.one_of(st.just(""), st.lists(PIECES).map(lambda pieces: "/" + "".join(pieces))),
    st.one_of(st.just(""), st.lists(PIECES).map(lambda pieces: "?" + "".join(pieces))),
)


def of_requests(url: str) -> str | None:
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, None)
    return prepared.url


@given(ADDRESSES)
@example("http://a/b/../c")
@example("http://a/b/..")
@example("http://a/./c")
@example("http://a/%41%2d%7E%5f")
@example("http://a:65536/")
@example("http://a/b?")
@example("http://a/\n")
def test_an_address_is_sent_as_requests_sends_it(url: str) -> None:
    try:
        expected = of_requests(url)
    except requests.exceptions.RequestException as error:
        with pytest.raises(type(error)):
            prepared_url(url)
    else:
        assert prepared_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/buildWithParameters",
        f"https://ci.example.com/jenkins/job/a%20b%2Bc/api/json?tree={quoted('builds[number]{0,50}')}",
        "https://api.github.com:443/repos/canonical/lab/actions/runs/7/jobs?filter=all&per_page=100",
        "https://test-observer-api.canonical.com/v1/test-executions/reruns",
    ],
)
def test_our_addresses_are_taken_as_they_stand(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_requests(url) == url

    def prepare(*_: object) -> None:
        raise AssertionError("it was prepared once more")

    monkeypatch.setattr(requests.PreparedRequest, "prepare_url", prepare)
    assert prepared_url(url) == url


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"method": "GET"}, id="get"),
        pytest.param({"method": "get", "params": {"limit": "5", "family": "snap"}}, id="get-with-a-query"),
        pytest.param({"method": "POST"}, id="post-without-a-body"),
        pytest.param({"method": "POST", "data": {"a": "true", "b": "ü"}}, id="form"),
        pytest.param({"method": "DELETE", "json": {"test_execution_ids": [7]}}, id="json"),
        pytest.param({"method": "GET", "headers": {"accept": "x", "X-More": "y"}}, id="own-headers"),
        pytest.param({"method": "POST", "json": 1, "headers": {"content-type": "x"}}, id="own-type"),
        pytest.param({"method": "GET", "auth": ("somebody", "ü")}, id="own-credential"),
    ],
)
def test_a_request_is_what_requests_makes_of_it(parts: dict[str, Any]) -> None:
    ours, theirs = StraightSession(), requests.Session()
    for _ in range(2):  # the second time, what was prepared before is taken
        made = []
        for session in (ours, theirs):
            session.auth = requests.auth.HTTPBasicAuth("user", "token")
            prepared = session.prepare_request(requests.Request(url="http://a.example/x/y", **parts))
            made.append((prepared.method, prepared.url, dict(prepared.headers), prepared.body))
        assert made[0] == made[1]


def test_what_is_prepared_once_is_not_changed_by_a_call() -> None:
    session = StraightSession()
    session.prepare_request(requests.Request("POST", "http://a/", data={"a": "b"}, auth=("x", "y")))
    assert {"Authorization", "Content-Type"} & set(
        session.prepare_request(requests.Request("GET", "http://a/")).headers
    ) == set()


@pytest.mark.parametrize("name", ["a\nb", "a: b"])
def test_a_header_that_is_none_is_refused(name: str) -> None:
    for _ in range(2):
        with pytest.raises(requests.exceptions.InvalidHeader):
            StraightSession().prepare_request(requests.Request("GET", "http://a/", headers={"X": f"{name}\r\nY: z"}))
