"""Jobs that abort their running build for each new one: a rerun must not end a test that runs on lab hardware.

Source: a Pipeline's ``disableConcurrentBuilds(abortPrevious: true)``, met in workflow-job of jenkins-core 2.579.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from test_executions_rerunner.models import Claim, State, Verdict
from test_executions_rerunner.processors.jenkins.looks.history import DAY_SECONDS, utc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins.api import JenkinsApi
    from test_executions_rerunner.processors.jenkins.state import Job, QueueItem

_log = logging.getLogger(__name__)
_ABORTS = "the job aborts its running build for each new one (disableConcurrentBuilds, abortPrevious)"


def in_the_way(
    api: JenkinsApi, target: Target, job: Job, items: Iterable[QueueItem], asked_at: Iterable[Moment | None]
) -> Verdict | None:
    """Return why a rerun would abort another build, or be aborted; None: it would not.

    Args:
        api: The controller.
        target: The job, as it is to be started.
        job: What Jenkins tells of it.
        items: Its items in the queue.
        asked_at: When its requests were made; after a day people are warned.
    """
    if not job.aborts:
        return None
    if running := next((build for build in job.builds if build.is_running), None):
        link = api.build_link(target, running.number)
        other = f"build {running.number}, which runs since {utc(running.started)}"
    elif waiting := next(iter(items), None):
        link = api.item_link(waiting.number)
        other = f"item {waiting.number}, which waits since {utc(waiting.since)}, or be aborted by it"
    else:
        return None
    reason = f"would abort {other}: {_ABORTS}; it is waited for, and only a person can choose to abort it"
    if any(asked and asked.clock.now() - asked.seconds >= DAY_SECONDS for asked in asked_at):
        _log.warning("%s was asked for over a day ago, and its rerun %s", target.name, reason)
    return Verdict(State.DEFERRED, reason, link)


def claims(api: JenkinsApi, target: Target, job: Job) -> tuple[Claim, ...]:
    """Return what a trigger takes of such a job for the rest of the drain: the next one would abort its build."""
    if not job.aborts:
        return ()
    key = ("one build at a time", str(api.origin), api.full_name(target).lower())
    return (Claim(key, f"would abort a rerun that was started just now: {_ABORTS}"),)
