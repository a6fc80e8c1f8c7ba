"""What GitHub tells of a run and its jobs, read once.

Source: GET ``/repos/O/R/actions/runs/ID`` and ``…/jobs?filter=all``. ``run_attempt`` and ``run_started_at`` move with
every re-run, also of one job; a job has a new id in each attempt, and keeps its name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from test_executions_rerunner.models import read_time
from test_executions_rerunner.processors.github_client import bad_shape


class Run(NamedTuple):
    """A workflow run."""

    is_completed: bool
    attempt: int
    """1, and one more with every re-run."""
    started: float
    """When its newest attempt started, in seconds since 1970 on GitHub's clock."""


class Job(NamedTuple):
    """One job of one attempt."""

    number: int
    """The id that ``…/job/ID`` in a link names."""
    name: str
    attempt: int
    started: float
    conclusion: str | None


class Jobs(tuple[Job, ...]):
    """The jobs of all attempts of a run."""

    __slots__ = ()

    def named_like(self, number: int) -> list[Job]:
        """Return the entries of all attempts for the job of that id; none: the id is not known."""
        names = {job.name for job in self if job.number == number}
        return [job for job in self if job.name in names]

    def has_failed_last(self, number: int) -> bool:
        """Tell whether the newest entry of that job is a failure."""
        entries = self.named_like(number)
        newest = max(entries, key=lambda job: (job.attempt, job.started), default=None)
        return newest is not None and newest.conclusion == "failure"


def read_run(told: dict[str, Any]) -> Run:
    """Read a run.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape.
    """
    try:
        return Run(str(told["status"]) == "completed", int(told["run_attempt"]), _time(told["run_started_at"]))
    except (KeyError, TypeError, ValueError) as error:
        bad_shape("the run has another shape than GitHub gives it", error)


def read_jobs(told: dict[str, Any]) -> tuple[int, Jobs]:
    """Read a page of jobs, and how many there are on all pages.

    One that waits for its runner counts as started when it was created.

    Raises:
        requests.exceptions.InvalidJSONError: They have another shape.
    """
    try:
        return int(told["total_count"]), Jobs(
            Job(
                int(job["id"]),
                str(job["name"]),
                int(job.get("run_attempt") or 1),
                _time(job.get("started_at") or job["created_at"]),
                job.get("conclusion"),
            )
            for job in told["jobs"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        bad_shape("the jobs have another shape than GitHub gives them", error)


def _time(written: object) -> float:
    moment = read_time(written)
    if not isinstance(moment, float):
        raise ValueError(f"{written!r} is no time")  # noqa: TRY004 - it is the shape of an answer
    return moment
