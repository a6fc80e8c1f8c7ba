"""A loopback Jenkins: jobs, their triggers, the queue, and the JSON that a look reads.

Its answers were measured on jenkins-core 2.579-SNAPSHOT with CSRF protection on.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import unquote

from test_executions_rerunner.demo import jenkins_pages as pages
from test_executions_rerunner.demo.jenkins_forms import Form, FormError, read_form
from test_executions_rerunner.demo.jenkins_jobs import (
    DEFAULT_PARAMETERS,
    Build,
    Item,
    Job,
    ParameterError,
    Permission,
    Queue,
    Value,
)
from test_executions_rerunner.demo.jenkins_json import item_json, job_json, path_of, queue_json
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.trees import TreeError, parse_tree, select_fields
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

_TRIGGERS = ("build", "buildWithParameters")


class JenkinsServer(LoopbackServer):
    """A stateful Jenkins with one user.

    Attributes:
        user: The user's name.
        token: The user's API token.
        root_url: The configured root URL that its JSON shows; by default the one that it is called by.
        quiet_seconds: How long an item waits that named no delay, where its job says nothing else.
        devices_busy: Whether freestyle items go on waiting when their wait is over.
        quieting_down: Prepare-for-shutdown: every item waits.
        gap_seconds: How long an item that left the queue is missing among the builds (a real one: up to 0.031 s).
        overall_read: Whether the user may see this Jenkins at all.
    """

    server_name = "Jetty(12.0.22)"

    def __init__(
        self,
        user: str = "admin",
        token: str = "jenkins-token",  # noqa: S107 - of a loopback server
        context_path: str = "",
        *,
        start_items_at_once: bool = False,
    ) -> None:
        super().__init__(context_path)
        self.user, self.token = user, token
        self.root_url = ""
        self.quiet_seconds = 0.0 if start_items_at_once else 5.0
        self.devices_busy = self.quieting_down = False
        self.gap_seconds = 0.0
        self.overall_read = True
        self.idle_seconds = 30  # Winstone closes an idle connection after exactly 30 s, unannounced
        self._jobs: dict[str, Job] = {}
        self._queue = Queue()

    def add_job(  # noqa: PLR0913 - what a job has, each with a default
        self,
        full_name: str,
        parameters: Sequence[Mapping[str, object]] | None = DEFAULT_PARAMETERS,
        *,
        buildable: bool = True,
        permission: Permission = "build",
        builds: Sequence[float] = (),
        kind: Literal["freestyle", "pipeline"] = "freestyle",
        quiet_seconds: float | None = None,
    ) -> Job:
        """Add a job, and the folders in its name.

        Args:
            full_name: Its name below its folders, as in ``folder/job``; a branch's name encoded.
            parameters: The definitions, each with ``name``, ``type`` and, where it has them, ``default`` and
                ``choices``; ``None``: not parameterized.
            buildable: False: disabled.
            permission: What the user may do.
            builds: When earlier builds started, in true seconds; their parameters are the defaults.
            kind: Whether it is a freestyle job or a Pipeline.
            quiet_seconds: Its own quiet period.
        """
        job = Job(full_name, parameters, buildable, permission, kind, quiet_seconds)
        with self.lock:
            self._jobs[full_name.lower()] = job  # names are looked up without case
        for started_at in builds:
            self.add_build(full_name, started_at=started_at)
        return job

    def add_build(
        self,
        full_name: str,
        *,
        started_at: float | None = None,
        parameters: Mapping[str, Value] | None = None,
        user: str = "someone",
        number: int | None = None,
    ) -> Build:
        """Add a build that somebody else started, by default now; values not given are the job's defaults."""
        with self.lock:
            job, now = self._jobs[full_name.lower()], time.time()
            build = Build(
                job.next_number() if number is None else number,
                self._queue.next_id,
                now if started_at is None else started_at,
                {**job.defaults, **(parameters or {})},
                [user],
            )
            self._queue.next_id += 1
            job.add_build(build)
            return build

    def add_placeholder_item(self) -> None:
        """Queue a running Pipeline's wait for a node."""
        with self.lock:
            self._queue.add(None, {}, self.user, time.time(), wait=float("inf"))

    def job(self, full_name: str) -> Job:
        """Return a job."""
        return self._jobs[full_name.lower()]

    def builds(self, full_name: str) -> list[Build]:
        """Return a job's builds, oldest first."""
        with self.lock:
            self._advance()
            return list(self.job(full_name).builds)

    def queued(self, full_name: str) -> list[Item]:
        """Return a job's items in the queue."""
        with self.lock:
            self._advance()
            return [item for item in self._queue.items if item.job is self.job(full_name)]

    def triggered(self, full_name: str) -> int:
        """Return how many items of a job POSTs made, waiting or started; identical ones count once."""
        return self.job(full_name).triggered

    def veto(self, full_name: str) -> None:
        """Let a QueueDecisionHandler refuse the job's items from now on."""
        self.job(full_name).vetoed = True

    def start_items(self) -> None:
        """Make builds of all waiting items now, whatever they wait for."""
        with self.lock:
            for item in list(self._queue.items):
                self._queue.start(item, time.time(), self.gap_seconds)

    def crash(self) -> None:
        """Forget what waits in the queue, as after ``kill -9`` before it was saved."""
        with self.lock:
            self._queue.forget()

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer as Jenkins does."""
        self._advance()
        refused = self._authenticate(request)
        if refused is not None:
            return refused
        path = request.path
        if not path.startswith(f"{self.context_path}/"):
            return pages.not_found()
        segments = [unquote(each) for each in path[len(self.context_path) :].strip("/").split("/")]
        if segments[-2:] == ["api", "json"]:
            return self._json(request, segments[:-2])
        if segments[0] == "job" and segments[-1] in _TRIGGERS:
            return self._trigger_answer(request, segments)
        return pages.not_found()

    def _advance(self) -> None:
        """Start the items whose wait is over."""
        now = time.time()
        for item in list(self._queue.items):
            held = self.devices_busy and item.job is not None and item.job.kind == "freestyle"
            if item.ready_at <= now and not held and not self.quieting_down:
                self._queue.start(item, item.ready_at, self.gap_seconds)

    def _authenticate(self, request: RecordedRequest) -> Answer | None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            # Of a request without an API token the crumb is checked first.
            return pages.no_crumb() if request.method == "POST" else pages.login_needed()
        try:
            user, _, token = b64decode(credentials).decode().partition(":")
        except ValueError:
            user = token = ""
        if (user, token) != (self.user, self.token):
            return pages.unauthorized()
        return None if self.overall_read else pages.no_overall_read(user)

    def _find(self, segments: list[str]) -> Job | None:
        """Return the job of ``job/a/job/b``; without Job/Read or Discover there is none."""
        names = segments[1::2]
        if len(segments) % 2 or any(each != "job" for each in segments[::2]) or any("/" in n for n in names):
            return None
        job = self._jobs.get("/".join(names).lower())
        return None if job is None or job.permission == "none" else job

    def _json(self, request: RecordedRequest, segments: list[str]) -> Answer:
        root = self.root_url.rstrip("/") or self._root_of(request)
        if segments == ["queue"]:
            value = queue_json(self._queue.items, root, self.clock_skew_seconds)
        elif segments[:2] == ["queue", "item"]:
            found = [item for item in self._queue.items if str(item.id) == segments[2]]
            if not found:
                return pages.not_found()
            value = item_json(found[0], root, self.clock_skew_seconds)
        elif segments == ["me"]:
            value = {"id": self.user, "fullName": self.user, "absoluteUrl": f"{root}/user/{self.user}"}
        elif segments == ["whoAmI"]:
            value = {"name": self.user, "anonymous": False, "authenticated": True}
        elif segments == ["crumbIssuer"]:
            value = {"crumb": "0" * 64, "crumbRequestField": "Jenkins-Crumb"}
        else:
            job = self._find(segments)
            if job is None:
                return pages.not_found()
            if job.permission == "discover":
                return pages.discover_only(job.name)
            value = job_json(job, root, time.time(), self.clock_skew_seconds)
        try:
            tree = request.parameters.get("tree")
            shown = select_fields(value, parse_tree(tree)) if tree is not None else value
        except TreeError:
            return pages.oops()
        return json_answer(shown, headers={"X-Jenkins": pages.VERSION})

    def _trigger_answer(self, request: RecordedRequest, segments: list[str]) -> Answer:
        job = self._find(segments[:-1])
        if job is None:
            return pages.not_found()  # the same for a missing job, a folder, and no Job/Read
        if job.permission == "discover":
            return pages.discover_only(job.name)
        if job.permission == "read":
            return pages.no_build_permission(self.user)
        if request.method != "POST":
            return pages.method_not_allowed()
        try:
            form = read_form(request)
            if not job.buildable:
                return pages.plain(409, f"{job.full_name} is not buildable")
            if segments[-1] == "build":
                if job.parameters is not None:
                    return pages.nothing_submitted()
                return self._submit(request, job, {}, form)
            if job.parameters is None:
                return pages.plain(400, f"{job.full_name} is not parameterized")
            return self._submit(request, job, job.values_from(form.fields), form)
        except (FormError, ParameterError):
            return pages.oops()  # a 500 that does not name the parameter

    def _submit(self, request: RecordedRequest, job: Job, values: dict[str, Value], form: Form) -> Answer:
        root = self._root_of(request)  # not the configured one
        if job.vetoed:
            return Answer(302, headers={"Location": f"{root}/{path_of(job.full_name)}/"})
        now = time.time()
        wait = form.delay_seconds
        if wait is None:
            wait = self.quiet_seconds if job.quiet_seconds is None else job.quiet_seconds
        item = self._queue.find(job, values)
        status = 201
        if item is None:
            item = self._queue.add(job, values, self.user, now, wait)
            job.triggered += 1
        else:
            item.users.append(self.user)
            item.ready_at = min(item.ready_at, now + wait)
            # 303 for an identical waiting item since 2.308; /build without parameters keeps to 201.
            status = 303 if job.parameters is not None else 201
        location = f"{root}/queue/item/{item.id}/"
        self._advance()
        return Answer(status, headers={"Location": location})

    def _root_of(self, request: RecordedRequest) -> str:
        headers = request.headers  # a proxy's X-Forwarded-* are believed
        host = headers.get("x-forwarded-host", headers.get("host", f"127.0.0.1:{self.port}"))
        port = headers.get("x-forwarded-port")
        if port and not re.search(r":\d+$", host):
            host = f"{host}:{port}"
        return f"{headers.get('x-forwarded-proto', 'http')}://{host}{self.context_path}"
