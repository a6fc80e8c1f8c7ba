"""Whoever is told of outcomes is told beside the drain: a listener that raises or hangs holds nothing up."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.models import Outcome

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
"""How long the thread stays for more: a new one costs as much as a short call."""


class Telling:
    """Tells of outcomes in the order in which they came, in one thread that is there only while there are some.

    Args:
        on_ended: Called with the outcomes of the requests that ended together.
    """

    def __init__(self, on_ended: Callable[[list[Outcome]], None]) -> None:
        self._on_ended = on_ended
        self._changed = threading.Condition()
        self._untold: deque[list[Outcome]] = deque()
        self._has_thread = self._is_telling = False
        self._failures = 0

    def tell(self, outcomes: list[Outcome]) -> None:
        """Have somebody told, without waiting for that."""
        with self._changed:
            self._untold.append(outcomes)
            self._changed.notify_all()
            if self._has_thread:
                return
            self._has_thread = True
        try:
            threading.Thread(target=self._tell_all, args=(_IDLE_SECONDS,), name="drain-telling", daemon=True).start()
        except RuntimeError:  # the system gives no more threads: told at once, late but told
            self._tell_all(0.0)

    def join(self, seconds: float | None = None) -> None:
        """Wait until all is told, or for so long."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._untold or self._is_telling), seconds)

    def _tell_all(self, idle_seconds: float) -> None:
        while True:
            with self._changed:
                self._is_telling = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._untold, idle_seconds)
                if not self._untold:
                    self._has_thread = False
                    return
                outcomes = self._untold.popleft()
                self._is_telling = True
            self._tell_one(outcomes)

    def _tell_one(self, outcomes: list[Outcome]) -> None:
        try:
            self._on_ended(outcomes)
        except Exception as error:  # noqa: BLE001 - whoever listens cannot harm the drain
            self._failures += 1
            if self._failures == 1:
                _log.warning("whoever is told of outcomes raised %s: %s", type(error).__name__, error)
            _log.debug("telling of outcomes", exc_info=True)
