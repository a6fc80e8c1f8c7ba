"""The REST interface of the loopback GitHub: looking at workflow runs and starting them again."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from test_executions_rerunner.demo.github.groups import (
    active_groups_json,
    group_json,
    groups_json,
    join,
    let_waiting_runs_start,
)
from test_executions_rerunner.demo.github.json import job_json, moved_json, repository_json, run_json
from test_executions_rerunner.demo.github.limits import MISSING_RIGHT, RateLimit, refusal
from test_executions_rerunner.demo.github.refusals import TOO_OLD, job_refusal, run_refusal
from test_executions_rerunner.demo.github.runs import JobNumbers, Repository, Run
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_ATTEMPTS = 51  # 50 re-runs since April 2026; past them a 201 leads to nothing
_REPOSITORY = re.compile(r"/(?:repos/([^/]+/[^/]+)|repositories/(\d+))(/.*)?")
_RUN = re.compile(r"/actions/runs/(\d+)(?:/(jobs|rerun|rerun-failed-jobs|concurrency_groups|attempts/\d+))?")
_JOB_RERUN = re.compile(r"/actions/jobs/(\d+)/rerun")
_GROUP = re.compile(r"/actions/concurrency_groups/(.+)")
_PER_PAGE, _MOST_PER_PAGE = 30, 100
_DOTS_OF_A_JWT = 2


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
        self.runners_are_free = True
        self.lists_carried_over_jobs = False
        self.concurrency_groups: Literal["served", "missing", "forbidden"] = "served"
        self.cancelled_runs: list[int] = []
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
        # a token that is a JWT, as an App's is, is documented with Bearer only
        schemes = ("Bearer",) if self.token.count(".") == _DOTS_OF_A_JWT else ("token", "Bearer")
        if credentials and credentials not in [f"{scheme} {self.token}" for scheme in schemes]:
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
        return self._actions_answer(request, repository, rest, pushes=pushes)

    def _rate_limit(self) -> Answer:
        if self.limits.is_off:
            return refusal(404, "Rate limiting is not enabled.")
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

    def _actions_answer(self, request: RecordedRequest, repository: Repository, rest: str, *, pushes: bool) -> Answer:
        if request.method == "GET" and rest == "/actions/runs":
            return self._runs_answer(request, repository)
        if request.method == "GET" and rest == "/actions/concurrency_groups":
            return self._groups_refused() or self._active_groups(request, repository)
        if request.method == "GET" and (group := _GROUP.fullmatch(rest)):
            return self._group_answer(repository, unquote(group[1]))
        if request.method == "POST" and (job := _JOB_RERUN.fullmatch(rest)):
            return self._rerun_job(repository, int(job[1])) if pushes else self._missing_right()
        return self._run_answer(request, repository, rest, pushes=pushes)

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
        if request.method == "GET" and action == "concurrency_groups":
            return self._groups_refused() or json_answer(
                groups_json(run, self._runs.values(), self.url, self.server_url)
            )
        if request.method == "GET" and action in ("", f"attempts/{run.latest.number}"):
            return json_answer(run_json(run, self.url, self.server_url, self.clock_skew_seconds))
        return refusal(404, "Not Found")

    def _missing_right(self) -> Answer:
        names_right = self.credential_kind != "classic"
        headers = {"X-Accepted-GitHub-Permissions": "actions=write"} if names_right else {}
        return refusal(403, MISSING_RIGHT[self.credential_kind], headers)

    def _groups_refused(self) -> Answer | None:
        """Return the refusal of a server without concurrency groups, or to a token that may not see them."""
        if self.concurrency_groups == "missing":
            return refusal(404, "Not Found")
        return refusal(403, MISSING_RIGHT["fine-grained"]) if self.concurrency_groups == "forbidden" else None

    def _group_answer(self, repository: Repository, name: str) -> Answer:
        shown = group_json(repository, name, self._runs.values(), self.url, self.server_url)
        return self._groups_refused() or (json_answer(shown) if shown else refusal(404, "Not Found"))

    def _active_groups(self, request: RecordedRequest, repository: Repository) -> Answer:
        """Return one page of the groups that something holds; pages follow each other by a cursor."""
        groups = active_groups_json(repository, self._runs.values(), self.url, self.clock_skew_seconds)
        size = min(max(int(request.parameters.get("per_page", _PER_PAGE)), 1), _MOST_PER_PAGE)
        start = int(request.parameters.get("after", "cursor-0").removeprefix("cursor-"))
        base = f"{self.url}{request.path[len(self.context_path) :]}?per_page={size}&after=cursor-{start + size}"
        link = f'<{base}>; rel="next"' if start + size < len(groups) else ""
        value = {"total_count": len(groups), "concurrency_groups": groups[start : start + size]}
        return json_answer(value, headers={"Link": link} if link else {})

    def _jobs_answer(self, request: RecordedRequest, run: Run) -> Answer:
        jobs = run.jobs(every_attempt=request.parameters.get("filter") == "all")
        shown = [job_json(job, run, self.url, self.server_url, self.clock_skew_seconds) for job in jobs]
        return self._page(request, "jobs", shown)

    def _runs_answer(self, request: RecordedRequest, repository: Repository) -> Answer:
        """Return the runs of a repository, newest first, all or those of one status or conclusion."""
        wanted = request.parameters.get("status")
        runs = [
            run
            for run in self._runs.values()
            if run.repository is repository and wanted in (None, run.latest.status, run.latest.conclusion)
        ]
        runs.sort(key=lambda run: run.created_at, reverse=True)
        shown = [run_json(run, self.url, self.server_url, self.clock_skew_seconds) for run in runs]
        return self._page(request, "workflow_runs", shown)

    def _page(self, request: RecordedRequest, name: str, entries: list[dict[str, object]]) -> Answer:
        """Return one page of a list."""
        parameters = request.parameters
        size = min(max(int(parameters.get("per_page", _PER_PAGE)), 1), _MOST_PER_PAGE)
        page = max(int(parameters.get("page", 1)), 1)
        link = self._page_links(request.path, parameters, page, -(-len(entries) // size))
        value = {"total_count": len(entries), name: entries[(page - 1) * size : page * size]}
        return json_answer(value, headers={"Link": link} if link else {})

    def _page_links(self, path: str, parameters: Mapping[str, str], page: int, last: int) -> str:
        """Return the ``Link`` header of one page of a list."""
        targets = {"prev": page - 1, "first": 1} if page > 1 else {}
        targets |= {"next": page + 1, "last": last} if page < last else {}
        kept = "".join(f"{name}={value}&" for name, value in parameters.items() if name != "page")
        base = f"{self.url}{path[len(self.context_path) :]}?{kept}page="
        return ", ".join(f'<{base}{number}>; rel="{name}"' for name, number in targets.items())

    def _rerun(self, run: Run, action: str) -> Answer:
        names = run.job_names(only_failed=action == "rerun-failed-jobs")
        return run_refusal(run, action, names) or self._start_again(run, names)

    def _rerun_job(self, repository: Repository, number: int) -> Answer:
        for run in self._runs.values():
            for job in run.jobs(every_attempt=True) if run.repository is repository else ():
                if job.id == number:
                    return job_refusal(run, job) or self._start_again(run, run.needing(job))
        return refusal(404, "Not Found")

    def _start_again(self, run: Run, names: set[str]) -> Answer:
        run.triggered += 1
        if run.latest.number < _MOST_ATTEMPTS:
            run.rerun(names, self._job_ids, time.time(), carries_over=self.lists_carried_over_jobs)
            self._join_groups(run)
            if run.latest.status == "queued" and self.runners_are_free:
                run.latest.start()
            if self.runs_finish_at_once and run.latest.status != "pending":
                self._finish(run, "success")
        return json_answer({}, 201)

    def _join_groups(self, run: Run) -> None:
        self.cancelled_runs += [each.id for each in join(run, self._runs.values())]

    def _finish(self, run: Run, conclusion: str) -> None:
        run.latest.finish(conclusion)
        for started in let_waiting_runs_start(self._runs.values()):
            if self.runners_are_free:
                started.latest.start()
