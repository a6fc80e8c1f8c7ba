"""What bounds the reruns of one run: its age, and how often it may start in a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.models import State, Verdict
from test_executions_rerunner.processors.github.api import WHOLE_SECONDS
from test_executions_rerunner.processors.github.shapes import time_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.jobs import Jobs
    from test_executions_rerunner.processors.github.runs import Run

_DAY_SECONDS = 24 * 3600.0
_MONTH_SECONDS = 30 * _DAY_SECONDS
_TOLERANCE_SECONDS = 600.0
"""Within this time of the end of a run's month, GitHub itself decides."""


def too_old(api: GithubApi, run: Run) -> Verdict | None:
    """Refuse a run that GitHub will not start again because it is over 30 days old, by GitHub's own clock."""
    clock = api.calls.clock
    latest = clock.now() - _MONTH_SECONDS - _TOLERANCE_SECONDS
    if run.created > latest:
        return None  # if that clock is wrong, GitHub itself still decides
    if not api.calls.later(latest, Moment(run.created, clock, WHOLE_SECONDS)):
        return None
    reason = f"created over a month ago, at {time_text(run.created)}: GitHub starts it again for 30 days only"
    return Verdict(State.REFUSED, reason)


def too_often(api: GithubApi, most: int, run: Run, jobs: Callable[[], Jobs]) -> Verdict | None:
    """Defer a run that has had its attempts for the last 24 hours, by GitHub's own clock.

    Args:
        api: Knows that clock.
        most: How many attempts may start in 24 hours.
        run: The run.
        jobs: Reads the run's jobs; called only if they matter.
    """
    clock = api.calls.clock
    yesterday = Moment(clock.now() - _DAY_SECONDS, clock)
    if run.attempt < most or not api.later(run.started, yesterday):
        return None
    starts = {run.attempt: run.started} if most == 1 else {**jobs().starts(), run.attempt: run.started}
    recent = sorted(start for start in starts.values() if api.later(start, yesterday))
    if len(recent) < most:
        return None
    often = "once" if len(recent) == 1 else f"{len(recent)} times"
    possible = time_text(recent[-most] + _DAY_SECONDS)
    reason = f"started {often} in the last 24 hours (--max-per-day is {most}), next possible at {possible}"
    return Verdict(State.DEFERRED, reason)
