"""The drain: load, process, submit, delete.

`Rerunner.run` interleaves the four steps window by window; called one by one they do the same. How one target is
looked at and triggered stands in `drain.starter`, what a failure means in `calls.failures`. Here is no I/O of its own.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from test_executions_rerunner import defaults
from test_executions_rerunner.drain.ledger import Ledger
from test_executions_rerunner.drain.pool import Pool
from test_executions_rerunner.drain.selection import Selection
from test_executions_rerunner.drain.submitter import Group, Options, Submitter
from test_executions_rerunner.drain.windows import Windows
from test_executions_rerunner.errors import RequestProcessingError, SettingsError
from test_executions_rerunner.models import Outcome, PostArguments, Reading, State, Target, Verdict
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.queues.test_observer import TestObserverInterface
from test_executions_rerunner.rerun_request import RawRequest, RerunRequest, read_id
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from test_executions_rerunner.queues.base import RequestQueue

_log = logging.getLogger(__name__)
GRACE_SECONDS = 5.0
"""What is in flight may take so long after a signal; GitHub and ``docker stop`` kill after ten."""
END_SECONDS = 9.0
"""And the deletes of what was accepted all that is left of so long."""


class Rerunner:
    """Drains the part of the queue that one processor serves.

    Args:
        processor: The CI system.
        test_observer: The queue; None: that of the default Test Observer.
        limit: Most triggers to start; None: no limit.
        discard_refused: Delete requests that can never be served.
        skip_archived: Leave requests alone whose artefact is archived.
        skip_decided: Leave requests alone whose artefact was approved or marked as failed, or whose test passed.
        min_priority: Leave requests of a lower priority alone; None: serve all.
        acknowledge: When a request leaves the queue: ``accepted``, with its trigger, or ``started``, with its rerun.
        announce: Tell the requesters, on their test executions.
        time_limit: Minutes after which nothing new is started; None: no limit.
        dry_run: Look, and neither trigger nor delete.
        concurrency: Calls at a time, 1 to 64.
        on_ended: Called with the outcomes of the requests that ended together, from a thread of its own. Only the end
            of `run` waits for it, and what it raises is logged.

    A `Rerunner` and its processor serve one drain: what a server asked to wait for, a signal, and which targets were
    triggered is kept for all of it. Make both anew for the next drain.

    Raises:
        SettingsError: An argument is not within its bounds, or the processor is none.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each setting of a drain
        self,
        processor: RequestProcessor,
        *,
        test_observer: RequestQueue | None = None,
        limit: int | None = None,
        discard_refused: bool = False,
        skip_archived: bool = False,
        skip_decided: bool = False,
        min_priority: int | None = None,
        acknowledge: str = "accepted",
        announce: bool = False,
        time_limit: int | None = None,
        dry_run: bool = False,
        concurrency: int = defaults.CONCURRENCY,
        on_ended: Callable[[list[Outcome]], None] | None = None,
    ) -> None:
        if not isinstance(processor, RequestProcessor):
            raise SettingsError(
                f"processor: {shown(processor)} is not allowed: a JenkinsProcessor or GithubProcessor is"
            )
        bounded = {"limit": limit, "min_priority": min_priority, "time_limit": time_limit, "concurrency": concurrency}
        defaults.check_arguments(acknowledge=acknowledge, **bounded)
        self._processor = processor
        self._queue = test_observer or TestObserverInterface(connections=concurrency, waiting=processor.waiting)
        self._selection = Selection(skip_archived, skip_decided, min_priority)
        self._time_limit, self._concurrency = time_limit, concurrency
        self._ledger = Ledger((*processor.secrets, *self._queue.secrets), on_ended)
        more = {"announce": announce, "dry_run": dry_run, "waits_for_start": acknowledge == "started"}
        options = Options(limit, discard_refused=discard_refused, **more)
        self._submitter = Submitter(processor, self._queue, self._ledger, options)
        self._by_id: dict[int, RerunRequest] = {}
        self._has_run = self._has_read = False

    def run(self) -> list[Outcome]:
        """Drain the queue once: load, process, submit, delete, window by window.

        Returns:
            One outcome for each request read, in the order of the queue.

        Raises:
            TestObserverError: The queue could not be read, or nothing may be deleted from it; `outcomes` tells what
                had been done by then.
            RuntimeError: It has run before, or its processor has served another drain.
        """
        if self._has_run:
            raise RuntimeError("a Rerunner drains once: make a new one, with a new processor, for the next drain")
        self._has_run = True
        self._processor.begin_drain(self)
        self._stop_in_time()
        try:
            self._drain()
        finally:
            self._ledger.told()
        return self.outcomes

    def _drain(self) -> None:
        windows = Windows(self._queue, self._ledger, self._submitter.neighbours, self._processor.families)
        with Pool(self._concurrency) as pool, self._submitter:
            while not (windows.is_last or self._ledger.stopped or self._submitter.slots.are_used_up):
                groups = self._process(windows.read())
                self._has_read = windows.is_whole
                if self._submitter.slots.has_more_than(len(groups)):
                    windows.read_on()
                self._submitter.submit(groups, pool)
                self._submitter.join(pool)

    def end(self, reason: str, *, gone_seconds: float = 0.0) -> None:
        """End a drain that `run` has not ended, from any thread; after that no outcome changes any more.

        Nothing new is started. What is in flight gets `GRACE_SECONDS`, then it is `unknown`; what was not started is
        `deferred`; the deletes of what was accepted get all that is left of `END_SECONDS`.

        Args:
            reason: Why, as the outcome of the rest.
            gone_seconds: How many of those seconds have gone already.
        """
        self._ledger.stop(State.DEFERRED, reason)
        self._processor.waiting.interrupt()
        self._queue.waiting.interrupt()
        self._ledger.end(reason, grace_seconds=GRACE_SECONDS - gone_seconds, all_seconds=END_SECONDS - gone_seconds)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes known so far, in the order of the queue."""
        return self._ledger.outcomes

    @property
    def stopped(self) -> Verdict | None:
        """Why the drain started nothing more, as the outcome of the rest; None: nothing kept it from that."""
        return self._ledger.stopped

    @property
    def known(self) -> int:
        """How many requests have been read."""
        return self._ledger.known

    @property
    def remaining(self) -> int | None:
        """How many requests stay in the queue; None: it was not read to its end, or the requests are of none."""
        return self._ledger.staying() if self._has_read and self._queue.has_ids else None

    # the four steps, one by one

    def load_rerun_requests(self) -> list[dict[str, Any]]:
        """Return the whole queue, as `TestObserverInterface.get` gives it.

        Raises:
            TestObserverError: It could not be read.
        """
        as_of = self._now()
        raw_requests = self._queue.get()
        self._has_read = True
        requests = [self._remember(raw) for raw in raw_requests]
        self._submitter.neighbours.note(Reading(requests, as_of, is_whole=True), requests)
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
            if request.time_problem:
                _log.error("request %s is left alone: %s", request.test_execution_id, request.time_problem)
            elif request.test_execution_id is not None:
                processed[request.test_execution_id] = target.post_arguments
        return processed

    def submit_processed_requests(
        self, processed_requests: Mapping[int, PostArguments] | Mapping[str, PostArguments]
    ) -> list[int]:
        """Look at each target and trigger it where it was not rerun since, once for all its requests.

        Args:
            processed_requests: As `process_rerun_requests` returned it; the ids may be texts, as JSON makes them.

        Returns:
            The ids whose rerun was accepted, or had been started already.

        Raises:
            RequestProcessingError: A key is no id; nothing was started.
            RuntimeError: The processor has served another drain.
            TestObserverError: Nothing may be deleted from the queue, so that nothing was started.
        """
        posts = {read_id(key): post for key, post in processed_requests.items()}
        self._processor.begin_drain(self)
        groups: dict[Hashable, Group] = {}
        requests: list[RerunRequest] = []
        for number, post in posts.items():
            request = self._by_id.get(number) or self._remember({"test_execution_id": number})
            target = self._target_of(request, post)
            groups.setdefault(target.key, (target, []))[1].append(request)
            requests.append(request)
        self._ledger.open(requests)
        with Pool(self._concurrency) as pool, self._submitter:
            self._submitter.submit(groups.values(), pool, deletes=False)
            self._submitter.join(pool)
        self._ledger.told()
        ended = {outcome.request: outcome.state for outcome in self.outcomes}
        return [request.test_execution_id or 0 for request in requests if ended[request].is_served]

    def delete_processed_requests(self, submitted_requests: Iterable[int]) -> None:
        """Remove requests from the queue, one call each; a newer one of the same group is left alone.

        With ``acknowledge="started"`` what was only triggered stays as well, and a dry run removes nothing.

        Raises:
            TestObserverError: One could not be removed.
        """
        for number in submitted_requests:
            self._submitter.delete(number)

    def _remember(self, raw: RawRequest) -> RerunRequest:
        request = RerunRequest.read(raw, needs_id=self._queue.needs_id)
        if request.test_execution_id is None:
            return request
        known = self._by_id.get(request.test_execution_id)
        if known is None or vars(known) != vars(request):  # else what is known of its reading stays known
            self._by_id[request.test_execution_id] = known = request
        return known

    # process

    def _process(self, requests: Iterable[RerunRequest]) -> list[Group]:
        """Group requests whose trigger would be the same; whatever cannot be served ends here."""
        groups: dict[Hashable, Group] = {}
        unsupported: dict[RerunRequest, Verdict] = {}
        for request in requests:
            target = self._target_or_end(request)
            if isinstance(target, Target):
                groups.setdefault(target.key, (target, []))[1].append(request)
            elif target.state is State.UNSUPPORTED:
                unsupported[request] = target
            else:
                self._ledger.settle({request: target})
        self._ledger.settle(unsupported)
        return list(groups.values())

    def _target_or_end(self, request: RerunRequest) -> Target | Verdict:
        try:
            target = self._target(request)
        except RequestProcessingError as error:
            return Verdict(State.UNSUPPORTED, str(error))
        except Exception as error:  # noqa: BLE001 - one bad request never stops the others, whatever it is
            _log.debug("processing", exc_info=True)
            return Verdict(State.FAILED, f"{type(error).__name__}: {error}")
        return Verdict(State.FAILED, request.time_problem) if request.time_problem else target

    def _target(self, request: RerunRequest) -> Target:
        self._selection.check(request, self._queue.family)
        return self._processor.target(request)

    def _target_of(self, request: RerunRequest, post: PostArguments) -> Target:
        """Return the target of a POST that `process_rerun_requests` returned, maybe in another process."""
        with contextlib.suppress(RequestProcessingError):
            target = self._target(request)
            if target.post_arguments == post:
                return target
        key = (post.get("url"), repr(sorted(post.get("json", {}).items())))
        return Target(key, str(post.get("url")), post)

    # time

    def _now(self) -> float:
        return self._processor.waiting.clock()

    def _stop_in_time(self) -> None:
        if self._time_limit is not None:
            ends_at = self._now() + 60.0 * self._time_limit
            self._ledger.stop_when(
                lambda: self._now() >= ends_at, f"the time limit of {self._time_limit} minutes was reached"
            )
