"""Jenkins: a build's link becomes a POST to its job's ``buildWithParameters``."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.calls.failures import TriggerDoubtfulError
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.links import read_address
from test_executions_rerunner.models import PostArguments, Served, Target
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.processors.jenkins.api import JenkinsApi
from test_executions_rerunner.processors.jenkins.builds import (
    BuildTarget,
    JobTarget,
    LinkedBuilds,
    Repeated,
    repeated,
)
from test_executions_rerunner.processors.jenkins.links import read_link, trigger_names, trigger_url
from test_executions_rerunner.processors.jenkins.looks.doubt import Ours
from test_executions_rerunner.processors.jenkins.looks.limits import Limits
from test_executions_rerunner.processors.jenkins.looks.look import JobLooks
from test_executions_rerunner.processors.jenkins.parameters import Parameters, form
from test_executions_rerunner.processors.jenkins.queue import SharedQueue
from test_executions_rerunner.processors.jenkins.refusals import JoinedAnotherError, explain_jenkins
from test_executions_rerunner.text import basic, harmless, shown, without

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.calls.failures import Failure
    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.models import Look
    from test_executions_rerunner.processors.jenkins.client import JenkinsClient
    from test_executions_rerunner.processors.jenkins.state import Queue
    from test_executions_rerunner.rerun_request import RerunRequest

_QUEUE_ITEM = re.compile(r"([^?#]*/queue/item/([0-9]+)/)(?:[?#].*)?", re.DOTALL)
"""A Location whose path, without its query, is that of an item, and the item's number."""
_USER_INFO = re.compile(r"//[^/?#]*@")


