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
    from test_executions_rerunner.processors.github_jobs import Job, Jobs
    from test_executions_rerunner.processors.github_runs import Run


class Asked(NamedTuple):
    """What a request asks of a run."""

    job: int | None
    """The id of the job that its link names; None: it names no job."""
    at: Moment | None
    """When it was made; None: not known."""
    attempt: int = 1
    """The attempt that its link names; without one, the first."""


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

    def served_by(self, asked: Asked) -> int | None:
        """Return the attempt with which all was rerun that a request asks for; None: none is proven to be it."""
        if asked.at is None:
            return None
        last = self._last_before(asked)
        started = [
            job
            for job in self._jobs.entries
            if job.origin > last and (job.has_runner or job.was_skipped) and self._later(job.started, asked.at)
        ]
        own = self._jobs.with_id(asked.job)
        if own:
            asked_for = Counter({own.name: sum(job.name == own.name for job in self._jobs.listed(own.attempt))})
            started = [job for job in started if job.has_runner]
        else:
            first = min((job.origin for job in started), default=0)
            asked_for = self._whole(first - 1)
            failed = Counter(job.name for job in self._jobs.newest(first - 1) if job.has_failed)
            if self._failed_jobs and failed and asked.job is None:
                asked_for, started = failed, [job for job in started if job.has_runner]
        return self._covering(asked_for, started)

    def misses(self, asked: Asked) -> int:
        """Return how many attempts since a request were over without running what it asks for."""
        if asked.at is None:
            return 0
        count, is_later, starts = 0, False, {**self._jobs.starts(), self._run.attempt: self._run.started}
        own = self._jobs.with_id(asked.job)
        for attempt in range(self._last_before(asked) + 1, self._run.attempt + self._run.is_completed):
            start = starts.get(attempt)
            is_later = is_later or (start is not None and self._later(start, asked.at))
            count += is_later and self._is_miss(attempt, own)
        return count

    def _is_miss(self, attempt: int, own: Job | None) -> bool:
        jobs = self._jobs.run_by(attempt)
        if not any(job.has_runner for job in jobs):
            return True
        if own:
            runners = [job.has_runner for job in jobs if job.name == own.name]
            return bool(runners) and not any(runners)
        # jobs that nobody knew: names that the run makes up anew, which can never be found rerun
        return bool(Counter(job.name for job in jobs) - self._whole(attempt - 1))

    def _last_before(self, asked: Asked) -> int:
        """Return the last attempt that cannot be a rerun: the first one, or that of the link."""
        own = self._jobs.with_id(asked.job)
        return max(1, asked.attempt, own.attempt if own else 1)

    def _whole(self, attempt: int) -> Counter[str]:
        return self._jobs.names(attempt)

    def _covering(self, asked_for: Counter[str], started: list[Job]) -> int | None:
        """Return the attempt that ran the last of what was asked for; equal names count only within one attempt."""
        found: Counter[str] = Counter()
        has_run = False
        for attempt in sorted({job.attempt for job in started}):
            jobs = [job for job in started if job.attempt == attempt]
            found |= Counter(job.name for job in jobs)
            has_run = has_run or any(job.has_runner for job in jobs)
            if has_run and not asked_for - found:
                return attempt
        return None
