"""GitHub Actions: a link to a run becomes a POST to the run's ``rerun``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.calls.failures import Failure, Kind, TriggerDoubtfulError, explain
from test_executions_rerunner.calls.headers import retry_after_seconds
from test_executions_rerunner.calls.waiting import Pace
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.links import read_address
from test_executions_rerunner.models import Look, PostArguments, Served, State, Target, Verdict
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.processors.github.api import GithubApi
from test_executions_rerunner.processors.github.links import api_of
from test_executions_rerunner.processors.github.looks.capacity import Capacities
from test_executions_rerunner.processors.github.looks.look import Rules, RunLook, Shared
from test_executions_rerunner.processors.github.looks.served import Asked
from test_executions_rerunner.processors.github.patterns import read_patterns
from test_executions_rerunner.processors.github.refusals import (
    explain_forbidden,
    rate_limit_seconds,
)
from test_executions_rerunner.processors.github.runs import KnownJobs, all_jobs, current_run
from test_executions_rerunner.processors.github.scope import Scope
from test_executions_rerunner.processors.github.trigger import Width, is_ours
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from contextlib import AbstractContextManager

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.rerun_request import RerunRequest

MOST_POSTS_A_MINUTE = 80
"""GitHub's limit on requests that create content."""


class GithubProcessor(RequestProcessor):
    """Serves the links of one GitHub server, github.com or GitHub Enterprise.

    Args:
        token: A token that may write Actions in the repositories served.
        repo: ``OWNER/NAME`` patterns of the repositories served, or one text with all of them; ``!OWNER/NAME`` takes
            some out again.
        rerun: ``run``, ``failed-jobs`` or ``job``.
        max_attempts: Most attempts of one run.
        max_per_day: Most attempts of one run in 24 hours; None: no limit.
        max_queued: Most runs that may wait for a runner in a repository; None: no limit.
        github_server_url: The server of the links.
        github_api_url: The server's API; None: derived from the server.
        own_run_id: The run that this program is part of; it is never triggered.
        waiting: Time-outs, and the waits that a signal cuts short.

    Attributes:
        repositories: The patterns of the repositories served, each ``OWNER/NAME``.
        api: The server's API.
        scope: Which links and triggers are served.
        capacities: The capacity that the server has for triggers.

    Raises:
        SettingsError: An argument has a value that the setting of the same name does not allow.
    """

    name = "github"
    title = "GitHub"
    address_setting = "GITHUB_API_URL"
    links_setting = "GITHUB_SERVER_URL"
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
        defaults.check_arguments(token=token, rerun=rerun, max_attempts=max_attempts)
        defaults.check_arguments(max_per_day=max_per_day, max_queued=max_queued)
        server = read_address("github_server_url", github_server_url)
        address = read_address("github_api_url", github_api_url) if github_api_url else api_of(server)
        self.address = str(address)
        self.repositories = read_patterns(repo)
        self.api = GithubApi(server, address, token, self.calls)
        self.scope = Scope(server, address, self.repositories)
        self._rules = Rules(rerun, max_attempts, max_per_day)
        self.capacities = Capacities(self.api, max_queued)
        self._shared = Shared(self.capacities, KnownJobs(self.api))
        self._own_run_id = own_run_id
        self._job_ids: dict[str, frozenset[int]] = {}  # of each trigger of a single job, by its URL
        self._pace = Pace(MOST_POSTS_A_MINUTE, 60.0, self.waiting)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(repo={self.repositories!r}, github_server_url={str(self.api.server)!r})"

    @classmethod
    def with_defaults(cls) -> GithubProcessor:
        """Return an instance for github.com, without a token."""
        return cls()

    def target(self, request: RerunRequest) -> Target:
        """Return the run that a request's link names."""
        link = self.scope.link_of(request)
        key = (*link.repository_key, link.run)
        post_arguments = self.api.post(link, failed_jobs=self._rules.rerun == "failed-jobs")
        return Target(key, f"{link.repository_name} run {link.run}", post_arguments)

    def submit(self, post_arguments: PostArguments) -> Served:
        """Start another attempt of a run; see `RequestProcessor.submit`."""
        trigger = self.scope.trigger_of(post_arguments)
        self.api.check_token()
        logging.getLogger().info("POST %s", harmless(dict(post_arguments), most=2000))
        with self._pace.call():
            response = self.api.send(trigger.path)
        if response.status_code != requests.codes.created:
            error = self.refused(f"{self.address}{trigger.path}", response)
            if response.status_code == requests.codes.unavailable and retry_after_seconds(response.headers) is None:
                raise TriggerDoubtfulError(str(error), response=response)
            raise error
        self.api.note_quota(response)
        actions = f"{self.api.server}/{trigger.repository_name}/actions"
        return Served("accepted", self.api.page(trigger.run) if trigger.run else actions)

    def turn(self) -> AbstractContextManager[None]:
        """Wait for the next of the triggers that GitHub allows in a minute, and hold that turn for this thread."""
        return self._pace.turn()

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
        refused: Collection[str] = (),
    ) -> Look:
        """Look for a newer attempt, for the jobs that it ran where a link names one, and for what is in the way."""
        del snapshot  # there is none
        link = self.scope.run_of(target)
        if link.run == self._own_run_id:
            return Look(target.post_arguments, verdict=Verdict(State.DEFERRED, "this drain is part of that run"))
        run_look = RunLook(self.api, self._rules, self._shared, link)
        look = run_look.look({request: self._asked(request, at) for request, at in asked_at.items()}, refused)
        if run_look.job_ids is not None:
            self._job_ids[look.post_arguments["url"]] = run_look.job_ids
        return look

    def _asked(self, request: RerunRequest, at: Moment | None) -> Asked:
        """Return what a request asks of a run; a request that is known only by its POST has no link."""
        if request.ci_link is None:
            return Asked(None, at)
        link = self.scope.link_of(request)
        return Asked(link.job, at, link.attempt)

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the attempt after that of the look, if it runs what the look's trigger starts."""
        link = self.scope.run_of(target)
        attempt = look.before.attempt + 1
        if current_run(self.api, link).attempt < attempt:
            return None
        if not is_ours(look.before, look.post_arguments["url"], all_jobs(self.api, link)):
            return None
        return Served("a new attempt was found after a doubtful answer", self.api.page(link, attempt))

    def rerun_link(self, target: Target, look: Look) -> str | None:
        """Return the link of the attempt that the trigger of a look starts."""
        return self.api.page(self.scope.run_of(target), look.before.attempt + 1)

    def cannot_join(self, request: RerunRequest, sent: PostArguments) -> str | None:
        """Return why a trigger of less than the whole run does not serve a request: it may not start its job."""
        job = self.scope.job_of(request)
        is_of_failed_jobs = Width.of(sent["url"]) is Width.FAILED_JOBS
        if is_of_failed_jobs and self._rules.rerun == "job" and job is None:
            return "the failed jobs of this run were just started again, and the link asks for the whole run"
        if is_of_failed_jobs and job is not None:
            return "the failed jobs of this run were just started again; whether its job is among them is not known yet"
        job_ids = self._job_ids.get(sent["url"])
        if job_ids is not None and job not in job_ids:
            return "one job of this run alone was just started again, and the link does not name that job"
        return None

    def explain(self, error: BaseException) -> Failure:
        """Understand what GitHub answers in its own way: all its refusals are 403."""
        if isinstance(error, TriggerDoubtfulError):
            return Failure(Kind.BROKEN, str(error))
        if isinstance(error, SettingsError):
            return Failure(Kind.UNAUTHORIZED, str(error))
        failure, response = explain(error), getattr(error, "response", None)
        wait = None if response is None else rate_limit_seconds(response, failure.reason)
        if wait is not None:
            return Failure(Kind.BUSY, failure.reason, wait)
        if failure.kind is not Kind.FORBIDDEN or response is None:
            return failure
        return explain_forbidden(failure, response.headers)
