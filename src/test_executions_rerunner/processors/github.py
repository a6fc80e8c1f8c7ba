"""GitHub Actions: a run's link becomes a POST to its ``rerun``."""

from __future__ import annotations

import fnmatch
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.calls.headers import retry_after_seconds
from test_executions_rerunner.calls.policy import CallError, Failure, Fault, TriggerDoubtfulError, explain
from test_executions_rerunner.calls.waiting import Pace
from test_executions_rerunner.errors import RequestProcessingError, SettingsError
from test_executions_rerunner.links import Origin, is_without_query
from test_executions_rerunner.models import Look, PostArguments, Served, State, Target, Verdict
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.processors.github_bounds import Queues
from test_executions_rerunner.processors.github_groups import ConcurrencyGroups
from test_executions_rerunner.processors.github_links import (
    RunLink,
    Trigger,
    api_of,
    read_run_link,
    read_trigger,
    repository_pattern,
)
from test_executions_rerunner.processors.github_refusals import (
    explain_forbidden,
    rate_limit_seconds,
    until_reset_seconds,
)
from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.processors.github_client import GithubClient
    from test_executions_rerunner.rerun_request import RerunRequest

Parsed = TypeVar("Parsed")
MOST_POSTS_A_MINUTE = 80
"""GitHub's limit on requests that create content."""


