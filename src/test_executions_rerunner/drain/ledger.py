"""What became of each request, and whether anything more may be started: what the threads of a drain share."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from test_executions_rerunner.drain.telling import Telling
from test_executions_rerunner.models import Outcome, Removal, State, Verdict
from test_executions_rerunner.text import Mask, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from test_executions_rerunner.rerun_request import RerunRequest

_log = logging.getLogger(__name__)
_MOST_CHARACTERS = 1000
"""Of a reason: the words of a server, cut off already, and what else there is to say."""
_TELLING_SECONDS = 0.5
"""What the end waits for whoever is told; the report has it all anyway."""


class Ledger:
    """The outcomes of a drain, one for each request, in the order of the queue.

    Args:
        secrets: Texts that no outcome may show, whoever says them.
        on_ended: Called with the outcomes of the requests that ended together, from a thread of its own; nothing waits
            for it before `told`.
    """

    def __init__(self, secrets: tuple[str, ...] = (), on_ended: Callable[[list[Outcome]], None] | None = None) -> None:
        self._mask = Mask(secrets)
        self._telling = Telling(on_ended) if on_ended else None
        self._changed = threading.Condition(threading.RLock())
        self._outcomes: dict[RerunRequest, Outcome | None] = {}
        self._in_flight: set[RerunRequest] = set()
        self._deleting: set[RerunRequest] = set()
        self._gone: set[RerunRequest] = set()
        self._is_closed = self._is_sealed = False
        self._stopped: Verdict | None = None
        self._is_time_up: Callable[[], bool] = lambda: False
        self._time_is_up = ""

    # whether anything more is started

    @property
    def stopped(self) -> Verdict | None:
        """Why nothing more is started, as the outcome of the rest; None: the drain goes on."""
        if self._stopped is None and self._is_time_up():
            self.stop(State.DEFERRED, self._time_is_up)
        return self._stopped

    def stop(self, state: State, reason: str) -> None:
        """Start nothing more; the first reason stays."""
        with self._changed:
            if self._stopped is None:
                self._stopped = Verdict(state, self.cleaned(reason))
                _log.warning("nothing more is started: %s", self._stopped.reason)

    def stop_when(self, is_time_up: Callable[[], bool], reason: str) -> None:
        """Start nothing more from the moment on at which that becomes true."""
        self._is_time_up, self._time_is_up = is_time_up, reason

    # from the queue to an outcome

    def open(self, requests: Iterable[RerunRequest]) -> None:
        """Enter requests whose outcome is not known yet."""
        with self._changed:
            if not self._is_closed:
                self._outcomes.update(dict.fromkeys(requests))

    def begin(self, requests: Iterable[RerunRequest]) -> Verdict | None:
        """Mark requests whose trigger is sent now, until they are settled; not where the drain has stopped.

        Returns:
            Why the trigger must not be sent; None: it is in flight.
        """
        stopped = self.stopped
        with self._changed:
            stopped = stopped or self._stopped
            if not stopped:
                self._in_flight.update(requests)
            return stopped

    def take_back(self, requests: Iterable[RerunRequest]) -> None:
        """Mark requests whose trigger was certainly not processed: they are as if it had not been sent."""
        with self._changed:
            self._in_flight.difference_update(requests)
            self._changed.notify_all()

    def is_in_flight(self, requests: Iterable[RerunRequest]) -> bool:
        """Tell whether the trigger of any of them was sent and not settled."""
        with self._changed:
            return not self._in_flight.isdisjoint(requests)

    def settle(
        self,
        verdicts: Mapping[RerunRequest, Verdict],
        target: str | None = None,
        *,
        deletes: Iterable[RerunRequest] = (),
    ) -> bool:
        """Write down what became of requests that ended together.

        Args:
            verdicts: What became of each.
            target: The run or job that they share, where they do.
            deletes: Which of them are deleted from now on, until `deleted`.

        Returns:
            False: too late, the drain has ended.
        """
        name = None if target is None else self.cleaned(target)
        ended = [self._outcome(request, verdict, name) for request, verdict in verdicts.items()]
        with self._changed:
            if self._is_closed:
                return False
            self._outcomes.update({outcome.request: outcome for outcome in ended})
            self._in_flight.difference_update(verdicts)
            self._deleting.update(deletes)
            self._changed.notify_all()
        if self._telling and ended:
            self._telling.tell(ended)
        return True

    def told(self) -> None:
        """Wait until everybody has been told of all outcomes."""
        if self._telling:
            self._telling.join()

    def _outcome(self, request: RerunRequest, verdict: Verdict, name: str | None) -> Outcome:
        link = None if verdict.link is None else self.cleaned(verdict.link)
        gone = request in self._gone
        return Outcome(request, verdict.state, self.cleaned(verdict.reason), name, link, gone=gone)

    # from an outcome out of the queue

    def deleted(self, request: RerunRequest, how: Removal | str) -> None:
        """Write down how a request left the queue, or, as a text, why it could not."""
        with self._changed:
            outcome = self._outcomes.get(request)
            if self._is_sealed or not outcome:
                return
            self._deleting.discard(request)
            self._changed.notify_all()
            if isinstance(how, Removal):
                outcome.deleted, outcome.gone = how is Removal.DELETED, how is not Removal.DELETED
                outcome.reason += f"; {how.value}" if outcome.gone else ""
            else:
                outcome.delete_error = self.cleaned(how)

    def kept(self, request: RerunRequest, why: str) -> None:
        """Write down that a request stays in the queue although it was served, which is no failure."""
        with self._changed:
            self._deleting.discard(request)
            self._changed.notify_all()
            self.note(request, why)

    def gone(self, requests: Iterable[RerunRequest]) -> None:
        """Write down that requests have left the queue without this drain's hand, before they were settled."""
        with self._changed:
            self._gone.update(requests)

    def note(self, request: RerunRequest, note: str) -> None:
        """Add to the reason of an outcome."""
        with self._changed:
            outcome = self._outcomes.get(request)
            if outcome and not self._is_sealed:
                outcome.reason = f"{outcome.reason}; {self.cleaned(note)}"

    # the end

    def end(self, reason: str, *, grace_seconds: float, all_seconds: float) -> None:
        """End the drain for its report; after that nothing changes any more.

        What is in flight may take ``grace_seconds`` before it is `unknown`; what was not started is `deferred`.
        Deletes that have begun by then may take all that is left of ``all_seconds``.
        """
        ends_at = time.monotonic() + all_seconds
        self.stop(State.DEFERRED, reason)
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, grace_seconds)
            left = [request for request, outcome in self._outcomes.items() if outcome is None]
            self.settle({request: self._verdict_at_end(request, reason) for request in left})
            self._is_closed = True
            self._changed.wait_for(lambda: not self._deleting, max(0.0, ends_at - time.monotonic()))
            for request in self._deleting:
                self._outcome_of(request).delete_error = self.cleaned(f"{reason}, while it was being deleted")
            self._is_sealed = True
        if self._telling:
            self._telling.join(_TELLING_SECONDS)

    def _verdict_at_end(self, request: RerunRequest, reason: str) -> Verdict:
        if request in self._in_flight:
            return Verdict(State.UNKNOWN, f"{reason}, while its trigger was in flight")
        return Verdict(State.DEFERRED, reason)

    def _outcome_of(self, request: RerunRequest) -> Outcome:
        outcome = self._outcomes[request]
        assert outcome is not None  # noqa: S101 - only a settled request is deleted
        return outcome

    @property
    def known(self) -> int:
        """How many requests have been read."""
        return len(self._outcomes)

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes known so far, in the order of the queue."""
        with self._changed:
            return [outcome for outcome in self._outcomes.values() if outcome]

    def has_left(self, request: RerunRequest) -> bool:
        """Tell whether a request is not in the queue any more."""
        with self._changed:
            outcome = self._outcomes.get(request)
            return outcome is not None and outcome.has_left

    def staying(self) -> int:
        """Return how many of the requests read stay in the queue."""
        with self._changed:
            return sum(not (outcome and outcome.has_left) for outcome in self._outcomes.values())

    def cleaned(self, text: str) -> str:
        """Return a text as an outcome may show it: one harmless line without secrets."""
        return clean(text, self._mask, most=_MOST_CHARACTERS)
