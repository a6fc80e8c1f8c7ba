"""Threads that work through tasks, urgent ones first."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from time import perf_counter, process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

_TICK_SECONDS = 0.005
_MOST_BUSY = 0.8
"""Threads that keep a processor as busy only fight for the interpreter when there are more of them."""
_MORE = 4
"""A crowded pool gets so many times its threads: 16 are there after two ticks."""


class Pool:
    """At most ``size`` threads: one, and more while tasks wait and those that run wait for servers.

    They are daemons, unlike those of concurrent.futures: a server that hangs must not keep a process alive that
    was asked to end. Where the system gives no more threads, the drain goes on with fewer; where it gives none at
    all, `submit` and `join` do the work.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: deque[Callable[[], None]] = deque()
        lock = threading.Lock()
        # three of them, so that the end of a task does not wake up every thread and `join` each time
        self._added, self._ended, self._crowded = (threading.Condition(lock) for _ in range(3))
        self._threads = 0
        self._idle = 0
        self._is_watched = False
        self._is_closed = False
        self._bug: BaseException | None = None

    def submit(self, task: Callable[[], None], *, urgent: bool = False) -> None:
        """Add a task; an urgent one goes before all that wait."""
        with self._added:
            if urgent:
                self._tasks.appendleft(task)
            else:
                self._tasks.append(task)
            if not self._threads:
                self._grow()
            self._added.notify()
            if self._is_crowded:
                self._watch()
            has_threads = self._threads > 0
        if not has_threads:
            self._tasks.remove(task)
            self._do(task)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until no task waits or runs, or for so long; raise what a task raised, which is a bug.

        Returns:
            Whether none does.
        """
        with self._ended:
            is_done = self._ended.wait_for(lambda: not self._tasks and self._idle == self._threads, seconds)
            if self._bug:
                raise self._bug
            return is_done

    @property
    def has_waiting(self) -> bool:
        """Whether tasks wait for a thread."""
        return bool(self._tasks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._added:
            self._is_closed = True
            self._added.notify_all()
            self._crowded.notify_all()

    @property
    def _is_crowded(self) -> bool:
        """Whether tasks wait that another thread could do."""
        return len(self._tasks) > self._idle and 0 < self._threads < self._size

    def _grow(self) -> None:
        """Start one more thread, if the system gives one."""
        self._threads += 1
        self._idle += 1
        try:
            threading.Thread(target=self._work, name=f"drain-{self._threads}", daemon=True).start()
        except RuntimeError:  # can't start new thread
            self._threads -= 1
            self._idle -= 1

    def _watch(self) -> None:
        """See to it that somebody looks whether more threads are needed."""
        if self._is_watched:
            self._crowded.notify()
            return
        with contextlib.suppress(RuntimeError):  # can't start new thread
            threading.Thread(target=self._grow_when_needed, name="drain-watch", daemon=True).start()
            self._is_watched = True

    def _grow_when_needed(self) -> None:
        """Start more threads while tasks wait and the processor does not; ends when there are all."""
        with self._crowded:
            while self._threads < self._size:
                self._crowded.wait_for(lambda: self._is_crowded or self._is_closed)
                if self._is_closed:
                    return
                started, busy = perf_counter(), process_time()
                self._crowded.wait_for(lambda: self._is_closed, _TICK_SECONDS)
                busy_share = (process_time() - busy) / (perf_counter() - started)
                if self._is_crowded and busy_share < _MOST_BUSY:
                    for _ in range(min(self._threads * (_MORE - 1), self._size - self._threads)):
                        self._grow()

    def _work(self) -> None:
        while True:
            with self._added:
                self._added.wait_for(lambda: self._tasks or self._is_closed)
                if not self._tasks:
                    return
                task = self._tasks.popleft()
                self._idle -= 1
                self._tell_join()
            self._do(task)
            with self._ended:
                self._idle += 1
                self._tell_join()

    def _do(self, task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - join raises it again
            self._bug = self._bug or error

    def _tell_join(self) -> None:
        if not self._tasks:
            self._ended.notify_all()
