"""Connections that send a call in one piece, and whose answers end.

An answer ends in time, however its bytes drip, and what is no answer is none: a head of 101, 102 or 103 would leave
the true one in the connection, where the next call would read it.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_encoding_from_headers

from test_executions_rerunner.calls.sending import Sending
from test_executions_rerunner.calls.tls import trust
from test_executions_rerunner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_BYTES_OF_A_HEAD = 1 << 18


class EndingAdapter(HTTPAdapter):
    """Sends calls over connections of our own kind, each call once; it keeps them for the next.

    Args:
        connections: Most connections to one server at a time.
        more_seconds: By how much a whole answer may take longer than the read time-out of its call.
        bundle: The certificate authorities, as `trust` takes them.

    Raises:
        SettingsError: What is installed as urllib3 is another package.
    """

    def __init__(self, *, connections: int, more_seconds: float, bundle: bool | str) -> None:
        _check_urllib3()
        super().__init__(pool_connections=1, pool_maxsize=connections, pool_block=True)
        self._more_seconds, self._bundle = more_seconds, bundle
        self._pools: dict[str, Any] = {}
        self._pools_lock = threading.Lock()

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,
        proxies: Any = None,
        cert: Any = None,
    ) -> Any:
        """Return the connections to the server of a request; finding them anew takes a tenth of a call's time."""
        origin = "/".join((request.url or "").split("/", 3)[:3])
        if origin not in self._pools:
            with self._pools_lock:
                if origin not in self._pools:
                    pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
                    # of whatever kind its connections are, also those of a proxy, which may serve several origins
                    if not issubclass(pool.ConnectionCls, _Ending):
                        pool.ConnectionCls = _ending(pool.ConnectionCls, self._more_seconds)
                    if pool.scheme == "https":
                        pool.conn_kw["ssl_context"] = trust(self._bundle)
                        pool.cert_reqs, pool.ca_certs, pool.ca_cert_dir = "CERT_REQUIRED", None, None
                    self._pools[origin] = pool
        return self._pools[origin]

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave a server's connections as they were made: all of them check its certificate, at whatever call."""

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """Return the connections to a proxy; one that speaks TLS has its own certificate checked."""
        if proxy.lower().startswith("https://"):
            more["proxy_ssl_context"] = trust(self._bundle)
        return super().proxy_manager_for(proxy, **more)

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Return what a request line names: the path, or at a proxy that forwards the call the whole address."""
        if proxies:
            return super().request_url(request, proxies)
        return "/" + (request.url or "").split("/", 3)[3]

    def build_response(self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse) -> requests.Response:
        """Return the answer whose head was read; without its cookies, which take a tenth of a call's time."""
        answer = requests.Response()
        answer.status_code, answer.reason = resp.status, resp.reason or ""
        answer.headers = resp.headers  # type: ignore[assignment] # a mapping of the same kind, and there already
        answer.encoding = get_encoding_from_headers(answer.headers) or "utf-8"  # or a guess reads the whole body
        answer.raw, answer.url, answer.request = resp, req.url or "", req
        return answer


def _check_urllib3() -> None:
    """Refuse what niquests has put in the place of urllib3: it asks nothing of the connections that are made here."""
    version = getattr(urllib3, "__version__", "of no version")
    if not issubclass(urllib3.connection.HTTPConnection, http.client.HTTPConnection):
        raise SettingsError(
            f"urllib3: what is installed under this name ({version}) is not urllib3 but another package, "
            "as niquests puts in its place, and no call would work with it: install this program in an environment of "
            "its own"
        )


class _Ending:
    """What makes a connection of urllib3 one of ours."""

    more_seconds: ClassVar[float]
    sock: socket.socket | None
    connect: Callable[[], None]
    _held: list[bytes] | None = None

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)
        self.response_class = partial(_EndingAnswer, more_seconds=self.more_seconds)

    def request(self, *arguments: object, **more: object) -> None:
        """Send head and body in one piece: each piece is a call of the system and a turn of another thread."""
        self._held = []
        try:
            super().request(*arguments, **more)  # type: ignore[misc] # the connection that it is mixed into
        finally:
            whole, self._held = b"".join(self._held), None
        if self.sock is None:
            self.connect()
        Sending.begin()
        self.send(whole)

    def send(self, data: Any) -> None:
        """Send a piece, or hold it back until the request is complete."""
        if self._held is None:
            super().send(data)  # type: ignore[misc] # the same
        else:
            self._held.append(data)


def _ending(kind: type, more_seconds: float) -> type:
    return type(f"Ending{kind.__name__}", (_Ending, kind), {"more_seconds": more_seconds})


class _EndingAnswer(http.client.HTTPResponse):
    """An answer that is there in time or fails, and that leaves nothing behind for the next one."""

    def __init__(self, sock: socket.socket, *arguments: Any, more_seconds: float, **more: Any) -> None:
        super().__init__(sock, *arguments, **more)
        self._bytes = _BytesInTime(self.fp.detach(), sock, more_seconds)
        self.fp = _Reader(self._bytes)

    def begin(self) -> None:
        """Read the head, and take no other one for it than that of an answer."""
        super().begin()
        self._bytes.is_head = False
        if self.status < http.HTTPStatus.OK:
            raise http.client.HTTPException(f"{self.status} {self.reason} is no answer")
        if self.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            # uvicorn closes a connection after an exception without a word: what is sent on it next is reset
            self.will_close = True


class _BytesInTime(io.RawIOBase):
    """The bytes of a connection, until the time of an answer is over."""

    def __init__(self, raw: Any, sock: socket.socket, more_seconds: float) -> None:
        self._raw, self._sock = raw, sock
        self._each_seconds: float = sock.gettimeout() or 0.0
        self._end = time.monotonic() + self._each_seconds + more_seconds
        self._head_left = _MOST_BYTES_OF_A_HEAD
        self.is_head, self.is_over = True, False

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is; wait neither longer for it than for any byte nor than for the whole."""
        if self.is_over:
            return 0
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer was not complete in time")
        if left < self._each_seconds:
            self._sock.settimeout(left)
        count: int = self._raw.readinto(buffer)
        if self.is_head:
            self._head_left -= count
            if self._head_left < 0:
                raise http.client.HTTPException("its head has no end")
        return count

    def close(self) -> None:
        """Let go of the connection."""
        self._raw.close()
        super().close()

    def drop(self) -> None:
        """Have the connection closed instead of kept: urllib3 keeps none that was ended."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


class _Reader(io.BufferedReader):
    """Reads one answer, and sees to it that nobody reads what stands behind it."""

    raw: _BytesInTime

    def close(self) -> None:
        """End the answer."""
        if not self.closed:
            self.raw.is_over = True
            if self.peek(1):
                self.raw.drop()
        super().close()
