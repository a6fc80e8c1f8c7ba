"""What GitHub says of a run, as far as it is proven: one 404 is no proof that it is gone.

Source: GET ``/repos/O/R/actions/runs/ID``. ``run_attempt`` and ``run_started_at`` move with every re-run, also of one
job.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import requests

from test_executions_rerunner.calls.failures import CallError, Failure, Kind
from test_executions_rerunner.models import State, Verdict
from test_executions_rerunner.processors.github.jobs import Jobs, read_jobs
from test_executions_rerunner.processors.github.pages import all_pages
from test_executions_rerunner.processors.github.shapes import check_number, last_change, seconds_of, shape_of, time_text
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Hashable

    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.shapes import JsonObject

_DAY_SECONDS = 24 * 3600.0
_MOST_KNOWN = 64
"""Runs whose jobs are kept: as many as a drain may have threads."""
_WAITS_FOR = {"waiting": "a person may have to approve it", "pending": "it waits for its concurrency group"}
_AFTER_A_DAY = {
    "queued": "nobody takes it: a runner that fits it must be started, or a person must cancel it",
    "in_progress": "if it hangs, a person must cancel it",
}


class Run(NamedTuple):
    """A workflow run."""

    status: str
    """``completed``, or what keeps it going."""
    attempt: int
    """1 at first, and one more with every re-run."""
    created: float
    """When its first attempt was asked for, in seconds since 1970 on GitHub's clock."""
    started: float
    """When its newest attempt started, likewise."""
    changed: float
    """When it started, or went from one of its jobs to the next, likewise."""
    told: JsonObject
    """All that GitHub says of it; strangers chose the names of its workflow and its branch."""
    read_at: float = 0.0
    """When it was asked for, on our own clock."""

    @property
    def is_completed(self) -> bool:
        """Whether its newest attempt is over."""
        return self.status == "completed"


def read_run(told: JsonObject, number: str) -> Run:
    """Read the run with that number.

    Raises:
        requests.exceptions.InvalidJSONError: The answer has another shape, or is about another run.
    """
    with shape_of("the run"):
        check_number(told["id"], number, "run")
        created, started = seconds_of(told["created_at"]), seconds_of(told["run_started_at"])
        return Run(str(told["status"]), int(told["run_attempt"]), created, started, last_change(told), told)


def current_run(api: GithubApi, link: RunLink) -> Run:
    """Read a run.

    It is gone only if the repository answers and the run is still not found some seconds later: a token that may not
    see the repository gets a 404 for everything in it, and a run may be missing for a moment.

    Raises:
        CallError: It could not be read; its kind is `Kind.NEVER` if it is gone.
    """
    waiting = api.calls.waiting
    try:
        return _read(api, link)
    except CallError as error:
        if api.status_of(error) != requests.codes.not_found:
            raise
        missed, missed_at = error, waiting.clock()
    api.read(link.repository_path, partial(_check_repository, link=link))
    waiting.sleep(missed_at + waiting.waits.recheck_seconds - waiting.clock())
    if waiting.is_interrupted:
        raise missed
    try:
        return _read(api, link)
    except CallError as error:
        if api.status_of(error) != requests.codes.not_found:
            raise
        raise CallError(Failure(Kind.NEVER, "404 Not Found: the repository answers, the run is gone")) from error


def all_jobs(api: GithubApi, link: RunLink) -> Jobs:
    """Read the jobs of all attempts of a run.

    Raises:
        CallError: They could not be read.
    """
    return Jobs(all_pages(api, f"{link.path}/jobs?filter=all", partial(read_jobs, run=link.run)))


class KnownJobs:
    """The jobs of runs that are over: they stay as they are, and need not be read for another look at the same attempt.

    Args:
        api: The server's API.
    """

    def __init__(self, api: GithubApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[int, Jobs]] = {}

    def of(self, link: RunLink, run: Run) -> Jobs:
        """Return the jobs of all attempts of a run.

        Raises:
            CallError: They could not be read.
        """
        key = (*link.repository_key, link.run)
        with self._lock:
            attempt, jobs = self._known.get(key, (0, None))
        if jobs is None or attempt != run.attempt or not run.is_completed:
            jobs = all_jobs(self._api, link)
            with self._lock:
                self._known.pop(key, None)
                if run.is_completed:
                    self._known[key] = (run.attempt, jobs)
                if len(self._known) > _MOST_KNOWN:  # only a look that comes soon after the last asks for them again
                    del self._known[next(iter(self._known))]
        return jobs


def still_going(api: GithubApi, run: Run) -> Verdict:
    """Defer a run that is not over: say in which state it is, since when, and who must act."""
    status = harmless(run.status.replace("_", " "), most=40)
    is_old = api.calls.clock.now() - run.changed > _DAY_SECONDS
    advice = _WAITS_FOR.get(run.status) or (_AFTER_A_DAY.get(run.status) if is_old else None)
    reason = f"attempt {run.attempt} of the run is still going, {status} since {time_text(run.started)}"
    return Verdict(State.DEFERRED, f"{reason}: {advice}" if advice else reason)


def _read(api: GithubApi, link: RunLink) -> Run:
    read_at = api.calls.waiting.clock()
    return api.read(link.path, partial(read_run, number=link.run))._replace(read_at=read_at)


def _check_repository(told: JsonObject, link: RunLink) -> None:
    with shape_of("the repository"):
        check_number(told["full_name"].lower(), "/".join(link.repository_key), "repository")
