"""The queue of a controller: one answer for all who look at the same time, and no older than each of them needs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.processors.jenkins.state import Queue

if TYPE_CHECKING:
    from collections.abc import Callable

_NEVER_READ = Queue((), 0, None, read_at=float("-inf"))
"""Older than anybody accepts."""


class SharedQueue:
    """Reads the queue, one thread at a time.

    Args:
        clock: Our own clock.
        read: Reads the queue, or raises a CallError.
    """

    def __init__(self, clock: Callable[[], float], read: Callable[[], Queue]) -> None:
        self._clock, self._read = clock, read
        self._lock = threading.Lock()
        self._begun = 0
        self._last: Queue | CallError = _NEVER_READ

    def read(self, *, younger_than_seconds: float = 0.0) -> Queue:
        """Return a reading of the queue, maybe one that another thread has asked for.

        Args:
            younger_than_seconds: How old it may be, counted from its sending. With 0 it was sent after this call was
                made; so may one be that another thread sends while this one waits.

        Raises:
            CallError: It could not be read.
        """
        begun = self._begun
        with self._lock:
            if self._begun == begun and self._age_seconds() >= younger_than_seconds:
                self._begun += 1
                try:
                    self._last = self._read()
                except CallError as error:
                    self._last = error
            last = self._last
        if isinstance(last, CallError):
            raise CallError(last.failure) from last
        return last

    def _age_seconds(self) -> float:
        if isinstance(self._last, CallError):
            return float("inf")
        return self._clock() - self._last.read_at
