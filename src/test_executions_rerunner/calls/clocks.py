"""Clocks: our own, which never stands still, and those of the servers, compared through the ``Date`` of their answers.

Our own clock only measures how long things take. Moments are compared between two servers, each on its own clock,
and only while both clocks can be believed.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.calls.headers import http_date_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

DATE_SECONDS = 2.0
"""How much later than its ``Date`` the moment may be at which a server wrote it: whole seconds, kept for up to one more
(uvicorn)."""
_UNTOLD_SECONDS = 2.0
"""How far the clock of a server that tells no time may be from this machine's."""
MOST_APART_SECONDS = 15 * 60.0
"""How far the clocks of two servers may be apart for the difference to be believed."""
_FEW_SECONDS = 120.0
"""Up to which a length of time is told in seconds."""
MOST_DISAGREEMENT_SECONDS = 60.0
"""How far the answers of one server may disagree about its time."""


def own_clock() -> Callable[[], float]:
    """Return a clock that only runs forward, and through a sleep of the machine too, in seconds."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    if boot_time is not None:
        return lambda: time.clock_gettime(boot_time)
    return _AwakeClock()


class _AwakeClock:
    """The monotonic clock, put forward by what the wall clock shows that it slept, where there is no boot time."""

    _SLEPT_SECONDS = 1.0

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._monotonic, self._wall = monotonic, wall
        self._lock = threading.Lock()
        self._ahead = wall() - monotonic()
        self._slept = 0.0

    def __call__(self) -> float:
        with self._lock:
            monotonic = self._monotonic()
            ahead = self._wall() - monotonic
            if ahead - self._ahead > self._SLEPT_SECONDS:
                self._slept += ahead - self._ahead
            self._ahead = ahead
            return monotonic + self._slept


class ClockError(Exception):
    """Two moments cannot be compared: a clock is not to be believed."""


class ServerClock:
    """The clock of one server, as the ``Date`` of its answers tells it.

    A server writes its ``Date`` at some moment between the sending of a request and the arrival of its answer's head.
    So each answer bounds its clock from both sides, and all answers together narrow that.

    Args:
        own: Our own clock, in seconds.
        name: Whose clock it is, for people.
    """

    def __init__(self, own: Callable[[], float], name: str = "the server") -> None:
        self.own, self.name = own, name
        self._lock = threading.Lock()
        self._lower = float("-inf")
        self._upper = float("inf")

    def note(self, date: str | None, sent_at: float, head_at: float) -> None:
        """Take a ``Date`` header into account.

        Args:
            date: The header; None or an unreadable one says nothing.
            sent_at: When the request was sent, or earlier, on our own clock.
            head_at: When the head of the answer arrived, or later, likewise.
        """
        seconds = http_date_seconds(date)
        if seconds is None:
            return
        with self._lock:
            self._lower = max(self._lower, seconds - head_at)
            self._upper = min(self._upper, seconds + DATE_SECONDS - sent_at)

    @property
    def is_known(self) -> bool:
        """Whether the server has told its time."""
        return self._lower > float("-inf")

    @property
    def owner(self) -> str:
        """Whose clock it is, for people: the server's, or that of this machine while the server said no time."""
        return self.name if self.is_known else "this machine"

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most seconds from our own clock to this server's time.

        Answers that contradict each other a little leave all between them open.
        """
        with self._lock:
            lower, upper = self._lower, self._upper
        if lower == float("-inf"):
            ours = time.time() - self.own()
            return ours - _UNTOLD_SECONDS, ours + _UNTOLD_SECONDS
        return min(lower, upper), max(lower, upper)

    @property
    def width_seconds(self) -> float:
        """How much its bounds leave open."""
        least, most = self.bounds
        return most - least

    @property
    def ahead(self) -> float:
        """Seconds from our own clock to this server's time, in the middle of what is possible."""
        return sum(self.bounds) / 2

    @property
    def doubt(self) -> str | None:
        """Why this clock is not to be believed; None: it is."""
        with self._lock:
            apart = self._lower - self._upper
        if apart <= MOST_DISAGREEMENT_SECONDS:
            return None
        return f"the answers of {self.name} are {spelled(apart)} apart about its time"

    def now(self) -> float:
        """Return this server's time, in seconds since 1970, as far as it is known."""
        return self.own() + self.ahead


class Moment(NamedTuple):
    """A moment that a server tells of."""

    seconds: float
    """Since 1970, on that server's clock."""
    clock: ServerClock
    within: float = 0.0
    """By how many seconds at most it may be later than told: one where whole seconds are told."""

    @property
    def earliest(self) -> float:
        """The earliest moment of our own clock that it can have been."""
        return self.seconds - self.clock.bounds[1]

    @property
    def latest(self) -> float:
        """The latest moment of our own clock that it can have been."""
        return self.seconds + self.within - self.clock.bounds[0]

    def is_later_than(self, other: Moment) -> bool:
        """Tell whether it is surely later than another server's moment.

        Raises:
            ClockError: One of the clocks is not to be believed, or the two are too far apart.
        """
        self._check_with(other)
        return self.earliest > other.latest

    def is_earlier_than(self, other: Moment) -> bool:
        """Tell whether it is surely earlier than another server's moment.

        Raises:
            ClockError: As for `is_later_than`.
        """
        self._check_with(other)
        return self.latest < other.earliest

    @property
    def impossible(self) -> str | None:
        """Why the moment cannot be: it has not come yet, or its clock is not to be believed; None: it can."""
        if doubt := self.clock.doubt:
            return doubt
        early = self.earliest - self.clock.own()
        if early <= 0:
            return None
        return f"{self.clock.owner} tells of a moment that is {spelled(early)} ahead of its own clock"

    def _check_with(self, other: Moment) -> None:
        if impossible := self.impossible or other.impossible:
            raise ClockError(impossible)
        apart = abs(self.clock.ahead - other.clock.ahead)
        if apart > MOST_APART_SECONDS:
            raise ClockError(f"the clocks of {self.clock.owner} and {other.clock.owner} are {spelled(apart)} apart")


def spelled(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < _FEW_SECONDS:
        return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
    return f"{seconds / 60:.0f} minutes"
