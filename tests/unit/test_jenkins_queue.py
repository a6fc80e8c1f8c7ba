"""The controller's queue is read by one thread for all, and never older than each of them needs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.calls.failures import CallError, Failure, Kind
from test_executions_rerunner.processors.jenkins.queue import SharedQueue
from test_executions_rerunner.processors.jenkins.state import Queue

if TYPE_CHECKING:
    from collections.abc import Callable


class Controller:
    """Answers when it is told to, on a clock that only the test moves.

    Attributes:
        queue: What is tested.
        now: The clock.
        readings: How many were begun.
        error: Raised instead of an answer.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.readings = 0
        self.error: CallError | None = None
        self.queue = SharedQueue(lambda: self.now, self._read)
        self._lock = CountedLock()
        vars(self.queue)["_lock"] = self._lock
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._begun = threading.Condition()

    def _read(self) -> Queue:
        read_at = self.now
        with self._begun:
            self.readings += 1
            self._begun.notify_all()
        assert self.may_answer.wait(10)
        if self.error:
            raise self.error
        return Queue((), self.readings, None, read_at)

    def wait_for_reading(self, number: int) -> None:
        with self._begun:
            assert self._begun.wait_for(lambda: self.readings >= number, 10)

    def wait_for_those_who_wait(self, count: int) -> None:
        """Wait until so many threads want the queue, whoever reads included."""
        assert self._lock.wait_for(count)


class CountedLock:
    """A lock that knows how many threads have come for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait_for(self, count: int) -> bool:
        return all(self._came.acquire(timeout=10) for _ in range(count))


class Asking:
    """Asks for the queue in another thread."""

    def __init__(self, ask: Callable[[], Queue]) -> None:
        self._ask = ask
        self.answer: Queue | CallError
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except CallError as error:
            self.answer = error

    def end(self) -> Queue | CallError:
        self._thread.join(10)
        return self.answer


def test_a_queue_that_is_young_enough_is_not_read_again() -> None:
    controller = Controller()
    first = controller.queue.read()
    controller.now += 9.9
    assert controller.queue.read(younger_than_seconds=10) is first
    controller.now += 0.1
    assert controller.queue.read(younger_than_seconds=10) is not first
    assert controller.readings == 2


def test_whoever_names_no_age_gets_the_queue_as_it_is_from_now_on() -> None:
    controller = Controller()
    assert controller.queue.read() is not controller.queue.read()
    assert controller.readings == 2


def test_an_age_counts_from_the_moment_the_question_was_sent() -> None:
    controller = Controller()
    controller.may_answer.clear()
    slow = Asking(controller.queue.read)
    controller.wait_for_reading(1)
    controller.now += 11
    controller.may_answer.set()
    first = slow.end()
    assert isinstance(first, Queue)
    assert first.read_at == 100
    assert controller.queue.read(younger_than_seconds=10) is not first


@pytest.mark.parametrize("fails", [False, True], ids=["read", "failed"])
def test_those_who_wait_share_the_first_reading_that_began_after_they_asked(*, fails: bool) -> None:
    controller = Controller()
    controller.may_answer.clear()
    first = Asking(controller.queue.read)
    controller.wait_for_reading(1)
    others = [Asking(controller.queue.read) for _ in range(7)]
    controller.wait_for_those_who_wait(8)
    if fails:
        controller.error = CallError(Failure(Kind.BROKEN, "no answer in time"))
    controller.may_answer.set()
    answers = [asking.end() for asking in others]
    assert controller.readings == 2, "one for whoever asked first, which began too early for the others"
    assert {isinstance(answer, CallError) for answer in answers} == {fails}
    assert first.end() not in answers


def test_whoever_waited_for_a_slow_reading_takes_the_next_however_old_it_is_by_then() -> None:
    """None could be newer: whoever read after another would only look later."""
    controller = Controller()
    controller.may_answer.clear()
    asking = [Asking(lambda: controller.queue.read(younger_than_seconds=2))]
    controller.wait_for_reading(1)
    asking += [Asking(lambda: controller.queue.read(younger_than_seconds=2)) for _ in range(3)]
    controller.wait_for_those_who_wait(4)
    controller.now += 3
    controller.may_answer.set()
    ages = [controller.now - answer.read_at for one in asking if isinstance(answer := one.end(), Queue)]
    assert ages == [3, 0, 0, 0]
    assert controller.readings == 2


def test_a_reading_that_failed_is_not_kept() -> None:
    controller = Controller()
    controller.error = CallError(Failure(Kind.BROKEN, "no answer in time"))
    with pytest.raises(CallError, match="no answer in time"):
        controller.queue.read()
    controller.error = None
    assert controller.queue.read(younger_than_seconds=10).waiting == 2
