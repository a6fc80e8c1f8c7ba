"""How often a job may be started, and how much may wait in the controller's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.models import Claim, State, Verdict
from test_executions_rerunner.processors.jenkins.looks.history import utc

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.processors.jenkins.looks.history import History
    from test_executions_rerunner.processors.jenkins.state import Build, Queue


class Limits:
    """What the settings allow.

    Args:
        max_per_day: Most builds with the same parameters in 24 hours; None: no limit.
        max_queued: Most items that may wait in the queue; None: no limit.
        address: The controller whose queue it is.
    """

    def __init__(self, max_per_day: int | None, max_queued: int | None, address: str) -> None:
        self._max_per_day, self._max_queued, self._address = max_per_day, max_queued, address

    def verdict(self, queue: Queue, history: History, counts: Callable[[Build], bool]) -> Verdict | None:
        """Return why a trigger has to wait for a later drain; None: it has not.

        Args:
            queue: The controller's queue.
            history: The job's builds.
            counts: Tells which of them count for a day.

        Raises:
            CallError: As for `History.since`.
        """
        if self._max_per_day and (too_often := history.too_often(self._max_per_day, counts)):
            return Verdict(State.DEFERRED, f"{too_often}; --max-per-day is {self._max_per_day}")
        if self._max_queued and queue.waiting >= self._max_queued:
            return Verdict(State.DEFERRED, self._fullness(queue))
        return None

    def claims(self, queue: Queue) -> tuple[Claim, ...]:
        """Return the place in the queue that a trigger takes, where places are counted and one is left."""
        if self._max_queued is None or queue.waiting >= self._max_queued:
            return ()
        left = self._max_queued - queue.waiting
        return (Claim(("queue", self._address), self._fullness(queue), left, queue.read_at),)

    def _fullness(self, queue: Queue) -> str:
        oldest = "" if queue.oldest is None else f", the oldest since {utc(queue.oldest)}"
        items = "1 item waits" if queue.waiting == 1 else f"{queue.waiting} items wait"
        return f"{items} in Jenkins' queue{oldest}, and --max-queued is {self._max_queued}"
