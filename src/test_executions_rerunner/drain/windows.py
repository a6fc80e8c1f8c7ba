"""The queue, window by window: a small one from its head, so that the first trigger comes soon, then all the rest.

Test Observer has no paging, and its answer costs time for each row in it. The rest is read while the triggers of the
window before run. So a queue is read once, and its head twice. Of the rest, only the families are read that the
processor serves, where it knows them beforehand: one reading for each, since Test Observer takes no two.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from test_executions_rerunner.queues.merging import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.models import Reading
    from test_executions_rerunner.queues.base import RequestQueue
    from test_executions_rerunner.queues.neighbours import Neighbours
    from test_executions_rerunner.rerun_request import RerunRequest

LEAST_STEP = 200
"""How many requests the first window has: an answer of 1.4 s at the most."""
_REST = 20_000
"""How many the second one asks for: more than anybody has queued. If it is not all, each further one asks for more."""
_MORE = 4
_LOOK_UP_SECONDS = 0.1
"""How often it is looked whether a reading is still wanted."""


class Windows:
    """The windows of one drain.

    Args:
        queue: Read from its head for each window.
        ledger: Each new request is entered there.
        neighbours: Told of each reading.
        families: The only ones that are served; None: any may be.
    """

    def __init__(
        self, queue: RequestQueue, ledger: Ledger, neighbours: Neighbours, families: tuple[str, ...] | None
    ) -> None:
        self._queue, self._ledger, self._neighbours = queue, ledger, neighbours
        self._families = families if queue.family is None else None
        self._known: dict[Hashable, RerunRequest] = {}
        self._timeless: dict[RerunRequest, None] = {}
        self._limit = LEAST_STEP
        self._begun: _Begun | None = None
        self.is_last = False
        """Whether the last window reached the end of the queue, as far as it is served."""
        self.is_whole = False
        """Whether all was read of each family of which anything was read."""

    def read_on(self) -> None:
        """Begin to read the next window, where there is one, in a thread of its own; `read` waits for it."""
        if not self.is_last:
            self._begun = self._begin()

    def read(self) -> list[RerunRequest]:
        """Return the requests of the next window that no earlier one had; none where the drain stops meanwhile.

        Raises:
            QueueError: The queue could not be read.
        """
        begun, self._begun = self._begun or self._begin(), None
        reading = begun.reading(is_wanted=lambda: self._ledger.stopped is None)
        if reading is None:
            return []
        self._limit = max(_REST, _MORE * self._limit)
        fresh: list[RerunRequest] = []
        stand: list[RerunRequest] = []
        seen: dict[Hashable, int] = {}
        for request in reading.requests:
            told: tuple[Hashable, ...] = (request.test_execution_id, request.created_at)
            if request.test_execution_id is None:  # equal entries without ids are told apart by count
                told = (repr(request.ci_link), repr(request.family), request.problem)
            seen[told] = seen.get(told, 0) + 1
            known = self._known.get((*told, seen[told]))
            # without created_at only that the old one had left before shows that this is another
            if known is None or known in begun.left:
                self._known[(*told, seen[told])] = known = request
                fresh.append(request)
                if request.created_at is None:
                    self._timeless[request] = None
            if known.ci_link == request.ci_link:  # with another one it does not stand there as it was read
                stand.append(known)
        self.is_last = reading.is_whole or not fresh
        self.is_whole = self.is_last and (begun.is_first or self._has_read_all_families())
        self._ledger.open(fresh)
        self._neighbours.note(reading, stand)
        return fresh

    def _has_read_all_families(self) -> bool:
        families = self._families
        return families is None or all(request.family in families for request in self._known.values())

    def _begin(self) -> _Begun:
        left = frozenset(request for request in self._timeless if self._ledger.has_left(request))
        is_first = self._limit == LEAST_STEP
        return _Begun(self._read_head if is_first else self._read_rest, left, is_first=is_first)

    def _read_head(self) -> Reading:
        return self._queue.window(self._limit)

    def _read_rest(self) -> Reading:
        if self._families is None:
            return self._queue.window(self._limit)
        return merged([self._read_family(family) for family in self._families])

    def _read_family(self, family: str) -> Reading:
        """Read one family; what is of none, or of another, is not in two readings that are put together."""
        reading = self._queue.window(self._limit, family)
        return replace(reading, requests=[request for request in reading.requests if request.family == family])


class _Begun:
    """A reading that is under way.

    Args:
        read: Reads the queue.
        left: Requests that had left the queue before, and say no time.
        is_first: Whether it is the first one.

    Attributes:
        left: The same.
        is_first: The same.
    """

    def __init__(self, read: Callable[[], Reading], left: frozenset[RerunRequest], *, is_first: bool) -> None:
        self._read, self.left, self.is_first = read, left, is_first
        self._ended = threading.Event()
        self._reading: Reading | None = None
        self._error: Exception | None = None
        try:
            threading.Thread(target=self._work, name="drain-reader", daemon=True).start()
        except RuntimeError:  # the system gives no more threads: read at once, later triggers wait
            self._work()

    def reading(self, is_wanted: Callable[[], bool]) -> Reading | None:
        """Wait for what is read.

        Args:
            is_wanted: Asked again and again; with False nobody waits any longer.

        Returns:
            The reading; None: it is not wanted any more.

        Raises:
            QueueError: The queue could not be read.
        """
        while not self._ended.wait(_LOOK_UP_SECONDS):
            if not is_wanted():
                return None
        if self._error:
            raise self._error
        return self._reading

    def _work(self) -> None:
        try:
            self._reading = self._read()
        except Exception as error:  # noqa: BLE001 - raised where somebody waits for it
            self._error = error
        finally:
            self._ended.set()
