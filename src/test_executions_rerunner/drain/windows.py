"""The queue, window by window: from its head, and on only while there may be more that can be started.

Test Observer has no paging, and its answer costs time for each request in it. So each window asks for what is
known to stay plus a step that is never less than that: at most half of its rows were read before, and all windows
together read less than three times the rows of the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.neighbours import Neighbours
    from test_executions_rerunner.request_queue import RequestQueue
    from test_executions_rerunner.rerun_request import RerunRequest

LEAST_STEP = 200
"""How many requests more than those that stay a window asks for at least: an answer of 1.4 s at the most."""


class Windows:
    """The windows of one drain.

    Args:
        queue: Read from its head for each window.
        ledger: Knows how many requests stay; each new one is entered there.
        neighbours: Told of each reading.
    """

    def __init__(self, queue: RequestQueue, ledger: Ledger, neighbours: Neighbours) -> None:
        self._queue, self._ledger, self._neighbours = queue, ledger, neighbours
        self._known: dict[Hashable, RerunRequest] = {}
        self.is_last = False
        """Whether the last window reached the end of the queue."""

    def read(self) -> list[RerunRequest]:
        """Return the requests of the next window that no earlier one had.

        Raises:
            TestObserverError: The queue could not be read.
        """
        staying = self._ledger.staying()
        limit = staying + max(staying, LEAST_STEP)
        reading = self._queue.window(limit)
        fresh: list[RerunRequest] = []
        stand: list[RerunRequest] = []
        seen: dict[Hashable, int] = {}
        for request in reading.requests:
            told: tuple[Hashable, ...] = (request.test_execution_id, request.created_at)
            if request.test_execution_id is None:  # equal entries without ids are told apart by count
                told = (repr(request.ci_link), repr(request.family), request.problem)
            seen[told] = seen.get(told, 0) + 1
            known = self._known.get((*told, seen[told]))
            # without created_at only that the old one has left shows that this is another
            if known is None or (request.created_at is None and self._ledger.has_left(known)):
                self._known[(*told, seen[told])] = known = request
                fresh.append(request)
            stand.append(known)
        self.is_last = reading.is_whole or not fresh
        self._ledger.open(fresh)
        self._neighbours.note(reading, stand)
        return fresh
