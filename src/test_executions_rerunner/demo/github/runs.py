"""What the loopback GitHub keeps: repositories, workflow runs, their attempts and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

Access = Literal["write", "read", "none"]
_OVER = "completed"
_FINE = ("success", "skipped", "neutral")
_WITHOUT_RUNNER = ("cancelled", "skipped", "startup_failure")
"""How a job may end that no runner has taken yet."""


@dataclass(slots=True, eq=False)
class Repository:
    """A repository.

    Attributes:
        id: Its number, which a move does not change.
        name: ``OWNER/NAME``.
        private: Whether only those with access see it.
        permission: What the token may do.
        moved_to: Its new name, to which the old one redirects.
    """

    id: int
    name: str
    private: bool = False
    permission: Access = "write"
    moved_to: str | None = None

    @property
    def current_name(self) -> str:
        """The name that it shows."""
        return self.moved_to or self.name


@dataclass(slots=True, eq=False)
class RunJob:
    """A job of one attempt; each attempt's jobs have ids of their own. Times are true seconds."""

    id: int
    name: str
    attempt: int
    started_at: float
    status: str = "queued"
    conclusion: str | None = None
    needs: tuple[str, ...] = ()
    runner_id: int | None = None
    """The runner that took it; None: none did, as for what was skipped, or cancelled before one was free."""

    def take_runner(self) -> None:
        """Give it a runner of its own."""
        self.runner_id = self.id % 100_000

    @property
    def failed(self) -> bool:
        """Whether ``rerun-failed-jobs`` runs it again."""
        return self.status == _OVER and self.conclusion not in _FINE


class JobNumbers:
    """Job ids, each given once."""

    def __init__(self) -> None:
        self._last = 37_221_100_000

    def next(self) -> int:
        """Return a new one."""
        self._last += 1
        return self._last


@dataclass(slots=True, eq=False)
class Attempt:
    """An attempt of a run; its times are true seconds."""

    number: int
    started_at: float
    status: str = "queued"
    conclusion: str | None = None
    jobs: list[RunJob] = field(default_factory=list)

    def finish(self, conclusion: str) -> None:
        """End the attempt and those of its jobs that are still going; what is cancelled or skipped gets no runner."""
        self.status, self.conclusion = _OVER, conclusion
        for job in self.jobs:
            if job.status != _OVER:
                if conclusion not in _WITHOUT_RUNNER:
                    job.take_runner()
                job.status, job.conclusion = _OVER, conclusion

    def start(self) -> None:
        """Let runners take its queued jobs."""
        self.status = "in_progress"
        for job in self.jobs:
            if job.status == "queued":
                job.status = "in_progress"
                job.take_runner()

    def end_job(self, name: str, conclusion: str) -> None:
        """End its jobs of one name while the others go on."""
        for job in self.jobs:
            if job.name == name:
                job.status, job.conclusion = _OVER, conclusion


