"""What is queued for a request now, as far as a reading of its part of the queue shows: it proves what may be done."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.errors import QueueError
from test_executions_rerunner.models import NEVER, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from test_executions_rerunner.queues.base import RequestQueue
    from test_executions_rerunner.rerun_request import RerunRequest

LEAST_ROWS = 50
"""How many rows a reading asks for at least: less would cost as much."""
_MOST_ROWS = 400
_READING_SECONDS = 2.0
"""How long a reading of a part may take, so that what it shows is still young when it is used."""
_LEAST_BUDGET = 1000
_OF_WINDOWS = 1.5


class UnseenError(Exception):
    """It is not known what is queued for a request; the message says why.

    Attributes:
        is_final: Whether another try would end in the same way.
    """

    def __init__(self, why: str, *, is_final: bool) -> None:
        super().__init__(why)
        self.is_final = is_final


class Sight(NamedTuple):
    """What a reading shows of the group of a request."""

    row: RerunRequest | None
    """What is queued; None: nothing is."""
    as_of: float
    """As of when, as in `Reading`."""


class Budget:
    """The rows that readings of one purpose may have in a drain: a share of what its windows have, or 1,000.

    Args:
        purpose: For people.
        window_rows: How many rows the windows have had.
    """

    def __init__(self, purpose: str, window_rows: Callable[[], int]) -> None:
        self._purpose, self._window_rows = purpose, window_rows
        self._changed = threading.Condition()
        self._set_aside = 0
        self.spent = 0

    def take(self, wanted: int, needed: int) -> int:
        """Return how many rows may be asked for; they are set aside until it is known how many there were.

        Args:
            wanted: How many would be best.
            needed: How many would help at all.

        Raises:
            UnseenError: Not even those.
        """
        with self._changed:
            while (left := self._most - self.spent) - self._set_aside < needed <= left:
                self._changed.wait()  # others may read less than they took
            if left < needed:
                why = f"the queue was read again {self._purpose} for {self.spent} rows, which is as much as a drain may"
                raise UnseenError(why, is_final=True)
            taken = min(wanted, left - self._set_aside)
            self._set_aside += taken
            return taken

    @property
    def _most(self) -> int:
        return max(_LEAST_BUDGET, int(_OF_WINDOWS * self._window_rows()))

    def spend(self, rows: int, taken: int) -> None:
        """Count the rows that there were, and free the others that were taken."""
        with self._changed:
            self._set_aside -= taken
            self.spent += rows
            self._changed.notify_all()


class _Shown:
    """A reading in which rows are found without going through all of them: thousands may be asked for."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._by_id = {row.test_execution_id: row for row in reversed(reading.requests)}
        self._by_group = {row.group: row for row in reversed(reading.requests)}

    def sight(self, request: RerunRequest, not_before: float) -> Sight | None:
        """Return what is shown of a request; None: the reading is too old, or ends before that."""
        if self._reading.as_of < not_before:
            return None
        rows = (self._by_id.get(request.test_execution_id), self._by_group.get(request.group))
        row = next((row for row in rows if row and row.is_of_same_group(request)), None)
        return None if row is None and not self._reading.is_whole else Sight(row, self._reading.as_of)


_NOTHING_SHOWN = _Shown(Reading((), NEVER, is_whole=False))


