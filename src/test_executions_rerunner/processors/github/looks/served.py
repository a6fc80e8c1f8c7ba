"""Which requests were rerun since they were made, as far as GitHub's list of jobs proves it.

An attempt counts if it is above the first, began later, and is not one that the link names itself or an earlier one.
That it was started proves nothing: it may have been cancelled before any of its jobs had a runner, and people rerun
parts of a run.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.processors.github.jobs import Job, Jobs
    from test_executions_rerunner.processors.github.runs import Run


class Asked(NamedTuple):
    """What a request asks of a run."""

    job: int | None
    """The id of the job that its link names; None: it names no job."""
    at: Moment | None
    """When it was made; None: not known."""
    attempt: int = 1
    """The attempt that its link names; without one, the first."""


class _Wanted(NamedTuple):
    """What must be rerun for a request to be served."""

    jobs: Counter[str]
    """How many of each name."""
    must_run: bool
    """Whether each must have had a runner; otherwise it may have been skipped anew, if any of them ran."""


class Reruns:
    """What was rerun of a run.

    Args:
        run: The run.
        jobs: Its jobs.
        later: Tells whether a moment of GitHub's clock is surely later than a request.
        failed_jobs: Whether a link without a job asks for the failed jobs only.
    """

    def __init__(self, run: Run, jobs: Jobs, later: Callable[[float, Moment], bool], *, failed_jobs: bool) -> None:
        self._run, self._jobs, self._later, self._failed_jobs = run, jobs, later, failed_jobs
        self._starts = {**jobs.starts(), run.attempt: run.started}

    def served_by(self, asked: Asked) -> int | None:
        """Return the attempt with which all was rerun that a request asks for; None: none is proven to be it."""
        if asked.at is None:
            return None
        last, own = self._last_before(asked), self._jobs.with_id(asked.job)
        started = [
            job
            for job in (self._jobs.named(own.name) if own else self._jobs.entries)
            if job.origin > last and (job.has_runner or job.was_skipped) and self._later(job.started, asked.at)
        ]
        first = min((job.origin for job in started), default=0)
        wanted = self._wanted(asked, first - 1)
        if wanted.must_run:
            started = [job for job in started if job.has_runner]
        return _covering(wanted.jobs, started)

    def misses(self, asked: Asked) -> int:
        """Return how many attempts since a request were over without running what it asks for."""
        if asked.at is None:
            return 0
        count, is_later = 0, False
        for attempt in range(self._last_before(asked) + 1, self._run.attempt + self._run.is_completed):
            start = self._starts.get(attempt)
            is_later = is_later or (start is not None and self._later(start, asked.at))
            count += is_later and self._is_miss(attempt, asked)
        return count

    def _is_miss(self, attempt: int, asked: Asked) -> bool:
        """Tell whether nothing ran in an attempt, or not all of what is asked for, though all of that was started."""
        jobs = self._jobs.run_by(attempt)
        if not any(job.has_runner for job in jobs):
            return True
        wanted, names = self._wanted(asked, attempt - 1), Counter(job.name for job in jobs)
        if self._jobs.with_id(asked.job):
            return not wanted.jobs - names and bool(wanted.jobs - Counter(job.name for job in jobs if job.has_runner))
        # names that a run makes up anew in each attempt can never be found rerun
        return not wanted.jobs - names or bool(names - self._jobs.names(attempt - 1))

    def _last_before(self, asked: Asked) -> int:
        """Return the last attempt that cannot be a rerun: the first one, or that of the link."""
        own = self._jobs.with_id(asked.job)
        return max(1, asked.attempt, own.attempt if own else 1)

    def _wanted(self, asked: Asked, attempt: int) -> _Wanted:
        """Return what must be rerun for a request, given how the run stood after an attempt."""
        own = self._jobs.with_id(asked.job)
        if own:
            count = sum(job.attempt == own.attempt for job in self._jobs.named(own.name))
            return _Wanted(Counter({own.name: count}), must_run=True)
        failed = Counter(job.name for job in self._jobs.newest(attempt) if job.has_failed)
        if self._failed_jobs and failed and asked.job is None:
            return _Wanted(failed, must_run=True)
        return _Wanted(self._jobs.names(attempt), must_run=False)


def _covering(wanted: Counter[str], started: list[Job]) -> int | None:
    """Return the attempt that ran the last of what is wanted; equal names count only within one attempt."""
    found: Counter[str] = Counter()
    has_run = False
    for attempt in sorted({job.attempt for job in started}):
        jobs = [job for job in started if job.attempt == attempt]
        found |= Counter(job.name for job in jobs)
        has_run = has_run or any(job.has_runner for job in jobs)
        if has_run and not wanted - found:
            return attempt
    return None