@dataclass(slots=True, eq=False)
class Run:
    """A workflow run.

    Attributes:
        id: Its number, the same for all attempts.
        repository: Its repository.
        created_at: When its first attempt was asked for, in true seconds.
        attempts: Its attempts, oldest first.
        retryable: False: "cannot be retried".
        workflow_is_disabled: Whether its single jobs are refused for that.
        jobs_are_retryable: False: its single jobs cannot be rerun, though the run can.
        triggered: How many rerun requests were accepted.
        groups: Its concurrency groups, those of its jobs included.
        cancel_in_progress: Whether its start cancels the others of its groups.
        shown: What its JSON says instead of the usual, such as ``head_branch`` or ``path``.
    """

    id: int
    repository: Repository
    created_at: float
    attempts: list[Attempt]
    retryable: bool = True
    workflow_is_disabled: bool = False
    jobs_are_retryable: bool = True
    triggered: int = 0
    groups: tuple[str, ...] = ()
    cancel_in_progress: bool = False
    shown: Mapping[str, object] = field(default_factory=dict)

    @property
    def latest(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    def jobs(self, *, every_attempt: bool) -> list[RunJob]:
        """Return the jobs of the newest attempt, or of all."""
        attempts = self.attempts if every_attempt else self.attempts[-1:]
        return [job for attempt in attempts for job in attempt.jobs]

    def job_names(self, *, only_failed: bool) -> set[str]:
        """Return the names of all jobs, or of those whose newest entry failed."""
        return {job.name for job in self._newest() if job.failed or not only_failed}

    def add_jobs(self, jobs: Iterable[str | Mapping[str, object]], ids: JobNumbers) -> None:
        """Give a new run its jobs.

        Args:
            jobs: A name is a job of every attempt. A mapping has ``name`` and perhaps ``id``, ``run_attempt``
                (by default the newest one), ``status``, ``conclusion`` and ``started_at`` (by default the
                attempt's), ``needs``, the names of the jobs that come before it, and ``runner_id`` (by default it
                has one if it is going, or over and not skipped). Names need not be unique.
            ids: Where the ids come from that are not given.
        """
        for each in jobs:
            numbers = (
                [attempt.number for attempt in self.attempts]
                if isinstance(each, str)
                else [each.get("run_attempt", self.latest.number)]
            )
            given = {"name": each} if isinstance(each, str) else each
            for attempt in self.attempts:
                if attempt.number in numbers:
                    attempt.jobs.append(_job_of(attempt, given, ids))

    def needing(self, job: RunJob) -> set[str]:
        """Return the names of a job and of those that need it, directly or not."""
        names, more = {job.name}, True
        needs = {each.name: set(each.needs) for each in self.jobs(every_attempt=True)}
        while more:
            found = {name for name, needed in needs.items() if needed & names} - names
            names, more = names | found, bool(found)
        return names

    def rerun(self, names: Collection[str], ids: JobNumbers, started_at: float, *, carries_over: bool) -> Attempt:
        """Start some jobs again in a new attempt.

        Args:
            names: The jobs.
            ids: Where the new jobs' ids come from.
            started_at: When, in true seconds.
            carries_over: Whether the new attempt lists the other jobs too: with new ids, and their old times
                and conclusions.
        """
        attempt = Attempt(self.latest.number + 1, started_at)
        for old in self._newest():
            if old.name in names:
                attempt.jobs.append(RunJob(ids.next(), old.name, attempt.number, started_at, needs=old.needs))
            elif carries_over:
                attempt.jobs.append(replace(old, id=ids.next(), attempt=attempt.number))
        self.attempts.append(attempt)
        return attempt

    def rerun_one_of(self, name: str, ids: JobNumbers, started_at: float) -> Attempt:
        """Start one of several jobs of one name again; the new attempt lists the others, carried over."""
        attempt = Attempt(self.latest.number + 1, started_at)
        for old in self._newest():
            is_first = old.name == name and not any(job.started_at == started_at for job in attempt.jobs)
            new = RunJob(ids.next(), name, attempt.number, started_at)
            attempt.jobs.append(new if is_first else replace(old, id=new.id, attempt=attempt.number))
        self.attempts.append(attempt)
        return attempt

    def _newest(self) -> list[RunJob]:
        """Return the newest entries of each name: all that its newest attempt has of it."""
        newest: dict[str, list[RunJob]] = {}
        for attempt in self.attempts:
            for name in {job.name for job in attempt.jobs}:
                newest[name] = [job for job in attempt.jobs if job.name == name]
        order = dict.fromkeys(job.name for job in self.jobs(every_attempt=True))
        return [job for name in order for job in newest[name]]


def _job_of(attempt: Attempt, given: Mapping[str, object], ids: JobNumbers) -> RunJob:
    number = given.get("id")
    started_at = given.get("started_at", attempt.started_at)
    conclusion = given.get("conclusion", attempt.conclusion)
    needs = given.get("needs", ())
    job = RunJob(
        number if isinstance(number, int) else ids.next(),
        str(given["name"]),
        attempt.number,
        started_at if isinstance(started_at, int | float) else attempt.started_at,
        str(given.get("status", attempt.status)),
        None if conclusion is None else str(conclusion),
        tuple(map(str, needs)) if isinstance(needs, tuple | list) else (),
    )
    if "runner_id" in given:
        job.runner_id = given["runner_id"] if isinstance(given["runner_id"], int) else None
    elif job.status == "in_progress" or (job.status == _OVER and job.conclusion != "skipped"):
        job.take_runner()
    return job
