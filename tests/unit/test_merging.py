"""Readings of families, put together: the queue's own order, as far as it is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.models import Reading
from test_executions_rerunner.queues.merging import merged
from test_executions_rerunner.rerun_request import RerunRequest

FAMILIES = ("snap", "deb", "charm")
ROWS = st.lists(st.tuples(st.sampled_from(FAMILIES), st.integers(-2, 2), st.integers(0, 5)), max_size=30)


def queue_of(rows: list[tuple[str, int, int]]) -> list[RerunRequest]:
    """Return a queue in Test Observer's order."""
    queue = [
        RerunRequest(number, None, family, float(age), priority=priority)
        for number, (family, priority, age) in enumerate(rows, 1)
    ]
    return sorted(queue, key=lambda one: (-one.priority, one.created_at, one.test_execution_id))


def readings_of(queue: list[RerunRequest], limit: int) -> list[Reading]:
    parts = [[one for one in queue if one.family == family] for family in FAMILIES]
    return [
        Reading(part[:limit], 10.0 - len(part), is_whole=len(part) < limit, answered_at=20.0 + len(part))
        for part in parts
    ]


@given(ROWS)
def test_whole_readings_are_the_whole_queue_in_its_order(rows: list[tuple[str, int, int]]) -> None:
    queue = queue_of(rows)
    whole = merged(readings_of(queue, 100))
    assert list(whole.requests) == queue
    assert whole.is_whole


@given(ROWS, st.integers(1, 5))
def test_what_is_known_of_cut_readings_is_the_head_of_the_queue(rows: list[tuple[str, int, int]], limit: int) -> None:
    queue = queue_of(rows)
    readings = readings_of(queue, limit)
    known = merged(readings)
    assert list(known.requests) == queue[: len(known.requests)]
    assert len(known.requests) >= min(limit, len(queue)), "never less than one reading of all would show"
    assert known.as_of == min(reading.as_of for reading in readings)
    assert known.answered_at == max(reading.answered_at for reading in readings), "all was made before that"
    assert known.is_whole == all(reading.is_whole for reading in readings)


def test_one_that_does_not_say_when_it_was_made_stays_behind_the_one_before_it() -> None:
    first, timeless, last, other = (
        RerunRequest(1, None, "snap", 1.0),
        RerunRequest(2, None, "snap", None),
        RerunRequest(3, None, "snap", 9.0),
        RerunRequest(4, None, "deb", 5.0),
    )
    found = merged([Reading([first, timeless, last], 0.0, is_whole=True), Reading([other], 0.0, is_whole=True)])
    assert list(found.requests) == [first, timeless, other, last]
