"""What the threads of a drain share, in hundreds of schedules each; without its locks, one of them must break it."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from scheduler import Scheduler, StuckError, Threading
from test_executions_rerunner import beside
from test_executions_rerunner.calls import once, waiting
from test_executions_rerunner.calls.waiting import Pace, Waiting
from test_executions_rerunner.drain import claims, ledger, pool, slots
from test_executions_rerunner.models import Claim, Reading, State, Verdict
from test_executions_rerunner.queues import exclusion, neighbours
from test_executions_rerunner.rerun_request import RerunRequest
from unit.test_neighbours import Queue
from unit.test_neighbours import request as request_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from types import ModuleType

Scene = tuple["Callable[[Scheduler], None]", "tuple[ModuleType, ...]"]
SCHEDULES = 200


def slots_are_never_more_than_the_limit(scheduler: Scheduler) -> None:
    shared, held, used, told = slots.Slots(2), [0], [0], []

    def trigger(*, is_used: bool) -> None:
        is_mine = shared.take()
        told.append(is_mine)
        if is_mine:
            held[0] += 1
            assert held[0] + used[0] <= 2
            held[0] -= 1
            used[0] += is_used
            shared.end(is_used=is_used)
        else:
            assert used[0] == 2, "told that all are used up though one may still be given back"

    scheduler.run(*(lambda is_used=is_used: trigger(is_used=is_used) for is_used in (True, False, True, False, True)))

    assert used[0] == 2
    assert shared.are_used_up


def a_claim_has_one_holder(scheduler: Scheduler) -> None:
    shared = claims.Claims(scheduler.clock, lambda: False)
    claim, refused = Claim("group", "the group is taken"), []
    holders: list[str] = []
    kept: list[str] = []

    def trigger(name: str, *, are_kept: bool) -> None:
        if shared.take([claim], name):
            refused.append(name)
            assert kept
            return
        assert not holders
        assert not kept
        holders.append(name)
        scheduler.switch()
        holders.remove(name)
        if are_kept:
            kept.append(name)
        shared.settle([claim], name, are_kept=are_kept)

    scheduler.run(
        lambda: trigger("a", are_kept=False),
        lambda: trigger("b", are_kept=True),
        lambda: trigger("c", are_kept=True),
    )

    assert len(kept) == 1
    assert len(refused) >= 1


def both_of_two_claims_are_taken_or_none(scheduler: Scheduler) -> None:
    shared = claims.Claims(scheduler.clock, lambda: False)
    one, two = Claim("one", "one is taken"), Claim("two", "two is taken")
    started: list[str] = []

    def trigger(name: str, wanted: list[Claim]) -> None:
        if not shared.take(wanted, name):
            started.append(name)
            shared.settle(wanted, name, are_kept=True)

    scheduler.run(lambda: trigger("a", [one, two]), lambda: trigger("b", [two, one]), lambda: trigger("c", [two]))

    assert len(started) == 1


def a_report_changes_no_more(scheduler: Scheduler) -> None:
    shared = ledger.Ledger()
    requests = [RerunRequest(number, None, None, None) for number in (1, 2, 3)]
    shared.open(requests)
    told: dict[RerunRequest, bool] = {}
    reports: list[list[tuple[object, State, str]]] = []

    def trigger(request: RerunRequest) -> None:
        if shared.begin([request]) is None:
            scheduler.switch()
            told[request] = shared.settle({request: Verdict(State.TRIGGERED, "accepted")})

    def end() -> None:
        shared.end("the end", grace_seconds=0.0, all_seconds=0.0)
        reports.append([(outcome.request, outcome.state, outcome.reason) for outcome in shared.outcomes])

    scheduler.run(*(lambda request=request: trigger(request) for request in requests), end)

    final = [(outcome.request, outcome.state, outcome.reason) for outcome in shared.outcomes]
    assert reports == [final], "the report was written, and then something changed"
    states = {request: state for request, state, _ in final}
    assert set(states) == set(requests)
    for request, is_in_time in told.items():
        assert (states[request] is State.TRIGGERED) == is_in_time
        assert states[request] in {State.TRIGGERED, State.UNKNOWN}, "its trigger was sent"


def no_trigger_begins_unseen_after_a_stop(scheduler: Scheduler) -> None:
    shared = ledger.Ledger()
    request = RerunRequest(1, None, None, None)
    shared.open([request])
    began: list[bool] = []
    was_in_flight: list[bool] = []

    def trigger() -> None:
        began.append(shared.begin([request]) is None)

    def end() -> None:
        shared.stop(State.DEFERRED, "the end")
        was_in_flight.append(shared.is_in_flight([request]))

    scheduler.run(trigger, end)

    assert was_in_flight in (began, [True]), "it was sent, and nobody waited for it"


def each_task_runs_once_and_no_more_than_the_size_at_a_time(scheduler: Scheduler) -> None:
    running, most, done = [0], [0], []

    def task(name: str) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        scheduler.switch()
        running[0] -= 1
        done.append(name)

    def main() -> None:
        with pool.Pool(2) as shared:
            for name in "abcde":
                shared.submit(partial(task, name), urgent=name == "d")
            shared.join()
            assert sorted(done) == list("abcde")

    seconds = itertools.count(1)
    with patch.object(pool, "perf_counter", lambda: next(seconds)), patch.object(pool, "process_time", lambda: 0.0):
        scheduler.run(main)

    assert most[0] <= 2


def waits_at_the_same_time_are_counted_once(scheduler: Scheduler) -> None:
    shared = Waiting(clock=lambda: 1000.0)
    granted: list[float] = []

    def announce(seconds: float) -> None:
        if shared.grant(seconds):
            granted.append(seconds)

    scheduler.run(lambda: announce(20.0), lambda: announce(60.0), lambda: announce(40.0))

    assert sorted(granted) == [20.0, 40.0, 60.0]
    assert shared._granted_seconds == 60.0  # noqa: SLF001 - what later waits are counted on


def no_more_calls_than_its_pace(scheduler: Scheduler) -> None:
    shared = Pace(2, 60.0, Waiting(clock=scheduler.clock))
    called: list[float] = []

    def call() -> None:
        with shared.turn(), shared.call():
            called.append(scheduler.now)
            scheduler.switch()

    scheduler.run(*[call] * 4)

    assert len(called) == 4
    assert all(later - earlier >= 60.0 for earlier, later in zip(called, called[2:], strict=False))


def no_reading_runs_beside_a_delete_of_its_part(scheduler: Scheduler) -> None:
    shared = exclusion.Exclusion()
    readings, deletes = Counter[str](), Counter[str]()

    def read(part: str) -> None:
        with shared.reading(part) if part else shared.reading():
            readings[part] += 1
            assert not deletes.total() if not part else not deletes[part]
            scheduler.switch()
            assert not deletes.total() if not part else not deletes[part]
            readings[part] -= 1

    def delete(part: str) -> None:
        with shared.deleting(part):
            deletes[part] += 1
            assert not readings[part]
            assert not readings[""]
            scheduler.switch()
            assert not readings[part]
            assert not readings[""]
            deletes[part] -= 1

    scheduler.run(
        lambda: read("rpi"), lambda: delete("rpi"), lambda: delete("nuc"), lambda: read(""), lambda: delete("rpi")
    )


class SlowQueue(Queue):
    """Whose readings take as long as the others like."""

    def __init__(self, scheduler: Scheduler, parts: int, rows: int) -> None:
        super().__init__(0)
        self.scheduler = scheduler
        self.rows = {
            f"part {part}": [request_of(100 * part + row, f"part {part}") for row in range(rows)]
            for part in range(parts)
        }
        self.being_read: Counter[object] = Counter()
        self.read = 0

    def part(self, request: RerunRequest, limit: int) -> Reading:
        rows = self.rows[request.filters["environment"]]
        self.being_read[request.part] += 1
        assert self.being_read[request.part] == 1, "two readings of one part at a time"
        as_of = self.waiting.now
        self.scheduler.switch()
        self.being_read[request.part] -= 1
        self.read += len(rows[:limit])
        return Reading(rows[:limit], as_of, is_whole=limit > len(rows))


def a_part_is_read_once_for_all_who_ask(scheduler: Scheduler) -> None:
    queue = SlowQueue(scheduler, parts=1, rows=3)
    shared = neighbours.Neighbours(queue, lambda _: False)

    def ask(request: RerunRequest) -> None:
        not_before = queue.waiting.now
        sight = shared.find(request, not_before=not_before, budget=shared.for_deletes)
        assert sight.as_of >= not_before
        assert sight.row is request

    with patch.object(neighbours, "_Part", _part_of(scheduler)):
        scheduler.run(*(lambda row=row: ask(row) for row in queue.rows["part 0"]))

    assert queue.read == 3, "no time passed, so one reading is young enough for all"
    assert shared.for_deletes.spent == queue.read


def readings_of_many_parts_stay_within_their_budget(scheduler: Scheduler) -> None:
    queue = SlowQueue(scheduler, parts=3, rows=50)
    shared = neighbours.Neighbours(queue, lambda _: False)
    shared.for_deletes.spent = 920  # of 1,000

    def ask(request: RerunRequest) -> None:
        with suppress(neighbours.UnseenError):
            shared.find(request, not_before=queue.waiting.now, budget=shared.for_deletes)

    with patch.object(neighbours, "_Part", _part_of(scheduler)):
        scheduler.run(*(lambda rows=rows: ask(rows[0]) for rows in queue.rows.values()))

    assert shared.for_deletes.spent == 920 + queue.read
    assert shared.for_deletes.spent <= 1000


def _part_of(scheduler: Scheduler) -> Callable[[], neighbours._Part]:
    """Return what makes parts with a lock that the scheduler knows."""
    make = neighbours._Part  # noqa: SLF001 - its lock is made when the module is read, before there is a scheduler
    return lambda: make(lock=Threading(scheduler).Lock())  # type: ignore[arg-type] # a lock of the scheduler's


def what_is_made_once_is_made_once(scheduler: Scheduler) -> None:
    made: list[int] = []

    def make() -> int:
        scheduler.switch()
        made.append(len(made))
        return made[-1]

    shared, got = once.Once(make), []
    scheduler.run(*[lambda: got.append(shared())] * 3)

    assert made == [0]
    assert got == [0, 0, 0]


def work_beside_is_done_in_order(scheduler: Scheduler) -> None:
    done: list[int] = []
    at_work: list[int] = []

    def work(item: int) -> None:
        assert not at_work
        at_work.append(item)
        scheduler.switch()
        at_work.remove(item)
        done.append(item)

    shared = beside.Beside(work, "a name")

    def put(*items: int) -> None:
        for item in items:
            shared.put(item)
        shared.join()
        assert set(items) <= set(done)

    scheduler.run(lambda: put(1, 2, 3), lambda: put(11, 12))

    assert sorted(done) == [1, 2, 3, 11, 12]
    assert [item for item in done if item < 10] == [1, 2, 3]


SCENES: dict[str, Scene] = {
    "slots": (slots_are_never_more_than_the_limit, (slots,)),
    "claims": (a_claim_has_one_holder, (claims,)),
    "two-claims": (both_of_two_claims_are_taken_or_none, (claims,)),
    "ledger": (a_report_changes_no_more, (ledger,)),
    "stop": (no_trigger_begins_unseen_after_a_stop, (ledger,)),
    "pool": (each_task_runs_once_and_no_more_than_the_size_at_a_time, (pool,)),
    "waiting": (waits_at_the_same_time_are_counted_once, (waiting,)),
    "pace": (no_more_calls_than_its_pace, (waiting,)),
    "exclusion": (no_reading_runs_beside_a_delete_of_its_part, (exclusion,)),
    "neighbours": (a_part_is_read_once_for_all_who_ask, (neighbours,)),
    "budget": (readings_of_many_parts_stay_within_their_budget, (neighbours,)),
    "once": (what_is_made_once_is_made_once, (once,)),
    "beside": (work_beside_is_done_in_order, (beside,)),
}


def _try(scene: Scene, seed: int, *, has_locks: bool) -> None:
    play, modules = scene
    with Scheduler(seed, *modules, has_locks=has_locks) as scheduler:
        play(scheduler)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_it_holds_in_every_schedule(scene: Scene) -> None:
    for seed in range(SCHEDULES):
        _try(scene, seed, has_locks=True)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_without_its_locks_a_schedule_breaks_it(scene: Scene) -> None:
    def breaks(seed: int) -> bool:
        with suppress(Exception):
            _try(scene, seed, has_locks=False)
            return False
        return True

    assert any(breaks(seed) for seed in range(10 * SCHEDULES))


def test_a_schedule_repeats_exactly_and_another_is_another() -> None:
    def order_of(seed: int) -> list[str]:
        order: list[str] = []

        def task(name: str) -> None:
            order.append(name)
            scheduler.switch()
            order.append(name)

        with Scheduler(seed) as scheduler:
            scheduler.run(*(partial(task, name) for name in "abc"))
        return order

    orders = [order_of(seed) for seed in range(20)]

    assert orders == [order_of(seed) for seed in range(20)]
    assert len(set(map(tuple, orders))) > 10


def test_threads_that_wait_for_each_other_are_found() -> None:
    def is_stuck(seed: int) -> bool:
        scheduler = Scheduler(seed)
        one, other = Threading(scheduler).Lock(), Threading(scheduler).Lock()

        def take(first: AbstractContextManager[object], then: AbstractContextManager[object]) -> None:
            with first:
                scheduler.switch()
                with then:
                    pass

        try:
            scheduler.run(partial(take, one, other), partial(take, other, one))
        except StuckError:
            return True
        return False

    assert {is_stuck(seed) for seed in range(50)} == {True, False}
