"""Calls over TLS: the certificate authorities are read once, and every certificate is checked, a proxy's too."""

from __future__ import annotations

import hashlib
import os
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from test_executions_rerunner.calls.failures import Kind, explain
from test_executions_rerunner.calls.sessions import Session, open_session
from test_executions_rerunner.calls.waiting import Waiting
from test_executions_rerunner.demo import GithubServer
from tls import Relay, make_certificate, tls_before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREADS = 8
TIMEOUT = (20, 20)


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer() as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Where that of `url` is written."""
    return tmp_path / "localhost.pem"


@pytest.fixture
def url(server: GithubServer, certificate: Path) -> Iterator[str]:
    with tls_before(server, certificate) as url:
        yield url


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def session_for(url: str, connections: int = 1) -> Session:
    return open_session(url, auth=None, connections=connections, waiting=Waiting())


def call(url: str, session: Session | None = None) -> requests.Response:
    return (session or session_for(url)).request("GET", f"{url}/x", timeout=TIMEOUT)


def assert_not_trusted(url: str, session: Session | None = None) -> None:
    with pytest.raises(requests.exceptions.RequestException) as caught:
        call(url, session)
    assert isinstance(caught.value, requests.exceptions.SSLError | requests.exceptions.ProxyError)
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[threading.Thread]:
    """Count the calls of a method of all TLS contexts."""
    called: list[threading.Thread] = []
    method = getattr(ssl.SSLContext, name)

    def counted(*arguments: object, **more: object) -> object:
        called.append(threading.current_thread())
        return method(*arguments, **more)

    monkeypatch.setattr(ssl.SSLContext, name, counted)
    return called


def from_many_threads(url: str, session: Session) -> None:
    """Call from many threads at once, so that each needs a connection of its own."""
    start, ended = threading.Barrier(THREADS), list[int]()

    def work() -> None:
        start.wait(20)
        ended.append(call(url, session).status_code)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ended == [404] * THREADS


# once for all


def test_the_authorities_are_read_once_for_all_connections_and_sessions(
    server: GithubServer, url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    read = count_calls(monkeypatch, "load_verify_locations")
    server.latency_seconds = {"GET": 0.2}
    for _ in range(2):
        from_many_threads(url, session_for(url, THREADS))
    assert server.connections > 2
    assert len(read) == 1


def test_a_shared_context_is_changed_by_no_connection(
    server: GithubServer, url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    named = count_calls(monkeypatch, "set_alpn_protocols")
    session = session_for(url, THREADS)
    server.latency_seconds = {"GET": 0.2}
    from_many_threads(url, session)
    assert (server.connections > 2, len(named)) == (True, 1)


def test_plain_http_reads_no_authorities(server: GithubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    read = count_calls(monkeypatch, "load_verify_locations")
    assert call(server.url).status_code == 404
    assert read == []


# whom it trusts


def test_an_untrusted_certificate_is_refused(server: GithubServer, url: str) -> None:
    with pytest.raises(requests.exceptions.SSLError) as caught:
        call(url)
    failure = explain(caught.value)
    assert (failure.kind, "set REQUESTS_CA_BUNDLE" in str(failure.advice)) == (Kind.REJECTED, True)
    assert server.requests == []


def test_it_is_refused_still_where_another_session_trusts_it(
    server: GithubServer, url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert call(url).status_code == 404
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert_not_trusted(url)
    assert len(server.requests) == 1


def test_a_certificate_of_another_host_is_refused(
    server: GithubServer, url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert_not_trusted(url.replace("localhost", "127.0.0.1"))
    assert server.requests == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_authorities_of_the_environment_are_heeded(
    url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(certificate))
    assert call(url).status_code == 404


def test_a_folder_of_authorities_is_heeded(
    url: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    # the name that OpenSSL looks for: a hash of the subject, which is CN=localhost
    subject = b"\x31\x12\x30\x10\x06\x03\x55\x04\x03\x0c\x09localhost"
    digest = hashlib.sha1(subject, usedforsecurity=False).digest()[:4][::-1].hex()
    (folder / f"{digest}.0").write_bytes(certificate.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder))
    assert call(url).status_code == 404


def test_authorities_that_were_changed_are_read_again(
    url: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    make_certificate(bundle, "another")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert_not_trusted(url)
    bundle.write_bytes(certificate.read_bytes())
    os.utime(bundle, ns=(1, 1))
    assert call(url).status_code == 404


def test_authorities_that_are_not_there_are_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file.pem")
    with pytest.raises(OSError, match=r"TLS CA certificate bundle, invalid path: /no/such/file\.pem"):
        call(url)


def test_nothing_switches_the_check_off(server: GithubServer, url: str) -> None:
    session = session_for(url)
    session.verify = False
    assert_not_trusted(url, session)
    assert server.requests == []


# proxies


@pytest.fixture
def proxy_certificate(tmp_path: Path) -> Path:
    path = tmp_path / "proxy.pem"
    make_certificate(path, "proxy")  # authorities are told apart by their subject
    return path


@pytest.fixture(params=["http", "https"])
def proxy(
    request: pytest.FixtureRequest, server: GithubServer, proxy_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Relay]:
    """A proxy, which is the one of all calls."""
    is_tls = request.param == "https"
    with Relay(server.port, proxy_certificate if is_tls else None, is_proxy=True) as relay:
        assert relay.url.startswith(f"{request.param}://")
        monkeypatch.setenv("all_proxy", relay.url)
        yield relay


@pytest.fixture
def both(url: str, certificate: Path, proxy_certificate: Path, tmp_path: Path) -> Path:
    del url  # it makes the certificate
    bundle = tmp_path / "both.pem"
    bundle.write_bytes(certificate.read_bytes() + proxy_certificate.read_bytes())
    return bundle


def test_a_proxy_leads_to_a_plain_server(
    server: GithubServer, proxy: Relay, proxy_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(proxy_certificate))
    assert call(server.url).status_code == 404
    assert proxy.asked == [f"GET {server.url}/x"]


def test_a_proxy_leads_to_a_server_that_speaks_tls(
    url: str, proxy: Relay, both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(both))
    session = session_for(url)
    for _ in range(2):
        assert call(url, session).status_code == 404
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')}"]


def test_the_certificate_behind_a_proxy_is_checked(
    server: GithubServer, url: str, proxy: Relay, proxy_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(proxy_certificate))
    assert_not_trusted(url)
    assert (len(proxy.asked), server.requests) == (1, [])


@pytest.mark.parametrize("proxy", ["https"], indirect=True)
@pytest.mark.parametrize("is_tls", [pytest.param(True, id="to-tls"), pytest.param(False, id="to-a-plain-server")])
def test_the_certificate_of_a_proxy_is_checked(
    server: GithubServer, url: str, proxy: Relay, certificate: Path, monkeypatch: pytest.MonkeyPatch, *, is_tls: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert_not_trusted(url if is_tls else server.url)
    assert (proxy.asked, server.requests) == ([], [])


def test_a_host_without_a_proxy_is_called_directly(
    server: GithubServer, proxy: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert call(server.url).status_code == 404
    assert (proxy.asked, len(server.requests)) == ([], 1)
