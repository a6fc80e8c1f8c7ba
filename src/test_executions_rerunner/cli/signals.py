"""SIGINT and SIGTERM, and the thread that works while they are waited for."""

from __future__ import annotations

import gc
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LAST_SECONDS = 9.4
"""When the process begins to end after a signal, whatever hangs: GitHub and ``docker stop`` kill after ten seconds.

A machine that is busy takes half a second for the end itself.
"""


class Signals:
    """Notes signals from the first moment on; a process that is PID 1 has no default for them.

    However many come, the first one counts. It ends a read from a terminal or a pipe at once (`ending_reads`);
    everything else looks whether one was received. A terminal that goes away ends nothing: SIGHUP is ignored.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._received_at = 0.0
        self._ends_reads = False
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._note)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    @staticmethod
    def end() -> None:
        """Ignore signals from now on: at its end the interpreter gives them back their default, which kills."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)

    def _note(self, number: int, _: object) -> None:
        if self.received is None:
            self.received, self._received_at = number, time.monotonic()
        if self._ends_reads:
            self._ends_reads = False
            raise KeyboardInterrupt

    @contextmanager
    def ending_reads(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in this block, also for a signal that came before it."""
        self._ends_reads = True
        try:
            if self.received is not None:
                raise KeyboardInterrupt
            yield
        finally:
            self._ends_reads = False

    @property
    def name(self) -> str | None:
        """The first signal that came; None: none did."""
        return None if self.received is None else signal.Signals(self.received).name

    @property
    def exit_code(self) -> int:
        """The exit code of a process that was ended by it."""
        return 128 + (self.received or signal.SIGINT)

    @property
    def gone_seconds(self) -> float:
        """How long ago the first signal came; 0: none did."""
        return 0.0 if self.received is None else time.monotonic() - self._received_at

    @property
    def is_time_left(self) -> bool:
        """Whether the process may go on: no signal came, or not long ago."""
        return self.gone_seconds < LAST_SECONDS

    def finish(self, work: Callable[[], object]) -> bool:
        """Do work in a thread, and return when it has ended or there is no time left after a signal.

        Returns:
            Whether it has ended.
        """
        worker = Worker(work)
        while worker.is_alive() and self.is_time_left:
            worker.join(min(0.1, max(0.0, LAST_SECONDS - self.gone_seconds)))
        if worker.error:
            raise worker.error
        return not worker.is_alive()

    def wait(self, work: Callable[[], object]) -> Worker:
        """Begin the work in a thread, and return when it has ended or a signal came."""
        gc.enable()  # again: __main__ has no use for it before
        worker = Worker(work)
        while worker.is_alive() and self.received is None:
            worker.join(0.1)
        return worker


class Worker(threading.Thread):
    """Does the work beside the main thread, which can then answer a signal while a server hangs.

    Where no thread is to be had, the work is done before the constructor returns: late for a signal, but done.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(name="drain", daemon=True)
        self._work = work
        self.error: Exception | None = None
        """What the work raised."""
        try:
            self.start()
        except RuntimeError:  # the system gives no more threads: a signal is then answered when the work has ended
            self.run()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the work has ended."""
        if self.ident is not None:
            super().join(timeout)

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - whoever waits raises it again
            self.error = error
