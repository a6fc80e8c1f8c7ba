"""What GitHub says of a run and its jobs, read once.

Source: GET ``/repos/O/R/actions/runs/ID`` and ``…/jobs?filter=all``. ``run_attempt`` and ``run_started_at`` move with
every re-run, also of one job; a job has a new id in each attempt, and keeps its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.processors.github_shapes import check_number, seconds_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from test_executions_rerunner.processors.github_shapes import JsonObject


class Run(NamedTuple):
    """A workflow run."""

    is_completed: bool
    attempt: int
    """1 at first, and one more with every re-run."""
    created: float
    """When its first attempt was asked for, in seconds since 1970 on GitHub's clock."""
    started: float
    """When its newest attempt started, likewise."""
    told: JsonObject
    """All that GitHub says of it; strangers chose the names of its workflow and its branch."""


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
        """Return the entries of all attempts for the job with that id; empty if the id is not known."""
        names = {job.name for job in self if job.number == number}
        return [job for job in self if job.name in names]

    def has_failed_last(self, number: int) -> bool:
        """Tell whether the newest entry of that job is a failure; if several have its name, whether all are."""
        entries = self.named_like(number)
        newest = max((job.attempt for job in entries), default=0)
        return bool(entries) and all(job.conclusion == "failure" for job in entries if job.attempt == newest)

    def only_one(self, numbers: Collection[int], attempt: int) -> Job | None:
        """Return the one job of an attempt that all these ids stand for; None: there is no such job, or several."""
        found = {number: [job for job in self.named_like(number) if job.attempt == attempt] for number in numbers}
        jobs = {job for entries in found.values() for job in entries}
        return jobs.pop() if len(jobs) == 1 and all(found.values()) else None

    def starts(self) -> dict[int, float]:
        """Return when each attempt started, by its number.

        An entry that was carried over from an earlier attempt keeps its old times, and does not count.
        """
        starts: dict[int, float] = {}
        known: set[tuple[str, float]] = set()
        for job in sorted(self, key=lambda job: job.attempt):
            if (job.name, job.started) not in known:
                starts[job.attempt] = min(starts.get(job.attempt, job.started), job.started)
                known.add((job.name, job.started))
        return starts


def read_run(told: JsonObject, number: str) -> Run:
    """Read the run with that number.

    Raises:
        requests.exceptions.InvalidJSONError: The answer has another shape, or is about another run.
    """
    with shape_of("the run"):
        check_number(told["id"], number, "run")
        created, started = seconds_of(told["created_at"]), seconds_of(told["run_started_at"])
        return Run(str(told["status"]) == "completed", int(told["run_attempt"]), created, started, told)


def read_jobs(told: JsonObject, run: str) -> tuple[int, Jobs]:
    """Read a page of a run's jobs, and how many there are on all pages.

    A job that waits for its runner counts as started when it was created.

    Raises:
        requests.exceptions.InvalidJSONError: The answer has another shape, or is about another run.
    """
    with shape_of("the list of jobs"):
        for job in told["jobs"]:
            check_number(job["run_id"], run, "run")
        return int(told["total_count"]), Jobs(
            Job(
                int(job["id"]),
                str(job["name"]),
                int(job.get("run_attempt") or 1),
                seconds_of(job.get("started_at") or job["created_at"]),
                job.get("conclusion"),
            )
            for job in told["jobs"]
        )
