"""What became of each request, and whether anything more may be started: what the threads of a drain share."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from test_executions_rerunner.models import Outcome, RerunRequest, State, Verdict
from test_executions_rerunner.text import harmless, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_log = logging.getLogger(__name__)


class Ledger:
    """The outcomes of a drain, one for each request, in the order of the queue.

    Args:
        secrets: Texts that no outcome may show, whoever says them.
        on_outcome: Called with each outcome as soon as it is known, from any thread.
    """

    def __init__(self, secrets: tuple[str, ...] = (), on_outcome: Callable[[Outcome], None] | None = None) -> None:
        self._secrets, self._on_outcome = secrets, on_outcome
        self._lock = threading.RLock()
        self._outcomes: dict[RerunRequest, Outcome | None] = {}
        self._in_flight: set[RerunRequest] = set()
        self._is_closed = False
        self._stopped: Verdict | None = None

    @property
    def stopped(self) -> Verdict | None:
        """Why nothing more is started, as the outcome of the rest; None: the drain goes on."""
        return self._stopped

    def stop(self, state: State, reason: str) -> None:
        """Start nothing more; the first reason stays."""
        with self._lock:
            if self._stopped is None:
                self._stopped = Verdict(state, self._clean(reason))
                _log.warning("nothing more is started: %s", self._stopped.reason)

    def open(self, requests: Iterable[RerunRequest]) -> None:
        """Enter requests whose outcome is not known yet."""
        with self._lock:
            self._outcomes.update(dict.fromkeys(requests))

    @contextmanager
    def in_flight(self, requests: Iterable[RerunRequest]) -> Iterator[Verdict | None]:
        """Mark requests whose trigger is being sent; yields why it must not be, where the drain has stopped."""
        requests = tuple(requests)
        with self._lock:
            stopped = self._stopped
            if not stopped:
                self._in_flight.update(requests)
        try:
            yield stopped
        finally:
            with self._lock:
                self._in_flight.difference_update(requests)

    def settle(self, request: RerunRequest, verdict: Verdict, target: str | None = None) -> bool:
        """Write down what became of a request; False: too late, the report is written."""
        link = None if verdict.link is None else self._clean(verdict.link)
        name = None if target is None else self._clean(target)
        outcome = Outcome(request, verdict.state, self._clean(verdict.reason), name, link)
        with self._lock:
            if self._is_closed:
                return False
            self._outcomes[request] = outcome
        _log.log(_level(outcome.state), "%s", one_line(outcome))
        if self._on_outcome:
            self._on_outcome(outcome)
        return True

    def deleted(self, request: RerunRequest, error: str | None = None) -> None:
        """Write down that a request left the queue, or why it could not."""
        with self._lock:
            outcome = self._outcomes.get(request)
            if outcome:
                outcome.deleted, outcome.delete_error = error is None, error and self._clean(error)

    def close(self, reason: str) -> None:
        """End the drain for the report: what is in flight is `unknown`, what was not started `deferred`."""
        with self._lock:
            for request, outcome in self._outcomes.items():
                if outcome is None:
                    state = State.UNKNOWN if request in self._in_flight else State.DEFERRED
                    doubt = ", while its trigger was in flight" if state is State.UNKNOWN else ""
                    self.settle(request, Verdict(state, f"{reason}{doubt}"))
            self._is_closed = True

    @property
    def known(self) -> int:
        """How many requests have been read."""
        return len(self._outcomes)

    @property
    def is_deleting(self) -> bool:
        """Whether a served request has neither left the queue nor failed to."""
        return any(_awaits_delete(outcome) for outcome in self.outcomes)

    def close_deletes(self, reason: str) -> None:
        """Write down that the deletes that have not ended did not happen in time."""
        with self._lock:
            for outcome in filter(_awaits_delete, self.outcomes):
                outcome.delete_error = self._clean(reason)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes known so far, in the order of the queue."""
        with self._lock:
            return [outcome for outcome in self._outcomes.values() if outcome]

    def count(self) -> Counter[State]:
        """Return how many requests ended in each state."""
        return Counter(outcome.state for outcome in self.outcomes)

    def staying(self) -> int:
        """Return how many of the requests read stay in the queue."""
        with self._lock:
            return sum(not (outcome and outcome.deleted) for outcome in self._outcomes.values())

    def _clean(self, text: str) -> str:
        return without(self._secrets, harmless(text))


class Slots:
    """The triggers that ``--limit`` allows: taken before a target's turn, given back when none was accepted.

    They are taken in the order of the queue, so that no request overtakes another.
    """

    def __init__(self, limit: int | None) -> None:
        self._free = limit
        self._held = 0
        self._changed = threading.Condition()

    def take(self) -> bool:
        """Wait for a slot; False: all are used up for good."""
        with self._changed:
            if self._free is None:
                return True
            self._changed.wait_for(lambda: self._free or not self._held)
            if not self._free:
                return False
            self._free -= 1
            self._held += 1
            return True

    def end(self, *, is_used: bool) -> None:
        """Use a slot up, or give it back."""
        with self._changed:
            if self._free is not None:
                self._held -= 1
                self._free += not is_used
                self._changed.notify_all()

    @property
    def are_used_up(self) -> bool:
        """Whether no further trigger is allowed."""
        with self._changed:
            return self._free == 0 and not self._held


def _awaits_delete(outcome: Outcome) -> bool:
    is_queued = outcome.request.test_execution_id is not None
    return is_queued and outcome.state.is_served and not outcome.deleted and not outcome.delete_error


def one_line(outcome: Outcome) -> str:
    """Return an outcome as a person reads it in a log."""
    number = outcome.request.test_execution_id
    parts = [
        f"request {number}" if number else "request without id",
        f"{outcome.state.value}:",
        outcome.reason,
    ]
    if outcome.target:
        parts.insert(1, f"({outcome.target})")
    if outcome.link:
        parts.append(f"[{outcome.link}]")
    return " ".join(parts)


def _level(state: State) -> int:
    if state.is_failure:
        return logging.ERROR
    return logging.DEBUG if state is State.UNSUPPORTED else logging.INFO
