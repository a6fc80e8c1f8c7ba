"""What the loopback Jenkins answers: triggers, the queue, and the JSON that a look reads."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import unquote

from test_executions_rerunner.demo.jenkins import pages
from test_executions_rerunner.demo.jenkins.forms import Form, FormError, read_form
from test_executions_rerunner.demo.jenkins.jobs import Job, ParameterError, Queue, Value
from test_executions_rerunner.demo.jenkins.json import (
    READABLE,
    build_json,
    folder_json,
    item_json,
    job_json,
    path_of,
    queue_json,
)
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.trees import TreeError, parse_tree, select_fields
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

_TRIGGERS = ("build", "buildWithParameters")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


class JenkinsApi(LoopbackServer):
    """What Jenkins answers; see ``JenkinsServer`` for the attributes."""

    server_name = "Jetty(12.0.22)"

    def __init__(self, user: str, token: str, context_path: str) -> None:
        super().__init__(context_path)
        self.user, self.token = user, token
        self.root_url = ""
        self.quiet_seconds = 5.0
        self.devices_busy = self.quieting_down = False
        self.gap_seconds = 0.0
        self.overall_read = True
        self.idle_seconds = 30  # Winstone closes an idle connection after exactly 30 s, unannounced
        self._jobs: dict[str, Job] = {}  # by lower-case name: jobs are looked up without case
        self._queue = Queue()

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer as Jenkins does."""
        self._advance()
        refused = self._refuse_caller(request)
        if refused is not None:
            return refused
        if not request.path.startswith(f"{self.context_path}/"):
            return pages.not_found()
        path = request.path[len(self.context_path) :].strip("/")
        segments = [unquote(each) for each in path.split("/")]
        if segments[-2:] == ["api", "json"]:
            return self._json(request, segments[:-2])
        if segments[0] == "job" and segments[-1] in _TRIGGERS:
            return self._trigger_answer(request, segments)
        return pages.not_found()

    def _advance(self) -> None:
        """Start the items whose wait is over."""
        now = time.time()
        for item in list(self._queue.items):
            is_pipeline = item.job is not None and item.job.kind == "pipeline"
            held = (self.devices_busy and not is_pipeline) or (item.job is not None and item.job.is_held())
            if item.ready_at <= now and not held and not self.quieting_down:
                self._queue.start(item, item.ready_at, self.gap_seconds)
                if self.devices_busy:  # a Pipeline runs at once, and waits for its node as another item
                    self._queue.add(None, {}, self.user, now, wait=0)

    def _refuse_caller(self, request: RecordedRequest) -> Answer | None:
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
        job = self._jobs.get(_full_name(segments).lower())
        return None if job is None or job.permission == "none" else job

    def _folder(self, segments: list[str]) -> list[Job]:
        """Return the jobs in a folder that may be read."""
        start = f"{_full_name(segments)}/".lower()
        return [job for name, job in self._jobs.items() if name.startswith(start) and job.permission in READABLE]

    def _json(self, request: RecordedRequest, segments: list[str]) -> Answer:
        root = self.root_url.rstrip("/") or self._root_of(request)
        skew = self.clock_skew_seconds
        fixed: dict[tuple[str, ...], Callable[[], dict[str, object]]] = {
            ("queue",): lambda: queue_json(self._queue.items, root, skew),
            ("me",): lambda: {
                "id": self.user,
                "fullName": self.user,
                "absoluteUrl": f"{root}/user/{self.user}",
            },
            ("whoAmI",): lambda: {"name": self.user, "anonymous": False, "authenticated": True},
            ("crumbIssuer",): lambda: {"crumb": "0" * 64, "crumbRequestField": "Jenkins-Crumb"},
        }
        if tuple(segments) in fixed:
            return _tree_answer(request, fixed[tuple(segments)]())
        if segments[:2] == ["queue", "item"]:
            found = [item for item in self._queue.items if [str(item.id)] == segments[2:]]
            return _tree_answer(request, item_json(found[0], root, skew)) if found else pages.not_found()
        return self._job_answer(request, segments, root)

    def _job_answer(self, request: RecordedRequest, segments: list[str], root: str) -> Answer:
        """Answer what is told of a job, of one of its builds, or of a folder."""
        number = int(segments.pop()) if len(segments) % 2 and _NUMBER.fullmatch(segments[-1]) else None
        job = self._find(segments)
        if job is None:
            inside = self._folder(segments)
            if not inside or number is not None:
                return pages.not_found()
            depth = len(segments) // 2
            full_name = "/".join(inside[0].full_name.split("/")[:depth])
            return _tree_answer(request, folder_json(full_name, inside, root))
        if job.permission == "discover":
            return pages.discover_only(job.name)
        if number is None:
            return _tree_answer(request, job_json(job, root, time.time(), self.clock_skew_seconds))
        found = [build for build in job.builds if build.number == number]
        if not found:
            return pages.not_found()  # discarded, or there never was one
        return _tree_answer(request, build_json(found[0], job, root, self.clock_skew_seconds))

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
            return self._build(request, job, with_parameters=segments[-1] == "buildWithParameters")
        except (FormError, ParameterError):
            return pages.oops()  # a 500 that does not name the parameter

    def _build(self, request: RecordedRequest, job: Job, *, with_parameters: bool) -> Answer:
        form = read_form(request)
        if not job.buildable:
            return pages.plain(409, f"{job.full_name} is not buildable")
        if with_parameters and job.parameters is None:
            return pages.plain(400, f"{job.full_name} is not parameterized")
        if not with_parameters and job.parameters is not None:
            return pages.nothing_submitted()
        root = self._root_of(request)  # not the configured one
        if job.vetoed:
            return Answer(302, headers={"Location": f"{root}/{path_of(job.full_name)}/"})
        return self._submit(job, job.values_from(form.fields), form, root)

    def _submit(self, job: Job, values: dict[str, Value], form: Form, root: str) -> Answer:
        now, wait = time.time(), form.delay_seconds
        if wait is None:
            wait = self.quiet_seconds if job.quiet_seconds is None else job.quiet_seconds
        item = self._queue.find(job, values)
        if item is None:
            status = 201
            item = self._queue.add(job, values, self.user, now, wait)
            job.triggered += 1
        else:
            # 303 for an identical waiting item since 2.308; /build without parameters keeps to 201.
            status = 303 if job.parameters is not None else 201
            item.users.append(self.user)
            item.ready_at = min(item.ready_at, now + wait)
        self._advance()
        return Answer(status, headers={"Location": f"{root}/queue/item/{item.id}/"})

    def _root_of(self, request: RecordedRequest) -> str:
        """Return the root URL by which Jenkins was called; a proxy's X-Forwarded-* are believed."""
        headers = request.headers
        host = headers.get("x-forwarded-host", headers.get("host", f"127.0.0.1:{self.port}"))
        port = headers.get("x-forwarded-port")
        if port and not re.search(r":\d+$", host):
            host = f"{host}:{port}"
        scheme = headers.get("x-forwarded-proto", self.url.partition("://")[0])
        return f"{scheme}://{host}{self.context_path}"


def _full_name(segments: list[str]) -> str:
    """Return the name of ``job/a/job/b``; empty where that is no path of a job."""
    names = segments[1::2]
    if len(segments) % 2 or any(each != "job" for each in segments[::2]) or any("/" in name for name in names):
        return ""
    return "/".join(names)


def _tree_answer(request: RecordedRequest, value: dict[str, object]) -> Answer:
    tree = request.parameters.get("tree")
    try:
        shown = select_fields(value, parse_tree(tree)) if tree is not None else value
    except TreeError:
        return pages.oops()
    return json_answer(shown, headers={"X-Jenkins": pages.VERSION})
