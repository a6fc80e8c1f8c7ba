"""Jenkins: a build's link becomes a POST to its job's ``buildWithParameters``."""

from __future__ import annotations

import logging
import re
import threading
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.links import Origin, is_without_query
from test_executions_rerunner.models import Look, PostArguments, RerunRequest, Served, State, Target, Verdict
from test_executions_rerunner.parsing import basic
from test_executions_rerunner.policy import Failure, Fault, TriggerDoubtfulError, TriggerRefusedError, explain
from test_executions_rerunner.processors import jenkins_state
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.processors.jenkins_client import JenkinsClient
from test_executions_rerunner.processors.jenkins_links import family_parameters, form, job_names, job_path
from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from test_executions_rerunner.checks import Check
    from test_executions_rerunner.clocks import Moment
    from test_executions_rerunner.processors.jenkins_state import Build, Job, QueueItem
    from test_executions_rerunner.waiting import Waiting

DELAY = "20sec"
"""How long the item waits in the queue: for so long identical triggers are one."""
_FRESH_SECONDS = 10.0
"""How old a look at the queue may be: whatever was queued since then still waits for its delay to pass."""
_DELAYED_FRESH_SECONDS = 15.0
"""How old a look may be when its trigger waits in the queue: an identical one that was sent since still waits there."""
_QUEUE_ITEM = re.compile(r"/queue/item/([0-9]+)/$")


class _Before(NamedTuple):
    """The state of a job before its trigger."""

    items: frozenset[int]
    newest_build: int


