"""The REST interface of the loopback GitHub: looking at workflow runs and starting them again."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Literal

from test_executions_rerunner.demo.github_json import job_json, moved_json, repository_json, run_json
from test_executions_rerunner.demo.github_limits import (
    CANNOT_BE_RETRIED,
    MISSING_RIGHT,
    RUNNING,
    TOO_OLD,
    RateLimit,
    refusal,
)
from test_executions_rerunner.demo.github_runs import JobNumbers, Repository, Run
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_MONTH_SECONDS = 30 * 24 * 3600
_MOST_ATTEMPTS = 51  # 50 re-runs since April 2026; past them a 201 leads to nothing
_REPOSITORY = re.compile(r"/(?:repos/([^/]+/[^/]+)|repositories/(\d+))(/.*)?")
_RUN = re.compile(r"/actions/runs/(\d+)(?:/(jobs|rerun|rerun-failed-jobs|attempts/\d+))?")
_PER_PAGE, _MOST_PER_PAGE = 30, 100


class GithubApi(LoopbackServer):
    """What GitHub answers; see ``GithubServer`` for the attributes."""

    server_name = "github.com"

    def __init__(self, token: str, api_prefix: str, server_url: str) -> None:
        super().__init__(api_prefix)
        self.token = token
        self.credential_kind: Literal["classic", "integration", "fine-grained"] = "classic"
        self.server_url = server_url
        self.limits = RateLimit()
        self.runs_finish_at_once = False
        self.lists_carried_over_jobs = False
        self._repositories: list[Repository] = []
        self._runs: dict[int, Run] = {}
        self._job_ids = JobNumbers()

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer as GitHub does."""
        answer = self._refuse_caller(request) or self._route(request)
        answer.headers |= self.limits.headers(self.clock_skew_seconds)
        return answer

    def _refuse_caller(self, request: RecordedRequest) -> Answer | None:
        """Return the refusal that does not depend on what is asked for."""
        if "user-agent" not in request.headers:
            return refusal(403, "Request forbidden by administrative rules.")
        credentials = request.headers.get("authorization", "")
        if credentials and credentials not in (f"token {self.token}", f"Bearer {self.token}"):
            return refusal(401, "Bad credentials")
        if request.path == f"{self.context_path}/rate_limit":
            return None  # costs nothing
        return self.limits.take(request.method)

    def _route(self, request: RecordedRequest) -> Answer:
        anonymous = "authorization" not in request.headers
        if not request.path.startswith(f"{self.context_path}/"):
            return refusal(404, "Not Found")
        path = request.path[len(self.context_path) :]
        if path == "/rate_limit":
            return self._rate_limit()
        if path == "/user" and not anonymous:
            return self._user()
        found = _REPOSITORY.fullmatch(path)
        if not found:
            return refusal(404, "Not Found")
        return self._repository_answer(request, found, anonymous=anonymous)

    def _repository_answer(self, request: RecordedRequest, found: re.Match[str], *, anonymous: bool) -> Answer:
        repository = self._visible(found[1], found[2], anonymous=anonymous)
        if repository is None:
            return refusal(404, "Not Found")
        rest = found[3] or ""
        if repository.moved_to and (found[1] or "").lower() == repository.name.lower():
            return self._moved(repository, rest, request)
        pushes = repository.permission == "write" and not anonymous
        if not rest and request.method == "GET":
            return json_answer(repository_json(repository, pushes=pushes))
        return self._run_answer(request, repository, rest, pushes=pushes)

    def _rate_limit(self) -> Answer:
        headers = self.limits.headers(self.clock_skew_seconds).items()
        shown = {name.removeprefix("x-ratelimit-"): int(value) for name, value in headers if value.isdigit()}
        return json_answer({"resources": {"core": shown}, "rate": shown})

    def _user(self) -> Answer:
        if self.credential_kind == "integration":  # belongs to no user
            return refusal(403, MISSING_RIGHT["integration"])
        return json_answer({"login": "demo", "id": 1, "type": "User"})

    def _find_repository(self, name: str) -> Repository | None:
        """Return the repository of this name, the old or the new one; case does not matter."""
        wanted = name.lower()
        for each in self._repositories:
            if wanted in (each.name.lower(), each.current_name.lower()):
                return each
        return None

    def _visible(self, name: str | None, number: str | None, *, anonymous: bool) -> Repository | None:
        """Return a repository; one that the caller may not see is not there."""
        if name:
            repository = self._find_repository(name)
        else:
            repository = next((each for each in self._repositories if str(each.id) == number), None)
        if repository is None or (repository.private and (anonymous or repository.permission == "none")):
            return None
        return repository

    def _moved(self, repository: Repository, rest: str, request: RecordedRequest) -> Answer:
        query = f"?{request.query}" if request.query else ""
        location = f"{self.url}/repositories/{repository.id}{rest}{query}"
        return json_answer(moved_json(location), 301, {"Location": location})

    def _run_answer(self, request: RecordedRequest, repository: Repository, rest: str, *, pushes: bool) -> Answer:
        found = _RUN.fullmatch(rest)
        run = self._runs.get(int(found[1])) if found else None
        action = (found[2] or "") if found else ""
        if run is None or run.repository is not repository:
            return refusal(404, "Not Found")
        if request.method == "POST" and action in TOO_OLD:
            return self._rerun(run, action) if pushes else self._missing_right()
        if request.method == "GET" and action == "jobs":
            return self._jobs_answer(request, run)
        if request.method == "GET" and action in ("", f"attempts/{run.latest.number}"):
            return json_answer(run_json(run, self.url, self.server_url, self.clock_skew_seconds))
        return refusal(404, "Not Found")

    def _missing_right(self) -> Answer:
        names_right = self.credential_kind != "classic"
        headers = {"X-Accepted-GitHub-Permissions": "actions=write"} if names_right else {}
        return refusal(403, MISSING_RIGHT[self.credential_kind], headers)

    def _jobs_answer(self, request: RecordedRequest, run: Run) -> Answer:
        parameters = request.parameters
        size = min(max(int(parameters.get("per_page", _PER_PAGE)), 1), _MOST_PER_PAGE)
        page = max(int(parameters.get("page", 1)), 1)
        jobs = run.jobs(every_attempt=parameters.get("filter") == "all")
        shown = [
            job_json(job, run, self.url, self.server_url, self.clock_skew_seconds)
            for job in jobs[(page - 1) * size : page * size]
        ]
        link = self._page_links(request.path, parameters, page, -(-len(jobs) // size))
        value = {"total_count": len(jobs), "jobs": shown}
        return json_answer(value, headers={"Link": link} if link else {})

    def _page_links(self, path: str, parameters: Mapping[str, str], page: int, last: int) -> str:
        """Return the ``Link`` header of one page of a list."""
        targets = {"prev": page - 1, "first": 1} if page > 1 else {}
        targets |= {"next": page + 1, "last": last} if page < last else {}
        kept = "".join(f"{name}={value}&" for name, value in parameters.items() if name != "page")
        base = f"{self.url}{path[len(self.context_path) :]}?{kept}page="
        return ", ".join(f'<{base}{number}>; rel="{name}"' for name, number in targets.items())

    def _rerun(self, run: Run, action: str) -> Answer:
        if run.latest.status != "completed":
            return refusal(403, RUNNING)
        if time.time() - run.created_at > _MONTH_SECONDS:
            return refusal(403, TOO_OLD[action])
        names = run.job_names(only_failed=action == "rerun-failed-jobs")
        if not run.retryable or not names:
            return refusal(403, CANNOT_BE_RETRIED)
        run.triggered += 1
        if run.latest.number < _MOST_ATTEMPTS:
            attempt = run.rerun(names, self._job_ids, time.time(), carries_over=self.lists_carried_over_jobs)
            if self.runs_finish_at_once:
                attempt.finish("success")
        return json_answer({}, 201)
