"""Drains as processes of a world: beside each other, each with all of its threads, and without a socket.

One thread goes on at a time, until it waits; then time passes to where the next one goes on. So a round repeats
exactly, an hour of it costs nothing, and whatever the machine does beside it changes nothing.
"""

from __future__ import annotations

import io
import random
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from unittest import mock

import requests
import urllib3
from typing_extensions import Self

from scheduler import Scheduler, Threading
from test_executions_rerunner.calls.connections import EndingAdapter
from test_executions_rerunner.calls.sending import Sending
from test_executions_rerunner.calls.waiting import WAITS, Waiting
from test_executions_rerunner.demo.wire import RecordedRequest
from test_executions_rerunner.drain import pool, submitter, windows
from test_executions_rerunner.queues import neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from e2e.lab import Lab
    from test_executions_rerunner.demo.server import LoopbackServer

_EPOCH = 1_800_000_000.0
_TICK_SECONDS = 1e-5
"""By how much each look at the clock is later than the one before: no two things happen at one moment."""
_PACKAGE = "test_executions_rerunner."
_OTHERS = (f"{_PACKAGE}demo", f"{_PACKAGE}cli", f"{_PACKAGE}calls.tls")
"""What keeps the locks of Python: nobody waits while one of them is held."""


class Lanes(Scheduler):
    """The threads of all processes of one world, and its time.

    Args:
        seed: Who goes on where several can.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, *_modules(), is_fine=False)
        self.now = _EPOCH

    def __enter__(self) -> Self:
        super().__enter__()
        make = neighbours._Part  # noqa: SLF001 - its lock is made when the module is read, before there is a scheduler
        lock = Threading(self).Lock
        for patched in (
            mock.patch.object(neighbours, "_Part", lambda: make(lock=lock())),  # type: ignore[arg-type]  # noqa: PT008 - a new lock each
            mock.patch.object(EndingAdapter, "send", self._send),
            mock.patch.object(time, "time", self.clock),
            mock.patch.multiple(pool, perf_counter=self.clock, process_time=lambda: 0.0),
            mock.patch.multiple(windows, LEAST_STEP=2, _REST=4, _MORE=2),
            mock.patch.object(submitter, "_LOOK_UP_SECONDS", 0.25),
        ):
            self._patches.enter_context(patched)
        return self

    def clock(self) -> float:
        """Return the time, in seconds since 1970."""
        self.now += _TICK_SECONDS
        return self.now

    @contextmanager
    def calling(self, wire: _Wire) -> Iterator[None]:
        """Let a wire carry all calls of this block, and of the threads that it starts; they live with its process."""
        self._of_thread.wire = wire
        try:
            yield
        finally:
            self._of_thread.wire = None

    def _send(self, *arguments: Any, **more: Any) -> requests.Response:  # noqa: ANN401 - of requests
        wire: _Wire = self._of_thread.wire
        return wire.send(*arguments, **more)

    def wait(self, is_ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Have the others go on until something is true, or for so long; only a process that lives goes on then."""
        wire: _Wire | None = getattr(self._of_thread, "wire", None)
        while not super().wait(is_ready, seconds) and seconds is None:
            pass
        if wire is None or not wire.process.hold():
            return is_ready()
        return self.wait(is_ready) if seconds is None else is_ready()

    def elapse(self, seconds: float) -> None:
        """Let time pass for something that goes on whatever becomes of a process."""
        if seconds > 0:
            super().wait(lambda: False, seconds)

    def let_pass(self, seconds: float) -> None:
        """Have the others go on for so long."""
        if seconds > 0:
            self.wait(lambda: False, seconds)

    def stop_for_good(self) -> None:
        """Let this thread never go on."""
        super().wait(lambda: False)

    def start(self, task: Callable[[], None], *, is_awaited: bool = False) -> None:
        """Add a thread of the process that starts it."""
        wire = getattr(self._of_thread, "wire", None)

        def run() -> None:
            self._of_thread.wire = wire
            task()

        super().start(run, is_awaited=is_awaited)

    def happen(self, task: Callable[[], None]) -> None:
        """Add what belongs to no process."""
        super().start(task)


def _modules() -> list[ModuleType]:
    named = [module for name, module in sorted(sys.modules.items()) if name.startswith(_PACKAGE)]
    return [each for each in named if hasattr(each, "threading") and not each.__name__.startswith(_OTHERS)]


@dataclass(frozen=True)
class Pace:
    """How long calls take, in seconds.

    Attributes:
        connect: Until the connection stands, at most.
        calls: How long a call is on its way in all, at most, by server and method, as in ``queue GET``.
    """

    connect: float = 0.01
    calls: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Call:
    """One call of a process.

    Attributes:
        server: ``queue`` or ``ci``.
        request: What was sent.
        begun_at: When its connection was asked for.
        sent_at: When its connection stood and it was sent.
        arrived_at: When it took its effect; None: not yet, or it never did.
        answered_at: When its answer was there; None: not yet, or it was lost.
        status: What the server answered, whether or not that came.
        shown: The queue's rows that a GET was answered with: each the first execution of its group, and when the
            request was made.
    """

    server: str
    request: RecordedRequest
    begun_at: float
    sent_at: float
    arrived_at: float | None = None
    answered_at: float | None = None
    status: int | None = None
    shown: frozenset[tuple[object, object]] = frozenset()


