"""The drain: load, process, submit, delete.

`Rerunner.run` interleaves the four steps window by window; called one by one they do the same. How one target is
looked at and triggered stands in `starting`, what a failure means in `policy`. Here is no I/O of its own.
"""

from __future__ import annotations

import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from test_executions_rerunner import defaults
from test_executions_rerunner.clocks import Moment
from test_executions_rerunner.errors import (
    RequestProcessingError,
    TestObserverError,
    TestObserverRefusedError,
)
from test_executions_rerunner.ledger import Ledger, Slots
from test_executions_rerunner.models import (
    Outcome,
    PostArguments,
    RawRequest,
    RerunRequest,
    State,
    Target,
    Unreadable,
    Verdict,
)
from test_executions_rerunner.policy import CallError
from test_executions_rerunner.pool import Pool
from test_executions_rerunner.starting import Starter
from test_executions_rerunner.test_observer import TestObserverInterface
from test_executions_rerunner.text import shown
from test_executions_rerunner.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from test_executions_rerunner.processors.base import RequestProcessor

_log = logging.getLogger(__name__)
Group = tuple[Target, list[RerunRequest]]


class Rerunner:
    """Drains the part of the queue that one processor serves.

    Args:
        processor: The CI system.
        test_observer: The queue; None: that of the default Test Observer.
        limit: Most triggers to start; None: no limit.
        discard_refused: Delete requests that can never be served.
        dry_run: Look, and neither trigger nor delete.
        concurrency: Calls at a time, 1 to 64.
        on_outcome: Called with each outcome as soon as it is known, from any thread.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each setting of a drain
        self,
        processor: RequestProcessor,
        *,
        test_observer: TestObserverInterface | None = None,
        limit: int | None = None,
        discard_refused: bool = False,
        dry_run: bool = False,
        concurrency: int = defaults.CONCURRENCY,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._processor = processor
        self._queue = test_observer or TestObserverInterface(connections=concurrency, waiting=processor.waiting)
        self._discard_refused, self._dry_run, self._concurrency = discard_refused, dry_run, concurrency
        self._slots = Slots(limit)
        self._ledger = Ledger((*processor.secrets, *self._queue.secrets), on_outcome)
        self._starter = Starter(processor, self._ledger, dry_run=dry_run)
        self._by_id: dict[int, RerunRequest] = {}
        self._ended: dict[Hashable, Verdict] = {}
        self._may_delete = dry_run

    def run(self) -> list[Outcome]:
        """Drain the queue once: load, process, submit, delete, window by window.

        Returns:
            One outcome for each request read, in the order of the queue.

        Raises:
            TestObserverError: The queue could not be read, or nothing may be deleted from it; `outcomes` tells what
                had been done by then.
        """
        windows = Windows(self._queue, self._ledger)
        with Pool(self._concurrency) as pool:
            while not (windows.is_last or self._ledger.stopped or self._slots.are_used_up):
                groups = self._process(windows.read())
                self._submit(groups, pool)
                pool.join()
                if not groups:
                    windows.widen()
        return self.outcomes

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes known so far, in the order of the queue."""
        return self._ledger.outcomes

    @property
    def stopped(self) -> str | None:
        """Why the drain started nothing more; None: nothing kept it from that."""
        return self._ledger.stopped.reason if self._ledger.stopped else None

    @property
    def known(self) -> int:
        """How many requests have been read."""
        return self._ledger.known

    @property
    def is_deleting(self) -> bool:
        """Whether a request whose rerun was accepted is still to be deleted."""
        return not self._dry_run and self._ledger.is_deleting

    @property
    def remaining(self) -> int:
        """How many of the requests read stay in the queue."""
        return self._ledger.staying()

    def interrupt(self, reason: str) -> None:
        """Start nothing new, from any thread; what is in flight goes on, without further waits."""
        self._ledger.stop(State.DEFERRED, reason)
        self._processor.waiting.interrupt()
        self._queue.waiting.interrupt()

    def close(self, reason: str) -> None:
        """End the drain for its report: `unknown` what is in flight still, `deferred` what was not started."""
        self._ledger.close(reason)

    def close_deletes(self, reason: str) -> None:
        """Write down which requests could not be deleted before the end."""
        if not self._dry_run:
            self._ledger.close_deletes(reason)

    # the four steps, one by one

    def load_rerun_requests(self) -> list[dict[str, Any]]:
        """Return the whole queue, as `TestObserverInterface.get` gives it.

        Raises:
            TestObserverError: It could not be read.
        """
        raw_requests = self._queue.get()
        for raw in raw_requests:
            self._remember(raw)
        return raw_requests

    def process_rerun_requests(self, rerun_requests: Iterable[RawRequest]) -> dict[int, PostArguments]:
        """Return the POST of each request that the processor serves, by ``test_execution_id``; nothing is sent."""
        processed: dict[int, PostArguments] = {}
        for request in map(self._remember, rerun_requests):
            try:
                target = self._target(request)
            except RequestProcessingError as error:
                _log.info("request %s is left alone: %s", request.test_execution_id, error)
                continue
            if request.test_execution_id is not None:
                processed[request.test_execution_id] = target.post_arguments
        return processed

    def submit_processed_requests(self, processed_requests: Mapping[int, PostArguments]) -> list[int]:
        """Look at each target and trigger it where it was not rerun since, once for all its requests.

        Returns:
            The ids whose rerun was accepted, or had been started already.

        Raises:
            TestObserverError: Nothing may be deleted from the queue, so that nothing was started.
        """
        requests = [
            self._by_id.get(number) or self._remember({"test_execution_id": number}) for number in processed_requests
        ]
        groups: dict[Hashable, Group] = {}
        for request in requests:
            target = self._target_of(request, processed_requests[request.test_execution_id or 0])
            groups.setdefault(target.key, (target, []))[1].append(request)
        self._ledger.open(requests)
        with Pool(self._concurrency) as pool:
            self._submit(groups.values(), pool, deletes=False)
            pool.join()
        ended = {outcome.request: outcome.state for outcome in self.outcomes}
        return [request.test_execution_id or 0 for request in requests if ended[request].is_served]

    def delete_processed_requests(self, submitted_requests: Iterable[int]) -> None:
        """Remove requests from the queue, one call each.

        Raises:
            TestObserverError: One could not be removed.
        """
        for number in submitted_requests:
            self._queue.delete([number])

    def _remember(self, raw: RawRequest) -> RerunRequest:
        request = RerunRequest.read(raw, needs_id=self._queue.needs_id)
        if request.test_execution_id is not None:
            self._by_id[request.test_execution_id] = request
        return request

    # process

    def _process(self, requests: Iterable[RerunRequest]) -> list[Group]:
        """Group requests whose trigger would be the same; whatever cannot be served ends here."""
        groups: dict[Hashable, Group] = {}
        for request in requests:
            try:
                target = self._target(request)
            except RequestProcessingError as error:  # noqa: PERF203 - each request fails on its own
                self._ledger.settle(request, Verdict(State.UNSUPPORTED, str(error)))
            except Exception as error:  # noqa: BLE001 - one bad request never stops the others, whatever it is
                _log.debug("processing", exc_info=True)
                self._ledger.settle(request, Verdict(State.FAILED, f"{type(error).__name__}: {error}"))
            else:
                if isinstance(request.created_at, Unreadable):
                    reason = f"created_at {shown(request.created_at.value)} is no time"
                    self._ledger.settle(request, Verdict(State.FAILED, reason), target.name)
                else:
                    groups.setdefault(target.key, (target, []))[1].append(request)
        return list(groups.values())

    def _target(self, request: RerunRequest) -> Target:
        if request.problem:
            raise RequestProcessingError(request.problem)
        if self._queue.family and request.family != self._queue.family:
            raise RequestProcessingError(f"family {shown(request.family)} is not asked for, only {self._queue.family}")
        return self._processor.target(request)

    def _target_of(self, request: RerunRequest, post: PostArguments) -> Target:
        """Return the target of a POST that `process_rerun_requests` returned, maybe in another process."""
        with contextlib.suppress(RequestProcessingError):
            target = self._target(request)
            if target.post_arguments == post:
                return target
        key = (post.get("url"), repr(sorted(post.get("json", {}).items())))
        return Target(key, str(post.get("url")), post)

    # submit

    def _submit(self, groups: Iterable[Group], pool: Pool, *, deletes: bool = True) -> None:
        """Hand each group to the pool, in the order of the queue."""
        deleting = pool if deletes else None
        groups = [group for group in groups if not self._joins(group, deleting)]
        if stopped := self._ledger.stopped:
            self._end_all(groups, stopped)
        elif groups:
            self._start_all(groups, pool, deleting)

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
        for group in groups:
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
        for request in requests:
            cannot = self._processor.cannot_join(request, verdict.sent) if verdict.sent else None
            self._settle(request, Verdict(State.DEFERRED, cannot) if cannot else verdict, target, deleting)
        return True

    def _start(self, group: Group, snapshot: object, deleting: Pool | None) -> None:
        """Look, trigger and settle one group; the deletes go to the pool, before other triggers."""
        target, requests = group
        try:
            asked_at = {request: self._asked_at(request) for request in requests}
            verdicts = self._starter.start(target, asked_at, snapshot)
        except Exception as error:  # noqa: BLE001 - one bad request never stops the others, whatever it is
            _log.debug("starting %s", target.name, exc_info=True)
            reason = f"{type(error).__name__}: {error}"
            verdicts = dict.fromkeys(requests, Verdict(State.UNKNOWN, f"unexpected: {reason}"))
        ended = [verdict for verdict in verdicts.values() if verdict.state is not State.ALREADY_RERUN]
        self._ended.update({target.key: ended[-1]} if ended else {})
        self._slots.end(
            is_used=any(verdict.state in {State.TRIGGERED, State.UNKNOWN, State.PLANNED} for verdict in ended)
        )
        for request, verdict in verdicts.items():
            self._settle(request, verdict, target, deleting)

    def _asked_at(self, request: RerunRequest) -> Moment | None:
        """Return when a request was made; None: it does not say."""
        return Moment(request.created_at, self._queue.clock) if isinstance(request.created_at, float) else None

    def _end_all(self, groups: Iterable[Group], verdict: Verdict) -> None:
        for target, requests in groups:
            for request in requests:
                self._ledger.settle(request, verdict, target.name)

    # delete

    def _settle(self, request: RerunRequest, verdict: Verdict, target: Target, deleting: Pool | None) -> None:
        """Write an outcome down and, where the request is served, have it deleted at once."""
        is_in_time = self._ledger.settle(request, verdict, target.name)
        is_done = verdict.state.is_served or (verdict.state is State.REFUSED and self._discard_refused)
        if deleting and is_in_time and is_done and request.test_execution_id is not None and not self._dry_run:
            deleting.submit(lambda: self._delete(request), urgent=True)

    def _delete(self, request: RerunRequest) -> None:
        try:
            self._queue.delete([request.test_execution_id or 0])
        except TestObserverError as error:
            self._ledger.deleted(request, str(error))
            is_refusal = isinstance(error, TestObserverRefusedError)
            self._ledger.stop(
                State.FAILED if is_refusal else State.DEFERRED,
                f"request {request.test_execution_id} could not be deleted: {error}",
            )
        else:
            self._ledger.deleted(request)
