"""Served requests leave the queue, and whoever asked learns what came of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from test_executions_rerunner.drain.pool import Pool
from test_executions_rerunner.errors import TestObserverError, TestObserverRefusedError
from test_executions_rerunner.models import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

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


class Announcer:
    """Tells requesters of their rerun, beside the drain: in one thread of its own, which no trigger waits for.

    Args:
        queue: Where the test executions are.
        ledger: Where a failure is noted; it changes no outcome.
    """

    def __init__(self, queue: RequestQueue, ledger: Ledger) -> None:
        self._queue, self._ledger = queue, ledger
        self._pool = Pool(1)
        self._refused: dict[str, str] = {}

    def announce(self, request: RerunRequest, verdict: Verdict) -> None:
        """Put the link of a served request, or the reason of a refused one, on its test execution."""
        if request.test_execution_id is None:
            return
        if verdict.state.is_served and verdict.link:
            self._pool.submit(
                partial(self._tell, request, "link", partial(self._queue.add_link, request, verdict.link))
            )
        elif verdict.state is State.REFUSED:
            tell = partial(self._queue.add_event, request, verdict.reason)
            self._pool.submit(partial(self._tell, request, "event", tell))

    def join(self) -> None:
        """Wait until all is told."""
        self._pool.join()

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, traceback)
        self._pool = Pool(1)

    def _tell(self, request: RerunRequest, kind: str, tell: Callable[[], None]) -> None:
        """Tell it once; where that kind of call was refused, every further one would be refused too."""
        failure = self._refused.get(kind)
        if failure is None:
            try:
                tell()
            except TestObserverError as error:
                failure = error.what
                if isinstance(error, TestObserverRefusedError):
                    self._refused[kind] = failure
        if failure is not None:
            self._ledger.note(request, f"the requester could not be told: {failure}")
