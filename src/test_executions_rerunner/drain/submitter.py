"""Groups of requests, from their target to a queue that they have left: what `Rerunner` does with a window.

How one target is looked at and triggered stands in `starter`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.drain.announcer import Announcer
from test_executions_rerunner.drain.course import Courses
from test_executions_rerunner.drain.deleter import Deleter
from test_executions_rerunner.drain.policy import POLICY
from test_executions_rerunner.drain.pool import Pool
from test_executions_rerunner.drain.selection import Ages
from test_executions_rerunner.drain.slots import Slots
from test_executions_rerunner.drain.starter import Starter, takes
from test_executions_rerunner.errors import QueueError, RequestProcessingError
from test_executions_rerunner.models import State, Stood, Target, Verdict
from test_executions_rerunner.queues.neighbours import Neighbours
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from test_executions_rerunner.drain.deleter import Evidence
    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.queues.base import RequestQueue

_log = logging.getLogger(__name__)
Group = tuple[Target, list[RerunRequest]]
_LOOK_UP_SECONDS = 0.05  # how often it is looked whether requests that wait for proof are to be removed
_TOLD_WITHOUT_DELETE = frozenset({State.REFUSED, State.TRIGGERED})  # a requester is told of it though the request stays


@dataclass(frozen=True)
class Options:
    """What a drain is asked to do with its requests; see `Rerunner`."""

    limit: int | None = None
    discard_refused: bool = False
    announce: bool = False
    dry_run: bool = False
    waits_for_start: bool = False
    """Whether requests stay in the queue until a look finds their rerun started."""


class Submitter:
    """Submits groups of requests, and deletes what was served.

    Args:
        processor: The CI system.
        queue: Where the requests come from, and are deleted.
        ledger: Where their outcomes are written down.
        options: What is asked for.

    Attributes:
        neighbours: Shows what is queued now.
        slots: The triggers that ``--limit`` allows.
    """

    def __init__(self, processor: RequestProcessor, queue: RequestQueue, ledger: Ledger, options: Options) -> None:
        self._processor, self._queue, self._ledger, self._options = processor, queue, ledger, options
        self.slots = Slots(options.limit)
        self.neighbours = Neighbours(queue, ledger.has_left)
        self._starter = Starter(processor, ledger, dry_run=options.dry_run)
        self._courses = Courses(self._starter, self.neighbours, options.waits_for_start)
        self._deleter, self._announcer = Deleter(queue, ledger, self.neighbours), Announcer(queue, ledger)
        self._ended: dict[Hashable, Verdict] = {}
        self._removed_ids: set[int] = set()
        self._served: dict[int, tuple[RerunRequest, Evidence] | None] = {}  # None: it stays
        self._ages = Ages(processor, queue, dry_run=options.dry_run)
        self._may_delete = options.dry_run

    def __enter__(self) -> Self:
        self._announcer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._announcer.join()
        self._announcer.__exit__(kind, error, traceback)

    def submit(self, groups: Iterable[Group], pool: Pool, *, deletes: bool = True) -> None:
        """Hand each group to the pool, in the order of the queue.

        Args:
            groups: Requests whose trigger would be the same, each with its target.
            pool: Does the work; `Pool.join` waits for it.
            deletes: Whether what was served is deleted at once.

        Raises:
            QueueError: Nothing may be deleted from the queue, so that nothing was started.
        """
        deleting, groups = pool if deletes else None, list(groups)
        if groups and not self._ledger.stopped:
            groups = self._resolved(groups, pool)
        groups = [group for group in groups if not self._joins(group, deleting)]
        if stopped := self._ledger.stopped:
            self._end_all(groups, stopped)
        elif groups:
            self._start_all(groups, pool, deleting)

    def _resolved(self, groups: list[Group], pool: Pool) -> list[Group]:
        """Group requests anew where a trigger takes something from the CI system, such as a build's parameters."""
        if not self._processor.resolves:
            return groups
        resolved: dict[int, Target] = {}
        for number, (target, requests) in enumerate(groups):
            pool.submit(partial(self._resolve, number, target, requests, resolved))
        pool.join()
        regrouped: dict[Hashable, Group] = {}
        for number, (_, requests) in enumerate(groups):
            if number in resolved:
                target = resolved[number]
                regrouped.setdefault(target.key, (target, []))[1].extend(requests)
        return list(regrouped.values())

    def _resolve(
        self, number: int, target: Target, requests: Iterable[RerunRequest], resolved: dict[int, Target]
    ) -> None:
        verdict = self._ledger.stopped
        if verdict is None:
            try:
                resolved[number] = self._processor.resolved(target)
            except RequestProcessingError as error:
                verdict = Verdict(State.UNSUPPORTED, str(error))
            except CallError as error:
                verdict = self._starter.look_failed(target, error.failure)
            except Exception as error:  # noqa: BLE001 - one bad request never stops the others, whatever it is
                _log.debug("resolving %s", target.name, exc_info=True)
                verdict = Verdict(State.FAILED, f"{type(error).__name__}: {error}")
        if verdict:
            self._ledger.settle(dict.fromkeys(requests, verdict), target.name)

    def _start_all(self, groups: Iterable[Group], pool: Pool, deleting: Pool | None) -> None:
        try:
            if not self._may_delete:
                self._queue.ask_whether_delete_is_allowed()
                self._may_delete = True
            snapshot = self._processor.snapshot()
        except QueueError as error:
            self._end_all(groups, self._ledger.stopped or Verdict(State.FAILED, str(error)))
            raise
        except CallError as error:
            state = POLICY[error.failure.kind].look_state
            reason = f"{self._processor.title} {self._processor.not_looked_at(error.failure)}"
            self._ledger.stop(state, reason)
            self._end_all(groups, self._ledger.stopped or Verdict(state, reason))
            return
        for group in sorted(groups, key=lambda group: self._ages.seconds_too_young(group[1]) > 0.0):
            while (has_slot := self.slots.take(_LOOK_UP_SECONDS)) is None:
                self._deleter.flush(pool, is_idle=False)  # what is served does not wait for those that are not
            if has_slot:
                self._starter.claims.come(group[0].key)
                pool.submit(partial(self._start, group, snapshot, deleting))
            else:
                self._end_all([group], Verdict(State.DEFERRED, f"--limit {self._options.limit} was reached before"))

    def _joins(self, group: Group, deleting: Pool | None) -> bool:
        """Let requests share the end of the trigger that this drain sent for their target, if it did."""
        target, requests = group
        if target.key not in self._ended:
            return False
        verdict = self._ended[target.key]
        verdicts: dict[RerunRequest, Verdict] = {}
        for request in requests:
            cannot = self._cannot_join(request, verdict)
            verdicts[request] = Verdict(State.DEFERRED, cannot) if cannot else verdict
        self._settle(verdicts, target, deleting)
        return True

    def _cannot_join(self, request: RerunRequest, verdict: Verdict) -> str | None:
        """Return why a request that was read after a trigger of its target is not served by it."""
        if verdict.acceptance is None:
            return None
        asked_at = self._ages.asked_at(request)
        if self.neighbours.made_by(request) <= verdict.acceptance.sent_at:
            is_newer = False  # it was read before, whatever the clocks leave open
        elif asked_at is None:
            is_newer = request.test_execution_id in self._removed_ids
        else:
            is_newer = asked_at.clock.doubt is not None or asked_at.latest >= verdict.acceptance.sent_at
        if is_newer:
            return "asked for again after this drain's trigger"
        return self._processor.cannot_join(request, verdict.acceptance.post_arguments)

    def _start(self, group: Group, snapshot: object, deleting: Pool | None) -> None:
        """Look, trigger and settle one group; the deletes go to the pool, before other triggers."""
        target, requests = group
        verdicts = self._ages.impossible(requests)
        left = {request: self._ages.asked_at(request) for request in requests if request not in verdicts}
        try:
            if left and (seconds := self._ages.seconds_too_young(left)):
                self._processor.waiting.sleep(seconds)
            verdicts |= self._courses.run(target, left, snapshot)
        except Exception as error:  # noqa: BLE001 - one bad request never stops the others, whatever it is
            _log.debug("starting %s", target.name, exc_info=True)
            state = State.UNKNOWN if self._ledger.is_in_flight(left) else State.FAILED
            verdicts |= dict.fromkeys(left, Verdict(state, f"unexpected: {type(error).__name__}: {error}"))
        ended = [verdicts[request] for request in left if verdicts[request].state is not State.ALREADY_RERUN]
        if ended:  # how its trigger ended, if it was sent, and not what one request was held back for
            self._ended[target.key] = max(ended, key=takes)
        self._starter.claims.leave(target.key)
        self.slots.end(is_used=any(takes(verdict) and not verdict.frees_slot for verdict in ended))
        self._settle(verdicts, target, deleting)

    def _end_all(self, groups: Iterable[Group], verdict: Verdict) -> None:
        for target, requests in groups:
            self._ledger.settle(dict.fromkeys(requests, verdict), target.name)

    def _settle(self, verdicts: Mapping[RerunRequest, Verdict], target: Target, deleting: Pool | None) -> None:
        """Write outcomes down and have the requests that are served deleted."""
        evidence = {
            request: verdict.acceptance or Stood(self.neighbours.stood_at(request))
            for request, verdict in verdicts.items()
        }
        for request, verdict in verdicts.items():
            if verdict.state.is_served and request.test_execution_id is not None:
                leaves = self._is_done(request, verdict)
                self._served[request.test_execution_id] = (request, evidence[request]) if leaves else None
        done = {request for request, verdict in verdicts.items() if deleting and self._is_done(request, verdict)}
        if not self._ledger.settle(verdicts, target.name, deletes=done):
            return
        for request, verdict in verdicts.items():
            if request in done and deleting:
                on_removed = partial(self._removed, request, target, verdict)
                deleting.submit(partial(self._deleter.delete, request, evidence[request], on_removed), urgent=True)
            elif self._options.announce and not self._options.dry_run and verdict.state in _TOLD_WITHOUT_DELETE:
                self._announce(request, target, verdict)

    def _announce(self, request: RerunRequest, target: Target, verdict: Verdict) -> None:
        link = verdict.link and self._processor.lasting_link(verdict.link, target)
        self._announcer.announce(request, replace(verdict, link=link))

    def _is_done(self, request: RerunRequest, verdict: Verdict) -> bool:
        """Tell whether a request is to leave the queue now."""
        if request.test_execution_id is None or self._options.dry_run:
            return False
        if verdict.state is State.REFUSED:
            return self._options.discard_refused
        return verdict.state.is_served and not (verdict.state is State.TRIGGERED and self._courses.stays(request))

    def _removed(self, request: RerunRequest, target: Target, verdict: Verdict) -> None:
        self._removed_ids.add(request.test_execution_id or 0)
        if self._options.announce:
            self._announce(request, target, verdict)

    def join(self, pool: Pool) -> None:
        """Wait until all groups have ended, and all that was served has left the queue or stays for a reason."""
        while True:
            is_done = pool.join(_LOOK_UP_SECONDS)
            is_left = self._deleter.flush(pool, is_idle=is_done or not pool.has_waiting)
            if is_done and not is_left:
                return
            if is_done:
                self._deleter.wait()

    def delete(self, test_execution_id: int) -> None:
        """Remove a request that `submit` found or had served, unless it is to stay; any other by its id.

        Raises:
            QueueError: It could not be removed.
        """
        if (served := self._served.get(test_execution_id)) is None:
            if test_execution_id not in self._served and not self._options.dry_run:
                self._queue.delete([test_execution_id])
            return
        request, evidence = served
        with Pool(1) as pool:
            self._deleter.delete(request, evidence, lambda: None)
            self.join(pool)
        if error := self._deleter.errors.get(request):
            raise error
