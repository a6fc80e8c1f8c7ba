"""One look at a job: what of it was rerun since, what its trigger would send, and what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.models import Look, PostArguments, Served, State, Target, Verdict
from test_executions_rerunner.processors.jenkins_history import History

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.processors.jenkins_api import JenkinsApi
    from test_executions_rerunner.processors.jenkins_limits import Limits
    from test_executions_rerunner.processors.jenkins_queue import SharedQueue
    from test_executions_rerunner.processors.jenkins_state import Job, Queue, QueueItem
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
    takes_delay: bool
    """Whether a delay that is sent with the trigger is one."""


class JobLooks:
    """Looks at jobs, before a trigger and after a doubtful one.

    Args:
        api: The controller.
        queue: Its queue.
        limits: What the settings allow.
        repeats_builds: Whether what is sent are the parameters of builds, of which one may be called ``delay``.
    """

    def __init__(self, api: JenkinsApi, queue: SharedQueue, limits: Limits, *, repeats_builds: bool) -> None:
        self._api, self._queue, self._limits = api, queue, limits
        self._repeats_builds = repeats_builds

    def look(self, target: Target, asked_at: Mapping[RerunRequest, Moment | None], snapshot: Queue | None) -> Look:
        """Look for an item in the queue, or a build started later, with our parameters; see `RequestProcessor.look`."""
        queue, job = self._queue_and_job(target, 0.0 if snapshot is None else _FRESH_SECONDS)
        items = self._items(target, queue)
        history = History(self._api, target, job)
        post = self._sent(target, job)
        waiting = next((item for item in items if job.is_ours(item, post["json"])), None)
        served: dict[RerunRequest, Served] = {}
        for request, asked in asked_at.items():
            if waiting:
                link = self._api.item_link(waiting.number)
                served[request] = Served("an identical item waits in the queue", link, has_started=False)
            elif asked is not None and (builds := history.ours_since(asked)):
                number = builds[0].number
                served[request] = Served(
                    f"build {number} started since the request", self._api.build_link(target, number)
                )
        undefined = job.undefined(target.post_arguments["json"])
        notes = (f"the job does not define {', '.join(undefined)}, so Jenkins drops that",) if undefined else ()
        takes_delay = _takes_delay(job)
        return Look(
            post,
            served,
            None if len(served) == len(asked_at) else self._verdict(job, queue, history, post),
            (*target.notes, *notes),
            before=Before(frozenset(item.number for item in items), job.newest, takes_delay),
            claims=self._limits.claims(queue),
            since=queue.read_at,
            fresh_seconds=_FRESH_LOOK_SECONDS if takes_delay else Look.fresh_seconds,
            holds_back=takes_delay,
        )

    def changed(self, target: Target, look: Look) -> Served | None:
        """Return the item or build of ours that was not there at the look; see `RequestProcessor.changed`."""
        before: Before = look.before
        items = self._items(target, self._queue.read())
        job = self._api.job(target)
        sent = look.post_arguments["json"]
        for item in items:
            if item.number not in before.items and job.is_ours(item, sent):
                return Served("found in the queue after a doubtful answer", self._api.item_link(item.number))
        for build in job.builds:
            if build.number > before.newest_build and job.is_ours(build, sent):
                link = self._api.build_link(target, build.number)
                return Served("found among the builds after a doubtful answer", link)
        return None

    def _queue_and_job(self, target: Target, younger_than_seconds: float) -> tuple[Queue, Job]:
        """Read the queue, unless it was just read, and then the job."""
        queue = self._queue.read(younger_than_seconds=younger_than_seconds)
        job = self._api.job(target)
        is_old = self._api.calls.waiting.clock() - queue.read_at > _FRESH_WITHOUT_DELAY_SECONDS
        if younger_than_seconds and is_old and not _takes_delay(job):
            queue = self._queue.read()
            job = self._api.job(target)
        return queue, job

    def _items(self, target: Target, queue: Queue) -> tuple[QueueItem, ...]:
        """Return the items of the target's job; case does not count, as Jenkins looks names up without it."""
        name = self._api.full_name(target).lower()
        return tuple(item for item in queue.items if item.job == name)

    def _sent(self, target: Target, job: Job) -> PostArguments:
        """Return the POST to send: without what a build called delay, where that would be taken for ours."""
        post = target.post_arguments
        if not self._repeats_builds or not _takes_delay(job):
            return post
        return {"url": post["url"], "json": {name: value for name, value in post["json"].items() if name != "delay"}}

    def _verdict(self, job: Job, queue: Queue, history: History, post: PostArguments) -> Verdict | None:
        if not job.is_buildable:
            return Verdict(State.DEFERRED, "the job is disabled")
        if not job.defaults:
            return Verdict(State.FAILED, "the job takes no parameters, so that ours cannot reach it")
        if not_offered := job.not_offered(post["json"]):
            return Verdict(State.FAILED, not_offered)
        return self._limits.verdict(queue, history)


def _takes_delay(job: Job) -> bool:
    """Tell whether a delay that is sent with a trigger is one, and no parameter of the job."""
    return "delay" not in job.defaults
