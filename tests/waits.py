"""The waits of drains against servers on loopback: too short to be noticed, or on a clock that a test moves."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.calls.waiting import Waiting, Waits

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = Waits(
    retry_seconds=(0.01, 0.02),
    recheck_seconds=0.1,
    second_look_seconds=0.01,
    youngest_seconds=0.5,
    shortest_seconds=0.01,
)
"""Too short to be noticed; the time-outs stay, and end only what hangs."""


class ShortWaiting(Waiting):
    """Waits that are too short to be noticed.

    Args:
        clock: Our own clock; None: the true one.
        **others: Numbers of `Waits` that differ from those of `SHORT`.
    """

    def __init__(self, clock: Callable[[], float] | None = None, **others: Any) -> None:  # noqa: ANN401 - of `Waits`
        super().__init__(replace(SHORT, **others), clock)


class HandMoved(ShortWaiting):
    """Waits of which none takes time: only the test moves the clock, and each sleep.

    Attributes:
        now: What the clock shows.
        slept: How long each sleep was to take.
    """

    def __init__(self, **others: Any) -> None:  # noqa: ANN401 - of `Waits`
        self.now = 1000.0
        self.slept: list[float] = []
        self._moving = threading.Lock()
        super().__init__(lambda: self.now, **others)

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        with self._moving:
            self.slept.append(seconds)
            self.now += max(0.0, seconds)
