"""The part that all loopback servers share: connections, faults, clock, and the record of what arrived."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from test_executions_rerunner.demo.faults import Fault, FaultPlan
from test_executions_rerunner.demo.playing import pieces
from test_executions_rerunner.demo.wire import Answer, CutShortError, RecordedRequest, head_of, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, 0 s: close() sends a RST


class LoopbackServer(ABC):
    """An HTTP server on a free port of this machine, from ``start`` to ``stop``; a context manager too.

    Times given to a server's methods are true ones (``time.time()``); its answers show them moved by its
    skew.

    Attributes:
        host: Where it listens: a loopback address.
        url: The server's address with its context path, without a slash at the end.
        port: The port, once started.
        requests: Every complete request, in order of arrival.
        connections: How many TCP connections were accepted so far.
        clock_skew_seconds: How far its clock is ahead: moves ``Date`` and every time that it answers.
        dates_on_arrival: Whether ``Date`` tells when a request came (Jetty before 12), not when its answer goes.
        latency_seconds: By method, how long an answer takes after the request took effect.
        idle_seconds: How long an idle connection is kept; ``None``: for ever.
        on_request: Called with each request when it has arrived, before it takes effect.
        on_answer: Called with each request when it took effect, before its answer (or a fault in its place) is sent.
    """

    host: ClassVar[str] = "127.0.0.1"
    server_name: ClassVar[str] = "loopback"
    closes_after_500: ClassVar[bool] = False

    def __init__(self, context_path: str = "") -> None:
        self.context_path = context_path.rstrip("/")
        self.url = ""
        self.port = 0
        self.requests: list[RecordedRequest] = []
        self.connections = 0
        self.clock_skew_seconds, self.dates_on_arrival = 0.0, False
        self.latency_seconds: dict[str, float] = {}
        self.idle_seconds: float | None = None
        self.on_request: Callable[[RecordedRequest], None] | None = None
        self.on_answer: Callable[[RecordedRequest], None] | None = None
        self.lock = threading.RLock()
        self._faults = FaultPlan()
        self._changed = threading.Condition()
        self._links: dict[socket.socket, threading.Thread] = {}
        self._busy = 0
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    @abstractmethod
    def respond(self, request: RecordedRequest) -> Answer:
        """Let a request take its effect and return the answer; called with ``lock`` held."""

    def last_word(self, request: RecordedRequest, answer: Answer) -> Answer:
        """Return what is sent, now that the time is over which the answer took; called with ``lock`` held."""
        del request
        return answer

    def start(self) -> Self:
        """Listen on a free port."""
        is_v6 = ":" in self.host
        family = socket.AF_INET6 if is_v6 else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=512)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{f'[{self.host}]' if is_v6 else self.host}:{self.port}{self.context_path}"
        self._acceptor = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._listener is None or self._acceptor is None:
            return
        self._stopping.set()
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port)):
            self._acceptor.join()
        self._listener.close()
        with self._changed:
            links = list(self._links.items())
        for link, _ in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for _, thread in links:
            thread.join(timeout=5)
        self._listener = self._acceptor = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def now(self, request: RecordedRequest | None = None) -> float:
        """Return the time on the server's clock, in seconds since 1970; for a request: what its answer tells."""
        at = request.received_at if request and self.dates_on_arrival else time.time()
        return at + self.clock_skew_seconds

    def count(self, method: str, path_part: str = "") -> int:
        """Return how many requests of this method have ``path_part`` in their path or query."""
        return sum(request.method == method and path_part in request.target for request in list(self.requests))

    def inject(self, fault: Fault) -> Fault:
        """Add a fault; of several that match a request, the first injected one that has hits left wins."""
        self._faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        """Forget all faults, used up or not."""
        self._faults.clear()

    def wait_for(self, method: str, path_part: str = "", *, count: int = 1, timeout_seconds: float = 120) -> None:
        """Wait until that many such requests have arrived, answered or not.

        Raises:
            TimeoutError: They did not arrive within ``timeout_seconds``.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.count(method, path_part) >= count, timeout_seconds):
                raise TimeoutError(
                    f"{count} {method} {path_part} did not arrive within {timeout_seconds} s: "
                    f"{self.count(method, path_part)} did."
                )

    def wait_idle(self, timeout_seconds: float = 120) -> None:
        """Wait until no request is in flight: one of a client that was killed takes its effect late.

        Raises:
            TimeoutError: The server was still at work after ``timeout_seconds``.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            with self._changed:
                idle = self._changed.wait_for(lambda: self._busy == 0, deadline - time.monotonic())
                unread = [link for link in (self._listener, *self._links) if link is not None]
                # Nothing is consumed between this look and the lock: see _accept and _converse.
                if idle and not _readable(unread, 0):
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"The server at {self.url} was still at work after {timeout_seconds} s.")
                self._changed.wait(0.001)

    def wait_closed(self, timeout_seconds: float = 10) -> None:
        """Wait until every connection is closed, such as idle ones.

        Raises:
            TimeoutError: One was still open after ``timeout_seconds``.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._links, timeout_seconds):
                raise TimeoutError(f"A connection was still open after {timeout_seconds} s.")

    def _accept(self, listener: socket.socket) -> None:
        while True:
            _readable((listener,), None)
            with self._changed:
                link, _ = listener.accept()
                if self._stopping.is_set():
                    link.close()
                    return
                self.connections += 1
                thread = threading.Thread(target=self._converse, args=(link, self.connections), daemon=True)
                self._links[link] = thread
            thread.start()

    def _converse(self, link: socket.socket, number: int) -> None:
        buffer = bytearray()
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep = True
            while keep:
                link.settimeout(self.idle_seconds)
                # Only a look: a request is counted as in flight before a byte of it is taken from the socket.
                if not buffer and not link.recv(1, socket.MSG_PEEK):
                    return
                link.settimeout(None)
                with self._changed:
                    self._busy += 1
                try:
                    keep = self._exchange(link, buffer, number)
                finally:
                    with self._changed:
                        self._busy -= 1
                        self._changed.notify_all()
        except OSError:
            return  # the client has gone, or idled too long
        finally:
            with self._changed:
                del self._links[link]
                link.close()
                self._changed.notify_all()

    def _exchange(self, link: socket.socket, buffer: bytearray, number: int) -> bool:
        """Serve one request; tell whether the connection goes on."""
        try:
            request, keep = read_request(link, buffer)
        except (CutShortError, ValueError):
            return False  # a request that is not complete, or not HTTP, has no effect
        request.connection = number
        request.received_at = time.time()
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if self.on_request is not None:
            self.on_request(request)
        fault = self._faults.take(request)
        answer: Answer | None = None
        if fault is None or fault.effect:
            answer = self._effect(request)
        if fault is not None and fault.answers_truly:
            if fault.action == "delay":
                self._stopping.wait(fault.seconds)
            answer = answer or self._effect(request)
        seconds = self.latency_seconds.get(request.method, 0) + (answer.seconds if answer else 0)
        if seconds > 0:
            self._stopping.wait(seconds)
        if self.on_answer is not None:
            self.on_answer(request)
        if answer is not None:
            with self.lock:
                answer = self.last_word(request, answer)
        if fault is not None:
            return self._play(fault, link, request, answer) and keep
        assert answer is not None  # noqa: S101 - without a fault there always is one
        return self._send(link, request, answer) and keep

    def _effect(self, request: RecordedRequest) -> Answer:
        with self.lock:
            return self.respond(request)

    def _send(self, link: socket.socket, request: RecordedRequest, answer: Answer) -> bool:
        request.status = answer.status
        head = head_of(answer, formatdate(self.now(request), usegmt=True), self.server_name)
        try:
            link.sendall(head if request.method == "HEAD" else head + answer.body)
        except OSError:
            request.status = None
            raise
        return self._keeps(answer)

    def _keeps(self, answer: Answer) -> bool:
        """Tell whether the connection goes on after an answer."""
        return not (answer.close or (answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and self.closes_after_500))

    def _play(self, fault: Fault, link: socket.socket, request: RecordedRequest, answer: Answer | None) -> bool:
        """Send what a fault sends; tell whether the connection goes on."""
        if fault.action == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            return False
        if fault.action == "hang":
            link.settimeout(fault.seconds)
            with contextlib.suppress(OSError):
                link.recv(1, socket.MSG_PEEK)  # ends when the client goes away or the server stops
        if fault.action in {"hang", "close"}:
            return False
        sent = answer if answer and (fault.answers_truly or fault.action == "cut") else fault.answer()
        is_http = fault.status or fault.action != "garbage"
        if request.method == "HEAD":
            sent = replace(sent, body=b"")
        request.status = sent.status if is_http else None
        for seconds, piece in pieces(fault, sent, self.now(request), self.server_name):
            if seconds > 0 and self._stopping.wait(seconds):
                return False
            link.sendall(piece)
        return bool(is_http) and fault.action != "cut" and self._keeps(sent)


def _readable(sockets: Iterable[socket.socket], timeout_seconds: float | None) -> bool:
    poll = select.poll()  # unlike select.select, without an upper bound on descriptors
    for each in sockets:
        poll.register(each, select.POLLIN)
    return bool(poll.poll(None if timeout_seconds is None else timeout_seconds * 1000))
