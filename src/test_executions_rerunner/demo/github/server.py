"""A loopback GitHub, seen from the tests and the demo: what exists on it, and what happened to it.

Its answers follow GitHub's OpenAPI description, public recordings of api.github.com, and what users reported.
"""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from test_executions_rerunner.demo.faults import Fault
from test_executions_rerunner.demo.github.api import GithubApi
from test_executions_rerunner.demo.github.limits import SECONDARY, refusal
from test_executions_rerunner.demo.github.runs import Access, Attempt, Repository, Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PAYLOAD = base64.urlsafe_b64encode(json.dumps({"iss": "demo", "scope": "actions:write " * 20}).encode()).decode()
APP_TOKEN = f"ghs_1234567_eyJhbGciOiJSUzI1NiJ9.{_PAYLOAD.rstrip('=')}.{'kRvQ0' * 20}"[:520]
"""A token as Apps and workflows have them since 2026: a JWT, so about 520 characters with two dots."""


class GithubServer(GithubApi):
    """A stateful GitHub with one token.

    Attributes:
        token: The token.
        credential_kind: The kind of the token: GitHub words a missing right to re-run by it.
        server_url: Where the links that it shows point.
        limits: The rate limits.
        runs_finish_at_once: Whether an accepted rerun is over at once, successfully.
        runners_are_free: Whether runners take an accepted rerun at once; otherwise it is queued.
        lists_carried_over_jobs: Whether a new attempt lists the jobs not rerun too (GitHub changed this).
        concurrency_groups: Whether it tells of them; ``missing``, as on older servers, is a 404, ``forbidden`` a 403.
        cancelled_runs: The runs that another one of their concurrency group cancelled, in that order.
    """

    def __init__(
        self,
        token: str = "gh-token",  # noqa: S107 - of a loopback server
        api_prefix: str = "",
        server_url: str = "https://github.com",
    ) -> None:
        super().__init__(token, api_prefix, server_url)

    @property
    def rate_limit_remaining(self) -> int:
        """The calls left in this hour; setting it starts the time until the reset."""
        return self.limits.remaining

    @rate_limit_remaining.setter
    def rate_limit_remaining(self, value: int) -> None:
        self.limits.remaining = value

    @property
    def rate_limit_reset_seconds(self) -> float:
        """How long after its setting, or that of the calls left, the quota is renewed."""
        return self.limits.reset_seconds

    @rate_limit_reset_seconds.setter
    def rate_limit_reset_seconds(self, value: float) -> None:
        self.limits.reset_seconds = value

    def add_repository(
        self, name: str, *, private: bool = False, permission: Access = "write", moved_to: str | None = None
    ) -> Repository:
        """Add a repository, or change what is known of it; one that moved answers under its new name too."""
        with self.lock:
            known = self._find_repository(name)
            if known is None:
                known = Repository(len(self._repositories) + 1, name)
                self._repositories.append(known)
            known.private, known.permission, known.moved_to = private, permission, moved_to
            return known

    def add_run(  # noqa: PLR0913 - what a run has, each with a default
        self,
        repository: str,
        run_id: int,
        *,
        status: str = "completed",
        conclusion: str | None = "failure",
        run_attempt: int = 1,
        created_at: float | None = None,
        run_started_at: float | None = None,
        jobs: Iterable[str | Mapping[str, object]] = ("test",),
        retryable: bool = True,
        concurrency_group: str | Iterable[str] | None = None,
        cancel_in_progress: bool = False,
        **shown: object,
    ) -> Run:
        """Add a run, and its repository where it is not known.

        Args:
            repository: ``OWNER/NAME``.
            run_id: Its id.
            status: That of its newest attempt; the earlier ones failed.
            conclusion: That of its newest attempt; nothing unless it is completed.
            run_attempt: The number of its newest attempt.
            created_at: When it was created, in true seconds; by default two hours ago.
            run_started_at: When its newest attempt started; by default a minute after the one before.
            jobs: Names, or mappings as ``Run.add_jobs`` takes them.
            retryable: False: "cannot be retried".
            concurrency_group: Its group, or several: jobs may have their own.
            cancel_in_progress: Whether a re-run of it cancels the others of its group.
            shown: What its JSON says instead of the usual: ``path``, ``head_branch``, ``display_title``…
        """
        created = time.time() - 7200 if created_at is None else created_at
        attempts = [
            Attempt(number, created + (number - 1) * 60, "completed", "failure") for number in range(1, run_attempt + 1)
        ]
        latest = attempts[-1]
        latest.status, latest.conclusion = status, conclusion if status == "completed" else None
        latest.started_at = latest.started_at if run_started_at is None else run_started_at
        groups = (concurrency_group,) if isinstance(concurrency_group, str) else tuple(concurrency_group or ())
        with self.lock:
            known = self._find_repository(repository) or self.add_repository(repository)
            run = Run(run_id, known, created, attempts, retryable, groups=groups)
            run.cancel_in_progress, run.shown = cancel_in_progress, shown
            run.add_jobs(jobs, self._job_ids)
            self._runs[run_id] = run
        return run

    def run(self, run_id: int) -> Run:
        """Return a run."""
        return self._runs[run_id]

    def job_id(self, run_id: int, name: str, attempt: int = 1) -> int:
        """Return the id of a run's job in an attempt."""
        jobs = self._runs[run_id].attempts[attempt - 1].jobs
        return next(job.id for job in jobs if job.name == name)

    def link(self, run_id: int, job_name: str | None = None, attempt: int = 1) -> str:
        """Return the address of a run's page, or of one of its jobs."""
        page = f"{self.server_url}/{self._runs[run_id].repository.name}/actions/runs/{run_id}"
        return page if job_name is None else f"{page}/job/{self.job_id(run_id, job_name, attempt)}"

    def finish(self, run_id: int, conclusion: str = "success") -> None:
        """End a run's newest attempt."""
        with self.lock:
            self._finish(self._runs[run_id], conclusion)

    def attempts(self, run_id: int) -> int:
        """Return the number of a run's newest attempt."""
        return self._runs[run_id].latest.number

    def triggered(self, run_id: int) -> int:
        """Return how many POSTs for a run were accepted."""
        return self._runs[run_id].triggered

    def rerun_jobs(
        self,
        run_id: int,
        names: Iterable[str],
        *,
        started_at: float | None = None,
        conclusion: str | None = None,
        has_runners: bool = True,
    ) -> Attempt:
        """Let a person rerun some jobs of a run: a new attempt, by default started now and still going.

        Args:
            run_id: The run.
            names: The jobs; none: as for a ``startup_failure``.
            started_at: When, in true seconds.
            conclusion: How it ended, where it is over.
            has_runners: False: none of its jobs had a runner, as of an attempt that its group cancelled.
        """
        with self.lock:
            start = time.time() if started_at is None else started_at
            run, carries_over = self._runs[run_id], self.lists_carried_over_jobs
            attempt = run.rerun(set(names), self._job_ids, start, carries_over=carries_over)
            self._join_groups(run)
            if attempt.status != "pending" and has_runners:
                attempt.start()
            if conclusion is not None:
                self._finish(run, conclusion)
            return attempt

    def rerun_one_of(self, run_id: int, name: str, *, started_at: float, conclusion: str = "success") -> Attempt:
        """Let a person rerun one of several jobs that have the same name."""
        with self.lock:
            attempt = self._runs[run_id].rerun_one_of(name, self._job_ids, started_at)
            attempt.start()
            self._finish(self._runs[run_id], conclusion)
            return attempt

    def secondary_limit(
        self,
        times: int | None = 1,
        retry_after: int | None = None,
        *,
        method: str = "POST",
        status: int = 403,
    ) -> Fault:
        """Let the secondary rate limit hit the next requests of this method.

        Args:
            times: How many; ``None``: all.
            retry_after: The seconds that the answer names; ``None``: it names none.
            method: Which requests.
            status: 403 or 429.
        """
        headers = {"Content-Type": "application/json", **self.limits.headers(self.clock_skew_seconds)}
        if retry_after is not None:
            headers["retry-after"] = str(retry_after)
        body = refusal(status, SECONDARY).body
        return self.inject(Fault(method=method, times=times, status=status, headers=headers, body=body))
