"""What is queued beside a request, so that a DELETE removes no newer one of its group."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from test_executions_rerunner.rerun_request import RerunRequest

_FIRST_LIMIT = 50


class _Reading:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.began_at = float("-inf")
        self.entries: list[RerunRequest] = []


class Neighbours:
    """The requests of the same environment, architectures and family as one that is to be deleted.

    Many that leave the queue together are neighbours, so that one reading serves all of them that it is young enough
    for.

    Args:
        read: Returns the first requests of a part of the queue, given its filters and how many.
        clock: Our own clock.
    """

    def __init__(
        self, read: Callable[[Mapping[str, str], int], list[RerunRequest]], clock: Callable[[], float]
    ) -> None:
        self._read, self._clock = read, clock
        self._readings: dict[Hashable, _Reading] = {}

    def find(self, request: RerunRequest, *, not_before: float) -> RerunRequest | None:
        """Return what is queued for the group of a request.

        Args:
            request: As it was served.
            not_before: The moment of our own clock before which nothing may have been read.
        """
        reading = self._readings.setdefault(tuple(sorted(request.filters.items())), _Reading())
        with reading.lock:
            if reading.began_at < not_before:
                began_at = self._clock()
                reading.entries = self._all(request.filters)
                reading.began_at = began_at
            return next((entry for entry in reading.entries if entry.is_of_same_group(request)), None)

    def _all(self, filters: Mapping[str, str]) -> list[RerunRequest]:
        limit = _FIRST_LIMIT
        while True:
            entries = self._read(filters, limit)
            if len(entries) < limit:
                return entries
            limit *= 4