class JenkinsProcessor(RequestProcessor):
    """Serves the links of one Jenkins controller.

    Args:
        user: Whose API token it is.
        token: The API token.
        jenkins_url: The controller, with its context path.
        build_parameters: ``[FAMILY:]NAME=VALUE`` each, or one text with one a line: more build parameters.
        connections: Most connections open at a time.
        waiting: Time-outs, and the waits that a signal cuts short.
    """

    name = "jenkins"
    title = "Jenkins"
    address_setting = "--jenkins-url"
    credential_setting = "JENKINS_USERNAME and JENKINS_API_TOKEN (an API token, no password)"
    momentary = frozenset({Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.BROKEN})

    def __init__(  # noqa: PLR0913 - two credentials, and one keyword for each setting
        self,
        user: str = defaults.JENKINS_USERNAME,
        token: str = "",
        *,
        jenkins_url: str = defaults.JENKINS_URL,
        build_parameters: str | Iterable[str] = (),
        connections: int = defaults.CONCURRENCY,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(secrets=(token, token and basic(user, token)), waiting=waiting)
        self.origin = Origin.parse(jenkins_url)
        self.address = str(self.origin)
        self.parameters = family_parameters(build_parameters)
        self._user, self._token, self._connections = user, token, connections
        self._queue_lock = threading.Lock()
        self._queue: tuple[float, tuple[QueueItem, ...]] = (float("-inf"), ())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(user={self._user!r}, jenkins_url={str(self.origin)!r})"

    @classmethod
    def with_defaults(cls) -> JenkinsProcessor:
        """Return an instance for the default controller, without a token."""
        return cls()

    @cached_property
    def client(self) -> JenkinsClient:
        """The connection to the controller."""
        return JenkinsClient(str(self.origin), self._user, self._token, self._connections, self.waiting)

    def target(self, request: RerunRequest) -> Target:
        """Return the job that a request's link names, with the parameters of its family."""
        names = job_names(request.ci_link, self.origin)
        family = request.family
        if not isinstance(family, str) or family not in self.parameters:
            raise RequestProcessingError(
                f"family {shown(family)} is not served, only {', '.join(self.parameters)}; "
                "--build-parameter FAMILY:NAME=VALUE serves another"
            )
        parameters = dict(self.parameters[family])
        key = (
            "/".join(names).lower(),
            *sorted((name, as_sent) for name, as_sent in form(parameters).items()),
        )
        return Target(key, harmless("/".join(names)), {"url": self._trigger_url(names), "json": parameters})

    def submit(self, post_arguments: PostArguments, *, delay: bool = True) -> Served:
        """Start a build, or join the identical one that waits in the queue; see `RequestProcessor.submit`."""
        url = self._trigger_url(self._checked(post_arguments))
        fields = form(post_arguments.get("json", {}))
        logging.getLogger().info("POST %s", harmless(dict(post_arguments), most=2000))
        if delay:
            fields.setdefault("delay", DELAY)
        response = self.client.send("POST", url, self.calls.clock, fields)
        found = _QUEUE_ITEM.search(response.headers.get("Location", ""))
        if response.status_code not in {requests.codes.created, requests.codes.see_other} or not found:
            raise self.refused(url, response)
        link = f"{self.origin}/queue/item/{found[1]}/"
        location = urljoin(f"{self.origin}/", response.headers["Location"])
        if not _is_same(location, self.origin, ("queue", "item", found[1])):
            raise TriggerDoubtfulError(
                f"POST {url}: {response.status_code}, but its queue item is elsewhere: {harmless(location)}",
                response=response,
            )
        joined = response.status_code == requests.codes.see_other
        return Served("an identical item was waiting in the queue already" if joined else "accepted", link)

    def snapshot(self) -> tuple[QueueItem, ...]:
        """Read the queue: always before the builds, since an item is in neither for a moment."""
        url, read_at = f"{self.origin}/queue/api/json?tree={jenkins_state.QUEUE_TREE}", self.waiting.clock()
        items = self.calls.repeated(
            lambda: jenkins_state.read_queue(self.client.read(url, self.calls.clock)), momentary=self.momentary
        )
        self._queue = read_at, items
        return items

    def _fresh_items(self) -> tuple[QueueItem, ...]:
        """Return the queue of this window, read again for all when it has grown old."""
        with self._queue_lock:
            read_at, items = self._queue
            return items if self.waiting.clock() - read_at < _FRESH_SECONDS else self.snapshot()

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: tuple[QueueItem, ...] | None,
    ) -> Look:
        """Look for an item in the queue, or a build started later, with our parameters."""
        began = self.waiting.clock()
        items = self._items(target, self.snapshot() if snapshot is None else self._fresh_items())
        job = self.job(target)
        history = _History(self, target, job)
        post = target.post_arguments
        waiting = next((item for item in items if job.is_ours(item, post["json"])), None)
        served: dict[RerunRequest, Served] = {}
        for request, asked in asked_at.items():
            if waiting:
                link = f"{self.origin}/queue/item/{waiting.number}/"
                served[request] = Served("an identical item waits in the queue", link)
            elif asked is not None and (build := history.ours_since(asked)):
                served[request] = self._served_by(target, build)
        undefined = job.undefined(post["json"])
        notes = (f"the job does not define {', '.join(undefined)}, so Jenkins drops that",) if undefined else ()
        before = _Before(frozenset(item.number for item in items), job.newest)
        is_delayed = "delay" not in job.defaults
        return Look(
            post,
            served,
            self._verdict(job),
            notes,
            before,
            since=min(self._queue[0], began),
            fresh_seconds=_DELAYED_FRESH_SECONDS if is_delayed else Look.fresh_seconds,
            delay=is_delayed,
        )

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the item or build of ours that was not there at the look."""
        items = self._items(target, self.snapshot())
        job = self.job(target)
        sent = look.post_arguments["json"]
        for item in items:
            if item.number not in look.before.items and job.is_ours(item, sent):
                return Served("found in the queue after a doubtful answer", f"{self.origin}/queue/item/{item.number}/")
        for build in job.builds:
            if build.number > look.before.newest_build and job.is_ours(build, sent):
                return Served("found among the builds after a doubtful answer", self._build_link(target, build))
        return None

    def job(self, target: Target) -> Job:
        """Read a target's job and its newest builds.

        Raises:
            CallError: It could not be read.
        """
        url = f"{self._job_url(target)}/api/json?tree={jenkins_state.JOB_TREE}"
        return self.calls.repeated(
            lambda: jenkins_state.read_job(self.client.read(url, self.calls.clock)), momentary=self.momentary
        )

    def check(self, targets: Iterable[Target]) -> Iterator[Check]:
        """Try the controller, the user, and each job; see `jenkins_checks`."""
        from test_executions_rerunner.processors.jenkins_checks import jenkins_checks  # noqa: PLC0415 - rarely needed

        return jenkins_checks(self, targets)

    def explain(self, error: BaseException) -> Failure:
        """Understand what Jenkins answers in its own way."""
        if isinstance(error, TriggerDoubtfulError):
            return Failure(Fault.BROKEN, str(error))
        failure = explain(error)
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == requests.codes.not_found:
            return failure._replace(reason="404 Not Found: no such job, or no permission to see it (Job/Read)")
        if failure.reason.startswith(("302 ", "303 ")) and not isinstance(error, TriggerRefusedError):
            return failure._replace(reason=f"{failure.reason}: a login page? check {self.address_setting}")
        if status == requests.codes.conflict:
            return failure._replace(fault=Fault.DISABLED)
        if status == requests.codes.forbidden and "crumb" in failure.reason:
            return failure._replace(reason=f"{failure.reason}: use an API token, which needs none, not a password")
        return failure

    def _verdict(self, job: Job) -> Verdict | None:
        if not job.is_buildable:
            return Verdict(State.DEFERRED, "the job is disabled")
        if not job.defaults:
            return Verdict(State.FAILED, "the job takes no parameters, so that ours cannot reach it")
        return None

    def _checked(self, post_arguments: PostArguments) -> tuple[str, ...]:
        """Return the names of the job that a trigger is for, or refuse what `process` never returns."""
        url = post_arguments.get("url")
        try:
            names = self.origin.names_below(url) if is_without_query(url) else ()
        except ValueError as error:
            raise RequestProcessingError(f"url {shown(url)} is not served: {error}") from error
        if len(names) < 3 or names[-1] != "buildWithParameters" or set(names[:-1:2]) != {"job"} or not len(names) % 2:  # noqa: PLR2004
            raise RequestProcessingError(
                f"url {shown(url)} is not served: {self.origin}/job/NAME/buildWithParameters is allowed"
            )
        return names[1:-1:2]

    def _trigger_url(self, names: Iterable[str]) -> str:
        return f"{self.origin}{job_path(names)}/buildWithParameters"

    def _job_url(self, target: Target) -> str:
        return target.post_arguments["url"].removesuffix("/buildWithParameters")

    def _items(self, target: Target, queue: Iterable[QueueItem]) -> tuple[QueueItem, ...]:
        """Return the items of the target's job; without case, as Jenkins looks names up."""
        name = "/".join(self._checked(target.post_arguments)).lower()
        return tuple(item for item in queue if item.job == name)

    def _served_by(self, target: Target, build: Build) -> Served:
        return Served(f"build {build.number} started since the request", self._build_link(target, build))

    def _build_link(self, target: Target, build: Build) -> str:
        return f"{self._job_url(target)}/{build.number}/"


