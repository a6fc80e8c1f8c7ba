"""Behind a proxy and with a private CA: the variables that the README names reach the program."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import socketserver
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from test_executions_rerunner.demo import TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from container.conftest import Commands

pytestmark = pytest.mark.container

HOST = "observer.example"


def _certificate(
    host: str, key: ec.EllipticCurvePrivateKey, *, signer: ec.EllipticCurvePrivateKey, is_ca: bool
) -> bytes:
    """Return a certificate, in PEM, as strict a one as Python 3.13 wants."""
    now = dt.datetime.now(dt.timezone.utc)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A private CA")])
    subject = issuer if is_ca else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    certificate = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_ca,
                key_cert_sign=is_ca,
                encipher_only=False,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


class _Proxy(socketserver.ThreadingTCPServer):
    """An HTTP proxy: every CONNECT leads to one server, TLS put before it."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.tls = tls
        self.behind = behind
        self.connects: list[str] = []


class _Tunnel(socketserver.StreamRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        head = list(iter(self.rfile.readline, b"\r\n"))
        self.server.connects.append(head[0].decode().split()[1])
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.server.behind)) as behind,
            self.server.tls.wrap_socket(self.request, server_side=True) as inside,
        ):
            back = threading.Thread(target=_copy, args=(behind, inside), daemon=True)
            back.start()
            _copy(inside, behind)
            back.join()


@pytest.fixture
def observer() -> Iterator[TestObserverServer]:
    with TestObserverServer() as server:
        yield server


@pytest.fixture
def proxy(observer: TestObserverServer, tmp_path: Path) -> Iterator[_Proxy]:
    """A proxy behind which Test Observer is, and in `tmp_path/ca.pem` the CA that vouches for it."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "ca.pem").write_bytes(_certificate(HOST, ca_key, signer=ca_key, is_ca=True))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(_certificate(HOST, key, signer=ca_key, is_ca=False) + secret)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem")
    with _Proxy(tls, observer.port) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def _arguments(proxy: _Proxy, folder: Path) -> list[str]:
    return [
        *("--volume", f"{folder}:/workspace:ro"),
        *("--env", f"HTTPS_PROXY=http://127.0.0.1:{proxy.server_address[1]}"),
        *("--env", f"TEST_OBSERVER_URL=https://{HOST}"),
        *("--env", "TEST_OBSERVER_API_KEY=to_demo"),
        *("--env", "JENKINS_API_TOKEN=unused"),
    ]


def test_a_drain_goes_through_the_proxy_and_trusts_the_private_ca(
    commands: Commands, image: str, observer: TestObserverServer, proxy: _Proxy, tmp_path: Path
) -> None:
    bundle = ["--env", "REQUESTS_CA_BUNDLE=/workspace/ca.pem"]

    done = commands.run(*_arguments(proxy, tmp_path), *bundle, image)

    assert done.returncode == 0, done.stderr
    assert set(proxy.connects) == {f"{HOST}:443"}
    assert observer.count("GET", "/v1/test-executions/reruns") == 1


def test_without_the_private_ca_nothing_is_sent_and_the_certificate_is_blamed(
    commands: Commands, image: str, observer: TestObserverServer, proxy: _Proxy, tmp_path: Path
) -> None:
    done = commands.run(*_arguments(proxy, tmp_path), image)

    assert done.returncode == 3, done.stderr
    assert "certificate" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert observer.requests == []
