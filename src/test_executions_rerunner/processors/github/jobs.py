"""What GitHub says of the jobs of a run, read once.

Source: GET ``/repos/O/R/actions/runs/ID/jobs?filter=all``. A job has a new id in each attempt, and keeps its name,
which it may share with others. An attempt may list jobs that it did not run, carried over from the one before: they
have new ids, and keep their start and runner. A job that was skipped, or cancelled before it had a runner, has a
start too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.processors.github.shapes import check_number, seconds_of, shape_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from test_executions_rerunner.processors.github.shapes import JsonObject

_FAILURES = frozenset({"failure", "timed_out"})


class Job(NamedTuple):
    """One entry of one attempt's list."""

    number: int
    """The id that ``…/job/ID`` in a link names."""
    name: str
    attempt: int
    """The attempt that lists it."""
    started: float
    """In seconds since 1970, on GitHub's clock; of one that waits or was skipped, when that began."""
    conclusion: str | None
    runner: int = 0
    """The id of the runner that took it; 0: none is told."""
    has_runner: bool = False
    """Whether a runner took it, so that something ran."""
    origin: int = 0
    """The attempt that it belongs to: an earlier one than the attempt that lists it, if it was carried over."""

    @property
    def was_skipped(self) -> bool:
        """Whether it was decided that it need not run."""
        return self.conclusion == "skipped"

    @property
    def has_failed(self) -> bool:
        """Whether GitHub starts it again with the failed jobs."""
        return self.conclusion in _FAILURES


class Jobs:
    """The jobs of all attempts of a run.

    Args:
        entries: All that GitHub lists.
    """

    def __init__(self, entries: Iterable[Job]) -> None:
        self.entries: list[Job] = []
        origins: dict[tuple[str, float, int], int] = {}
        for job in sorted(entries, key=lambda job: job.attempt):
            origin = origins.setdefault((job.name, job.started, job.runner), job.attempt)
            self.entries.append(job._replace(origin=origin))
        # a matrix that was rerun often has thousands of entries, and many requests
        self._with_ids = {job.number: job for job in self.entries}
        self._named: dict[str, list[Job]] = {}
        self._listed: dict[int, list[Job]] = {}
        for job in self.entries:
            self._named.setdefault(job.name, []).append(job)
            self._listed.setdefault(job.attempt, []).append(job)
        self._names: list[Counter[str]] = [Counter()]

    def listed(self, attempt: int) -> list[Job]:
        """Return what an attempt lists."""
        return self._listed.get(attempt, [])

    def run_by(self, attempt: int) -> list[Job]:
        """Return what belongs to an attempt itself, without what was carried over."""
        return [job for job in self.listed(attempt) if job.origin == attempt]

    def with_id(self, number: int | None) -> Job | None:
        """Return the entry with that id; None: there is none."""
        return None if number is None else self._with_ids.get(number)

    def named(self, name: str) -> list[Job]:
        """Return the entries of all attempts that have that name."""
        return self._named.get(name, [])

    def newest(self, attempt: int) -> list[Job]:
        """Return how each job stood at the end of an attempt: its entries in the newest one that lists it."""
        lists: dict[str, int] = {}
        for job in self.entries:
            if job.attempt <= attempt:
                lists[job.name] = job.attempt  # the entries are sorted by their attempts
        return [job for job in self.entries if lists.get(job.name) == job.attempt]

    def names(self, attempt: int) -> Counter[str]:
        """Return how many jobs of each name the run had in an attempt.

        An attempt that lists nothing but some of the jobs before it is taken for a partial one: GitHub does not always
        list what it carries over.
        """
        for number in range(len(self._names), attempt + 1):
            listed, before = Counter(job.name for job in self.listed(number)), self._names[number - 1]
            self._names.append(listed if listed - before else before)
        return self._names[max(attempt, 0)]

    def has_failed_last(self, number: int) -> bool:
        """Tell whether the newest entry of that job is a failure; if several have its name, whether all are."""
        job = self.with_id(number)
        entries = self.named(job.name) if job else []
        return bool(entries) and all(each.has_failed for each in entries if each.attempt == entries[-1].attempt)

    def only_one(self, numbers: Collection[int], attempt: int) -> Job | None:
        """Return the one job of an attempt that all these ids stand for; None: it is not known, or not one."""
        jobs = [self.with_id(number) for number in numbers]
        names = {job.name if job else None for job in jobs}
        name = names.pop() if len(names) == 1 else None
        if name is None or max(Counter(job.attempt for job in self.named(name)).values()) > 1:
            return None
        return next((job for job in self.named(name) if job.attempt == attempt), None)

    def starts(self) -> dict[int, float]:
        """Return when each attempt started, by its number, as far as its own jobs tell."""
        starts: dict[int, float] = {}
        for job in self.entries:
            if job.origin == job.attempt:
                starts[job.attempt] = min(starts.get(job.attempt, job.started), job.started)
        return starts


def read_jobs(told: JsonObject, run: str) -> tuple[int, list[Job]]:
    """Read a page of a run's jobs, and how many there are on all pages.

    Raises:
        requests.exceptions.InvalidJSONError: The answer has another shape, or is about another run.
    """
    with shape_of("the list of jobs"):
        for job in told["jobs"]:
            check_number(job["run_id"], run, "run")
        return int(told["total_count"]), [
            Job(
                int(job["id"]),
                str(job["name"]),
                int(job.get("run_attempt") or 1),
                seconds_of(job.get("started_at") or job["created_at"]),
                job.get("conclusion"),
                int(job.get("runner_id") or 0),
                bool(job.get("runner_id") or job.get("steps")),
            )
            for job in told["jobs"]
        ]
