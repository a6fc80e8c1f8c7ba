"""A loopback Jenkins, seen from the tests and the demo: its jobs, and what happened to them.

Its answers were measured on jenkins-core 2.579-SNAPSHOT with CSRF protection on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from test_executions_rerunner.demo.faults import Fault
from test_executions_rerunner.demo.jenkins import pages
from test_executions_rerunner.demo.jenkins.api import JenkinsApi
from test_executions_rerunner.demo.jenkins.jobs import (
    DEFAULT_PARAMETERS,
    Build,
    Concurrency,
    Item,
    Job,
    Permission,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class JenkinsServer(JenkinsApi):
    """A stateful Jenkins with one user.

    Attributes:
        user: The user's name.
        token: The user's API token.
        root_url: The configured root URL that its JSON shows; by default the one that it is called by.
        quiet_seconds: How long an item waits that named no delay, where its job says nothing else.
        devices_busy: Whether freestyle items go on waiting when their wait is over, and running Pipelines for a node.
        quieting_down: Prepare-for-shutdown: every item waits.
        gap_seconds: How long an item that left the queue is missing among the builds (really up to 0.031 s).
        overall_read: Whether the user may see this Jenkins at all.
    """

    def __init__(
        self,
        user: str = "admin",
        token: str = "jenkins-token",  # noqa: S107 - of a loopback server
        context_path: str = "",
        *,
        start_items_at_once: bool = False,
    ) -> None:
        super().__init__(user, token, context_path)
        if start_items_at_once:
            self.quiet_seconds = 0.0

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
        concurrency: Concurrency = "free",
    ) -> Job:
        """Add a job, and the folders in its name.

        Args:
            full_name: Its name below its folders, as in ``folder/job``; a branch's name encoded.
            parameters: The definitions, each with ``name``, ``type`` and, where it has them, ``default`` and
                ``choices``; ``None``: not parameterized.
            buildable: False: disabled.
            permission: What the user may do.
            builds: When earlier builds started, in true seconds; their parameters are the defaults. Where none is
                named, there was one, number 1, which is gone.
            kind: Whether it is a freestyle job or a Pipeline.
            quiet_seconds: Its own quiet period.
            concurrency: What a new build does beside a running one; a Pipeline's property says it.
        """
        job = Job(full_name, parameters, buildable, permission, kind, quiet_seconds, concurrency=concurrency)
        with self.lock:
            self._jobs[full_name.lower()] = job  # names are looked up without case
            job.last_number = 0 if builds else 1
        for started_at in builds:
            self.add_build(full_name, started_at=started_at)
        return job

    def add_build(  # noqa: PLR0913 - what a build has, each with a default
        self,
        full_name: str,
        *,
        started_at: float | None = None,
        parameters: Mapping[str, Value] | None = None,
        user: str = "someone",
        number: int | None = None,
        result: str | None = "SUCCESS",
    ) -> Build:
        """Add a build that somebody else started, by default now; values not given are the job's defaults.

        Args:
            full_name: Of its job.
            started_at: In true seconds; 0: it tells no start.
            parameters: Values that differ from the defaults.
            user: Who asked for it.
            number: Its own; by default the next.
            result: How it ended, in the moment of its start; ``None``: it runs.
        """
        with self.lock:
            job, now = self._jobs[full_name.lower()], time.time()
            build = Build(
                job.next_number() if number is None else number,
                self._queue.next_id,
                now if started_at is None else started_at,
                {**job.defaults, **(parameters or {})},
                [user],
            )
            if result is not None:
                build.end(result, build.started_at)
            self._queue.next_id += 1
            job.add_build(build)
            return build

    def end_builds(self, full_name: str, result: str = "SUCCESS") -> None:
        """Let the running builds of a job end now."""
        with self.lock:
            for build in self.job(full_name).running:
                build.end(result, time.time())

    def begin_anew(self, full_name: str) -> None:
        """Lose the builds of a job and their numbers, as a job that was made again."""
        with self.lock:
            job = self.job(full_name)
            job.builds, job.last_number = [], 0

    def add_item(self, full_name: str, parameters: Mapping[str, Value] | None = None, *, user: str = "someone") -> Item:
        """Queue an item that somebody else asked for; values not given are the job's defaults."""
        with self.lock:
            job = self.job(full_name)
            values = {**job.defaults, **(parameters or {})}
            return self._queue.add(job, values, user, time.time(), wait=float("inf"))

    def add_placeholder_item(self) -> None:
        """Queue a running Pipeline's wait for a node."""
        with self.lock:
            self._queue.add(None, {}, self.user, time.time(), wait=float("inf"))

    def discard_build(self, full_name: str, number: int) -> None:
        """Remove a build, as a job does that keeps only so many."""
        with self.lock:
            job = self.job(full_name)
            job.builds = [build for build in job.builds if build.number != number]

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

    def restart_moments(self, *statuses: int, method: str | None = None, path: str = "") -> list[Fault]:
        """Let the next requests meet what valid credentials get for moments around a start and a reload.

        Args:
            *statuses: One answer each, in this order, of 401, 403, 500 and 503; by default one of each.
            method: Only to requests of this method.
            path: Only to these requests, as in ``Fault``.
        """
        answers = {401: pages.unauthorized, 403: pages.no_crumb, 500: pages.oops, 503: pages.starting}
        faults = []
        for status in statuses or tuple(answers):
            answer = answers[status]()
            headers = {**answer.headers, "Content-Type": answer.content_type}
            fault = Fault(method=method, path=path, status=status, headers=headers, body=answer.body)
            faults.append(self.inject(fault))
        return faults
