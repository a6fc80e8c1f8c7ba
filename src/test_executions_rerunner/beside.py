"""Work that is done beside the rest, one thing after another: nobody waits for it who does not ask to."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")
_IDLE_SECONDS = 1.0
"""How long a thread stays for more: a new one costs as much as a short call."""


class Beside(Generic[Item]):
    """Works through items in the order in which they came, in one thread that is there only while there are some.

    It is a daemon: work that hangs keeps no process alive.

    Args:
        work: Done with each item; it must not raise.
        name: Of the thread.
    """

    def __init__(self, work: Callable[[Item], None], name: str) -> None:
        self._work, self._name = work, name
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._has_thread = self._is_working = False

    def put(self, item: Item) -> None:
        """Have the work done with an item, without waiting for that."""
        with self._changed:
            self._waiting.append(item)
            self._changed.notify_all()
            if self._has_thread:
                return
            self._has_thread = True
        try:
            threading.Thread(target=self._work_through, args=(_IDLE_SECONDS,), name=self._name, daemon=True).start()
        except RuntimeError:  # the system gives no more threads: done at once, late for whoever waits but done
            self._work_through(0.0)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until all is done, or for so long; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._is_working), seconds)

    def _work_through(self, idle_seconds: float) -> None:
        while True:
            with self._changed:
                self._is_working = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting, idle_seconds)
                if not self._waiting:
                    self._has_thread = False
                    return
                item = self._waiting.popleft()
                self._is_working = True
            self._work(item)
