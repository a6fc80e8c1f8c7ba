"""Threads that work through tasks, urgent ones first."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self


class Pool:
    """At most ``size`` threads, started when they are needed.

    They are daemons, unlike those of concurrent.futures: a server that hangs must not keep a process alive that
    was asked to end.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: deque[Callable[[], None]] = deque()
        lock = threading.Lock()
        # two of them, so that the end of a task does not wake up every thread and `join` each time
        self._added, self._ended = threading.Condition(lock), threading.Condition(lock)
        self._threads = 0
        self._idle = 0
        self._is_closed = False
        self._bug: BaseException | None = None

    def submit(self, task: Callable[[], None], *, urgent: bool = False) -> None:
        """Add a task; an urgent one goes before all that wait."""
        with self._added:
            if urgent:
                self._tasks.appendleft(task)
            else:
                self._tasks.append(task)
            if self._idle < len(self._tasks) and self._threads < self._size:
                self._threads += 1
                self._idle += 1
                threading.Thread(target=self._work, name=f"drain-{self._threads}", daemon=True).start()
            self._added.notify()

    def join(self) -> None:
        """Wait until no task waits or runs; raise what a task raised, which is a bug."""
        with self._ended:
            self._ended.wait_for(lambda: not self._tasks and self._idle == self._threads)
            if self._bug:
                raise self._bug

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._added:
            self._is_closed = True
            self._added.notify_all()

    def _work(self) -> None:
        while True:
            with self._added:
                self._added.wait_for(lambda: self._tasks or self._is_closed)
                if not self._tasks:
                    return
                task = self._tasks.popleft()
                self._idle -= 1
                self._tell_join()
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - join raises it again
                self._bug = self._bug or error
            with self._ended:
                self._idle += 1
                self._tell_join()

    def _tell_join(self) -> None:
        if not self._tasks:
            self._ended.notify_all()