@dataclass(eq=False)
class _Part:
    """One part of the queue; whoever reads it holds its lock, and the others take what was read."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    known: dict[RerunRequest, None] = field(default_factory=dict)
    """Its requests, in the order of the queue."""
    shown: _Shown = _NOTHING_SHOWN
    """The newest reading."""
    batch: int = LEAST_ROWS
    """How many of the requests wanted one reading is to show."""


class Neighbours:
    """Readings of the parts of a queue, shared by all who want to know what is queued now.

    Args:
        queue: The queue.
        has_left: Whether a request is known not to be in the queue any more.

    Attributes:
        for_deletes: The rows that may be read before DELETEs.
        for_triggers: The rows that may be read before triggers.
    """

    def __init__(self, queue: RequestQueue, has_left: Callable[[RerunRequest], bool]) -> None:
        self._queue, self._has_left = queue, has_left
        self._clock = queue.waiting.clock
        self._lock = threading.Lock()
        self._parts: dict[Hashable, _Part] = {}
        self._stood: dict[RerunRequest, float] = {}
        self._made_by: dict[RerunRequest, float] = {}
        self._window_rows = 0
        self.for_deletes = Budget("before deletes", lambda: self._window_rows)
        self.for_triggers = Budget("before triggers", lambda: self._window_rows)

    def note(self, reading: Reading, requests: Iterable[RerunRequest]) -> None:
        """Take a window into account.

        Args:
            reading: The window.
            requests: What a drain knows its requests by.
        """
        with self._lock:
            self._window_rows += len(reading.requests)
            for request in requests:
                self._stood[request] = reading.as_of
                self._made_by.setdefault(request, reading.answered_at)
                self._parts.setdefault(request.part, _Part()).known[request] = None

    def stood_at(self, request: RerunRequest) -> float:
        """Return as of when a request is known to have stood in the queue; `NEVER`: it came from elsewhere."""
        return self._stood.get(request, NEVER)

    def made_by(self, request: RerunRequest) -> float:
        """Return by when a request was made: by the answer in which it was first read."""
        return self._made_by.get(request, float("inf"))

    def seen(self, request: RerunRequest, *, not_before: float) -> Sight | None:
        """Return what is known without a reading; None: nothing as young as that."""
        return self._part(request).shown.sight(request, not_before)

    def find(
        self,
        request: RerunRequest,
        *,
        not_before: float,
        budget: Budget,
        also: Collection[RerunRequest] = (),
    ) -> Sight:
        """Find out what is queued for the group of a request.

        Args:
            request: As a window returned it.
            not_before: The moment of our own clock before which nothing may have been read.
            budget: Which rows are taken for it.
            also: Requests of the same part that will be asked for next.

        Raises:
            UnseenError: It could not be found out.
        """
        part = self._part(request)
        with part.lock:
            sight, wanted = part.shown.sight(request, not_before), 0
            if sight is not None:
                also = ()  # whoever had it read has looked for them, or each will be asked for on its own
            while sight is None:
                wanted = max(2 * wanted, self._rows_for(part, request, also))
                part.shown = _Shown(self._read(part, request, budget, wanted))
                sight = part.shown.sight(request, not_before)
            for each in (request, *also):
                shown = part.shown.sight(each, not_before)
                if shown and shown.row and shown.row.says_the_same(each):
                    self._stood[each] = shown.as_of
        return sight

    def in_order(self, requests: Iterable[RerunRequest]) -> list[RerunRequest]:
        """Return requests of one part, those first that stand first in the queue, as far as is known."""
        requests = list(requests)
        places = dict(zip(requests, self._places(self._part(requests[0]), requests), strict=True)) if requests else {}
        return sorted(places, key=lambda request: places[request])

    def _part(self, request: RerunRequest) -> _Part:
        with self._lock:
            return self._parts.setdefault(request.part, _Part())

    def _read(self, part: _Part, request: RerunRequest, budget: Budget, wanted: int) -> Reading:
        limit = budget.take(wanted, self._places(part, [request])[0] + 1)
        began, rows = self._clock(), 0
        try:
            reading = self._queue.part(request, limit)
            rows = len(reading.requests)
        except QueueError as error:
            raise UnseenError(error.what, is_final=not error.may_pass) from error
        finally:
            budget.spend(rows, limit)
        if rows:
            each_seconds = max(self._clock() - began, 0.001) / rows
            part.batch = max(LEAST_ROWS, min(int(_READING_SECONDS / each_seconds), _MOST_ROWS))
        return reading

    def _rows_for(self, part: _Part, request: RerunRequest, also: Collection[RerunRequest]) -> int:
        """Return how many rows show a request and those that will be asked for next, as far as the order is known."""
        first, *others = self._places(part, [request, *also])
        nearest = sorted(others)[: part.batch]
        last = max(first, *nearest) if nearest else first
        return max(LEAST_ROWS, last + last // 10 + 5)

    def _places(self, part: _Part, requests: Iterable[RerunRequest]) -> list[int]:
        """Return how many requests of their part stand before each, as far as is known."""
        with self._lock:
            known = list(part.known)
        places: dict[RerunRequest, int] = {}
        place = 0
        for each in known:
            places[each] = place
            place += not self._has_left(each)
        return [places.get(request, 0) for request in requests]
