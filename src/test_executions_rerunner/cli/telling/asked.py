"""Which test a request asks for, in words: where, what, by which plan, and how long ago it was asked for."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from test_executions_rerunner.text import Mask, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from test_executions_rerunner.rerun_request import RerunRequest

_BETWEEN = " · "
_MOST_TESTS = 2
"""Of one line that are named."""
_MOST_OF_A_NAME = 60
_UNITS = ((48 * 3600.0, 24 * 3600.0, "days"), (5400.0, 3600.0, "h"), (60.0, 60.0, "min"))
"""From how many seconds on a unit is used, how many it has, and its name."""


def which(requests: Sequence[RerunRequest], now: float, mask: Mask) -> str:
    """Return ``rpi400 · core24 beta · 2 h ago`` for requests that are told together; empty: nothing is known.

    Args:
        requests: One or more.
        now: The time of the server that says when they were made, in seconds since 1970.
        mask: Hides secrets in what strangers wrote.
    """
    tests = list(dict.fromkeys(filter(None, (tested(request, mask) for request in requests))))
    more = f" and {len(tests) - _MOST_TESTS} more" if len(tests) > _MOST_TESTS else ""
    return _BETWEEN.join(filter(None, ["; ".join(tests[:_MOST_TESTS]) + more, _asked(requests, now)]))


def tested(request: RerunRequest, mask: Mask) -> str:
    """Return what is tested: the environment, the artefact, the plan, as far as they are told."""
    told = request.tested
    plan = (told.test_plan or "").rpartition("::")[2]
    return _BETWEEN.join(
        clean(name, mask, most=_MOST_OF_A_NAME) for name in (told.environment, told.artefact, plan) if name
    )


def asked_at(request: RerunRequest) -> str | None:
    """Return when a request was made, in ISO 8601 and UTC; None: it does not say."""
    if not isinstance(request.created_at, float):
        return None
    try:
        moment = dt.datetime.fromtimestamp(request.created_at, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def age(seconds: float) -> str:
    """Return how long something takes or took, as people say it."""
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 0.0):.0f} s"


def _asked(requests: Sequence[RerunRequest], now: float) -> str:
    ages = [now - request.created_at for request in requests if isinstance(request.created_at, float)]
    if not ages:
        return ""
    youngest, oldest = age(min(ages)), age(max(ages))
    return f"{oldest} ago" if youngest == oldest else f"{youngest} to {oldest} ago"
