"""Runs threads one at a time, and picks at each of their instructions which one goes on.

What the threads wait for are stand-ins for the locks of `threading` that this scheduler knows, so that it sees who can
go on; waits with a time-out end in a time of its own, which only passes. A seed is a schedule: it repeats exactly.
"""

from __future__ import annotations

import random
import sys
import threading
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import test_executions_rerunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType

    from _typeshed import TraceFunction
    from typing_extensions import Self

_PACKAGE = str(test_executions_rerunner.__path__[0])
_SWITCHES = (0.01, 0.05, 0.2)
"""At how many of the instructions another thread may go on: seldom, so that one overtakes by much, or often."""
_TIME_PASSES = 0.02
"""At how many of the switches a wait ends by its time-out though somebody else could go on."""
_MOST_SWITCHES = 100_000


class ScheduleError(AssertionError):
    """A schedule in which a thread raised."""


class StuckError(ScheduleError):
    """No thread can go on."""


class _OverError(BaseException):
    """Ends a thread of a schedule that is over."""


class _Fibre:
    def __init__(self, task: Callable[[], None], *, is_awaited: bool) -> None:
        self.task, self.is_awaited = task, is_awaited
        self.may_go = threading.Semaphore(0)
        self.is_ready: Callable[[], bool] | None = None
        self.until: float | None = None
        self.is_done = False


