"""Jenkins: a build's link becomes a POST to its job's ``buildWithParameters``."""

from __future__ import annotations

import logging
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.calls.policy import Failure, Fault, TriggerDoubtfulError
from test_executions_rerunner.errors import RequestProcessingError, SettingsError
from test_executions_rerunner.links import Origin
from test_executions_rerunner.models import Look, PostArguments, Served, State, Target, Verdict
from test_executions_rerunner.processors import jenkins_state
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.processors.jenkins_builds import BuildParameters, BuildTarget, repeated
from test_executions_rerunner.processors.jenkins_client import JenkinsClient
from test_executions_rerunner.processors.jenkins_history import History
from test_executions_rerunner.processors.jenkins_limits import Limits
from test_executions_rerunner.processors.jenkins_links import read_link, trigger_names, trigger_url
from test_executions_rerunner.processors.jenkins_parameters import Parameters, form
from test_executions_rerunner.processors.jenkins_queue import SharedQueue
from test_executions_rerunner.processors.jenkins_refusals import explain_jenkins
from test_executions_rerunner.text import basic, harmless, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.processors.jenkins_state import Build, Job, Queue, QueueItem
    from test_executions_rerunner.rerun_request import RerunRequest

_FRESH_SECONDS = 10.0
"""How old the queue may be that a look rests on, so that a trigger can still follow in time: whatever was queued since
then still waits for its delay to pass."""
_FRESH_WITHOUT_DELAY_SECONDS = 2.0
"""The same for a job that defines a parameter called delay itself, so that ours is not sent."""
_FRESH_LOOK_SECONDS = 15.0
"""How old a look may be when its trigger waits in the queue: an identical one that was sent since still waits there."""
_LEAST_OF_A_TOKEN = 4
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
        parameters_from: ``family``, or ``build``: the parameters of the build that the link names, ours over them.
        max_per_day: Most builds with the same parameters in 24 hours; None: no limit.
        max_queued: Most items that may wait in the queue, whoever added them; None: no limit.
        connections: Most connections open at a time.
        waiting: Time-outs, and the waits that a signal cuts short.

    Raises:
        SettingsError: An argument is not allowed; the message says what is.
    """

    name = "jenkins"
    title = "Jenkins"
    address_setting = "--jenkins-url"
    credential_setting = "JENKINS_USERNAME and JENKINS_API_TOKEN (an API token, no password)"
    momentary = frozenset({Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.BROKEN})
    delay_seconds = 20.0
    """How long the item waits in the queue: for so long identical triggers are one."""

    def __init__(  # noqa: PLR0913 - two credentials, and one keyword for each setting
        self,
        user: str = defaults.JENKINS_USERNAME,
        token: str = "",
        *,
        jenkins_url: str = defaults.JENKINS_URL,
        build_parameters: str | Iterable[str] = (),
        parameters_from: str = "family",
        max_per_day: int | None = None,
        max_queued: int | None = None,
        connections: int = defaults.CONCURRENCY,
        waiting: Waiting | None = None,
    ) -> None:
        defaults.check_arguments(
            parameters_from=parameters_from, max_per_day=max_per_day, max_queued=max_queued, connections=connections
        )
        if 0 < len(token) < _LEAST_OF_A_TOKEN:
            raise SettingsError(f"token: shorter than {_LEAST_OF_A_TOKEN} characters, so that it cannot be hidden")
        super().__init__(secrets=(token, token and basic(user, token)), waiting=waiting)
        self.origin = Origin.parse(jenkins_url)
        self.address = str(self.origin)
        self.parameters = Parameters(build_parameters)
        self.queue = SharedQueue(self.waiting.clock, self._read_queue)
        self.resolves = parameters_from == "build"
        self._builds = BuildParameters(self)
        self._limits = Limits(max_per_day, max_queued, self.address)
        self._user, self._token, self._connections = user, token, connections

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
        """Return the job that a request's link names, with the parameters of its family.

        With ``parameters_from="build"`` every family is served, and `resolved` gives it the build's parameters.
        """
        names, number = read_link(request.ci_link, self.origin)
        family = request.family
        if not self.resolves:
            return self._target(names, self.parameters.of_family(family))
        try:
            parameters = self.parameters.of_family(family)
        except RequestProcessingError:
            parameters = self.parameters.over(family)
        target = self._target(names, parameters)
        key = (*_job_key(names), number, shown(family))
        return BuildTarget(key, target.name, target.post_arguments, names=names, number=number, family=family)

    def resolved(self, target: Target) -> Target:
        """Give a target the parameters of its build, where they are to be repeated."""
        if not isinstance(target, BuildTarget):
            return target
        parameters, notes = repeated(target, self._builds.read(target), self.parameters)
        return self._target(target.names, parameters, notes)

    def _target(self, names: tuple[str, ...], parameters: dict[str, Any], notes: tuple[str, ...] = ()) -> Target:
        key = (*_job_key(names), *sorted(form(parameters).items()))
        post: PostArguments = {"url": trigger_url(self.origin, names), "json": parameters}
        return Target(key, harmless("/".join(names)), post, notes)

    def submit(self, post_arguments: PostArguments, *, delay: bool = True) -> Served:
        """Start a build, or join the identical one that waits in the queue; see `RequestProcessor.submit`."""
        url = trigger_url(self.origin, trigger_names(post_arguments, self.origin))
        fields = form(post_arguments.get("json", {}))
        logging.getLogger().info("POST %s", harmless(dict(post_arguments), most=2000))
        if delay:
            fields.setdefault("delay", f"{self.delay_seconds:.0f}sec")
        response = self.client.send("POST", url, self.calls.clock, fields)
        location = response.headers.get("Location", "")
        found = _QUEUE_ITEM.search(location)
        if response.status_code not in {requests.codes.created, requests.codes.see_other} or not found:
            raise self.refused(url, response)
        if not self._is_below(location, ("queue", "item", found[1])):
            raise TriggerDoubtfulError(
                f"POST {url}: {response.status_code}, but its queue item is elsewhere: {harmless(location)}",
                response=response,
            )
        joined = response.status_code == requests.codes.see_other
        return Served(
            "an identical item was waiting in the queue already" if joined else "accepted", self._item_link(found[1])
        )

    def snapshot(self) -> Queue:
        """Read the queue: always before the builds, since an item is in neither for a moment."""
        return self.queue.read()

    def _read_queue(self) -> Queue:
        url = f"{self.origin}/queue/api/json?tree={jenkins_state.QUEUE_TREE}"

        def read() -> Queue:
            read_at = self.waiting.clock()
            return jenkins_state.read_queue(self.client.read(url, self.calls.clock), read_at)

        return self.calls.repeated(read, momentary=self.momentary)

    def look(self, target: Target, asked_at: Mapping[RerunRequest, Moment | None], snapshot: Queue | None) -> Look:
        """Look for an item in the queue, or a build started later, with our parameters."""
        queue, job = self._queue_and_job(target, 0.0 if snapshot is None else _FRESH_SECONDS)
        items = self._items(target, queue)
        history = History(self, target, job)
        post = self._sent(target, job)
        waiting = next((item for item in items if job.is_ours(item, post["json"])), None)
        served: dict[RerunRequest, Served] = {}
        for request, asked in asked_at.items():
            if waiting:
                served[request] = Served("an identical item waits in the queue", self._item_link(waiting.number))
            elif asked is not None and (builds := history.ours_since(asked)):
                served[request] = self._served_by(target, builds[0])
        undefined = job.undefined(target.post_arguments["json"])
        notes = (f"the job does not define {', '.join(undefined)}, so Jenkins drops that",) if undefined else ()
        return Look(
            post,
            served,
            None if len(served) == len(asked_at) else self._verdict(job, queue, history, post),
            (*target.notes, *notes),
            before=_Before(frozenset(item.number for item in items), job.newest),
            claims=self._limits.claims(queue),
            since=queue.read_at,
            fresh_seconds=_FRESH_LOOK_SECONDS if _takes_delay(job) else Look.fresh_seconds,
            delay=_takes_delay(job),
        )

    def _sent(self, target: Target, job: Job) -> PostArguments:
        """Return the POST to send: without what a build called delay, where that would be taken for ours."""
        post = target.post_arguments
        if not self.resolves or not _takes_delay(job):
            return post
        return {"url": post["url"], "json": {name: value for name, value in post["json"].items() if name != "delay"}}

    def _queue_and_job(self, target: Target, younger_than_seconds: float) -> tuple[Queue, Job]:
        """Read the queue, unless it was just read, and then the job."""
        queue = self.queue.read(younger_than_seconds=younger_than_seconds)
        job = self.job(target)
        is_old = self.waiting.clock() - queue.read_at > _FRESH_WITHOUT_DELAY_SECONDS
        if younger_than_seconds and is_old and not _takes_delay(job):
            queue = self.queue.read()
            job = self.job(target)
        return queue, job

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the item or build of ours that was not there at the look."""
        items = self._items(target, self.queue.read())
        job = self.job(target)
        sent = look.post_arguments["json"]
        for item in items:
            if item.number not in look.before.items and job.is_ours(item, sent):
                return Served("found in the queue after a doubtful answer", self._item_link(item.number))
        for build in job.builds:
            if build.number > look.before.newest_build and job.is_ours(build, sent):
                return Served("found among the builds after a doubtful answer", self._build_link(target, build))
        return None

    def job(self, target: Target) -> Job:
        """Read a target's job and its newest builds.

        Raises:
            CallError: It could not be read.
        """
        url = f"{self.job_url(target)}/api/json?tree={jenkins_state.JOB_TREE}"
        full_name = "/".join(trigger_names(target.post_arguments, self.origin))
        return self.calls.repeated(
            lambda: jenkins_state.read_job(self.client.read(url, self.calls.clock), full_name), momentary=self.momentary
        )

    def explain(self, error: BaseException) -> Failure:
        """Understand what Jenkins answers in its own way."""
        return explain_jenkins(error, self.address_setting)

    def _verdict(self, job: Job, queue: Queue, history: History, post: PostArguments) -> Verdict | None:
        if not job.is_buildable:
            return Verdict(State.DEFERRED, "the job is disabled")
        if not job.defaults:
            return Verdict(State.FAILED, "the job takes no parameters, so that ours cannot reach it")
        if not_offered := job.not_offered(post["json"]):
            return Verdict(State.FAILED, not_offered)
        return self._limits.verdict(queue, history)

    def job_url(self, target: Target) -> str:
        """Return the address of a target's job, without a slash at its end."""
        return target.post_arguments["url"].removesuffix("/buildWithParameters")

    def _items(self, target: Target, queue: Queue) -> tuple[QueueItem, ...]:
        """Return the items of the target's job; without case, as Jenkins looks names up."""
        name = "/".join(trigger_names(target.post_arguments, self.origin)).lower()
        return tuple(item for item in queue.items if item.job == name)

    def _item_link(self, number: int | str) -> str:
        return f"{self.origin}/queue/item/{number}/"

    def _served_by(self, target: Target, build: Build) -> Served:
        return Served(f"build {build.number} started since the request", self._build_link(target, build))

    def _build_link(self, target: Target, build: Build) -> str:
        return f"{self.job_url(target)}/{build.number}/"

    def _is_below(self, location: str, names: tuple[str, ...]) -> bool:
        """Tell whether a Location leads to a path of this controller."""
        try:
            return self.origin.names_below(urljoin(f"{self.origin}/", location)) == names
        except ValueError:
            return False


def _job_key(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is equal for two links to one job: Jenkins looks names up without case."""
    return ("/".join(names).lower(),)


def _takes_delay(job: Job) -> bool:
    """Tell whether a delay that is sent with a trigger is one, and no parameter of the job."""
    return "delay" not in job.defaults
