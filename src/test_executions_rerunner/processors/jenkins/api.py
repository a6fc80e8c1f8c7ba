"""What a Jenkins controller is asked, and where everything that it tells about stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import requests

from test_executions_rerunner.calls.failures import Kind
from test_executions_rerunner.calls.once import Once
from test_executions_rerunner.calls.straight import quoted
from test_executions_rerunner.processors.jenkins import reading as jenkins_reading
from test_executions_rerunner.processors.jenkins.links import trigger_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_executions_rerunner.calls.answers import Answer
    from test_executions_rerunner.calls.calls import Calls
    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins.client import JenkinsClient
    from test_executions_rerunner.processors.jenkins.reading import LinkedBuild
    from test_executions_rerunner.processors.jenkins.state import Build, Job, Queue

Returned = TypeVar("Returned")
_MOMENTARY = frozenset({Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.BROKEN})
"""Faults of a read that count only if they are still there some seconds later."""


class JenkinsApi:
    """One controller; whatever is read is asked for again until it succeeds or has failed for good.

    Args:
        origin: The controller.
        calls: The calls to it.
        connect: Makes the client; called when the first call is to be sent.

    Attributes:
        origin: The controller.
        calls: The calls to it.
    """

    def __init__(self, origin: Origin, calls: Calls, connect: Callable[[], JenkinsClient]) -> None:
        self.origin, self.calls = origin, calls
        self._client = Once(connect)

    @property
    def client(self) -> JenkinsClient:
        """The one client of all threads."""
        return self._client()

    def send(self, method: str, url: str, data: Mapping[str, str] | None = None) -> Answer:
        """Send one call, once; see `JenkinsClient.send`."""
        return self.client.send(method, url, self.calls.clock, data)

    def user(self) -> object:
        """Read as whom the controller knows us.

        Raises:
            CallError: It could not be read.
        """
        return self._repeated(lambda: self._get(f"{self.origin}/me", "id")).get("id")

    def queue(self) -> Queue:
        """Read the queue.

        Raises:
            CallError: It could not be read.
        """

        def read() -> Queue:
            read_at = self.calls.waiting.clock()
            return jenkins_reading.read_queue(self._get(f"{self.origin}/queue", jenkins_reading.QUEUE_TREE), read_at)

        return self._repeated(read)

    def job(self, target: Target) -> Job:
        """Read a target's job and its newest builds.

        Raises:
            CallError: It could not be read.
        """
        url, full_name = self.job_url(target), self.full_name(target)
        return self._repeated(lambda: jenkins_reading.read_job(self._get(url, jenkins_reading.JOB_TREE), full_name))

    def builds(self, target: Target, start: int, stop: int) -> tuple[Build, ...]:
        """Read a range of a target's builds, old ones too; the newest is the first.

        Raises:
            CallError: They could not be read.
        """
        url, full_name = self.job_url(target), self.full_name(target)
        tree = jenkins_reading.all_builds_tree(start, stop)
        return self._repeated(lambda: jenkins_reading.read_all_builds(self._get(url, tree), full_name))

    def numbers(self, target: Target) -> frozenset[int]:
        """Read which builds a target's job has, as far as its page lists them.

        Raises:
            CallError: They could not be read.
        """
        url, full_name = self.job_url(target), self.full_name(target)
        tree = jenkins_reading.NUMBERS_TREE
        return self._repeated(lambda: jenkins_reading.read_numbers(self._get(url, tree), full_name))

    def linked_build(self, path: str) -> LinkedBuild | None:
        """Read one build that is to be run again.

        Args:
            path: From ``/job/`` to the build's number.

        Returns:
            The build; None: 404, so that there is none now, or we may not see its job.

        Raises:
            CallError: It could not be read.
        """

        def read() -> LinkedBuild | None:
            try:
                told = self._get(f"{self.origin}{path}", jenkins_reading.PARAMETERS_TREE)
            except requests.exceptions.HTTPError as error:
                if error.response is None or error.response.status_code != requests.codes.not_found:
                    raise
                return None
            return jenkins_reading.read_build(told, path)

        return self._repeated(read)

    def full_name(self, target: Target) -> str:
        """Return the name of a target's job, with its folders."""
        return "/".join(trigger_names(target.post_arguments, self.origin))

    def job_url(self, target: Target) -> str:
        """Return the address of a target's job, without a slash at its end."""
        return target.post_arguments["url"].removesuffix("/buildWithParameters")

    def build_link(self, target: Target, number: int) -> str:
        """Return the page of a build of a target's job."""
        return f"{self.job_url(target)}/{number}/"

    def item_link(self, number: int | str) -> str:
        """Return the page of an item of the queue."""
        return f"{self.origin}/queue/item/{number}/"

    def _get(self, url: str, tree: str) -> dict[str, Any]:
        """Read once what a page tells of itself, as far as the tree asks for it."""
        return self.client.read(f"{url}/api/json?tree={quoted(tree)}", self.calls.clock)

    def _repeated(self, call: Callable[[], Returned]) -> Returned:
        return self.calls.repeated(call, momentary=_MOMENTARY)
