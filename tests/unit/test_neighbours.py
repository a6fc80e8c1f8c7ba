"""What is queued beside a request, read as seldom as its DELETEs allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.neighbours import Neighbours
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Mapping


def request(number: int, environment: str = "rpi4") -> RerunRequest:
    return RerunRequest(number, None, "snap", 1.0, None, (number,), {"environment": environment})


class Queue:
    """A queue that counts how often it is read."""

    def __init__(self, count: int) -> None:
        self.entries = [request(number) for number in range(1, count + 1)]
        self.limits: list[int] = []

    def read(self, filters: Mapping[str, str], limit: int) -> list[RerunRequest]:
        """Return the first entries."""
        assert filters
        self.limits.append(limit)
        return self.entries[:limit]


def test_one_reading_serves_all_that_it_is_young_enough_for() -> None:
    now, queue = [10.0], Queue(3)
    neighbours = Neighbours(queue.read, lambda: now[0])
    for number in (1, 2, 3):
        assert neighbours.find(request(number), not_before=9.0) is queue.entries[number - 1]
    assert len(queue.limits) == 1
    now[0] = 12.0
    neighbours.find(request(1), not_before=11.0)
    assert len(queue.limits) == 2


def test_another_environment_is_another_reading() -> None:
    queue = Queue(1)
    neighbours = Neighbours(queue.read, lambda: 10.0)
    neighbours.find(request(1), not_before=9.0)
    neighbours.find(request(1, "rpi5"), not_before=9.0)
    assert len(queue.limits) == 2


def test_it_is_read_on_until_its_end() -> None:
    queue = Queue(300)
    assert Neighbours(queue.read, lambda: 0.0).find(request(300), not_before=0.0) is queue.entries[-1]
    assert queue.limits == [50, 200, 800]


def test_whoever_is_not_there_is_gone() -> None:
    assert Neighbours(Queue(2).read, lambda: 0.0).find(request(3), not_before=0.0) is None
