"""TLS before the loopback servers, and proxies before that."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

    from test_executions_rerunner.demo import LoopbackServer

_HEAD_END = b"\r\n\r\n"


def make_certificate(path: Path, subject: str = "localhost", host: str = "localhost") -> None:
    """Write a certificate that is its own authority, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)


class Relay:
    """Hands connections on to a server on loopback; a context manager.

    It is a proxy too: a ``CONNECT`` leads to the port that it names, on loopback whatever the host.

    Args:
        port: Of the server.
        certificate: With it, the relay speaks TLS.

    Attributes:
        port: Where it listens.
        asked: With what each connection to a proxy began: method and target.
        breaks_tls: Whether what is no TLS follows where the server ends a connection.
    """

    def __init__(self, port: int, certificate: Path | None = None, *, is_proxy: bool = False) -> None:
        self._to, self._is_proxy = port, is_proxy
        self._context: ssl.SSLContext | None = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self.port = 0
        self.asked: list[str] = []
        self.breaks_tls = False

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    @property
    def url(self) -> str:
        """Where it listens, by the name that its certificate has."""
        return f"{'https' if self._context else 'http'}://localhost:{self.port}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                threading.Thread(target=self._converse, args=(link,), daemon=True).start()

    def _converse(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError), link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._context.wrap_socket(link, server_side=True) if self._context else link as outer:
                port, head = self._destination(outer) if self._is_proxy else (self._to, b"")
                with socket.create_connection(("127.0.0.1", port)) as inner:
                    inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    inner.sendall(head)
                    _hand_on(outer, inner)
                if self.breaks_tls:
                    os.write(outer.fileno(), b"this is no record of TLS")

    def _destination(self, outer: socket.socket) -> tuple[int, bytes]:
        """Return where a proxy's connection leads, and what has to be sent there first."""
        head = b""
        while not head.endswith(_HEAD_END):
            piece = outer.recv(1)
            if not piece:
                raise ConnectionAbortedError
            head += piece
        line = head.split(b"\r\n", 1)[0].decode()
        method, target, _ = line.split(" ")
        self.asked.append(f"{method} {target}")
        if method != "CONNECT":
            return self._to, head
        outer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return int(target.rpartition(":")[2]), b""


def _hand_on(outer: socket.socket, inner: socket.socket) -> None:
    """Hand on what comes from either side: in one thread, since a TLS socket bears no two."""
    while True:
        is_pending = isinstance(outer, ssl.SSLSocket) and outer.pending()
        ready = [outer] if is_pending else select.select([outer, inner], [], [])[0]
        for source in ready:
            piece = source.recv(65536)
            if not piece:
                return
            (inner if source is outer else outer).sendall(piece)


@contextlib.contextmanager
def tls_before(server: LoopbackServer, certificate: Path) -> Iterator[str]:
    """Put TLS before a server, with a certificate of its own that is written to a file; yields its URL there."""
    make_certificate(certificate)
    with Relay(server.port, certificate) as relay:
        yield relay.url
