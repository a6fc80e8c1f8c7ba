"""What a drain needs of Jenkins, tried without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from test_executions_rerunner.checks import Check
from test_executions_rerunner.policy import CallError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins import JenkinsProcessor


def jenkins_checks(processor: JenkinsProcessor, targets: Iterable[Target]) -> Iterator[Check]:
    """Try the controller, the user, and each job that is queued."""
    name = f"Jenkins: {processor.origin}"
    try:
        user = processor.calls.repeated(
            lambda: processor.client.read(f"{processor.origin}/me/api/json?tree=id", processor.calls.clock),
            momentary=processor.momentary,
        )
        yield Check(name, ok=True, message=f"answers, and knows the user as {user.get('id')!r}")
        processor.snapshot()
        yield Check("Jenkins: queue", ok=True, message="can be read")
    except CallError as error:
        is_refused = error.failure.fault in {Fault.UNAUTHORIZED, Fault.FORBIDDEN}
        fix = processor.credential_setting if is_refused else f"{processor.address_setting} and the network"
        yield Check(name, ok=False, message=str(error), fix=f"check {fix}")
        return
    for target in targets:
        yield from _job_checks(processor, target)


def _job_checks(processor: JenkinsProcessor, target: Target) -> Iterator[Check]:
    name = f"Jenkins job {target.name}"
    try:
        job = processor.job(target)
    except CallError as error:
        yield Check(name, ok=None, message=str(error), fix="give the user Job/Read, or delete its requests")
        return
    if not job.is_buildable:
        yield Check(name, ok=None, message="is disabled: its requests wait")
    undefined = job.undefined(target.post_arguments["json"])
    if not job.defaults:
        yield Check(name, ok=None, message="takes no parameters", fix="make it parameterized; ours cannot reach it")
    elif undefined:
        message = f"does not define {', '.join(undefined)}: Jenkins drops that silently"
        yield Check(name, ok=None, message=message, fix="define it in the job")
    yield _build_permission(processor, target, name)


def _build_permission(processor: JenkinsProcessor, target: Target, name: str) -> Check:
    """GET the trigger's URL: 405 with the permission to build, 403 without; neither starts anything."""
    url = target.post_arguments["url"]
    try:
        response = processor.calls.repeated(lambda: processor.client.send("GET", url, processor.calls.clock))
    except CallError as error:
        return Check(name, ok=None, message=str(error))
    if response.status_code == requests.codes.method_not_allowed:
        return Check(name, ok=True, message="may be built")
    message = f"may not be built: {response.status_code} {processor.words(response)}"
    return Check(name, ok=False, message=message, fix="give the user Job/Build")
