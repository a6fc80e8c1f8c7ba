"""One target, from the look to the answer of its trigger: once, or not at all.

What each failure means stands in `policy`; this module carries it out.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.failures import CallError, Kind
from test_executions_rerunner.calls.sending import Sending
from test_executions_rerunner.drain.claims import Claims
from test_executions_rerunner.drain.policy import POLICY, React
from test_executions_rerunner.models import Acceptance, Look, State, Target, Verdict
from test_executions_rerunner.text import post_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.calls.failures import Failure
    from test_executions_rerunner.drain.ledger import Ledger
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.rerun_request import RerunRequest

_log = logging.getLogger(__name__)
_TAKEN = frozenset({State.TRIGGERED, State.UNKNOWN, State.PLANNED})


def takes(verdict: Verdict) -> bool:
    """Tell whether a trigger was accepted, may have been, or would be: what it took is taken."""
    return verdict.state in _TAKEN or verdict.is_doubtful


@dataclass(frozen=True)
class Repeat:
    """The trigger was certainly not processed: look again, then send it, or a wider one."""

    failure: Failure
    refused: str | None = None
    """The URL of a narrow trigger that was refused."""


@dataclass(frozen=True)
class Settle:
    """The trigger was answered, and another look tells what that means: it is not sent again."""

    otherwise: Verdict
    """The outcome of what that look does not find served."""
    holds: bool = False
    """Whether the answer proves that what the trigger takes is taken."""


class Starter:
    """Sends triggers, each while its target holds what it takes.

    Args:
        processor: The CI system.
        ledger: Asked before each trigger whether one may still be sent.
        dry_run: Send no trigger.

    Attributes:
        claims: What triggers take.
    """

    def __init__(self, processor: RequestProcessor, ledger: Ledger, *, dry_run: bool) -> None:
        self.processor, self.ledger, self.dry_run = processor, ledger, dry_run
        self.waiting = processor.waiting
        self.claims = Claims(self.waiting.clock, lambda: ledger.stopped is not None)

    def look_failed(self, target: Target, failure: Failure, settling: Verdict | None = None) -> Verdict:
        """Return the outcome after a look that failed for good."""
        self.stop_if_refused()
        if self.waiting.is_interrupted and self.ledger.stopped:
            return settling or self.ledger.stopped  # nobody asked again, so that one answer proves nothing
        is_refused = failure.kind in {Kind.UNAUTHORIZED, Kind.FORBIDDEN}
        if POLICY[failure.kind].stops or (settling and is_refused):
            self.ledger.stop(State.FAILED, f"{target.name} {self.processor.not_looked_at(failure)}")
        if settling and not is_refused:
            return settling
        return Verdict(POLICY[failure.kind].look_state, self.processor.not_looked_at(failure))

    def stop_if_refused(self) -> bool:
        """Stop the drain where the server asked for a longer wait than the bounds allow."""
        refusal = self.processor.calls.throttle.refusal
        if refusal:
            self.ledger.stop(State.DEFERRED, refusal)
        return refusal is not None

    def start(self, target: Target, look: Look, requests: Iterable[RerunRequest]) -> Verdict | Repeat | Settle:
        """Take what the trigger of a look takes, and send it; the caller holds the turn for that."""
        if taken := self.claims.take(look.claims, target.name, target.key):
            return Verdict(State.DEFERRED, taken)
        end: Verdict | Repeat | Settle | None = None
        try:
            if self.dry_run:
                end = Verdict(State.PLANNED, "; ".join([_plan(look, requests), *look.notes]))
            else:
                self.processor.calls.throttle.wait()
                end = self._send(target, look, requests)
        finally:
            # what raised may have been raised after the trigger was sent
            are_kept = end is None or (isinstance(end, Verdict) and takes(end))
            are_kept = are_kept or (isinstance(end, Settle) and end.holds)
            self.claims.settle(look.claims, target.name, are_kept=are_kept)
        return end

    def _send(self, target: Target, look: Look, requests: Iterable[RerunRequest]) -> Verdict | Repeat | Settle:
        """Send the trigger if its look is young still when the connection stands."""
        if stopped := self.ledger.begin(requests):
            return stopped
        clock = self.waiting.clock
        sent_at = clock()
        acceptance = Acceptance(look.post_arguments, sent_at, look.holds_back)
        try:
            with Sending.by(clock, (look.since or 0.0) + look.fresh_seconds):
                accepted = self.processor.calls.at_once(lambda: self.processor.trigger(look))
        except CallError as error:
            end = self._react(target, look, error.failure, acceptance)
            if not isinstance(end, Verdict):
                self.ledger.take_back(requests)
            return end
        link = self.processor.rerun_link(target, look) or accepted.link
        return _triggered(look, accepted.reason, link, acceptance)

    def _react(self, target: Target, look: Look, failure: Failure, acceptance: Acceptance) -> Verdict | Repeat | Settle:
        """Do what `policy.POLICY` says after a trigger that was not accepted."""
        rule = POLICY[failure.kind]
        otherwise = Verdict(rule.trigger_state, failure.reason)
        _log.debug("trigger of %s: %s: %s", target.name, failure.kind.name, failure.reason)
        if rule.widens and look.is_narrow:
            return Repeat(failure, look.post_arguments["url"])
        if rule.react is React.COMPARE:
            return self._compare(target, look, failure, acceptance)
        if rule.react is React.REPEAT:
            return Repeat(failure)
        return Settle(otherwise, rule.holds) if rule.react in {React.LOOK, React.RECHECK} else otherwise

    def _compare(self, target: Target, look: Look, failure: Failure, acceptance: Acceptance) -> Verdict:
        """Look whether a doubtful trigger took effect."""
        state, reason = POLICY[failure.kind].trigger_state, failure.reason
        self.waiting.sleep(self.waiting.waits.second_look_seconds)
        try:
            changed = self.processor.changed(target, look)
        except CallError as error:
            unseen = f"{reason}; then it could not be looked at: {error.failure.reason}"
            return Verdict(state, unseen, is_doubtful=True)
        if changed:
            link = changed.link or self.processor.rerun_link(target, look)
            return _triggered(look, f"{changed.reason}: {reason}", link, replace(acceptance, holds_back=False))
        # an answer of the server that it failed is nearly a refusal: it must not use up the limit, drain after drain
        is_answered = (failure.status or 0) >= _FAILURES
        not_found = f"{reason}; looking again found no rerun of ours"
        return Verdict(state, not_found, frees_slot=is_answered, is_doubtful=True)


_FAILURES = 500
"""HTTP's statuses of a server that failed begin here."""


def _triggered(look: Look, reason: str, link: str | None, acceptance: Acceptance) -> Verdict:
    return Verdict(State.TRIGGERED, "; ".join([reason, *look.notes]), link, acceptance)


def _plan(look: Look, requests: Iterable[RerunRequest]) -> str:
    """Say what would be sent, and for which requests together."""
    numbers = [str(request.test_execution_id or "without id") for request in requests]
    shared = f", once for requests {', '.join(numbers)}" if len(numbers) > 1 else ""
    return f"would {post_text(look.post_arguments)}{shared}"
