"""What the loopback GitHub keeps: repositories, workflow runs, their attempts and jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal

Access = Literal["write", "read", "none"]
_OVER = "completed"
_FINE = ("success", "skipped", "neutral")


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


@dataclass(slots=True, eq=False)
class RunJob:
    """A job of one attempt; each attempt's jobs have ids of their own. Times are true seconds."""

    id: int
    name: str
    attempt: int
    started_at: float
    status: str = "queued"
    conclusion: str | None = None

    @property
    def failed(self) -> bool:
        """Whether ``rerun-failed-jobs`` runs it again."""
        return self.status == _OVER and self.conclusion not in _FINE


@dataclass(slots=True, eq=False)
class Attempt:
    """An attempt of a run; its times are true seconds."""

    number: int
    started_at: float
    status: str = "queued"
    conclusion: str | None = None
    jobs: list[RunJob] = field(default_factory=list)

    def finish(self, conclusion: str) -> None:
        """End the attempt and those of its jobs that are still going."""
        self.status, self.conclusion = _OVER, conclusion
        for job in self.jobs:
            if job.status != _OVER:
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
        triggered: How many rerun requests were accepted.
    """

    id: int
    repository: Repository
    created_at: float
    attempts: list[Attempt]
    retryable: bool = True
    triggered: int = 0

    @property
    def latest(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    def jobs(self, *, every_attempt: bool) -> list[RunJob]:
        """Return the jobs of the newest attempt, or of all."""
        attempts = self.attempts if every_attempt else self.attempts[-1:]
        return [job for attempt in attempts for job in attempt.jobs]


class JobNumbers:
    """Job ids, each given once."""

    def __init__(self) -> None:
        self._last = 37_221_100_000

    def next(self) -> int:
        """Return a new one."""
        self._last += 1
        return self._last


def first_attempts(
    run: Run, jobs: Iterable[str | Mapping[str, object]], ids: JobNumbers, started_at: float
) -> None:
    """Give a new run's attempts their jobs.

    A name is a job of every attempt. A mapping has ``name`` and perhaps ``id``, ``run_attempt`` (by default the
    newest one), ``status``, ``conclusion`` and ``started_at``.
    """
    for each in jobs:
        if isinstance(each, str):
            for attempt in run.attempts:
                job = RunJob(ids.next(), each, attempt.number, attempt.started_at)
                job.status, job.conclusion = attempt.status, attempt.conclusion
                attempt.jobs.append(job)
            continue
        number = each.get("run_attempt", run.latest.number)
        attempt = next(attempt for attempt in run.attempts if attempt.number == number)
        start, conclusion = (
            each.get("started_at", attempt.started_at),
            each.get("conclusion", attempt.conclusion),
        )
        given = each.get("id")
        attempt.jobs.append(
            RunJob(
                given if isinstance(given, int) else ids.next(),
                str(each["name"]),
                attempt.number,
                float(start) if isinstance(start, float | int) else started_at,
                str(each.get("status", attempt.status)),
                None if conclusion is None else str(conclusion),
            )
        )


def run_json(run: Run, api: str, server: str, skew_seconds: float) -> dict[str, object]:
    """Return a run as ``GET /repos/OWNER/NAME/actions/runs/ID`` shows it."""
    name, attempt = run.repository.name, run.latest
    url = f"{api}/repos/{name}/actions/runs/{run.id}"
    started_at = github_time(attempt.started_at + skew_seconds)
    previous = f"{url}/attempts/{attempt.number - 1}" if attempt.number > 1 else None
    return {
        "id": run.id,
        "name": "Test",
        "run_number": 1,
        "run_attempt": attempt.number,
        "event": "workflow_dispatch",
        "status": attempt.status,
        "conclusion": attempt.conclusion,
        "created_at": github_time(run.created_at + skew_seconds),
        "updated_at": started_at,
        "run_started_at": started_at,  # "resets on re-run", also of a single job
        "url": url,
        "html_url": f"{server}/{name}/actions/runs/{run.id}",
        "jobs_url": f"{url}/jobs",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": previous,
        "repository": {"id": run.repository.id, "full_name": name, "private": run.repository.private},
    }


def job_json(job: RunJob, run: Run, api: str, server: str, skew_seconds: float) -> dict[str, object]:
    """Return a job as ``GET …/runs/ID/jobs`` shows it."""
    name = run.repository.name
    started_at = github_time(job.started_at + skew_seconds)
    return {
        "id": job.id,
        "run_id": run.id,
        "name": job.name,
        "run_attempt": job.attempt,
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": started_at,
        "started_at": started_at,
        "completed_at": started_at if job.status == _OVER else None,
        "url": f"{api}/repos/{name}/actions/jobs/{job.id}",
        "run_url": f"{api}/repos/{name}/actions/runs/{run.id}",
        "html_url": f"{server}/{name}/actions/runs/{run.id}/job/{job.id}",
    }


def github_time(seconds: float) -> str:
    """Return a time as GitHub writes it: whole seconds of UTC, with a Z."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
