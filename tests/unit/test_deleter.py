"""Requests of one part leave the queue together, or stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.drain.deleter import MOST_TRIES, Deleter
from test_executions_rerunner.drain.ledger import Ledger
from test_executions_rerunner.drain.pool import Pool
from test_executions_rerunner.errors import TestObserverError
from test_executions_rerunner.models import State, Stood, Verdict
from test_executions_rerunner.queues.neighbours import Neighbours
from unit.test_neighbours import Queue

if TYPE_CHECKING:
    from test_executions_rerunner.rerun_request import RerunRequest


def take_out(queue: Queue, first: int) -> Ledger:
    """Have all requests removed but the first ones."""
    ledger = Ledger()
    neighbours = Neighbours(queue, ledger.has_left)
    leaving = queue.entries[first:]
    ledger.open(queue.entries)
    neighbours.note(queue.window(len(queue.entries)), list(queue.entries))
    ledger.settle({request: Verdict(State.ALREADY_RERUN, "served") for request in leaving}, deletes=leaving)

    def remove(request: RerunRequest, *, send_by: float) -> bool:
        assert queue.waiting.now <= send_by
        queue.entries.remove(request)
        return True

    queue.remove = remove  # type: ignore[method-assign, assignment] # that of other tests raises
    deleter = Deleter(queue, ledger, neighbours)
    with Pool(1) as pool:
        for request in leaving:
            deleter.delete(request, Stood(queue.waiting.now), lambda: None)
        for _ in range(100):
            if not deleter.flush(pool, is_idle=True):
                return ledger
            pool.join()
            deleter.wait()
    pytest.fail("it never ends")


@pytest.mark.parametrize("may_pass", [False, True])
def test_a_part_that_cannot_be_read_is_not_read_for_each_of_its_requests(*, may_pass: bool) -> None:
    queue = Queue(30)
    queue.error = TestObserverError("403", "ask for a key", may_pass=may_pass)
    ledger = take_out(queue, 0)
    assert len(queue.limits) == (MOST_TRIES if may_pass else 1)
    assert ledger.staying() == 30
    assert all("it stays in the queue" in outcome.reason for outcome in ledger.outcomes)


def test_whoever_stands_behind_what_a_budget_reaches_stays_after_one_try() -> None:
    queue = Queue(3000)
    ledger = take_out(queue, 2500)
    left = ledger.staying() - 2500
    assert 0 < left < 500, "each reading goes through all that stay"
    assert len(queue.limits) == 1


def test_a_signal_waits_for_no_second_try() -> None:
    queue = Queue(1)
    queue.error = TestObserverError("500", "wait", may_pass=True)
    started = queue.waiting.now
    slept = queue.waiting.sleep

    def interrupt(seconds: float) -> None:
        queue.waiting.interrupt()
        queue.error = None
        slept(0.0 * seconds)

    queue.waiting.sleep = interrupt  # type: ignore[method-assign] # a signal cuts each wait short
    assert take_out(queue, 0).staying() == 0
    assert queue.waiting.now == started
