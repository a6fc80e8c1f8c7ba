"""Readings of parts of the queue, put together in the queue's order: priority, then age."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, TypeAlias

from test_executions_rerunner.models import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from test_executions_rerunner.rerun_request import RerunRequest

_Place: TypeAlias = "tuple[int, float, int]"
_FIRST: _Place = (-(10**9), float("-inf"), 0)
"""Before whatever tells its place: a priority is at most a million."""


def merged(readings: Sequence[Reading]) -> Reading:
    """Return readings as one, as far as its order is known: behind the end of one that was cut, more may stand.

    Args:
        readings: Of parts that have no request in common, each in the order of the queue.
    """
    rows = [list(_placed(reading.requests)) for reading in readings]
    ends = [each[-1][0] for each, reading in zip(rows, readings, strict=True) if each and not reading.is_whole]
    known = (row for row in heapq.merge(*rows, key=_place) if not ends or row[0] <= min(ends))
    return Reading(
        tuple(request for _, request in known),
        min(reading.as_of for reading in readings),
        is_whole=all(reading.is_whole for reading in readings),
        answered_at=max(reading.answered_at for reading in readings),
    )


def _placed(requests: Iterable[RerunRequest]) -> Iterator[tuple[_Place, RerunRequest]]:
    """Yield each request with its place; one that does not tell it stands where the one before it does."""
    place = _FIRST
    for request in requests:
        if isinstance(request.created_at, float):
            place = max(place, (-request.priority, request.created_at, request.test_execution_id or 0))
        yield place, request


def _place(row: tuple[_Place, RerunRequest]) -> _Place:
    return row[0]
