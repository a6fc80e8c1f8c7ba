"""Served requests leave the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.errors import TestObserverError, TestObserverRefusedError
from test_executions_rerunner.models import State

if TYPE_CHECKING:
    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.request_queue import RequestQueue
    from test_executions_rerunner.rerun_request import RerunRequest


class Deleter:
    """Removes requests from the queue right after they were served.

    Args:
        queue: Where they are removed.
        ledger: Where it is written down; one that fails for good stops the drain.
    """

    def __init__(self, queue: RequestQueue, ledger: Ledger) -> None:
        self._queue, self._ledger = queue, ledger

    def delete(self, request: RerunRequest, *, since: float) -> bool:
        """Remove a request; see `RequestQueue.remove`.

        Returns:
            Whether it is not in the queue any more.
        """
        try:
            removal = self._queue.remove(request, since=since)
        except TestObserverError as error:
            self._ledger.deleted(request, str(error))
            is_refusal = isinstance(error, TestObserverRefusedError)
            self._ledger.stop(
                State.FAILED if is_refusal else State.DEFERRED,
                f"request {request.test_execution_id} could not be deleted: {error}",
            )
            return False
        self._ledger.deleted(request, removal)
        return True
