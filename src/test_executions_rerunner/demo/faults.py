"""Faults that a loopback server plays instead of its true answer."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from test_executions_rerunner.demo.wire import Answer, RecordedRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

Action = Literal["answer", "reset", "close", "hang", "cut", "garbage", "delay", "date", "interim", "drip", "fill"]
_TRUE = {"delay", "date", "interim", "drip", "fill"}


@dataclass(eq=False)
class Fault:
    """What goes wrong, with which requests, how often.

    Attributes:
        method: Only requests of this method; ``None``: of any.
        path: A regular expression, searched in the path with its query.
        times: How often it hits; ``None``: for ever.
        skip: How many matching requests pass first.
        action: What happens.

            - ``answer`` sends ``status``, ``headers`` and ``body``.
            - ``reset`` ends the connection with a RST, ``close`` with a FIN, both without an answer.
            - ``hang`` sends nothing for ``seconds`` and then closes; it ends early when the client goes away
              or the server stops.
            - ``cut`` announces a body and closes in the middle of it.
            - ``garbage`` sends a 200 with ``body`` (by default half a JSON object) as JSON, and with
              ``status=0`` the bytes of ``body`` in place of an HTTP answer.
            - ``delay`` waits ``seconds``, then answers truly.
            - ``date`` answers truly, with another ``Date``.
            - ``interim`` sends ``heads`` heads of ``status`` (100 to 199) with ``headers``, and ``seconds`` later
              the true answer.
            - ``drip`` answers truly, ``part`` of it byte by byte, ``seconds`` before each.
            - ``fill`` answers truly, with blanks behind the body until it has ``size`` bytes.
        status: The status to send.
        headers: Headers to send; a ``Content-Type`` among them replaces ``text/html``.
        body: The body to send.
        effect: Whether the request takes its true effect first: with ``action="reset"`` it is accepted and
            its answer lost.
        seconds: How long to hang, to delay, or between two parts of the answer.
        date: The ``Date`` of the answer, word by word, or by how many seconds it is moved; ``None``: the true one.
        heads: How many interim heads to send; ``None``: without end.
        part: What of the answer drips.
        size: How long a filled body is, unpacked. However long, no more than a megabyte of it is ever held.
        packed: Whether a filled body is sent gzipped.
        used: How often it has hit.
    """

    method: str | None = None
    path: str = ""
    times: int | None = 1
    skip: int = 0
    action: Action = "answer"
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | str = b""
    effect: bool = False
    seconds: float = 3600
    date: float | str | None = None
    heads: int | None = 1
    part: Literal["head", "body", "all"] = "all"
    size: int = 0
    packed: bool = False
    used: int = 0

    @property
    def answers_truly(self) -> bool:
        """Whether the request takes effect and its true answer is sent, however oddly."""
        return self.action in _TRUE

    def answer(self) -> Answer:
        """Return what this fault sends."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        if self.action == "garbage":
            return Answer(200, body or b'{"oops', "application/json", dict(self.headers))
        typed = any(name.lower() == "content-type" for name in self.headers)
        return Answer(self.status, body, "text/html" if body and not typed else "", dict(self.headers))

    def matches(self, request: RecordedRequest) -> bool:
        """Tell whether this request is meant, however often the fault has hit."""
        if self.method is not None and self.method != request.method:
            return False
        return not self.path or re.search(self.path, request.target) is not None


class FaultPlan:
    """The faults of one server, tried in the order of their injection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add one fault behind the others."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, request: RecordedRequest) -> Fault | None:
        """Return the fault that hits this request, and count it."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if (fault.times is not None and fault.used >= fault.times) or not fault.matches(request):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.used += 1
                return fault
        return None
