"""Groups of requests, from their target to a queue that they have left: what `Rerunner` does with a window.

How one target is looked at and triggered stands in `starter`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.calls.policy import CallError
from test_executions_rerunner.drain.announcer import Announcer
from test_executions_rerunner.drain.deleter import Deleter
from test_executions_rerunner.drain.slots import Slots
from test_executions_rerunner.drain.starter import TAKEN, Starter
from test_executions_rerunner.errors import RequestProcessingError, TestObserverError
from test_executions_rerunner.models import State, Target, Verdict
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.drain.pool import Pool
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.request_queue import RequestQueue

_log = logging.getLogger(__name__)
Group = tuple[Target, list[RerunRequest]]


@dataclass(frozen=True)
class Options:
    """What a drain is asked to do with its requests; see `Rerunner`."""

    limit: int | None = None
    discard_refused: bool = False
    announce: bool = False
    dry_run: bool = False


class Submitter:
    """Submits groups of requests, and deletes what was served.

    Args:
        processor: The CI system.
        queue: Where the requests come from, and are deleted.
        ledger: Where their outcomes are written down.
        options: What is asked for.

    Attributes:
        read_at: When the requests were read, on our own clock; None: they were not.
        served: The newest request of each id that was served, with the moment that `RequestQueue.remove` asks for.
    """

    def __init__(self, processor: RequestProcessor, queue: RequestQueue, ledger: Ledger, options: Options) -> None:
        self._processor, self._queue, self._ledger, self._options = processor, queue, ledger, options
        self._slots = Slots(options.limit)
        self._starter = Starter(processor, ledger, dry_run=options.dry_run)
        self._deleter, self._announcer = Deleter(queue, ledger), Announcer(queue, ledger)
        self._ended: dict[Hashable, Verdict] = {}
        self._removed_ids: set[int] = set()
        self._may_delete = options.dry_run
        self.read_at: float | None = None
        self.served: dict[int, tuple[RerunRequest, float]] = {}

    def __enter__(self) -> Self:
        self._announcer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._announcer.join()
        self._announcer.__exit__(kind, error, traceback)

    @property
    def is_at_limit(self) -> bool:
        """Whether ``--limit`` allows no further trigger."""
        return self._slots.are_used_up

    def submit(self, groups: Iterable[Group], pool: Pool, *, deletes: bool = True) -> None:
        """Hand each group to the pool, in the order of the queue.

        Args:
            groups: Requests whose trigger would be the same, each with its target.
            pool: Does the work; `Pool.join` waits for it.
            deletes: Whether what was served is deleted at once.

        Raises:
            TestObserverError: Nothing may be deleted from the queue, so that nothing was started.
        """
        deleting = pool if deletes else None
        groups = list(groups)
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
        except TestObserverError as error:
            self._end_all(groups, self._ledger.stopped or Verdict(State.FAILED, str(error)))
            raise
        except CallError as error:
            state, reason = error.failure.rule.look_state, self._processor.not_looked_at(error.failure)
            self._ledger.stop(state, reason)
            self._end_all(groups, self._ledger.stopped or Verdict(state, reason))
            return
        for group in sorted(groups, key=lambda group: self._seconds_too_young(group) > 0.0):
            if self._slots.take():
                pool.submit(partial(self._start, group, snapshot, deleting))
            else:
                self._end_all([group], Verdict(State.DEFERRED, "the limit of this drain was reached before"))

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
        if verdict.sent_at is None or verdict.state not in TAKEN:
            return None
        asked_at = self._asked_at(request)
        if asked_at is None:
            is_newer = request.test_execution_id in self._removed_ids
        else:
            is_newer = asked_at.clock.doubt is not None or asked_at.latest >= verdict.sent_at
        if is_newer:
            return "asked for again after this drain's trigger"
        return self._processor.cannot_join(request, verdict.sent) if verdict.sent else None

    def _start(self, group: Group, snapshot: object, deleting: Pool | None) -> None:
        """Look, trigger and settle one group; the deletes go to the pool, before other triggers."""
        target, requests = group
        try:
            if seconds := self._seconds_too_young(group):
                self._processor.waiting.sleep(seconds)
            verdicts = self._starter.start(target, {request: self._asked_at(request) for request in requests}, snapshot)
        except Exception as error:  # noqa: BLE001 - one bad request never stops the others, whatever it is
            _log.debug("starting %s", target.name, exc_info=True)
            state = State.UNKNOWN if self._ledger.is_in_flight(requests) else State.FAILED
            verdicts = dict.fromkeys(requests, Verdict(state, f"unexpected: {type(error).__name__}: {error}"))
        ended = [verdict for verdict in verdicts.values() if verdict.state is not State.ALREADY_RERUN]
        self._ended.update({target.key: ended[-1]} if ended else {})
        self._slots.end(is_used=any(verdict.state in TAKEN for verdict in ended))
        self._settle(verdicts, target, deleting)

    def _asked_at(self, request: RerunRequest) -> Moment | None:
        """Return when a request was made; None: it does not say."""
        return Moment(request.created_at, self._queue.clock) if isinstance(request.created_at, float) else None

    def _seconds_too_young(self, group: Group) -> float:
        """Return how long a group has to wait until its rerun can be seen to be later than its requests."""
        if self._options.dry_run or self._queue.clock.doubt or self._processor.calls.clock.doubt:
            return 0.0  # nothing can be compared by time then
        waiting, width = self._processor.waiting, self._queue.clock.width_seconds
        asked_at = [moment.latest for moment in map(self._asked_at, group[1]) if moment]
        least = waiting.waits.youngest_seconds + width + self._processor.calls.clock.width_seconds
        # one that is ahead of its own clock by more is impossible, which the look finds out
        return min(max(max(asked_at, default=float("-inf")) + least - waiting.clock(), 0.0), least + width)

    def _end_all(self, groups: Iterable[Group], verdict: Verdict) -> None:
        for target, requests in groups:
            self._ledger.settle(dict.fromkeys(requests, verdict), target.name)

    def _settle(self, verdicts: Mapping[RerunRequest, Verdict], target: Target, deleting: Pool | None) -> None:
        """Write outcomes down and have the requests that are served deleted at once."""
        since = {request: verdict.sent_at or self.read_at or 0.0 for request, verdict in verdicts.items()}
        self.served.update(
            {
                request.test_execution_id: (request, since[request])
                for request, verdict in verdicts.items()
                if verdict.state.is_served and request.test_execution_id is not None
            }
        )
        done = {request for request, verdict in verdicts.items() if deleting and self._is_done(request, verdict)}
        if not self._ledger.settle(verdicts, target.name, deletes=done):
            return
        for request, verdict in verdicts.items():
            if request in done and deleting:
                deleting.submit(partial(self._delete, request, verdict, since[request]), urgent=True)
            elif verdict.state is State.REFUSED and self._options.announce and not self._options.dry_run:
                self._announcer.announce(request, verdict)

    def _is_done(self, request: RerunRequest, verdict: Verdict) -> bool:
        is_done = verdict.state.is_served or (verdict.state is State.REFUSED and self._options.discard_refused)
        return is_done and request.test_execution_id is not None and not self._options.dry_run

    def _delete(self, request: RerunRequest, verdict: Verdict, since: float) -> None:
        if self._deleter.delete(request, since=since):
            self._removed_ids.add(request.test_execution_id or 0)
            if self._options.announce:
                self._announcer.announce(request, verdict)