class JenkinsProcessor(RequestProcessor):
    """Serves the links of one Jenkins controller.

    Args:
        user: Whose API token it is.
        token: The API token.
        jenkins_url: The controller, with its context path; every call goes there.
        jenkins_public_url: Where links to it may point too; None: to ``jenkins_url`` alone.
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
    links_setting = "--jenkins-url or --jenkins-public-url"
    credential_setting = "JENKINS_USERNAME and JENKINS_API_TOKEN (an API token, not a password)"
    delay_seconds = 20.0
    """How long the item waits in the queue: for so long identical triggers are one."""

    def __init__(  # noqa: PLR0913 - two credentials, and one keyword for each setting
        self,
        user: str = defaults.JENKINS_USERNAME,
        token: str = "",
        *,
        jenkins_url: str = defaults.JENKINS_URL,
        jenkins_public_url: str | None = None,
        build_parameters: str | Iterable[str] = (),
        parameters_from: str = "family",
        max_per_day: int | None = None,
        max_queued: int | None = None,
        connections: int = defaults.CONCURRENCY,
        waiting: Waiting | None = None,
    ) -> None:
        defaults.check_arguments(user=user, token=token, parameters_from=parameters_from, connections=connections)
        defaults.check_arguments(max_per_day=max_per_day, max_queued=max_queued)
        super().__init__(secrets=(token, token and basic(user, token)), waiting=waiting)
        self.origin = read_address("jenkins_url", jenkins_url)
        public = [read_address("jenkins_public_url", jenkins_public_url)] if jenkins_public_url else []
        self.origins = (self.origin, *public)
        self.address = str(self.origin)
        self.parameters = Parameters(build_parameters)
        self.resolves = parameters_from == "build"
        self.families = None if self.resolves else self.parameters.families
        connect = partial(_connect, self.address, user, token, connections, self.waiting)
        self.api = JenkinsApi(self.origin, self.calls, connect)
        self._user = user
        self._linked = LinkedBuilds(self.api, self.origins)
        self._queue = SharedQueue(self.waiting.clock, self.api.queue)
        limits = Limits(max_per_day, max_queued, self.address)
        kinds = tuple(self.parameters.of_family(family) for family in self.parameters.families)
        self._looks = JobLooks(self.api, self._queue, limits, self._linked, Ours(user, kinds))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(user={self._user!r}, jenkins_url={str(self.origin)!r})"

    @classmethod
    def with_defaults(cls) -> JenkinsProcessor:
        """Return an instance for the default controller, without a token."""
        return cls()

    def target(self, request: RerunRequest) -> Target:
        """Return the job that a request's link names, with the parameters of its family.

        With ``parameters_from="build"`` every family is served, and `resolved` gives it the build's parameters.
        """
        names, number = read_link(request.ci_link, self.origins)
        family = request.family
        if not self.resolves:
            return self._target(names, Repeated(self.parameters.of_family(family)))
        try:
            parameters = self.parameters.of_family(family)
        except RequestProcessingError:
            parameters = self.parameters.over(family)
        target = self._target(names, Repeated(parameters))
        key = (*_job_key(names), number, shown(family))
        return BuildTarget(key, target.name, target.post_arguments, names=names, number=number, family=family)

    def resolved(self, target: Target) -> Target:
        """Give a target the parameters of its build, where they are to be repeated."""
        if not isinstance(target, BuildTarget):
            return target
        again = repeated(target, self._linked.read(target), self.parameters)
        return self._target(target.names, again, target.number)

    def _target(self, names: tuple[str, ...], again: Repeated, number: int | None = None) -> Target:
        """Return a job with the parameters that it is started with."""
        # triggers that differ in what Jenkins does not tell are never the same
        of_its_own = (("", str(number)),) if again.untold else ()
        key = (*_job_key(names), *sorted(form(again.parameters).items()), *of_its_own)
        post: PostArguments = {"url": trigger_url(self.origin, names), "json": again.parameters}
        return JobTarget(key, harmless("/".join(names)), post, again.notes, again.untold)

    def submit(self, post_arguments: PostArguments, *, delay: bool = True, joins: bool = True) -> Served:
        """Start a build, or join the identical one that waits in the queue; see `RequestProcessor.submit`.

        Args:
            post_arguments: As `process` returns it.
            delay: False for a job that defines a parameter called ``delay`` itself: none is added then.
            joins: False where an item that waits already may differ in what Jenkins does not tell.
        """
        url = trigger_url(self.origin, trigger_names(post_arguments, self.origin))
        fields = form(post_arguments.get("json", {}))
        logging.getLogger().info("POST %s", harmless(dict(post_arguments), most=2000))
        if delay:
            fields.setdefault("delay", f"{self.delay_seconds:.0f}sec")
        response = self.api.send("POST", url, fields)
        location = response.headers.get("Location", "")
        found = _QUEUE_ITEM.fullmatch(location)
        if response.status_code not in {requests.codes.created, requests.codes.see_other} or not found:
            raise self.refused(url, response)
        path, number = found.groups()
        if not self._is_below(path, ("queue", "item", number)):
            elsewhere = without(self.secrets, harmless(_USER_INFO.sub("//", path)))
            text = f"POST {url}: {response.status_code}, but its queue item is elsewhere: {elsewhere}"
            raise TriggerDoubtfulError(text, response=response)
        joined = response.status_code == requests.codes.see_other
        if joined and not joins:
            text = f"303: it joined item {number}, which may differ in parameters whose values Jenkins does not tell"
            raise JoinedAnotherError(text, response=response)
        reason = "an identical item was waiting in the queue already" if joined else "accepted"
        return Served(reason, self.api.item_link(number))

    def trigger(self, look: Look) -> Served:
        """Send the trigger of a look, with a delay where the job takes one."""
        served = self.submit(look.post_arguments, delay=look.before.takes_delay, joins=look.before.joins)
        self._looks.sent.note(served, look.post_arguments["json"])
        return served

    def snapshot(self) -> Queue:
        """Read the queue: always before the builds, since an item is in neither for a moment."""
        return self._queue.read()

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: Queue | None,
        refused: Collection[str] = (),
    ) -> Look:
        """Look for an item in the queue, or a build started later, with our parameters."""
        del refused  # no trigger of Jenkins is narrow
        return self._looks.look(target, asked_at, snapshot)

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the item or build of ours that was not there at the look."""
        return self._looks.changed(target, look)

    def lasting_link(self, link: str, target: Target) -> str:
        """Return the job's page in the place of an item's, which Jenkins forgets after five minutes."""
        return f"{self.api.job_url(target)}/" if "/queue/item/" in link else link

    def explain(self, error: BaseException) -> Failure:
        """Understand what Jenkins answers in its own way."""
        return explain_jenkins(error, self.address_setting)

    def _is_below(self, location: str, names: tuple[str, ...]) -> bool:
        """Tell whether a Location leads to a path of this controller."""
        try:
            return self.origin.names_below(urljoin(f"{self.origin}/", location)) == names
        except ValueError:
            return False


def _connect(*arguments: Any) -> JenkinsClient:  # noqa: ANN401 - as JenkinsClient takes them
    """Make the client when there is something to call: an empty queue needs no python-jenkins."""
    from test_executions_rerunner.processors.jenkins.client import JenkinsClient  # noqa: PLC0415

    return JenkinsClient(*arguments)


def _job_key(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is equal for two links to one job: Jenkins looks names up without case."""
    return ("/".join(names).lower(),)
