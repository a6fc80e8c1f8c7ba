"""Everything that waits: for how long, for what, and what a signal cuts short."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.clocks import own_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Waits:
    """How long a drain waits for what."""

    connect_seconds: float = 10.0
    """For a connection."""
    read_seconds: float = 30.0
    """For the first byte of an answer, and between any two."""
    whole_seconds: float = 30.0
    """By how much a whole answer may take longer than its read time-out, however it drips."""
    retry_seconds: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Before each repetition of a GET or DELETE; each is longer by up to a half."""
    patience_seconds: float = 45.0
    """After which a call that hung or broke is not repeated any more."""
    recheck_seconds: float = 5.0
    """After which a 401, 403 or 500 of Jenkins is believed if it is still given."""
    second_look_seconds: float = 1.0
    """Before the look after a doubtful trigger."""
    youngest_seconds: float = 4.0
    """How old a request must be to be looked at, so that its rerun is seen to be later."""
    shortest_seconds: float = 1.0
    """Least wait for a server that asks for one: it may ask for none, again and again."""
    longest_seconds: float = 60.0
    """Most that a server may ask to wait, each time."""
    all_seconds: float = 120.0
    """Most that all servers together may ask to wait in one drain."""


WAITS = Waits()


class Waiting:
    """The waits of one drain. A signal ends all of them at once.

    Args:
        waits: How long they are; None: `WAITS`.
        clock: Our own clock, in seconds; None: one that never stands still.
    """

    def __init__(self, waits: Waits | None = None, clock: Callable[[], float] | None = None) -> None:
        self.waits = WAITS if waits is None else waits
        self.clock = clock or own_clock()
        self._interrupted = threading.Event()
        self._lock = threading.Lock()
        self._granted_seconds = 0.0
        self._granted_until = 0.0

    def interrupt(self) -> None:
        """End every wait, now and from now on."""
        self._interrupted.set()

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal has come: nothing is worth a retry any more."""
        return self._interrupted.is_set()

    def sleep(self, seconds: float) -> None:
        """Wait, or return at once when interrupted."""
        self._interrupted.wait(max(0.0, seconds))

    def varied(self, seconds: float) -> float:
        """Spread the retries of many threads and machines."""
        return seconds * random.uniform(1.0, 1.5)  # noqa: S311 - no secret depends on it

    def grant(self, seconds: float) -> bool:
        """Charge a wait to the budget of the drain, if there is enough left for it.

        Threads that wait at the same time are charged once.

        Args:
            seconds: How long a server has asked to wait.

        Returns:
            Whether it may be waited for.
        """
        with self._lock:
            now = self.clock()
            more = now + seconds - max(now, self._granted_until)
            if seconds > self.waits.longest_seconds or self._granted_seconds + max(0.0, more) > self.waits.all_seconds:
                return False
            if more > 0:
                self._granted_seconds += more
                self._granted_until = now + seconds
            return True


class Throttle:
    """Until when one server wants no call, as it has announced."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._lock = threading.Lock()
        self._open_at = 0.0
        self.refusal: str | None = None
        """The server's words once it asked for a longer wait than the bounds allow; None: it did not."""

    def announce(self, seconds: float, reason: str) -> None:
        """Note that the server wants no call for so long; past the bounds it gets none any more."""
        seconds = max(seconds, self._waiting.waits.shortest_seconds)
        if self._waiting.grant(seconds):
            with self._lock:
                self._open_at = max(self._open_at, self._waiting.clock() + seconds)
        else:
            self.refusal = f"{reason} (it asks to wait {seconds:.0f} s, more than this drain waits)"

    @property
    def is_open(self) -> bool:
        """Whether the server may be called now."""
        return not self.refusal and self._waiting.clock() >= self._open_at

    def wait(self) -> None:
        """Wait until the server may be called; `refusal` says why it may not at all."""
        while not self.refusal and not self._waiting.is_interrupted:
            left = self._open_at - self._waiting.clock()
            if left <= 0:
                return
            self._waiting.sleep(left)


class Pace:
    """At most ``most`` calls in any ``seconds``, from any number of threads, and no wait below that.

    A call counts from its start until ``seconds`` after its end, so that the server too never sees more.
    """

    def __init__(self, most: int, seconds: float, waiting: Waiting) -> None:
        self._most, self._seconds, self._waiting = most, seconds, waiting
        self._lock = threading.Lock()
        self._of_thread = threading.local()
        self._in_flight = 0
        self._ended: list[float] = []

    def wait_seconds(self) -> float:
        """Return how long the next call would have to wait."""
        with self._lock:
            return self._wait_seconds()

    def _wait_seconds(self) -> float:
        now = self._waiting.clock()
        self._ended = [moment for moment in self._ended if moment + self._seconds > now]
        if self._in_flight + len(self._ended) < self._most:
            return 0.0
        return self._ended[0] + self._seconds - now if self._ended else 0.05

    def _take(self) -> bool:
        with self._lock:
            if self._wait_seconds() > 0 and not self._waiting.is_interrupted:
                return False
            self._in_flight += 1
            return True

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it for this thread; it counts only if a call was made in it."""
        while not self._take():
            self._waiting.sleep(self.wait_seconds())
        self._of_thread.has_called = False
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1
                self._ended += [self._waiting.clock()] if self._of_thread.has_called else []
            del self._of_thread.has_called

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make a call in the turn that this thread holds; where it holds none, in the next one."""
        with nullcontext() if hasattr(self._of_thread, "has_called") else self.turn():
            self._of_thread.has_called = True
            yield
