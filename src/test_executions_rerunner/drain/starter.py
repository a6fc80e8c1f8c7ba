"""One target, from the look to the answer of its trigger: once, or not at all.

What each failure means stands in `policy`; this module carries it out.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.policy import CallError, Fault, React
from test_executions_rerunner.drain.claims import Claims
from test_executions_rerunner.models import Look, State, Target, Verdict
from test_executions_rerunner.text import post_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.calls.policy import Failure
    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.rerun_request import RerunRequest

_log = logging.getLogger(__name__)
MOST_SLOW_LOOKS = 3
"""How often a target is looked at before its looks are too slow to be followed by a trigger."""
TAKEN = frozenset({State.TRIGGERED, State.UNKNOWN, State.PLANNED})
"""The ends of a trigger that was accepted, may have been, or would be: what it took is taken."""


@dataclass(frozen=True)
class _Repeat:
    """The trigger was certainly not processed: look again, then send it."""

    failure: Failure | None
    """Why it was not; None: its look had grown too old, and it was not sent."""


@dataclass(frozen=True)
class _Settle:
    """The trigger was answered, and another look tells what that means: it is not sent again."""

    otherwise: Verdict
    """The outcome of what that look does not find served."""


class Starter:
    """Starts targets again.

    Args:
        processor: The CI system.
        ledger: Asked before each trigger whether one may still be sent.
        dry_run: Look, and send no trigger.
    """

    def __init__(self, processor: RequestProcessor, ledger: Ledger, *, dry_run: bool) -> None:
        self._processor, self._ledger, self._dry_run = processor, ledger, dry_run
        self._waiting = processor.waiting
        self._claims = Claims(self._waiting.clock, lambda: ledger.stopped is not None)

    def start(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
    ) -> dict[RerunRequest, Verdict]:
        """Look at a target and, where a request still asks for it, trigger it.

        Args:
            target: The run or job.
            asked_at: Its requests, as `RequestProcessor.look` takes them.
            snapshot: As `RequestProcessor.look` takes it.

        Returns:
            How each request ended.
        """
        verdicts: dict[RerunRequest, Verdict] = {}
        left = dict(asked_at)
        settling: Verdict | None = None
        repeats: list[_Repeat] = []
        while True:
            if stopped := self._ledger.stopped:
                return {**verdicts, **dict.fromkeys(left, stopped)}
            began = self._waiting.clock()
            try:
                look = self._processor.look(target, left, None if settling or repeats else snapshot)
            except CallError as error:
                return {**verdicts, **dict.fromkeys(left, self.look_failed(target, error.failure, settling))}
            for request, served in look.served.items():
                verdicts[request] = Verdict(State.ALREADY_RERUN, served.reason, served.link)
                del left[request]
            if not left:
                return verdicts
            look = replace(look, since=began if look.since is None else look.since)
            end = look.verdict or settling or self._claim_and_trigger(target, look, left)
            ended: Verdict | None = None
            if isinstance(end, _Settle):
                settling = end.otherwise
            elif isinstance(end, _Repeat):
                repeats.append(end)
                ended = self._end_of(repeats)
            else:
                ended = end
            if ended:
                return {**verdicts, **dict.fromkeys(left, _with_way_out(ended, look))}

    def look_failed(self, target: Target, failure: Failure, settling: Verdict | None = None) -> Verdict:
        """Return the outcome after a look that failed for good."""
        self._stop_if_closed()
        if self._waiting.is_interrupted and self._ledger.stopped:
            return settling or self._ledger.stopped  # nobody asked again, so that one answer proves nothing
        is_refused = failure.fault in {Fault.UNAUTHORIZED, Fault.FORBIDDEN}
        if failure.rule.stops or (settling and is_refused):
            self._ledger.stop(State.FAILED, f"{target.name} {self._processor.not_looked_at(failure)}")
        if settling and not is_refused:
            return settling
        return Verdict(failure.rule.look_state, self._processor.not_looked_at(failure))

    def _claim_and_trigger(
        self, target: Target, look: Look, requests: Iterable[RerunRequest]
    ) -> Verdict | _Repeat | _Settle:
        """Send the trigger while this target holds what it takes."""
        if taken := self._claims.take(look.claims, target.name):
            return Verdict(State.DEFERRED, taken)
        end: Verdict | _Repeat | _Settle | None = None
        try:
            end = self._trigger(target, look, requests)
        finally:
            # what raised may have been raised after the trigger was sent
            are_kept = end is None or (isinstance(end, Verdict) and end.state in TAKEN)
            self._claims.settle(look.claims, target.name, are_kept=are_kept)
        return end

    def _trigger(self, target: Target, look: Look, requests: Iterable[RerunRequest]) -> Verdict | _Repeat | _Settle:
        """Wait until the trigger may be sent, and send it if its look is fresh still."""
        if self._dry_run:
            return Verdict(State.PLANNED, "; ".join([_plan(look, requests), *look.notes]))
        with self._processor.turn():
            self._processor.calls.throttle.wait()
            if self._waiting.clock() - (look.since or 0.0) > look.fresh_seconds:
                return _Repeat(None)
            return self._send(target, look, requests)

    def _send(self, target: Target, look: Look, requests: Iterable[RerunRequest]) -> Verdict | _Repeat | _Settle:
        """Send the trigger without a wait, in which its look would grow old or a signal come."""
        if stopped := self._ledger.begin(requests):
            return stopped
        sent_at = self._waiting.clock()
        try:
            accepted = self._processor.calls.at_once(lambda: self._processor.trigger(look))
        except CallError as error:
            end = self._react(target, look, error.failure)
            if not isinstance(end, Verdict):
                self._ledger.take_back(requests)
                return end
        else:
            end = _triggered(look, accepted.reason, self._processor.rerun_link(target, look) or accepted.link)
        return replace(end, sent_at=sent_at)

    def _react(self, target: Target, look: Look, failure: Failure) -> Verdict | _Repeat | _Settle:
        """Do what `policy.POLICY` says after a trigger that was not accepted."""
        rule = failure.rule
        otherwise = Verdict(rule.trigger_state, failure.reason)
        _log.debug("trigger of %s: %s: %s", target.name, failure.fault.name, failure.reason)
        if rule.react is React.COMPARE:
            return self._compare(target, look, otherwise)
        if rule.react is React.REPEAT:
            return _Repeat(failure)
        return _Settle(otherwise) if rule.react in {React.LOOK, React.RECHECK} else otherwise

    def _compare(self, target: Target, look: Look, otherwise: Verdict) -> Verdict:
        """Look whether a doubtful trigger took effect."""
        self._waiting.sleep(self._waiting.waits.second_look_seconds)
        try:
            changed = self._processor.changed(target, look)
        except CallError as error:
            return Verdict(
                otherwise.state, f"{otherwise.reason}; then it could not be looked at: {error.failure.reason}"
            )
        if changed:
            link = changed.link or self._processor.rerun_link(target, look)
            return _triggered(look, f"{changed.reason}: {otherwise.reason}", link)
        return Verdict(otherwise.state, f"{otherwise.reason}; looking again found no rerun of ours")

    def _end_of(self, repeats: list[_Repeat]) -> Verdict | None:
        """Wait before the next look and trigger; a verdict ends it instead."""
        failure = repeats[-1].failure
        if failure is None:
            slow = sum(repeat.failure is None for repeat in repeats)
            too_slow = Verdict(State.DEFERRED, "answers too slowly to be looked at")
            return too_slow if slow >= MOST_SLOW_LOOKS else None
        otherwise = Verdict(failure.rule.trigger_state, failure.reason)
        if self._waiting.is_interrupted or self._stop_if_closed():
            return otherwise
        if failure.fault is Fault.NOT_SENT:
            unsent = sum(repeat.failure is not None and repeat.failure.fault is Fault.NOT_SENT for repeat in repeats)
            if unsent > len(self._waiting.waits.retry_seconds):
                return otherwise
            self._waiting.sleep(self._waiting.varied(self._waiting.waits.retry_seconds[unsent - 1]))
        return None

    def _stop_if_closed(self) -> bool:
        """Stop the drain where the server asked for a longer wait than the bounds allow."""
        closed = self._processor.calls.throttle.closed
        if closed:
            self._ledger.stop(State.DEFERRED, closed)
        return closed is not None


def _triggered(look: Look, reason: str, link: str | None) -> Verdict:
    return Verdict(State.TRIGGERED, "; ".join([reason, *look.notes]), link, look.post_arguments)


def _with_way_out(verdict: Verdict, look: Look) -> Verdict:
    """Say with a refusal what a person can do instead."""
    if verdict.state is State.REFUSED and look.way_out:
        return replace(verdict, reason=f"{verdict.reason}; {look.way_out}")
    return verdict


def _plan(look: Look, requests: Iterable[RerunRequest]) -> str:
    """Say what would be sent, and for which requests together."""
    numbers = [str(request.test_execution_id or "without id") for request in requests]
    shared = f", once for requests {', '.join(numbers)}" if len(numbers) > 1 else ""
    return f"would {post_text(look.post_arguments)}{shared}"
