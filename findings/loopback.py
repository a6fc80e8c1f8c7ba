# ruff: noqa: INP001 - a module beside scripts, no package
"""A loopback server for the scripts beside it: it answers as it is told and keeps what came in."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self


class Came(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    body: bytes
    at: float


class Reply(NamedTuple):
    """What is answered to one request."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b"{}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients may hang up whenever they like."""


class Loopback:
    """An HTTP server on 127.0.0.1 and a free port; it ends with its ``with`` block.

    What ``answer`` returns is sent; for ``None`` the connection is closed without an answer.

    Attributes:
        url: Its root, without a slash at the end.
        came: The requests so far, oldest first.
    """

    def __init__(self, answer: Callable[[Came], Reply | None]) -> None:
        came: list[Came] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Came(self.command, self.path, body, monotonic())
                came.append(request)
                reply = answer(request)
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = handle_any  # noqa: N815 - http.server looks for these names

            def log_message(self, *_: object) -> None:
                """Say nothing: what came in is in ``came``."""

        self.came = came
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def methods(self) -> list[str]:
        """Return the methods of the requests so far, oldest first."""
        return [request.method for request in self.came]
