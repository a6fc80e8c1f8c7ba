"""A loopback GitHub: the part of its REST interface that looks at workflow runs and starts them again.

Its answers follow GitHub's OpenAPI description, public recordings of api.github.com, and messages reported by users.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Literal

from test_executions_rerunner.demo.faults import Fault
from test_executions_rerunner.demo.github_limits import (
    CANNOT_BE_RETRIED,
    MISSING_RIGHT,
    RUNNING,
    SECONDARY,
    TOO_OLD,
    RateLimit,
    refusal,
)
from test_executions_rerunner.demo.github_runs import (
    Access,
    Attempt,
    JobNumbers,
    Repository,
    Run,
    RunJob,
    first_attempts,
    job_json,
    run_json,
)
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

_MONTH_SECONDS = 30 * 24 * 3600
_MOST_ATTEMPTS = 51  # 50 re-runs since April 2026; past them a 201 leads to nothing
_REPOSITORY = re.compile(r"/(?:repos/([^/]+/[^/]+)|repositories/(\d+))(/.*)?")
_RUN = re.compile(r"/actions/runs/(\d+)(?:/(jobs|rerun|rerun-failed-jobs|attempts/(\d+)))?")


class GithubServer(LoopbackServer):
    """A stateful GitHub with one token.

    Attributes:
        token: The token.
        token_kind: How GitHub words a missing right to re-run: by the kind of the token.
        server_url: Where the links that it shows point.
        limits: The rate limits.
        runs_finish_at_once: Whether an accepted rerun is over at once, successfully.
        lists_carried_over_jobs: Whether a new attempt lists the jobs that were not rerun (GitHub changed this).
    """

    server_name = "github.com"

    def __init__(
        self,
        token: str = "gh-token",  # noqa: S107 - of a loopback server
        api_prefix: str = "",
        server_url: str = "https://github.com",
    ) -> None:
        super().__init__(api_prefix)
        self.token = token
        self.token_kind: Literal["classic", "integration", "fine-grained"] = "classic"
        self.server_url = server_url
        self.limits = RateLimit()
        self.runs_finish_at_once = False
        self.lists_carried_over_jobs = False
        self._repositories: dict[str, Repository] = {}
        self._runs: dict[int, Run] = {}
        self._job_ids = JobNumbers()

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
        """Add a repository, or change what is known of it; its new name is one as well where it moved."""
        with self.lock:
            known = self._repositories.get(name.lower())
            number = known.id if known else len(self._repositories) + 1
            repository = Repository(number, name, private, permission, moved_to)
            if known:
                known.private, known.permission, known.moved_to = private, permission, moved_to
                return known
            self._repositories[name.lower()] = repository  # compared without case
            return repository

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
    ) -> Run:
        """Add a run, and its repository where it is not known.

        Args:
            repository: ``OWNER/NAME``.
            run_id: Its id.
            status: That of its newest attempt; the earlier ones failed.
            conclusion: That of its newest attempt; nothing unless it is completed.
            run_attempt: The number of its newest attempt.
            created_at: When it was created, in true seconds; by default two hours ago.
            run_started_at: When its newest attempt started; by default a minute later for each attempt.
            jobs: Names, or mappings as ``first_attempts`` takes them.
            retryable: False: "cannot be retried".
        """
        created = time.time() - 7200 if created_at is None else created_at
        attempts = [
            Attempt(number, created + (number - 1) * 60, "completed", "failure")
            for number in range(1, run_attempt + 1)
        ]
        latest = attempts[-1]
        latest.status, latest.conclusion = status, conclusion if status == "completed" else None
        latest.started_at = latest.started_at if run_started_at is None else run_started_at
        with self.lock:
            known = self._repositories.get(repository.lower()) or self.add_repository(repository)
            run = Run(run_id, known, created, attempts, retryable)
            first_attempts(run, jobs, self._job_ids, created)
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
            self._runs[run_id].latest.finish(conclusion)

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
    ) -> Attempt:
        """Let a person rerun some jobs of a run: a new attempt, by default started now and still going.

        Args:
            run_id: The run.
            names: The jobs.
            started_at: When, in true seconds.
            conclusion: How it ended, where it is over.
        """
        with self.lock:
            start = time.time() if started_at is None else started_at
            attempt = self._new_attempt(self._runs[run_id], set(names), start)
            attempt.status = "in_progress"
            for job in attempt.jobs:
                job.status = "in_progress" if job.status == "queued" else job.status
            if conclusion is not None:
                attempt.finish(conclusion)
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

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer as GitHub does."""
        answer = self._respond(request)
        answer.headers |= self.limits.headers(self.clock_skew_seconds)
        return answer

    def _respond(self, request: RecordedRequest) -> Answer:
        if "user-agent" not in request.headers:
            return refusal(403, "Request forbidden by administrative rules.")
        credentials = request.headers.get("authorization", "")
        anonymous = not credentials
        if not anonymous and credentials not in (f"token {self.token}", f"Bearer {self.token}"):
            return refusal(401, "Bad credentials")
        path = request.path[len(self.context_path) :]
        if not request.path.startswith(f"{self.context_path}/"):
            return refusal(404, "Not Found")
        if path == "/rate_limit":  # costs nothing
            return self._rate_limit()
        limited = self.limits.take(request.method)
        if limited is not None:
            return limited
        if path == "/user" and not anonymous:
            if self.token_kind == "integration":
                return refusal(403, MISSING_RIGHT["integration"])
            return json_answer({"login": "demo", "id": 1, "type": "User"})
        found = _REPOSITORY.fullmatch(path)
        repository = self._visible(found[1], found[2], anonymous=anonymous) if found else None
        if not found or repository is None:
            return refusal(404, "Not Found")
        if repository.moved_to and found[1]:
            return self._moved(repository, found[3] or "", request)
        return self._repository_answer(request, repository, found[3] or "", anonymous=anonymous)

    def _rate_limit(self) -> Answer:
        shown = {
            name.removeprefix("x-ratelimit-"): int(value)
            for name, value in self.limits.headers(self.clock_skew_seconds).items()
            if value.isdigit()
        }
        return json_answer({"resources": {"core": shown}, "rate": shown})

    def _visible(self, name: str | None, number: str | None, *, anonymous: bool) -> Repository | None:
        """Return a repository; one that the caller may not see is not there."""
        repository = self._repositories.get(name.lower()) if name else None
        for each in self._repositories.values() if number else ():
            repository = each if each.id == int(number or 0) else repository
        if repository is None or (repository.private and (anonymous or repository.permission == "none")):
            return None
        return repository

    def _moved(self, repository: Repository, rest: str, request: RecordedRequest) -> Answer:
        query = f"?{request.query}" if request.query else ""
        location = f"{self.url}/repositories/{repository.id}{rest}{query}"
        value = {
            "message": "Moved Permanently",
            "url": location,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        }
        return json_answer(value, 301, {"Location": location})

    def _repository_answer(
        self, request: RecordedRequest, repository: Repository, rest: str, *, anonymous: bool
    ) -> Answer:
        pushes = repository.permission == "write" and not anonymous
        if not rest and request.method == "GET":
            permissions = {"admin": False, "maintain": False, "push": pushes, "triage": pushes, "pull": True}
            name = repository.moved_to or repository.name
            value = {"id": repository.id, "full_name": name, "private": repository.private}
            return json_answer(value if anonymous else {**value, "permissions": permissions})
        found = _RUN.fullmatch(rest)
        run = self._runs.get(int(found[1])) if found else None
        if not found or run is None or run.repository is not repository:
            return refusal(404, "Not Found")
        action = found[2] or ""
        if request.method == "GET" and action == "jobs":
            return self._jobs_answer(request, run)
        if request.method == "GET" and action in ("", f"attempts/{run.latest.number}"):
            return json_answer(run_json(run, self.url, self.server_url, self.clock_skew_seconds))
        if request.method != "POST" or action not in TOO_OLD:
            return refusal(404, "Not Found")
        if not pushes:
            headers = {"X-Accepted-GitHub-Permissions": "actions=write"}
            return refusal(
                403, MISSING_RIGHT[self.token_kind], {} if self.token_kind == "classic" else headers
            )
        return self._rerun(run, action)

    def _jobs_answer(self, request: RecordedRequest, run: Run) -> Answer:
        parameters = request.parameters
        size = min(max(int(parameters.get("per_page", "30")), 1), 100)
        page = max(int(parameters.get("page", "1")), 1)
        jobs = run.jobs(every_attempt=parameters.get("filter") == "all")
        shown = [
            job_json(job, run, self.url, self.server_url, self.clock_skew_seconds)
            for job in jobs[(page - 1) * size : page * size]
        ]
        last = -(-len(jobs) // size)
        targets = {"next": page + 1, "last": last} if page < last else {}
        targets |= {"prev": page - 1, "first": 1} if page > 1 else {}
        base = f"{self.url}{request.path[len(self.context_path) :]}?"
        kept = "".join(f"{name}={value}&" for name, value in parameters.items() if name != "page")
        link = ", ".join(f'<{base}{kept}page={number}>; rel="{name}"' for name, number in targets.items())
        value = {"total_count": len(jobs), "jobs": shown}
        return json_answer(value, headers={"Link": link} if link else {})

    def _rerun(self, run: Run, action: str) -> Answer:
        if run.latest.status != "completed":
            return refusal(403, RUNNING)
        if time.time() - run.created_at > _MONTH_SECONDS:
            return refusal(403, TOO_OLD[action])
        jobs = {job.name for job in run.latest.jobs if action == "rerun" or job.failed}
        if action == "rerun":
            jobs |= {job.name for job in run.jobs(every_attempt=True)}
        if not run.retryable or not jobs:
            return refusal(403, CANNOT_BE_RETRIED)
        run.triggered += 1
        if run.latest.number < _MOST_ATTEMPTS:
            attempt = self._new_attempt(run, jobs, time.time())
            if self.runs_finish_at_once:
                attempt.finish("success")
        return json_answer({}, 201)

    def _new_attempt(self, run: Run, names: set[str], started_at: float) -> Attempt:
        attempt = Attempt(run.latest.number + 1, started_at)
        newest = {job.name: job for job in run.jobs(every_attempt=True)}
        for name, old in newest.items():
            if name in names:
                attempt.jobs.append(RunJob(self._job_ids.next(), name, attempt.number, started_at))
            elif self.lists_carried_over_jobs:  # with a new id, and the old times and conclusion
                carried = RunJob(self._job_ids.next(), name, attempt.number, old.started_at)
                carried.status, carried.conclusion = old.status, old.conclusion
                attempt.jobs.append(carried)
        run.attempts.append(attempt)
        return attempt
