"""What is queued beside a request, read as seldom, and for as few rows, as its DELETEs allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.errors import TestObserverError
from test_executions_rerunner.models import Reading
from test_executions_rerunner.queues.base import RequestQueue
from test_executions_rerunner.queues.neighbours import LEAST_ROWS, Neighbours, UnseenError
from test_executions_rerunner.rerun_request import RerunRequest
from waits import HandMoved

if TYPE_CHECKING:
    from collections.abc import Iterable


def request(number: int, environment: str = "rpi4", created_at: float = 1.0, link: str | None = None) -> RerunRequest:
    return RerunRequest(number, link, "snap", created_at, None, (number,), {"environment": environment})


class Queue(RequestQueue):
    """A queue that counts how often it is read, and for how many rows."""

    def __init__(self, count: int, row_seconds: float = 0.0) -> None:
        self.entries = [request(number) for number in range(1, count + 1)]
        self.limits: list[int] = []
        self.waiting: HandMoved = HandMoved()
        self.row_seconds = row_seconds
        self.error: TestObserverError | None = None

    def part(self, request: RerunRequest, limit: int) -> Reading:
        """Return the first entries."""
        del request
        self.limits.append(limit)
        if self.error:
            raise self.error
        rows, as_of = self.entries[:limit], self.waiting.now
        self.waiting.now += self.row_seconds * len(rows)
        return Reading(rows, as_of, is_whole=len(rows) < limit)

    def window(self, limit: int, family: str | None = None) -> Reading:
        """Return the first entries; it costs nothing."""
        del family
        return Reading(self.entries[:limit], self.waiting.now, is_whole=len(self.entries) < limit)

    def _no(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - nothing of this is called
        raise AssertionError

    get = remove = delete = add_link = add_event = ask_whether_delete_is_allowed = _no


def neighbours_of(queue: Queue, left: Iterable[RerunRequest] = ()) -> Neighbours:
    """Return the neighbours in a queue of which one window was read."""
    neighbours = Neighbours(queue, lambda one: one in set(left))
    neighbours.note(queue.window(len(queue.entries)), list(queue.entries))
    return neighbours


def find(neighbours: Neighbours, wanted: RerunRequest, not_before: float = 0.0, **more: Any) -> RerunRequest | None:  # noqa: ANN401 - as `find` takes it
    return neighbours.find(wanted, not_before=not_before, budget=neighbours.for_deletes, **more).row


def test_one_reading_serves_all_that_it_is_young_enough_for() -> None:
    queue = Queue(3)
    neighbours, now = neighbours_of(queue), queue.waiting.now
    for number in (1, 2, 3):
        assert find(neighbours, request(number), now) is queue.entries[number - 1]
    assert len(queue.limits) == 1
    queue.waiting.now += 2
    find(neighbours, request(1), now + 1)
    assert len(queue.limits) == 2, "an older reading is none"


def test_another_environment_is_another_reading() -> None:
    queue = Queue(1)
    neighbours = neighbours_of(queue)
    find(neighbours, request(1))
    find(neighbours, request(1, "rpi5"))
    assert len(queue.limits) == 2


def test_a_reading_goes_just_as_far_as_what_is_asked_for() -> None:
    queue = Queue(300)
    neighbours = neighbours_of(queue)
    assert find(neighbours, queue.entries[0]) is queue.entries[0]
    assert queue.limits == [LEAST_ROWS]
    assert find(neighbours, queue.entries[199]) is queue.entries[199]
    assert queue.limits[1] < 300


def test_a_row_that_is_seen_proves_it_whatever_stands_behind_it() -> None:
    queue = Queue(300)
    neighbours = neighbours_of(queue)
    find(neighbours, queue.entries[0])
    assert neighbours.seen(queue.entries[LEAST_ROWS - 1], not_before=0.0)
    assert neighbours.seen(queue.entries[LEAST_ROWS], not_before=0.0) is None, "it is not known whether it is there"


def test_whoever_is_not_as_far_as_was_thought_is_looked_for_on() -> None:
    queue = Queue(300)
    neighbours = Neighbours(queue, lambda _: False)
    assert find(neighbours, queue.entries[-1]) is queue.entries[-1]
    assert queue.limits == [50, 100, 200, 400]


def test_whoever_is_not_there_is_gone() -> None:
    assert find(neighbours_of(Queue(2)), request(3)) is None


def test_what_is_asked_for_next_is_read_along_as_far_as_there_is_time_for_it() -> None:
    slow = Queue(600, row_seconds=0.1)
    neighbours = neighbours_of(slow)
    find(neighbours, slow.entries[0], also=slow.entries[1:])
    find(neighbours, slow.entries[0], slow.waiting.now, also=slow.entries[1:])
    assert slow.limits == [60, 60], "more of them would be too old at the end of the answer"
    fast = Queue(600, row_seconds=0.001)
    neighbours = neighbours_of(fast)
    find(neighbours, fast.entries[0], also=fast.entries[1:])
    find(neighbours, fast.entries[0], fast.waiting.now, also=fast.entries[1:])
    assert fast.limits[1] > 400


def test_what_has_left_is_no_row_any_more() -> None:
    queue = Queue(300)
    wanted, neighbours = queue.entries[260], neighbours_of(queue, left=queue.entries[:250])
    del queue.entries[:250]
    find(neighbours, wanted)
    assert queue.limits == [LEAST_ROWS]


@pytest.mark.parametrize(("rows", "most"), [(100, 1000), (2000, 3000)])
def test_all_readings_together_have_at_most_so_many_rows(rows: int, most: int) -> None:
    queue = Queue(rows)
    neighbours = neighbours_of(queue)
    last = queue.entries[min(rows, 400) - 1]
    with pytest.raises(UnseenError) as raised:  # noqa: PT012 - at some time there are no more
        for _ in range(100):
            queue.waiting.now += 1
            find(neighbours, last, queue.waiting.now)
    assert raised.value.is_final
    assert neighbours.for_deletes.spent <= most
    assert neighbours.for_deletes.spent > most - 500
    assert neighbours.for_triggers.spent == 0, "that is another purpose"


@pytest.mark.parametrize("may_pass", [True, False])
def test_a_reading_that_fails_proves_nothing_and_costs_nothing(*, may_pass: bool) -> None:
    queue = Queue(3)
    queue.error = TestObserverError("500", "wait", may_pass=may_pass)
    neighbours = neighbours_of(queue)
    with pytest.raises(UnseenError) as raised:
        find(neighbours, queue.entries[0])
    assert raised.value.is_final is not may_pass
    assert neighbours.for_deletes.spent == 0


def test_a_request_is_known_to_have_stood_as_of_its_newest_reading() -> None:
    queue = Queue(3)
    neighbours = neighbours_of(queue)
    first, began = queue.entries[0], queue.waiting.now
    assert neighbours.stood_at(first) == began
    queue.waiting.now += 7
    find(neighbours, first, queue.waiting.now)
    assert neighbours.stood_at(first) == began + 7
    assert neighbours.stood_at(request(9)) == float("-inf"), "it came from elsewhere"


def test_a_newer_request_in_its_place_does_not_show_that_it_stands() -> None:
    queue = Queue(1)
    neighbours = neighbours_of(queue)
    (first,), began = queue.entries, queue.waiting.now
    queue.entries = [request(1, created_at=2.0)]
    queue.waiting.now += 7
    assert find(neighbours, first, queue.waiting.now) is queue.entries[0]
    assert neighbours.stood_at(first) == began


def test_another_link_in_its_place_does_not_show_that_it_stands() -> None:
    queue = Queue(2)
    neighbours = neighbours_of(queue)
    (first, second), began = queue.entries, queue.waiting.now
    queue.entries = [first, request(2, link="https://ci.example.org/job/new/1/")]
    queue.waiting.now += 7
    find(neighbours, first, queue.waiting.now, also=[second])
    assert neighbours.stood_at(first) == began + 7
    assert neighbours.stood_at(second) == began


def test_whoever_stands_first_is_looked_for_first() -> None:
    queue = Queue(5)
    third, other = queue.entries[2], request(9)
    neighbours = neighbours_of(queue)
    assert neighbours.in_order([queue.entries[4], third, queue.entries[1]]) == [queue.entries[n] for n in (1, 2, 4)]
    assert neighbours.in_order([third, other]) == [other, third], "nobody knows where it stands"


def test_an_entry_of_the_same_group_is_found_by_that() -> None:
    queue = Queue(2)
    mine = RerunRequest(7, None, "snap", 1.0, None, (2,), {"environment": "rpi4"})
    assert find(neighbours_of(queue), mine) is queue.entries[1]
    groupless = RerunRequest(7, None, "snap", 1.0, None, None, {"environment": "rpi4"})
    queue.entries.append(RerunRequest(8, None, "snap", 1.0, None, None, {"environment": "rpi4"}))
    assert find(neighbours_of(queue), groupless) is None, "two of which nothing is told are not of one group"


def test_ten_thousand_of_one_part_are_found_without_going_through_all_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[RerunRequest] = []

    def compare(one: RerunRequest, other: RerunRequest) -> bool:
        compared.append(other)
        return one.test_execution_id == other.test_execution_id

    monkeypatch.setattr(RerunRequest, "is_of_same_group", compare)
    queue = Queue(10_000)
    neighbours = neighbours_of(queue)
    find(neighbours, queue.entries[0], also=queue.entries[1:])
    for one in queue.entries:
        neighbours.seen(one, not_before=0.0)
    assert len(compared) < 4 * len(queue.entries)