class _History:
    """The builds of a job, newest first; older ones are read when they are needed, once for all its requests."""

    def __init__(self, processor: JenkinsProcessor, target: Target, job: Job) -> None:
        self._processor, self._job = processor, job
        self._url = target.post_arguments["url"].removesuffix("/buildWithParameters")
        self._sent = target.post_arguments["json"]
        self._builds, self._most = job.builds, jenkins_state.FIRST_BUILDS

    def ours_since(self, asked: Moment) -> Build | None:
        """Return a build of ours that started later; read on while all builds known did."""
        while True:
            later = [build for build in self._builds if self._processor.later(build.started, asked)]
            for build in later:
                if self._job.is_ours(build, self._sent):
                    return build
            is_all = len(self._builds) < self._most or self._most >= jenkins_state.MOST_BUILDS
            if is_all or len(later) < len(self._builds):
                return None
            self._read_on()

    def _read_on(self) -> None:
        self._most = min(self._most * 4, jenkins_state.MOST_BUILDS)
        url = f"{self._url}/api/json?tree={jenkins_state.all_builds_tree(0, self._most)}"
        calls, client = self._processor.calls, self._processor.client
        self._builds = calls.repeated(
            lambda: jenkins_state.read_all_builds(client.read(url, calls.clock)), momentary=self._processor.momentary
        )


def _is_same(url: str, origin: Origin, names: tuple[str, ...]) -> bool:
    try:
        return origin.names_below(url) == names
    except ValueError:
        return False