class GithubProcessor(RequestProcessor):
    """Serves the links of one GitHub server, github.com or GitHub Enterprise.

    Args:
        token: A token that may write Actions in the repositories served.
        repo: ``OWNER/NAME`` patterns of the repositories served, or one text with them.
        rerun: ``run``, ``failed-jobs`` or ``job``.
        max_attempts: Most attempts of one run.
        max_per_day: Most attempts of one run in 24 hours; None: no limit.
        max_queued: Most runs that may wait for a runner in a repository; None: no limit.
        github_server_url: The server of the links.
        github_api_url: Its API; None: derived from the server.
        own_run_id: The run that this program is part of; it is never triggered.
        waiting: Time-outs, and the waits that a signal cuts short.

    Raises:
        SettingsError: An argument is none that the setting of its name allows.
    """

    name = "github"
    title = "GitHub"
    address_setting = "GITHUB_API_URL"
    credential_setting = "GH_TOKEN"

    def __init__(  # noqa: PLR0913 - one keyword for each setting
        self,
        token: str = "",
        *,
        repo: str | Iterable[str] = defaults.REPOSITORIES,
        rerun: str = "run",
        max_attempts: int = defaults.MAX_ATTEMPTS,
        max_per_day: int | None = None,
        max_queued: int | None = None,
        github_server_url: str = defaults.GITHUB_SERVER_URL,
        github_api_url: str | None = None,
        own_run_id: str | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(secrets=(token,), waiting=waiting)
        defaults.check_arguments(rerun=rerun, max_attempts=max_attempts, max_per_day=max_per_day, max_queued=max_queued)
        self.repositories = _patterns(repo)
        self.origin = Origin.parse(github_server_url)
        self.api = Origin.parse(github_api_url) if github_api_url else api_of(self.origin)
        self.address = str(self.api)
        self.rerun, self.max_attempts, self.max_per_day = rerun, max_attempts, max_per_day
        self.groups = ConcurrencyGroups(self)
        self.queues = None if max_queued is None else Queues(self, max_queued)
        self._own_run_id, self._token = own_run_id, token
        self._jobs_of_post: dict[str, frozenset[int]] = {}
        self._pace = Pace(MOST_POSTS_A_MINUTE, 60.0, self.waiting)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(repo={self.repositories!r}, github_server_url={str(self.origin)!r})"

    @classmethod
    def with_defaults(cls) -> GithubProcessor:
        """Return an instance for github.com, without a token."""
        return cls()

    @cached_property
    def client(self) -> GithubClient:
        """The connection to the API; its library takes as long to import as all the rest."""
        from test_executions_rerunner.processors.github_client import GithubClient  # noqa: PLC0415

        return GithubClient(str(self.api), self._token, self.waiting)

    def target(self, request: RerunRequest) -> Target:
        """Return the run that a request's link names."""
        link = self._run_link(request)
        key = (*link.repository_key, link.run)
        name = f"{link.owner}/{link.repository} run {link.run}"
        return Target(key, name, self.post(link, failed_jobs=self.rerun == "failed-jobs"))

    def submit(self, post_arguments: PostArguments) -> Served:
        """Start another attempt of a run; see `RequestProcessor.submit`."""
        trigger = self.checked(post_arguments)
        logging.getLogger().info("POST %s", harmless(dict(post_arguments), most=2000))
        with self._pace.call():
            response = self.client.send("POST", trigger.path, self.calls.clock)
        if response.status_code != requests.codes.created:
            error = self.refused(f"{self.api}{trigger.path}", response)
            if response.status_code == requests.codes.unavailable and retry_after_seconds(response.headers) is None:
                raise TriggerDoubtfulError(str(error), response=response)
            raise error
        self._note_quota(response)
        page = f"{self.origin}/{trigger.owner}/{trigger.repository}/actions"
        return Served("accepted", f"{page}/runs/{trigger.number}" if trigger.run else page)

    def turn(self) -> AbstractContextManager[None]:
        """Wait for the next of the triggers that GitHub allows in a minute, and hold it for this thread."""
        return self._pace.turn()

    def look(self, target: Target, asked_at: Mapping[RerunRequest, Moment | None], snapshot: Any) -> Look:  # noqa: ANN401 - it has none
        """Look for an attempt started later, for the jobs it ran where a link names one, and for what is in the way."""
        from test_executions_rerunner.processors.github_look import RunLook  # noqa: PLC0415 - not needed to process

        del snapshot
        link = self.run_of(target)
        if link.run == self._own_run_id:
            return Look(target.post_arguments, verdict=Verdict(State.DEFERRED, "this drain is part of that run"))
        return RunLook(self, link).look(asked_at)

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the attempt that was not there at the look."""
        from test_executions_rerunner.processors.github_look import current_run  # noqa: PLC0415 - not needed to process

        link = self.run_of(target)
        run = current_run(self, link)
        if run.attempt > look.before:
            return Served("a new attempt was found after a doubtful answer", self.attempt_link(link, run.attempt))
        return None

    def rerun_link(self, target: Target, look: Look) -> str | None:
        """Return the link of the attempt that the trigger of a look starts."""
        return self.attempt_link(self.run_of(target), look.before + 1)

    def cannot_join(self, request: RerunRequest, sent: PostArguments) -> str | None:
        """A trigger of less than the whole run serves no job that may not be among those started."""
        job = self.job_of(request)
        if sent["url"].endswith("/rerun-failed-jobs") and job is not None:
            return "the failed jobs of this run were just started again; whether its job is among them is not known yet"
        alike = self._jobs_of_post.get(sent["url"])
        if alike is not None and job not in alike:
            return "one job of this run alone was just started again, and the link does not name that job"
        return None

    def checked(self, post_arguments: PostArguments) -> Trigger:
        """Return what a trigger starts, or refuse what neither `process` nor a look returns.

        Raises:
            RequestProcessingError: The URL is none that they return.
        """
        url = post_arguments.get("url")
        try:
            trigger = read_trigger(self.api.names_below(url)) if is_without_query(url) else None
        except ValueError as error:
            raise RequestProcessingError(f"url {shown(url)} is not served: {error}") from error
        if not trigger:
            raise RequestProcessingError(
                f"url {shown(url)} is not served: {self.api}/repos/OWNER/REPO/actions/runs/ID/rerun is allowed"
            )
        self._check_repository(trigger.owner, trigger.repository)
        return trigger

    def run_of(self, target: Target) -> RunLink:
        """Return the run of a target.

        Raises:
            CallError: Its trigger is that of a single job, which only a look makes; the run is not known.
        """
        run = self.checked(target.post_arguments).run
        if not run:
            raise CallError(Failure(Fault.REJECTED, "the trigger of a single job does not say which run to look at"))
        return run

    def has_token_like(self, beginning: str) -> bool:
        """Tell whether the token is of the kind that begins so."""
        return self._token.startswith(beginning)

    def explain(self, error: BaseException) -> Failure:
        """Understand what GitHub answers in its own way: all its refusals are 403."""
        if isinstance(error, TriggerDoubtfulError):
            return Failure(Fault.BROKEN, str(error))
        failure, response = explain(error), getattr(error, "response", None)
        wait = None if response is None else rate_limit_seconds(response, failure.reason)
        if wait is not None:
            return Failure(Fault.BUSY, failure.reason, wait)
        return explain_forbidden(failure) if failure.fault is Fault.FORBIDDEN else failure

    def read(self, path: str, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed:
        """GET a JSON object of the API, with retries.

        Args:
            path: Below the API.
            parse: Makes something of the object; it raises an exception of requests for another shape.

        Raises:
            CallError: It could not be read.
        """

        def call() -> Parsed:
            told, response = self.client.read(path, self.calls.clock)
            self._note_quota(response)
            return parse(told)

        return self.calls.repeated(call)

    def _note_quota(self, response: requests.Response) -> None:
        """Call no more when an answer says that it was the last one of this hour."""
        if response.ok and response.headers.get("x-ratelimit-remaining") == "0":
            self.calls.throttle.announce(until_reset_seconds(response), "the rate limit is used up")

    def _run_link(self, request: RerunRequest) -> RunLink:
        link = request.ci_link
        if not isinstance(link, str) or not link:
            raise RequestProcessingError(f"ci_link {shown(link)} is no link to a GitHub Actions run")
        try:
            found = read_run_link(self.origin.names_below(link))
        except ValueError as error:
            raise RequestProcessingError(f"ci_link {shown(link)} is not served: {error}") from error
        if not found:
            raise RequestProcessingError(
                f"ci_link {shown(link)} is no link to a run below {self.origin}: "
                "/OWNER/REPO/actions/runs/ID is served, also with /attempts/N and /job/ID"
            )
        self._check_repository(found.owner, found.repository)
        return found

    def job_of(self, request: RerunRequest) -> int | None:
        """Return the job that a request's link names; a request known by its POST alone has no link."""
        return None if request.ci_link is None else self._run_link(request).job

    def post(self, link: RunLink, *, failed_jobs: bool = False) -> PostArguments:
        """Return the trigger of a run, or of its failed jobs."""
        return {"url": f"{self.api}{link.path}/{'rerun-failed-jobs' if failed_jobs else 'rerun'}"}

    def post_of_job(self, link: RunLink, number: int, alike: frozenset[int]) -> PostArguments:
        """Return the trigger of a single job.

        Args:
            link: Its run.
            number: Its id in the newest attempt.
            alike: Its ids in all attempts, known to `cannot_join` from now on.
        """
        url = f"{self.api}/repos/{link.owner}/{link.repository}/actions/jobs/{number}/rerun"
        self._jobs_of_post[url] = alike
        return {"url": url}

    def attempt_link(self, link: RunLink, attempt: int) -> str:
        """Return the page of an attempt."""
        return f"{self.origin}/{link.owner}/{link.repository}/actions/runs/{link.run}/attempts/{attempt}"

    def _check_repository(self, owner: str, name: str) -> None:
        for pattern in self.repositories:
            owners, _, names = pattern.lower().partition("/")
            if fnmatch.fnmatchcase(owner.lower(), owners) and fnmatch.fnmatchcase(name.lower(), names):
                return
        raise RequestProcessingError(
            f"repository {owner}/{name} is not served, only {', '.join(self.repositories)}; --repo sets it"
        )


def _patterns(repo: str | Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of the repositories served, as the setting takes them.

    Raises:
        SettingsError: One of them is wrong, or there is none.
    """
    given = repo.split() if isinstance(repo, str) else [part for text in repo for part in text.split()]
    if not given:
        raise SettingsError(f"repo: {shown(repo)} is not allowed: OWNER/NAME is")
    return tuple(map(_pattern, given))


def _pattern(given: str) -> str:
    try:
        return repository_pattern(given)
    except ValueError as error:
        raise SettingsError(f"repo: {shown(given)} is not allowed: {error}") from error
