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

MARGIN_SECONDS = 2.0
"""By how much one moment must be later than another to count as later: a ``Date`` has whole seconds, and is up to
one behind."""
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

    Args:
        own: Our own clock, in seconds.
        name: Whose clock it is, for people.
    """

    def __init__(self, own: Callable[[], float], name: str = "the server") -> None:
        self.own, self.name = own, name
        self._lock = threading.Lock()
        self._least_ahead: float | None = None
        self._most_ahead: float | None = None

    def note(self, date: str | None, received_at: float) -> None:
        """Take a ``Date`` header into account.

        Args:
            date: The header; None or an unreadable one says nothing.
            received_at: When the head of the answer arrived, on our own clock.
        """
        seconds = http_date_seconds(date)
        if seconds is None:
            return
        ahead = seconds - received_at
        with self._lock:
            self._least_ahead = ahead if self._least_ahead is None else min(ahead, self._least_ahead)
            self._most_ahead = ahead if self._most_ahead is None else max(ahead, self._most_ahead)

    @property
    def is_known(self) -> bool:
        """Whether the server has told its time."""
        return self._most_ahead is not None

    @property
    def owner(self) -> str:
        """Whose clock it is, for people: the server's, or that of this machine while the server said no time."""
        return self.name if self.is_known else "this machine"

    @property
    def ahead(self) -> float:
        """Seconds from our own clock to this server's time; our own time while it said none.

        An answer that was long on its way shows an older time, never a newer one: so the newest is the best.
        """
        return time.time() - self.own() if self._most_ahead is None else self._most_ahead

    @property
    def doubt(self) -> str | None:
        """Why this clock is not to be believed; None: it is."""
        with self._lock:
            apart = (self._most_ahead or 0.0) - (self._least_ahead or 0.0)
        if apart <= MOST_DISAGREEMENT_SECONDS:
            return None
        return f"the answers of {self.name} are {spelled(apart)} apart about its time"

    def now(self) -> float:
        """Return this server's time, in seconds since 1970."""
        return self.own() + self.ahead

    def to_own(self, seconds: float) -> float:
        """Return a moment of this server's time on our own clock."""
        return seconds - self.ahead


class Moment(NamedTuple):
    """A moment that a server tells of."""

    seconds: float
    """Since 1970, on that server's clock."""
    clock: ServerClock

    @property
    def own(self) -> float:
        """The same moment on our own clock."""
        return self.clock.to_own(self.seconds)

    def is_later_than(self, other: Moment) -> bool:
        """Tell whether it is later than another server's moment, by more than `MARGIN_SECONDS`.

        Raises:
            ClockError: One of the clocks is not to be believed, or the two are too far apart.
        """
        for moment in (self, other):
            moment.check()
        apart = abs(self.clock.ahead - other.clock.ahead)
        if apart > MOST_APART_SECONDS:
            raise ClockError(f"the clocks of {self.clock.owner} and {other.clock.owner} are {spelled(apart)} apart")
        return self.own > other.own + MARGIN_SECONDS

    def check(self) -> None:
        """Find out whether the moment can be: it has passed already, on a clock to be believed.

        Raises:
            ClockError: It cannot.
        """
        if doubt := self.clock.doubt:
            raise ClockError(doubt)
        early = self.seconds - self.clock.now()
        if early > MARGIN_SECONDS:
            raise ClockError(f"{self.clock.owner} tells of a moment that is {spelled(early)} ahead of its own clock")


def spelled(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < _FEW_SECONDS:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
