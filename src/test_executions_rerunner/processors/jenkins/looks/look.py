"""One look at a job: what of it was rerun since, what its trigger would send, and what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.models import Look, PostArguments, Served, State, Target, Verdict
from test_executions_rerunner.processors.jenkins.builds import JobTarget
from test_executions_rerunner.processors.jenkins.looks import aborts as jenkins_aborts
from test_executions_rerunner.processors.jenkins.looks.doubt import (
    Evidence,
    Found,
    Likeness,
    Ours,
    SentTriggers,
    Trigger,
)
from test_executions_rerunner.processors.jenkins.looks.history import History, utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.processors.jenkins.api import JenkinsApi
    from test_executions_rerunner.processors.jenkins.builds import LinkedBuilds
    from test_executions_rerunner.processors.jenkins.looks.limits import Limits
    from test_executions_rerunner.processors.jenkins.queue import SharedQueue
    from test_executions_rerunner.processors.jenkins.state import Job, Queue
    from test_executions_rerunner.processors.jenkins.values import Definition
    from test_executions_rerunner.rerun_request import RerunRequest

_FRESH_SECONDS = 5.0
"""How old the queue may be that a look rests on, so that a trigger can still follow in time: whatever was queued since
then still waits for its delay to pass."""
_FRESH_WITHOUT_DELAY_SECONDS = 2.0
"""The same for a job that defines a parameter called delay itself, so that ours is not sent."""
_FRESH_LOOK_SECONDS = 10.0
"""How old a look may be when its trigger waits in the queue: an identical one that was sent since still waits there."""


class Before(NamedTuple):
    """The state of a job before its trigger."""

    items: frozenset[int]
    """The ids of its items in the queue."""
    newest_build: int
    """The number of its newest build; 0: there was none."""
    definitions: Mapping[str, Definition]
    """What it took, with the defaults of that moment."""
    takes_delay: bool
    """Whether a delay that is sent with the trigger is one."""
    joins: bool
    """Whether an item that waits already is as good as one of its own."""


class JobLooks:
    """Looks at jobs, before a trigger and after a doubtful one.

    Args:
        api: The controller.
        queue: Its queue.
        limits: What the settings allow.
        linked: The builds that requests name.
        ours: How what our triggers make is known.

    Attributes:
        sent: The triggers that were accepted.
    """

    def __init__(self, api: JenkinsApi, queue: SharedQueue, limits: Limits, linked: LinkedBuilds, ours: Ours) -> None:
        self._api, self._queue, self._limits = api, queue, limits
        self._linked, self._ours = linked, ours
        self.sent = SentTriggers()
        self._warned: set[str] = set()

    def look(self, target: Target, asked_at: Mapping[RerunRequest, Moment | None], snapshot: Queue | None) -> Look:
        """Look for an item in the queue, or a build started later, with our parameters; see `RequestProcessor.look`."""
        queue, job = self._queue_and_job(target, 0.0 if snapshot is None else _FRESH_SECONDS)
        post, untold = self._sent(target, job), _untold(target)
        trigger = Trigger(job, post["json"], self._ours, untold, self.sent)
        items = queue.of_job(self._api.full_name(target))
        evidence = Evidence(self._api, target, trigger, History(self._api, target, job), items, self._warned)
        found = {request: self._of(request, asked, evidence) for request, asked in asked_at.items()}
        left = {request: asked_at[request] for request, one in found.items() if not one.served and not one.held}
        undefined = job.undefined(target.post_arguments["json"])
        notes = (f"the job does not define {', '.join(undefined)}, so Jenkins drops that",) if undefined else ()
        takes_delay = _takes_delay(job)
        return Look(
            post,
            {request: one.served for request, one in found.items() if one.served},
            self._verdict(queue, evidence, left) if left else None,
            (*target.notes, *notes),
            before=Before(
                frozenset(item.number for item in items), job.newest, job.definitions, takes_delay, joins=not untold
            ),
            claims=(*jenkins_aborts.claims(self._api, target, job), *self._limits.claims(queue)),
            since=queue.read_at,
            fresh_seconds=_FRESH_LOOK_SECONDS if takes_delay else Look.fresh_seconds,
            holds_back=takes_delay,
            held={request: one.held for request, one in found.items() if one.held},
            doubtful={request: one.doubtful for request, one in found.items() if one.doubtful},
            misses={request: one.misses for request, one in found.items() if one.misses},
        )

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the item or build of ours that was not there at the look; see `RequestProcessor.changed`."""
        before: Before = look.before
        queue = self._queue.read()
        job = self._api.job(target)
        items = [item for item in queue.of_job(self._api.full_name(target)) if item.number not in before.items]
        builds = [build for build in job.builds if build.number > before.newest_build]
        for candidate in (*items, *builds):
            is_shared = len(candidate.users) > 1 and not before.joins
            if is_shared or not candidate.is_by(self._ours.user):
                continue
            if job.differences(candidate, look.post_arguments["json"], [before.definitions]) != ():
                continue
            if candidate in items:
                link = self._api.item_link(candidate.number)
                return Served("found in the queue after a doubtful answer", link, has_started=False)
            link = self._api.build_link(target, candidate.number)
            return Served("found among the builds after a doubtful answer", link)
        return None

    def _of(self, request: RerunRequest, asked: Moment | None, evidence: Evidence) -> Found:
        """Return what is known of a request, unless its link's build is not the one that it was made for."""
        started = self._linked.started(request)
        number = self._linked.number(request)
        if asked is not None and started and self._api.calls.later(started, asked):
            reason = (
                f"build {number} of its link started at {utc(started)}, after the request was made: another build has "
                "taken over its number, or a clock is wrong (of Jenkins, Test Observer or its database)"
            )
            return Found(held=Verdict(State.FAILED, reason))
        return evidence.of(asked, number)

    def _queue_and_job(self, target: Target, younger_than_seconds: float) -> tuple[Queue, Job]:
        """Read the queue, unless it was just read, and then the job."""
        queue = self._queue.read(younger_than_seconds=younger_than_seconds)
        job = self._api.job(target)
        is_old = self._api.calls.waiting.clock() - queue.read_at > _FRESH_WITHOUT_DELAY_SECONDS
        if younger_than_seconds and is_old and not _takes_delay(job):
            queue = self._queue.read()
            job = self._api.job(target)
        return queue, job

    def _sent(self, target: Target, job: Job) -> PostArguments:
        """Return the POST to send: without what a build called delay, where that would be taken for ours."""
        post = target.post_arguments
        if not _takes_delay(job):
            return post
        return {"url": post["url"], "json": {name: value for name, value in post["json"].items() if name != "delay"}}

    def _verdict(
        self, queue: Queue, evidence: Evidence, asked_at: Mapping[RerunRequest, Moment | None]
    ) -> Verdict | None:
        """Return why a trigger cannot be sent, or has to wait; None: it can be sent now."""
        trigger = evidence.trigger
        if not trigger.job.is_buildable:
            return Verdict(State.DEFERRED, trigger.job.waits_since_disabled)
        if not trigger.job.definitions:
            return Verdict(State.FAILED, "the job takes no parameters, so that ours cannot reach it")
        if not_kept := trigger.job.not_kept(trigger.sent):
            return Verdict(State.FAILED, not_kept)
        if aborts := jenkins_aborts.in_the_way(
            self._api, evidence.target, trigger.job, evidence.items, asked_at.values()
        ):
            return aborts
        return self._limits.verdict(
            queue, evidence.history, lambda build: trigger.compare(build).likeness is not Likeness.OTHER
        )


def _takes_delay(job: Job) -> bool:
    """Tell whether a delay that is sent with a trigger is one, and no parameter of the job."""
    return "delay" not in job.definitions


def _untold(target: Target) -> tuple[str, ...]:
    """Return the parameters of the build to be run again that Jenkins does not tell."""
    return target.untold if isinstance(target, JobTarget) else ()
