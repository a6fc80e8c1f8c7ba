"""How long it takes to find out what was rerun, where there is much of it."""

from __future__ import annotations

import time
from typing import Any

from test_executions_rerunner.calls.clocks import Moment, ServerClock
from test_executions_rerunner.processors.github.jobs import Job, Jobs
from test_executions_rerunner.processors.github.looks.served import Asked, Reruns
from test_executions_rerunner.processors.github.runs import Run


def test_a_large_matrix_that_was_rerun_often_is_compared_with_all_its_requests_within_seconds() -> None:
    names, attempts = [f"job {number}" for number in range(256)], range(1, 52)
    entries = [
        Job(attempt * 1000 + number, name, attempt, float(attempt), "failure", attempt * 1000 + number, has_runner=True)
        for attempt in attempts
        for number, name in enumerate(names)
    ]
    told: dict[str, Any] = {}
    reruns = Reruns(
        Run("completed", 51, 0.0, 51.0, 51.0, told),
        Jobs(entries),
        lambda seconds, at: seconds > at.seconds,
        failed_jobs=False,
    )
    at = Moment(51.5, ServerClock(time.monotonic))
    began = time.thread_time()
    for number in range(256):
        asked = Asked(1000 + number, at)
        assert (reruns.served_by(asked), reruns.misses(asked)) == (None, 0)
    earlier = Asked(None, at._replace(seconds=1.5))
    assert (reruns.served_by(earlier), reruns.misses(earlier)) == (2, 50)
    assert time.thread_time() - began < 5