class Process:
    """One drain, as its machine sees it.

    Args:
        lanes: The world.
        pace: How long its calls take.
        seed: How long exactly.

    Attributes:
        calls: What it sent.
        on_sent: Called when a call has been sent.
        loses: How many of a hundred calls lose their connection.
        is_killed: Whether it was killed.
    """

    def __init__(self, lanes: Lanes, pace: Pace, seed: int) -> None:
        self.lanes, self.pace = lanes, pace
        self.chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self.calls: list[Call] = []
        self.on_sent: Callable[[Call], None] = lambda _: None
        self.loses = 0
        self.is_killed = False
        self._frozen_until = 0.0

    def kill(self) -> None:
        """Let nothing more go on; what has been sent arrives."""
        self.is_killed = True

    def freeze(self, seconds: float) -> None:
        """Let nothing in it go on for so long."""
        self._frozen_until = self.lanes.now + seconds

    def hold(self) -> bool:
        """Keep a thread of this process from going on while it does not; tell whether that took any time."""
        is_held = False
        while self.is_killed or self._frozen_until > self.lanes.now:
            is_held = True
            if self.is_killed:
                self.lanes.stop_for_good()
            self.lanes.elapse(self._frozen_until - self.lanes.now)
        return is_held

    @contextmanager
    def living(self, lab: Lab) -> Iterator[Waiting]:
        """Let all calls of this block, and of the threads that it starts, be this process's; its waits are given."""
        with self.lanes.calling(_Wire(self, {str(server.url): server for server in (lab.observer, lab.ci)}, lab)):
            yield _ProcessWaiting(self)


class _ProcessWaiting(Waiting):
    """The true waits of a drain, in the time of its world."""

    def __init__(self, process: Process) -> None:
        super().__init__(WAITS, process.lanes.clock)
        self._process = process

    def sleep(self, seconds: float) -> None:
        """Wait as long as it says."""
        self._process.lanes.let_pass(seconds)

    def varied(self, seconds: float) -> float:
        """Spread it, the same each time."""
        return seconds * self._process.chance.uniform(1.0, 1.5)


class _Wire:
    """Carries the calls of a process to servers."""

    def __init__(self, process: Process, servers: dict[str, LoopbackServer], lab: Lab) -> None:
        self.process, self._servers, self._lab = process, servers, lab

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:  # noqa: ANN401 - of requests
        """Send a call, let it take its effect, and return its answer, each at its time."""
        process, lanes, chance = self.process, self.process.lanes, self.process.chance
        url, server = next((url, each) for url, each in self._servers.items() if str(request.url).startswith(url))
        name = "queue" if server is self._lab.observer else "ci"
        begun_at = lanes.clock()
        lanes.let_pass(chance.uniform(0.0, process.pace.connect))
        Sending.begin()
        call = Call(name, _recorded(request, url), begun_at, lanes.clock())
        process.calls.append(call)
        process.on_sent(call)
        seconds = chance.uniform(0.0, process.pace.calls.get(f"{name} {request.method}", 0.05))
        before = chance.uniform(0.0, seconds)
        lost = chance.choice(("before", "after")) if chance.uniform(0, 100) < process.loses else None
        lanes.elapse(before)
        if lost == "before":
            process.hold()
            raise requests.exceptions.ConnectionError("reset")
        return self._carry_out(call, request, server, (seconds - before, lost == "after"))

    def _carry_out(
        self, call: Call, request: requests.PreparedRequest, server: LoopbackServer, way_back: tuple[float, bool]
    ) -> requests.Response:
        """Let a call arrive, and return its answer."""
        process, recorded, (seconds, is_lost) = self.process, call.request, way_back
        call.arrived_at = recorded.received_at = process.lanes.clock()
        with server.lock:
            answer = server.respond(recorded)
        call.status = answer.status
        if server is self._lab.observer:
            rows = self._lab.observer.window_of(recorded)
            call.shown = frozenset((row.executions[0].id, row.created_at) for row in rows)
        date = server.now() - process.chance.uniform(0.0, 1.0)
        process.lanes.elapse(seconds)
        with server.lock:
            answer = server.last_word(recorded, answer)
        process.hold()
        if is_lost:
            raise requests.exceptions.ConnectionError("reset")
        call.answered_at, call.status = process.lanes.clock(), answer.status
        headers = {"Date": formatdate(date, usegmt=True), "Content-Type": answer.content_type, **answer.headers}
        body = urllib3.HTTPResponse(io.BytesIO(answer.body), headers, answer.status, preload_content=False)
        return EndingAdapter.build_response(None, request, body)  # type: ignore[arg-type] # it needs no self


def _recorded(request: requests.PreparedRequest, url: str) -> RecordedRequest:
    """Return a call as it arrives."""
    path, _, query = str(request.url)[len(url) :].partition("?")
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    headers["host"] = url.partition("://")[2]
    body = request.body or b""
    sent = body if isinstance(body, bytes) else str(body).encode()
    return RecordedRequest(str(request.method), path, query, headers, sent, connection=0, received_at=0.0)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
