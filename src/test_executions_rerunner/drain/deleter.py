"""Served requests leave the queue: at once where our trigger has just been accepted, else on proof.

A DELETE removes whatever is queued for the group of an id, a newer request too. So each rests on evidence: on an
acceptance of the last second, or on a reading of the queue of the last seconds that shows the request as it was served.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.errors import QueueError
from test_executions_rerunner.models import NEVER, Acceptance, Removal, State, Stood
from test_executions_rerunner.queues.neighbours import LEAST_ROWS, UnseenError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.drain.pool import Pool
    from test_executions_rerunner.queues.base import RequestQueue
    from test_executions_rerunner.queues.neighbours import Neighbours, Sight
    from test_executions_rerunner.rerun_request import RerunRequest

_log = logging.getLogger(__name__)
Evidence: TypeAlias = "Acceptance | Stood"
AT_ONCE_SECONDS = 1.0
"""For so long after an accepted trigger was sent, what it started cannot have reported, so that nobody asks anew."""
READ_BEFORE_SECONDS = 5.0
"""How long before that trigger its request may have been read: a newer one may have had another link since."""
PROOF_SECONDS = 5.0
"""How old a reading may be that shows a request, when its DELETE is sent."""
_YOUNG_SECONDS = 2.0
"""How old it may be when it is looked into, so that there is time left for the DELETE."""
MOST_TRIES = 3
"""How often it is looked again before a request stays."""
_GATHERING_SECONDS = 1.0
"""How long requests of one part wait for others, which the same reading may show."""
_TOO_OLD = "what was known of it was too old when its DELETE could be sent"


@dataclass(eq=False)
class _Leaving:
    """A request on its way out of the queue."""

    request: RerunRequest
    evidence: Evidence
    on_removed: Callable[[], None]
    since: float
    """When it was added, on our own clock."""
    due_at: float = 0.0
    """Before when it is not tried again, likewise."""
    unseen: int = 0
    """How often it could not be seen, or not in time."""


class Deleter:
    """Removes requests from the queue after they were served.

    Args:
        queue: Where they are removed.
        ledger: Where it is written down; a DELETE that fails for good stops the drain.
        neighbours: Shows what is queued now.

    Attributes:
        errors: Why DELETEs failed for good.
    """

    def __init__(self, queue: RequestQueue, ledger: Ledger, neighbours: Neighbours) -> None:
        self._queue, self._ledger, self._neighbours = queue, ledger, neighbours
        self._waiting, self._clock = queue.waiting, queue.waiting.clock
        self._lock = threading.Lock()
        self._leaving: dict[Hashable, list[_Leaving]] = {}
        self._busy: dict[Hashable, int] = {}
        self.errors: dict[RerunRequest, QueueError] = {}

    def delete(self, request: RerunRequest, evidence: Evidence, on_removed: Callable[[], None]) -> None:
        """Remove a request now if its evidence allows that; else `flush` does it.

        Args:
            request: It was served, and has an id.
            evidence: What is known of it.
            on_removed: Called when it is not in the queue any more.
        """
        one = _Leaving(request, evidence, on_removed, self._clock())
        by = self._at_once_by(request, evidence)
        if by is None or not self._send(one, by):
            self._put_back(one)

    def flush(self, pool: Pool, *, is_idle: bool) -> bool:
        """Have removed what waits for proof, where it is enough, or has waited long enough.

        Args:
            pool: Does the work.
            is_idle: Whether nothing else waits to be done: then there is nothing to wait for.

        Returns:
            Whether something is left to be removed.
        """
        is_hurried = is_idle or self._ledger.stopped is not None
        now, ready = self._clock(), []
        with self._lock:
            for part, leaving in self._leaving.items():
                is_enough = len(leaving) >= LEAST_ROWS or leaving[0].since + _GATHERING_SECONDS <= now
                if not self._busy.get(part) and (is_hurried or is_enough) and any(map(self._is_due, leaving)):
                    self._busy[part] = 1
                    ready.append(part)
            is_left = bool(self._leaving) or any(self._busy.values())
        for part in ready:
            pool.submit(partial(self._prove, part, pool), urgent=True)
        return is_left

    def wait(self) -> None:
        """Wait until the next of those that wait is due."""
        with self._lock:
            due = min((one.due_at for leaving in self._leaving.values() for one in leaving), default=0.0)
        self._waiting.sleep(min(due - self._clock(), 1.0))

    def _is_due(self, leaving: _Leaving) -> bool:
        return leaving.due_at <= self._clock() or self._waiting.is_interrupted

    def _at_once_by(self, request: RerunRequest, evidence: Evidence) -> float | None:
        """Return until when a DELETE may be sent without a look; None: it may not."""
        if not isinstance(evidence, Acceptance) or not evidence.holds_back:
            return None
        is_fresh = evidence.sent_at - self._neighbours.stood_at(request) <= READ_BEFORE_SECONDS
        return evidence.sent_at + AT_ONCE_SECONDS if is_fresh else None

    def _put_back(self, leaving: _Leaving) -> None:
        with self._lock:
            self._leaving.setdefault(leaving.request.part, []).append(leaving)

    def _prove(self, part: Hashable, pool: Pool) -> None:
        """Look what is queued in a part, and remove what is proven to be what was served."""
        now = self._clock()
        with self._lock:
            leaving = self._leaving.pop(part, [])
            due: list[_Leaving] = []
            later: list[_Leaving] = []
            for one in leaving:
                (due if self._is_due(one) else later).append(one)
            self._leaving.update({part: later} if later else {})
        try:
            for one in due if self._look(due) else ():
                sight = self._neighbours.seen(one.request, not_before=now - PROOF_SECONDS)
                if sight is None:
                    self._put_back(one)
                elif sight.as_of < self._clock() - PROOF_SECONDS:
                    self._unseen([one], _TOO_OLD, is_final=False)
                elif not self._has_ended(one, sight):
                    with self._lock:
                        self._busy[part] += 1
                    pool.submit(partial(self._send_proven, one, sight), urgent=True)
        finally:
            self._leave(part)

    def _look(self, due: list[_Leaving]) -> bool:
        """Have the first of them in the queue seen, and as many others as one reading shows; False: none can be."""
        if not due:
            return False
        first, *also = self._neighbours.in_order(one.request for one in due)
        young, budget = self._clock() - _YOUNG_SECONDS, self._neighbours.for_deletes
        try:
            self._neighbours.find(first, not_before=young, budget=budget, also=also)
        except UnseenError as error:
            # the others stand behind it, so that it would be the same with each of them
            self._unseen(due, str(error), is_final=error.is_final)
            return False
        return True

    def _send_proven(self, one: _Leaving, sight: Sight) -> None:
        try:
            if not self._send(one, sight.as_of + PROOF_SECONDS):
                self._unseen([one], _TOO_OLD, is_final=False)
        finally:
            self._leave(one.request.part)

    def _leave(self, part: Hashable) -> None:
        with self._lock:
            self._busy[part] -= 1

    def _send(self, one: _Leaving, send_by: float) -> bool:
        """Send a DELETE; False: it was too late for that, and nothing was sent."""
        try:
            if not self._queue.remove(one.request, send_by=send_by):
                return False
        except QueueError as error:
            self._repeat(one, error)
        else:
            self._end(one, Removal.DELETED)
        return True

    def _repeat(self, one: _Leaving, error: QueueError) -> None:
        """Send a DELETE again after a failure, each time on proof: what failed may have been done, and be undone."""
        started, waits = self._clock(), self._waiting.waits
        for delay in waits.retry_seconds:
            if not error.may_pass or self._waiting.is_interrupted or self._clock() - started > waits.patience_seconds:
                break
            self._waiting.sleep(self._waiting.varied(delay))
            try:
                young, budget = self._clock() - _YOUNG_SECONDS, self._neighbours.for_deletes
                sight = self._neighbours.find(one.request, not_before=young, budget=budget)
                if self._has_ended(one, sight):
                    return
                if self._queue.remove(one.request, send_by=sight.as_of + PROOF_SECONDS):
                    self._end(one, Removal.DELETED)
                    return
            except UnseenError as unseen:
                _log.debug("request %s: %s", one.request.test_execution_id, unseen)
            except QueueError as again:
                error = again
        self._fail(one, error)

    def _fail(self, one: _Leaving, error: QueueError) -> None:
        self.errors[one.request] = error
        self._ledger.deleted(one.request, str(error))
        self._ledger.stop(
            State.FAILED if error.is_refusal else State.DEFERRED,
            f"request {one.request.test_execution_id} could not be deleted: {error}",
        )

    def _unseen(self, leaving: list[_Leaving], why: str, *, is_final: bool) -> None:
        """Look again later for those of one part, a few times and all at once; then they stay."""
        due_at = self._clock() + self._waiting.varied(self._waiting.waits.retry_seconds[0])
        for one in leaving:
            one.unseen, one.due_at = one.unseen + 1, due_at
            if is_final or one.unseen >= MOST_TRIES or self._waiting.is_interrupted:
                self._ledger.kept(one.request, f"it stays in the queue, where a newer request may stand: {why}")
            else:
                self._put_back(one)

    def _end(self, one: _Leaving, removal: Removal) -> None:
        self._ledger.deleted(one.request, removal)
        one.on_removed()

    def _has_ended(self, one: _Leaving, sight: Sight) -> bool:
        """Tell whether a request has left the queue, or stays for good; False: it stands there as it was served."""
        asked, stands = one.request.created_at, sight.row and sight.row.created_at
        if sight.row is None:
            self._end(one, Removal.GONE)
        elif asked == stands or (asked is None and self._is_older(one.evidence, stands)):
            return False
        elif asked is None and isinstance(one.evidence, Stood) and one.evidence.as_of == NEVER:
            why = "it stays in the queue: it does not say when it was made, and what stands there may be newer"
            self._ledger.kept(one.request, why)
        else:
            self._end(one, Removal.REPLACED)
        return True

    def _is_older(self, evidence: Evidence, created_at: object) -> bool:
        """Tell whether what stands in the queue was surely made before what is known of it."""
        known_at = evidence.sent_at if isinstance(evidence, Acceptance) else evidence.as_of
        return isinstance(created_at, float) and Moment(created_at, self._queue.clock).latest < known_at
