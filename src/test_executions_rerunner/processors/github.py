"""GitHub Actions: a run's link becomes a POST to its ``rerun``."""

from __future__ import annotations

import fnmatch
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.links import Origin, is_without_query
from test_executions_rerunner.models import Look, PostArguments, RerunRequest, Served, State, Target, Verdict
from test_executions_rerunner.policy import CallError, Failure, Fault, TriggerDoubtfulError, explain
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.processors.github_links import RunLink, api_of, read_run_link
from test_executions_rerunner.processors.github_refusals import (
    explain_forbidden,
    rate_limit_seconds,
    until_reset_seconds,
)
from test_executions_rerunner.text import harmless, shown
from test_executions_rerunner.waiting import Pace
from test_executions_rerunner.words import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from test_executions_rerunner.checks import Check
    from test_executions_rerunner.clocks import Moment
    from test_executions_rerunner.processors.github_client import GithubClient
    from test_executions_rerunner.processors.github_jobs import Jobs, Run
    from test_executions_rerunner.waiting import Waiting

Parsed = TypeVar("Parsed")
MOST_POSTS_A_MINUTE = 80
"""GitHub's limit on requests that create content."""
_PAGE = 100
_MOST_PAGES = 200


class GithubProcessor(RequestProcessor):
    """Serves the links of one GitHub server, github.com or GitHub Enterprise.

    Args:
        token: A token that may write Actions in the repositories served.
        repo: ``OWNER/NAME`` patterns of the repositories served, or one text with them.
        rerun: ``run`` or ``failed-jobs``.
        max_attempts: Most attempts of one run.
        github_server_url: The server of the links.
        github_api_url: Its API; None: derived from the server.
        own_run_id: The run that this program is part of; it is never triggered.
        waiting: Time-outs, and the waits that a signal cuts short.
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
        github_server_url: str = defaults.GITHUB_SERVER_URL,
        github_api_url: str | None = None,
        own_run_id: str | None = None,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(secrets=(token,), waiting=waiting)
        self.repositories = tuple(repo.split() if isinstance(repo, str) else repo)
        self.origin = Origin.parse(github_server_url)
        self.api = Origin.parse(github_api_url) if github_api_url else api_of(self.origin)
        self.address = str(self.api)
        self.max_attempts = max_attempts
        self._failed_jobs, self._own_run_id, self._token = rerun == "failed-jobs", own_run_id, token
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
        key = (link.owner.lower(), link.repository.lower(), link.run)
        name = f"{link.owner}/{link.repository} run {link.run}"
        return Target(key, name, self._post(link, failed_jobs=self._failed_jobs))

    def submit(self, post_arguments: PostArguments, *, delay: bool = True) -> Served:
        """Start another attempt of a run; see `RequestProcessor.submit`."""
        del delay  # Jenkins' own
        link, ending = self.checked(post_arguments)
        path = f"{link.path}/{ending}"
        logging.getLogger().info("POST %s", harmless(dict(post_arguments), most=2000))
        with self._pace.call():
            response = self.client.send("POST", path, self.calls.clock)
        self._note_quota(response)
        if response.status_code == requests.codes.created:
            return Served("accepted", f"{self.origin}/{link.owner}/{link.repository}/actions/runs/{link.run}")
        error = self.refused(f"{self.api}{path}", response)
        if response.status_code == requests.codes.unavailable and retry_after_seconds(response.headers) is None:
            raise TriggerDoubtfulError(str(error), response=response)
        raise error

    def turn(self) -> AbstractContextManager[None]:
        """Wait for the next of the triggers that GitHub allows in a minute, and hold it for this thread."""
        return self._pace.turn()

    def look(self, target: Target, asked_at: Mapping[RerunRequest, Moment | None], snapshot: Any) -> Look:  # noqa: ANN401 - it has none
        """Look for an attempt started later, and for the jobs it ran where a link names one."""
        del snapshot
        link, _ = self.checked(target.post_arguments)
        if link.run == self._own_run_id:
            return Look(target.post_arguments, verdict=Verdict(State.DEFERRED, "this drain is part of that run"))
        run, jobs = self._run(link), _JobsOnce(self, link)
        served: dict[RerunRequest, Served] = {}
        for request, asked in asked_at.items():
            if asked is not None and run.attempt > 1 and self.later(run.started, asked):
                found = self._served(link, self._job_of(request), run, jobs, asked)
                served.update({request: found} if found else {})
        others = [self._job_of(request) for request in asked_at if request not in served]
        verdict = self._verdict(run)
        whole = not self._failed_jobs or (others and not verdict and not _all_failed(others, jobs))
        return Look(self._post(link, failed_jobs=not whole), served, verdict, before=run.attempt)

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the attempt that was not there at the look."""
        link, _ = self.checked(target.post_arguments)
        run = self._run(link)
        if run.attempt > look.before:
            return Served("a new attempt was found after a doubtful answer", self._attempt_link(link, run.attempt))
        return None

    def rerun_link(self, target: Target, look: Look) -> str | None:
        """Return the link of the attempt that the trigger of a look starts."""
        link, _ = self.checked(target.post_arguments)
        return self._attempt_link(link, look.before + 1)

    def cannot_join(self, request: RerunRequest, sent: PostArguments) -> str | None:
        """A re-run of the failed jobs serves no job that a link names and that may not have failed."""
        if sent["url"].endswith("/rerun-failed-jobs") and self._job_of(request) is not None:
            return "the failed jobs of this run were just started again; whether its job is among them is not known yet"
        return None

    def checked(self, post_arguments: PostArguments) -> tuple[RunLink, str]:
        """Return the run that a trigger is for and its last word, or refuse what `process` never returns.

        Raises:
            RequestProcessingError: The URL is none that `process` returns.
        """
        url = post_arguments.get("url")
        try:
            names = self.api.names_below(url) if is_without_query(url) else ()
        except ValueError as error:
            raise RequestProcessingError(f"url {shown(url)} is not served: {error}") from error
        link = read_run_link(names[1:-1]) if names[:1] == ("repos",) and len(names) == 7 else None  # noqa: PLR2004
        if not link or names[-1] not in {"rerun", "rerun-failed-jobs"}:
            raise RequestProcessingError(
                f"url {shown(url)} is not served: {self.api}/repos/OWNER/REPO/actions/runs/ID/rerun is allowed"
            )
        self._check_repository(link)
        return link, names[-1]

    def check(self, targets: Iterable[Target]) -> Iterator[Check]:
        """Try the token, the repositories and the runs; see `github_checks`."""
        from test_executions_rerunner.processors.github_checks import github_checks  # noqa: PLC0415 - rarely needed

        return github_checks(self, targets)

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
        self._check_repository(found)
        return found

    def _job_of(self, request: RerunRequest) -> int | None:
        """Return the job that a request's link names; a request known by its POST alone has no link."""
        return None if request.ci_link is None else self._run_link(request).job

    def _check_repository(self, link: RunLink) -> None:
        owner, repository = link.owner.lower(), link.repository.lower()
        for pattern in self.repositories:
            owners, _, repositories = pattern.lower().partition("/")
            if fnmatch.fnmatchcase(owner, owners) and fnmatch.fnmatchcase(repository, repositories):
                return
        raise RequestProcessingError(
            f"repository {link.owner}/{link.repository} is not served, only {', '.join(self.repositories)}; "
            "--repo sets it"
        )

    def _post(self, link: RunLink, *, failed_jobs: bool) -> PostArguments:
        return {"url": f"{self.api}{link.path}/{'rerun-failed-jobs' if failed_jobs else 'rerun'}"}

    def _attempt_link(self, link: RunLink, attempt: int) -> str:
        return f"{self.origin}/{link.owner}/{link.repository}/actions/runs/{link.run}/attempts/{attempt}"

    def _run(self, link: RunLink) -> Run:
        from test_executions_rerunner.processors.github_jobs import read_run  # noqa: PLC0415

        try:
            return self.read(link.path, read_run)
        except CallError as error:
            response = getattr(error.__cause__, "response", None)
            if response is None or response.status_code != requests.codes.not_found:
                raise
            # a token that does not see the repository gets 404 for everything in it
            self.read(f"/repos/{link.owner}/{link.repository}", dict)
            raise CallError(Failure(Fault.NEVER, "404 Not Found: the repository answers, the run is gone")) from error

    def _served(self, link: RunLink, job: int | None, run: Run, jobs: _JobsOnce, asked: Moment) -> Served | None:
        attempt = run.attempt
        if job is not None:
            entries = [entry for entry in jobs.all.named_like(job) if self.later(entry.started, asked)]
            if not entries:
                return None
            attempt = max(entry.attempt for entry in entries)
        return Served(f"attempt {attempt} started since the request", self._attempt_link(link, attempt))

    def _verdict(self, run: Run) -> Verdict | None:
        if not run.is_completed:
            return Verdict(State.DEFERRED, f"attempt {run.attempt} of the run is still going")
        if run.attempt >= self.max_attempts:
            return Verdict(State.REFUSED, f"attempts used up: {run.attempt} of {self.max_attempts}")
        return None


class _JobsOnce:
    """The jobs of a run, asked for when they are needed, once."""

    def __init__(self, processor: GithubProcessor, link: RunLink) -> None:
        self._processor, self._path = processor, f"{link.path}/jobs?filter=all&per_page={_PAGE}"

    @cached_property
    def all(self) -> Jobs:
        from test_executions_rerunner.processors.github_jobs import Jobs, read_jobs  # noqa: PLC0415

        found = Jobs()
        for page in range(1, _MOST_PAGES + 1):
            total, jobs = self._processor.read(f"{self._path}&page={page}", read_jobs)
            found = Jobs(found + jobs)
            if not jobs or len(found) >= total:
                break
        return found


def _all_failed(numbers: Iterable[int | None], jobs: _JobsOnce) -> bool:
    """Tell whether each job that is named failed last, so that a re-run of the failed jobs serves it."""
    return all(number is None or jobs.all.has_failed_last(number) for number in numbers)
