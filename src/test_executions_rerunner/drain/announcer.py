"""Whoever asked for a rerun learns what came of it."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from test_executions_rerunner.drain.pool import Pool
from test_executions_rerunner.errors import QueueError
from test_executions_rerunner.models import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.queues.base import RequestQueue
    from test_executions_rerunner.rerun_request import RerunRequest

MOST_SECONDS = 30.0
"""How long a drain that has done all else waits until everybody is told."""


class Announcer:
    """Tells requesters of their rerun, beside the drain: in one thread of its own, which no trigger waits for.

    Args:
        queue: Where the test executions are.
        ledger: Where a failure is noted; it changes no outcome.
        most_seconds: How long `join` waits, for all of them together.
    """

    def __init__(self, queue: RequestQueue, ledger: Ledger, most_seconds: float = MOST_SECONDS) -> None:
        self._queue, self._ledger, self._most_seconds = queue, ledger, most_seconds
        self._pool = Pool(1)
        self._lock = threading.Lock()
        self._untold: dict[RerunRequest, None] = {}
        self._refused: dict[str, str] = {}

    def announce(self, request: RerunRequest, verdict: Verdict) -> None:
        """Put the link of a served request, or the reason of a refused one, on its test execution."""
        if request.test_execution_id is None:
            return
        if verdict.state.is_served and verdict.link:
            link = self._ledger.cleaned(verdict.link)
            self._submit(request, "link", partial(self._queue.add_link, request, link))
        elif verdict.state is State.REFUSED:
            reason = self._ledger.cleaned(verdict.reason)
            self._submit(request, "event", partial(self._queue.add_event, request, reason))

    def join(self) -> None:
        """Wait until all is told, as long as there is time for it; of the others their outcomes say so."""
        self._pool.join(self._most_seconds)
        with self._lock:
            late, self._untold = self._untold, {}
        for request in late:
            self._note(request, f"{self._most_seconds:.0f} s were not enough for all")

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, traceback)
        self._pool = Pool(1)

    def _submit(self, request: RerunRequest, kind: str, tell: Callable[[], None]) -> None:
        with self._lock:
            self._untold[request] = None
        self._pool.submit(partial(self._tell, request, kind, tell))

    def _tell(self, request: RerunRequest, kind: str, tell: Callable[[], None]) -> None:
        """Tell it once; where that kind of call was refused, every further one would be refused too."""
        if request not in self._untold:
            return
        failure = self._refused.get(kind)
        if failure is None:
            try:
                tell()
            except QueueError as error:
                failure = error.what
                if error.is_refusal:
                    self._refused[kind] = failure
        with self._lock:
            is_in_time = request in self._untold
            self._untold.pop(request, None)
        if failure is not None and is_in_time:
            self._note(request, failure)

    def _note(self, request: RerunRequest, failure: str) -> None:
        self._ledger.note(request, f"the requester could not be told: {failure}")
