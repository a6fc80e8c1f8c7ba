"""One look at a run: what of it was rerun since, and which trigger would serve the rest."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import requests

from test_executions_rerunner.calls.policy import CallError, Failure, Fault
from test_executions_rerunner.models import Look, Served, State, Verdict
from test_executions_rerunner.processors.github_bounds import too_often, too_old
from test_executions_rerunner.processors.github_groups import Room
from test_executions_rerunner.processors.github_jobs import Jobs, read_jobs, read_run
from test_executions_rerunner.processors.github_shapes import check_number, shape_of
from test_executions_rerunner.processors.github_way_out import way_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import PostArguments
    from test_executions_rerunner.processors.github import GithubProcessor
    from test_executions_rerunner.processors.github_jobs import Run
    from test_executions_rerunner.processors.github_links import RunLink
    from test_executions_rerunner.rerun_request import RerunRequest

_PAGE = 100
_MOST_PAGES = 200


class RunLook:
    """What one look reads of a run; each thing is asked for when it decides, and once.

    The run comes first: where it says that nothing is to be started, no other call is made.

    Args:
        processor: Reads, and knows the settings.
        link: The run.

    Raises:
        CallError: It could not be read.
    """

    def __init__(self, processor: GithubProcessor, link: RunLink) -> None:
        self._processor, self._link = processor, link
        self.run = current_run(processor, link)

    def look(self, asked_at: Mapping[RerunRequest, Moment | None]) -> Look:
        """Return what was found, for these requests.

        Raises:
            CallError: Something could not be read.
        """
        served = {request: found for request, asked in asked_at.items() if (found := self._served(request, asked))}
        numbers = [self._processor.job_of(request) for request in asked_at if request not in served]
        whole = self._processor.post(self._link)
        out = way_out(self.run.told, self._link, self._processor.origin)
        verdict = self._verdict() if numbers else None
        if verdict or not numbers:
            return Look(whole, served, verdict, before=self.run.attempt, way_out=out)
        post, room = self._post(numbers), self._room()
        return Look(post, served, room.verdict, room.notes, self.run.attempt, claims=room.claims, way_out=out)

    @cached_property
    def _jobs(self) -> Jobs:
        """The jobs of all attempts."""
        path, found = f"{self._link.path}/jobs?filter=all&per_page={_PAGE}", Jobs()
        for page in range(1, _MOST_PAGES + 1):
            total, jobs = self._processor.read(f"{path}&page={page}", partial(read_jobs, run=self._link.run))
            found = Jobs(found + jobs)
            if not jobs or len(found) >= total:
                break
        return found

    def _served(self, request: RerunRequest, asked: Moment | None) -> Served | None:
        """Return the attempt that started after a request was made, and ran its job where it names one."""
        later, attempt, job = self._processor.later, self.run.attempt, self._processor.job_of(request)
        if asked is None or attempt == 1 or not later(self.run.started, asked):
            return None
        if job is not None:
            entries = [entry for entry in self._jobs.named_like(job) if later(entry.started, asked)]
            if not entries:
                return None
            attempt = max(entry.attempt for entry in entries)
        link = self._processor.attempt_link(self._link, attempt)
        return Served(f"attempt {attempt} started since the request", link)

    def _verdict(self) -> Verdict | None:
        """Return why the run is not to be started now, as far as it says so itself."""
        processor, run = self._processor, self.run
        if not run.is_completed:
            return Verdict(State.DEFERRED, f"attempt {run.attempt} of the run is still going")
        if verdict := too_old(processor, run):
            return verdict
        if run.attempt >= processor.max_attempts:
            return Verdict(State.REFUSED, f"attempts used up: {run.attempt} of {processor.max_attempts}")
        if processor.max_per_day is None:
            return None
        return too_often(processor, processor.max_per_day, run, lambda: self._jobs)

    def _post(self, numbers: list[int | None]) -> PostArguments:
        """Return the trigger that serves all requests, each by the job that it names, and starts no more than that."""
        post, link, named = self._processor.post, self._link, [number for number in numbers if number is not None]
        if self._processor.rerun == "run" or (self._processor.rerun == "job" and len(named) < len(numbers)):
            return post(link)
        if self._processor.rerun == "job" and (job := self._jobs.only_one(named, self.run.attempt)):
            alike = frozenset(entry.number for entry in self._jobs.named_like(job.number))
            return self._processor.post_of_job(link, job.number, alike)
        return post(link, failed_jobs=all(self._jobs.has_failed_last(number) for number in named))

    def _room(self) -> Room:
        """Find out what the trigger takes, and whether that is free."""
        queues, groups = self._processor.queues, self._processor.groups
        queue = queues.room(self._link) if queues else Room()
        if queue.verdict:
            return queue
        group = groups.room(self._link)
        return Room(group.verdict, (*queue.claims, *group.claims), group.notes)


def current_run(processor: GithubProcessor, link: RunLink) -> Run:
    """Read a run.

    Raises:
        CallError: It could not be read; `Fault.NEVER` where it is gone.
    """
    try:
        return processor.read(link.path, partial(read_run, number=link.run))
    except CallError as error:
        response = getattr(error.__cause__, "response", None)
        if response is None or response.status_code != requests.codes.not_found:
            raise
        # a token that does not see the repository gets 404 for everything in it
        processor.read(f"/repos/{link.owner}/{link.repository}", partial(_check_repository, link=link))
        raise CallError(Failure(Fault.NEVER, "404 Not Found: the repository answers, the run is gone")) from error


def _check_repository(told: dict[str, Any], link: RunLink) -> None:
    with shape_of("the repository"):
        check_number(told["full_name"].lower(), "/".join(link.repository_key), "repository")
