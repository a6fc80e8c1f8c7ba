"""What a trigger of a run starts again: as little as will do, and more where that was refused."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from test_executions_rerunner.models import PostArguments
    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.jobs import Jobs
    from test_executions_rerunner.processors.github.links import RunLink


class Width(IntEnum):
    """How much of a run a trigger starts."""

    JOB = 1
    FAILED_JOBS = 2
    RUN = 3

    @classmethod
    def of(cls, url: str) -> Width:
        """Return that of a trigger, by its URL."""
        if url.endswith("/rerun-failed-jobs"):
            return cls.FAILED_JOBS
        return cls.JOB if "/actions/jobs/" in url else cls.RUN


class Before(NamedTuple):
    """How a run stood at a look, for its trigger and to compare with after a doubtful one."""

    attempt: int
    """The number of its newest attempt."""
    jobs: tuple[int | None, ...] = ()
    """The ids of the jobs that the trigger is for; None: of a link that names none."""

    @property
    def named(self) -> list[int]:
        """The jobs that links name."""
        return [job for job in self.jobs if job is not None]


class RunTrigger(NamedTuple):
    """A trigger of a run."""

    width: Width
    job: int | None = None
    """The id of the job that it starts, in the newest attempt; None: it starts more than one."""
    job_ids: frozenset[int] | None = None
    """The ids of that job in all attempts."""

    @property
    def is_narrow(self) -> bool:
        """Whether it starts less than the whole run."""
        return self.width is not Width.RUN

    def post_arguments(self, api: GithubApi, link: RunLink) -> PostArguments:
        """Return the POST."""
        if self.job is not None:
            return api.post_of_job(link, self.job)
        return api.post(link, failed_jobs=self.width is Width.FAILED_JOBS)

    @classmethod
    def narrowest(cls, rerun: str, before: Before, jobs: Callable[[], Jobs], refused: Collection[str]) -> RunTrigger:
        """Return the trigger that starts the job of each link again, and as little else as possible.

        Args:
            rerun: ``run``, ``failed-jobs`` or ``job``: how little it may be.
            before: How the run stands, and for which jobs the trigger is.
            jobs: Reads the run's jobs; called only if they matter.
            refused: The URLs of triggers that are not wide enough.
        """
        least = max((Width.of(url) + 1 for url in refused), default=Width.JOB)
        has_all_named = len(before.named) == len(before.jobs)
        if rerun == "run" or least >= Width.RUN or (rerun == "job" and not has_all_named):
            return cls(Width.RUN)
        if rerun == "job" and least <= Width.JOB and (job := jobs().only_one(before.named, before.attempt)):
            return cls(Width.JOB, job.number, frozenset(each.number for each in jobs().named(job.name)))
        have_failed = all(jobs().has_failed_last(number) for number in before.named)
        return cls(Width.FAILED_JOBS if have_failed else Width.RUN)


def is_ours(before: Before, url: str, jobs: Jobs) -> bool:
    """Tell whether the attempt after a look is the one that its trigger starts, as far as its jobs tell.

    Args:
        before: How the run stood at the look.
        url: The trigger.
        jobs: The run's jobs, read since.
    """
    attempt = before.attempt + 1
    own = jobs.run_by(attempt)
    names = Counter(job.name for job in own)
    asked = [jobs.with_id(number) for number in before.named]
    known = [job for job in asked if job]
    if len(known) == len(before.jobs):
        return all(not Counter({job.name: _count(jobs, job.name, job.attempt)}) - names for job in known)
    if Width.of(url) is Width.FAILED_JOBS:
        failed = Counter(job.name for job in jobs.newest(before.attempt) if job.has_failed)
        return bool(own) and not failed - names
    return bool(own) and len(own) == len(jobs.listed(attempt))


def _count(jobs: Jobs, name: str, attempt: int) -> int:
    return sum(job.attempt == attempt for job in jobs.named(name))