class Scheduler:
    """One schedule.

    Args:
        seed: Which one.
        modules: Their `threading` is replaced while this is entered.
        has_locks: Whether locks lock: without them a test must find what they are for.
        is_fine: Whether any instruction may be followed by another thread's, and a wait end by its time-out though
            somebody could go on; else a thread goes on until it has to wait.
    """

    def __init__(self, seed: int, *modules: ModuleType, has_locks: bool = True, is_fine: bool = True) -> None:
        self._seed, self._random = seed, random.Random(seed)  # noqa: S311 - no secret depends on it
        self._share = self._random.choice(_SWITCHES)
        self._is_fine = is_fine
        self._modules, self.has_locks = modules, has_locks
        self._fibres: list[_Fibre] = []
        self._of_thread = threading.local()
        self._ended = threading.Event()
        self._is_over = False
        self._error: BaseException | None = None
        self._switches = 0
        self.now = 1000.0
        self._patches = ExitStack()

    def __enter__(self) -> Self:
        for module in self._modules:
            self._patches.enter_context(patch.object(module, "threading", Threading(self)))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    def clock(self) -> float:
        """Return the time of this schedule."""
        return self.now

    def run(self, *tasks: Callable[[], None]) -> None:
        """Run tasks, a thread each, until all of them have ended; raise what one of them raised first."""
        for task in tasks:
            self.start(task, is_awaited=True)
        self._next().may_go.release()
        assert self._ended.wait(60), "a thread of the schedule hangs outside of it"
        if isinstance(self._error, StuckError):
            raise self._error
        if self._error:
            raise ScheduleError(f"schedule {self._seed}: {self._error!r}") from self._error

    def start(self, task: Callable[[], None], *, is_awaited: bool = False) -> None:
        """Add a thread; one that is not awaited is ended when the others have."""
        fibre = _Fibre(task, is_awaited=is_awaited)
        self._fibres.append(fibre)
        threading.Thread(target=self._main, args=(fibre,), daemon=True).start()

    def wait(self, is_ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Have the others go on until something is true, or for so long; tell whether it is."""
        fibre: _Fibre | None = getattr(self._of_thread, "fibre", None)
        if fibre is None:  # before the schedule, or after it
            return is_ready()
        if not self._is_fine and is_ready():
            return True
        fibre.is_ready = is_ready
        fibre.until = None if seconds is None else self.now + max(0.0, seconds)
        self.switch()
        fibre.is_ready = fibre.until = None
        return is_ready()

    def switch(self) -> None:
        """Let any thread go on that can."""
        fibre: _Fibre | None = getattr(self._of_thread, "fibre", None)
        if fibre is None:
            return
        if self._is_over:
            raise _OverError
        chosen = self._next()
        if chosen is not fibre:
            chosen.may_go.release()
            fibre.may_go.acquire()
        if self._is_over:
            raise _OverError

    def _main(self, fibre: _Fibre) -> None:
        self._of_thread.fibre = fibre
        fibre.may_go.acquire()
        if self._is_fine:
            sys.settrace(self._trace)
        try:
            if not self._is_over:
                fibre.task()
        except _OverError:
            pass
        except BaseException as error:  # noqa: BLE001 - run raises it
            self._end(error)
        finally:
            sys.settrace(None)
            fibre.is_done = True
            with suppress(_OverError):
                self._leave()

    def _leave(self) -> None:
        """Let another thread go on after one has ended, or end the schedule."""
        if self._is_over:
            return
        if any(not other.is_done for other in self._fibres if other.is_awaited):
            self._next().may_go.release()
        else:
            self._end(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> TraceFunction | None:
        """Switch at instructions of the package."""
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and self._random.random() < self._share:
            self.switch()
        return self._trace

    def _next(self) -> _Fibre:
        """Choose who goes on."""
        self._switches += 1
        left = [fibre for fibre in self._fibres if not fibre.is_done]
        ready = [fibre for fibre in left if fibre.is_ready is None or fibre.is_ready()]
        timed = sorted((fibre.until, number) for number, fibre in enumerate(left) if fibre.until is not None)
        if timed and (not ready or (self._is_fine and self._random.random() < _TIME_PASSES)):
            until, number = timed[0]
            self.now = max(self.now, until)
            return left[number]
        if not ready or self._switches > _MOST_SWITCHES:
            why = "it never ends" if ready else f"{len(left)} threads wait for each other"
            self._end(StuckError(why))
            raise _OverError
        return self._random.choice(ready)

    def _end(self, error: BaseException | None) -> None:
        self._error = self._error or error
        self._is_over = True
        for fibre in self._fibres:
            fibre.may_go.release()
        self._ended.set()


class Threading:
    """What the package uses of `threading`, under a scheduler."""

    local = threading.local
    get_ident = staticmethod(threading.get_ident)

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def Lock(self) -> _Lock:  # noqa: N802 - as in `threading`, and so the others
        return _Lock(self._scheduler)

    def RLock(self) -> _Lock:  # noqa: N802
        return _Lock(self._scheduler, is_reentrant=True)

    def Condition(self, lock: _Lock | None = None) -> _Condition:  # noqa: N802
        return _Condition(self._scheduler, lock or self.RLock())

    def Event(self) -> _Event:  # noqa: N802
        return _Event(self._scheduler)

    def Thread(  # noqa: N802
        self, *, target: Callable[..., None], args: tuple[object, ...] = (), name: str = "", daemon: bool = True
    ) -> _Thread:
        del name, daemon
        return _Thread(self._scheduler, partial(target, *args))


class _Thread:
    def __init__(self, scheduler: Scheduler, target: Callable[[], None]) -> None:
        self._scheduler, self._target = scheduler, target

    def start(self) -> None:
        self._scheduler.start(self._target)


class _Lock:
    def __init__(self, scheduler: Scheduler, *, is_reentrant: bool = False) -> None:
        self._scheduler, self._is_reentrant = scheduler, is_reentrant
        self._owner: int | None = None
        self._times = 0

    def acquire(self) -> bool:
        me = threading.get_ident()
        if self._scheduler.has_locks and not (self._is_reentrant and self._owner == me):
            self._scheduler.wait(lambda: self._owner is None)
        self._owner = me
        self._times += 1
        return True

    def release(self) -> None:
        self._times -= 1
        if self._times <= 0:
            self._owner, self._times = None, 0

    def set_aside(self) -> int:
        """Release it however often it was taken."""
        times, self._owner, self._times = self._times, None, 0
        return times

    def take_again(self, times: int) -> None:
        self.acquire()
        self._times = times

    def locked(self) -> bool:
        return self._owner is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Condition:
    def __init__(self, scheduler: Scheduler, lock: _Lock) -> None:
        self._scheduler, self._lock = scheduler, lock
        self._waiters: list[list[bool]] = []
        self.acquire, self.release = lock.acquire, lock.release

    def wait(self, timeout: float | None = None) -> bool:
        waiter: list[bool] = []
        self._waiters.append(waiter)
        times = self._lock.set_aside()
        is_notified = self._scheduler.wait(lambda: bool(waiter), timeout)
        if not is_notified:
            self._waiters = [other for other in self._waiters if other is not waiter]
        self._lock.take_again(times)
        return is_notified

    def wait_for(self, predicate: Callable[[], object], timeout: float | None = None) -> object:
        until = None if timeout is None else self._scheduler.now + timeout
        while not (result := predicate()):
            left = None if until is None else until - self._scheduler.now
            if left is not None and left <= 0:
                return result
            self.wait(left)
        return result

    def notify(self, n: int = 1) -> None:
        for waiter in self._waiters[:n]:
            waiter.append(True)
        del self._waiters[:n]

    def notify_all(self) -> None:
        self.notify(len(self._waiters))

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Event:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        return self._scheduler.wait(lambda: self._is_set, timeout)
