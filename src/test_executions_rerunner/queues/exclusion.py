"""Keeps readings of the queue and our own DELETEs apart."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

_ALL = object()
_LOOK_UP_SECONDS = 0.1
"""How often it is looked whether a signal has come."""


class Exclusion:
    """Lets no reading of a part of the queue run beside a DELETE of the same part.

    Test Observer reads the rows of its answer first and their executions in a second statement, so that it answers 500
    where a row was deleted in between.

    Args:
        is_interrupted: Whether a signal has come: no reading of the whole queue matters any more then.
    """

    def __init__(self, is_interrupted: Callable[[], bool] = lambda: False) -> None:
        self._is_interrupted = is_interrupted
        self._changed = threading.Condition()
        self._deletes: Counter[Hashable] = Counter()
        self._readings: Counter[Hashable] = Counter()

    @contextmanager
    def deleting(self, part: Hashable) -> Iterator[None]:
        """Delete in the block; waits while that part, or all, is being read."""
        with self._changed:
            while self._readings[part] or (self._readings[_ALL] and not self._is_interrupted()):
                self._changed.wait(_LOOK_UP_SECONDS)
            self._deletes[part] += 1
        try:
            yield
        finally:
            self._leave(self._deletes, part)

    @contextmanager
    def reading(self, part: Hashable = _ALL) -> Iterator[None]:
        """Read a part in the block, by default all; waits for the DELETEs on their way, and lets no new one begin."""
        with self._changed:
            self._readings[part] += 1
            self._changed.wait_for(lambda: not (self._deletes.total() if part is _ALL else self._deletes[part]))
        try:
            yield
        finally:
            self._leave(self._readings, part)

    def _leave(self, counter: Counter[Hashable], part: Hashable) -> None:
        with self._changed:
            counter[part] -= 1
            self._changed.notify_all()
