"""One look at a run: what of it has been rerun since it was asked for, and which trigger would serve the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

import requests

from test_executions_rerunner.calls.policy import CallError, Failure, Fault
from test_executions_rerunner.models import Look, Served, State, Verdict
from test_executions_rerunner.processors.github_bounds import too_often, too_old
from test_executions_rerunner.processors.github_jobs import Jobs, read_jobs, read_run
from test_executions_rerunner.processors.github_shapes import check_number, shape_of
from test_executions_rerunner.processors.github_way_out import way_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import PostArguments
    from test_executions_rerunner.processors.github_api import GithubApi
    from test_executions_rerunner.processors.github_jobs import Run
    from test_executions_rerunner.processors.github_links import RunLink
    from test_executions_rerunner.processors.github_rooms import Rooms
    from test_executions_rerunner.processors.github_shapes import JsonObject
    from test_executions_rerunner.rerun_request import RerunRequest

_PAGE = 100
_MOST_PAGES = 200


@dataclass(frozen=True)
class Rules:
    """What is started again, and how often at most."""

    rerun: str
    """``run``, ``failed-jobs`` or ``job``."""
    max_attempts: int
    """Most attempts of one run."""
    max_per_day: int | None
    """Most attempts of one run in 24 hours; None: no limit."""


class Asked(NamedTuple):
    """What a request asks of a run."""

    job: int | None
    """The id of the job that its link names; None: it names no job."""
    at: Moment | None
    """When it was made; None: not known."""


class RunLook:
    """What one look reads of a run; everything is read only once, and only if it matters.

    The run itself comes first: if it says that nothing is to be started, no other call is made.

    Args:
        api: The server's API.
        rules: What may be started.
        rooms: The room that the server has for triggers.
        link: The run.

    Attributes:
        job_ids: Set by `look` if its trigger starts a single job: the ids of that job in all attempts.

    Raises:
        CallError: The run could not be read.
    """

    def __init__(self, api: GithubApi, rules: Rules, rooms: Rooms, link: RunLink) -> None:
        self._api, self._rules, self._rooms, self._link = api, rules, rooms, link
        self._run = current_run(api, link)
        self.job_ids: frozenset[int] | None = None

    def look(self, requests: Mapping[RerunRequest, Asked]) -> Look:
        """Return what was found for these requests.

        Raises:
            CallError: Something could not be read.
        """
        served = {request: found for request, asked in requests.items() if (found := self._served(asked))}
        numbers = [asked.job for request, asked in requests.items() if request not in served]
        whole = self._api.post(self._link)
        out = way_out(self._run.told, self._link, self._api.server)
        verdict = self._verdict() if numbers else None
        if verdict or not numbers:
            return Look(whole, served, verdict, before=self._run.attempt, way_out=out)
        post, room = self._post(numbers), self._rooms.room(self._link)
        return Look(post, served, room.verdict, room.notes, self._run.attempt, claims=room.claims, way_out=out)

    @cached_property
    def _jobs(self) -> Jobs:
        """The jobs of all attempts."""
        path, found = f"{self._link.path}/jobs?filter=all&per_page={_PAGE}", Jobs()
        for page in range(1, _MOST_PAGES + 1):
            total, jobs = self._api.read(f"{path}&page={page}", partial(read_jobs, run=self._link.run))
            found = Jobs(found + jobs)
            if not jobs or len(found) >= total:
                break
        return found

    def _served(self, asked: Asked) -> Served | None:
        """Return the attempt that started after a request was made and, if it names a job, ran that job."""
        later, attempt = self._api.calls.later, self._run.attempt
        if asked.at is None or attempt == 1 or not later(self._run.started, asked.at):
            return None
        if asked.job is not None:
            entries = [entry for entry in self._jobs.named_like(asked.job) if later(entry.started, asked.at)]
            if not entries:
                return None
            attempt = max(entry.attempt for entry in entries)
        return Served(f"attempt {attempt} started since the request", self._api.page(self._link, attempt))

    def _verdict(self) -> Verdict | None:
        """Return why the run must not be started now, as far as the run itself says so."""
        rules, run = self._rules, self._run
        if not run.is_completed:
            return Verdict(State.DEFERRED, f"attempt {run.attempt} of the run is still going")
        if verdict := too_old(self._api, run):
            return verdict
        if run.attempt >= rules.max_attempts:
            return Verdict(State.REFUSED, f"attempts used up: {run.attempt} of {rules.max_attempts}")
        if rules.max_per_day is None:
            return None
        return too_often(self._api, rules.max_per_day, run, lambda: self._jobs)

    def _post(self, numbers: list[int | None]) -> PostArguments:
        """Return the trigger that starts the job of each request again, and as little else as possible."""
        post, link, named = self._api.post, self._link, [number for number in numbers if number is not None]
        if self._rules.rerun == "run" or (self._rules.rerun == "job" and len(named) < len(numbers)):
            return post(link)
        if self._rules.rerun == "job" and (job := self._jobs.only_one(named, self._run.attempt)):
            self.job_ids = frozenset(entry.number for entry in self._jobs.named_like(job.number))
            return self._api.post_of_job(link, job.number)
        return post(link, failed_jobs=all(self._jobs.has_failed_last(number) for number in named))


def current_run(api: GithubApi, link: RunLink) -> Run:
    """Read a run.

    Raises:
        CallError: It could not be read; the fault is `Fault.NEVER` if it is gone.
    """
    try:
        return api.read(link.path, partial(read_run, number=link.run))
    except CallError as error:
        if api.status_of(error) != requests.codes.not_found:
            raise
        # a token that may not see the repository gets a 404 for everything in it
        api.read(link.repository_path, partial(_check_repository, link=link))
        raise CallError(Failure(Fault.NEVER, "404 Not Found: the repository answers, the run is gone")) from error


def _check_repository(told: JsonObject, link: RunLink) -> None:
    with shape_of("the repository"):
        check_number(told["full_name"].lower(), "/".join(link.repository_key), "repository")
