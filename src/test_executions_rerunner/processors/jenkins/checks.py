"""What a drain needs of Jenkins, tried without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.models import Check
from test_executions_rerunner.processors.jenkins.reading import FolderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins.processor import JenkinsProcessor
    from test_executions_rerunner.processors.jenkins.state import Job

_READ = "give the user Job/Read, or delete its requests"


def jenkins_checks(
    processor: JenkinsProcessor, targets: Iterable[Target], *, acknowledge: str = "accepted"
) -> Iterator[Check]:
    """Try the controller, the user, and each job that is queued.

    Args:
        processor: The controller, and what is sent to it.
        targets: What is queued.
        acknowledge: When a request leaves the queue, as `Rerunner` takes it.
    """
    name = f"Jenkins: {processor.origin}"
    try:
        user = processor.api.user()
        too = "".join(f"; links to {origin} are served too" for origin in processor.origins[1:])
        yield Check(name, ok=True, message=f"answers, and knows the user as {user!r}{too}")
        if acknowledge == "started":
            message = (
                f"with --acknowledge started a build that {user!r} started for another purpose may count as a rerun"
            )
            yield Check(
                "Jenkins: user", ok=None, message=message, fix="have this drain alone start builds as that user"
            )
        processor.snapshot()
        yield Check("Jenkins: queue", ok=True, message="can be read")
    except CallError as error:
        fix = processor.advice(error.failure) or f"check {processor.address_setting} and the network"
        yield Check(name, ok=False, message=str(error), fix=fix)
        return
    jobs: dict[str, list[Target]] = {}
    for target in targets:
        jobs.setdefault(target.name.lower(), []).append(target)
    seen = 0
    for same in jobs.values():
        job = _Job(processor, same)
        yield job.check()
        seen += job.is_seen
    if jobs and not seen:
        message = f"none of those that are asked for can be seen ({len(jobs)})"
        yield Check("Jenkins: jobs", ok=False, message=message, fix=_READ)


class _Job:
    """A job, as far as it can be tried, with all its targets.

    Attributes:
        is_seen: Whether Jenkins tells of it, once it was tried.
    """

    def __init__(self, processor: JenkinsProcessor, targets: list[Target]) -> None:
        self._processor, self._targets = processor, targets
        self.is_seen = False
        self._ok: bool | None = True
        self._found: dict[str, None] = {}
        self._fixes: dict[str, None] = {}

    def check(self) -> Check:
        """Try it."""
        try:
            job = self._processor.api.job(self._targets[0])
        except CallError as error:
            self.is_seen = isinstance(error.__cause__, FolderError)
            self._warn(str(error), "delete its requests" if self.is_seen else _READ)
        else:
            self.is_seen = True
            self._compare(job)
            self._try_to_build()
        name = f"Jenkins job {self._targets[0].name}"
        return Check(name, ok=self._ok, message="; ".join(self._found), fix="; ".join(self._fixes) or None)

    def _compare(self, job: Job) -> None:
        """Compare what is sent with what the job takes."""
        if not job.is_buildable:
            self._warn(f"is disabled, so that its requests wait: {job.waits_since_disabled}")
        if job.aborts:
            self._warn("aborts its running build for each new one: its requests wait while one runs")
        if not job.definitions:
            self._warn("takes no parameters", "make it parameterized; ours cannot reach it")
            return
        sent = [self._parameters(target) for target in self._targets]
        if undefined := sorted({name for parameters in sent for name in job.undefined(parameters)}):
            self._warn(f"does not define {', '.join(undefined)}: Jenkins drops that silently", "define it in the job")
        for parameters in sent:
            if not_kept := job.not_kept(parameters):
                self._warn(not_kept, "offer it in the job, or have another value sent")

    def _parameters(self, target: Target) -> Mapping[str, object]:
        """Return what is sent for a target; where that cannot be found out, nothing."""
        try:
            return self._processor.resolved(target).post_arguments["json"]
        except (CallError, RequestProcessingError) as error:
            self._warn(str(error))
            return {}

    def _try_to_build(self) -> None:
        """GET the trigger's URL: 405 with the permission to build, 403 without; neither starts anything."""
        api, url = self._processor.api, self._targets[0].post_arguments["url"]
        try:
            response = api.calls.repeated(lambda: api.send("GET", url))
        except CallError as error:
            self._warn(str(error))
            return
        if response.status_code == requests.codes.method_not_allowed:
            self._found["may be built"] = None
        else:
            self._warn(
                f"may not be built: {response.status_code} {self._processor.words(response)}", "give the user Job/Build"
            )
            self._ok = False

    def _warn(self, message: str, fix: str | None = None) -> None:
        self._ok = None
        self._found[message] = None
        if fix:
            self._fixes[fix] = None
