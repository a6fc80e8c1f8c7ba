"""One target, from the look to the answer of its trigger: once, or not at all.

What each failure means stands in `policy`; this module carries it out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.models import Look, RerunRequest, State, Target, Verdict
from test_executions_rerunner.policy import CallError, Fault, React
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_executions_rerunner.clocks import Moment
    from test_executions_rerunner.ledger import Ledger
    from test_executions_rerunner.policy import Failure
    from test_executions_rerunner.processors.base import RequestProcessor

_log = logging.getLogger(__name__)
FRESH_SECONDS = 5.0
"""How old a look may be when its trigger is sent; waits for rate limits make it older."""


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

    def start(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: Any,  # noqa: ANN401 - only its processor reads it
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
        instead: Verdict | None = None
        tries = -1
        while True:
            tries += 1
            if stopped := self._ledger.stopped:
                return {**verdicts, **dict.fromkeys(left, stopped)}
            try:
                look = self._processor.look(target, left, None if tries else snapshot)
            except CallError as error:
                ended = self._look_failed(target, error.failure, instead)
                return {**verdicts, **dict.fromkeys(left, ended)}
            for request, served in look.served.items():
                verdicts[request] = Verdict(State.ALREADY_RERUN, served.reason, served.link)
                del left[request]
            if not left:
                return verdicts
            end = look.verdict or instead or self._trigger(target, look, left, tries)
            if isinstance(end, Verdict):
                return {**verdicts, **dict.fromkeys(left, end)}
            instead = end.otherwise

    def _look_failed(self, target: Target, failure: Failure, instead: Verdict | None) -> Verdict:
        """Return the outcome after a look that failed for good."""
        self._stop_if_closed()
        if self._waiting.is_interrupted and self._ledger.stopped:
            return instead or self._ledger.stopped  # nobody asked again, so that one answer proves nothing
        is_refused = failure.fault in {Fault.UNAUTHORIZED, Fault.FORBIDDEN}
        if failure.rule.stops or (instead and is_refused):
            self._ledger.stop(State.FAILED, f"{target.name} {self._processor.not_looked_at(failure)}")
        if instead and not is_refused:
            return instead
        return Verdict(failure.rule.look_state, self._processor.not_looked_at(failure))

    def _trigger(self, target: Target, look: Look, requests: Iterable[RerunRequest], tries: int) -> Verdict | LookAgain:
        """Send the trigger; `LookAgain` where only another look can tell."""
        if self._dry_run:
            return Verdict(State.PLANNED, "; ".join([_plan(look, requests), *look.notes]))
        looked_at = self._waiting.clock()
        with self._processor.turn():
            self._processor.calls.throttle.wait()
            if self._waiting.clock() - looked_at > FRESH_SECONDS:
                return LookAgain(None)
            return self._send(target, look, requests, tries)

    def _send(self, target: Target, look: Look, requests: Iterable[RerunRequest], tries: int) -> Verdict | LookAgain:
        """Send the trigger without a wait, in which its look would grow old or a signal come."""
        with self._ledger.in_flight(requests) as stopped:
            if stopped:
                return stopped
            try:
                accepted = self._processor.calls.at_once(
                    lambda: self._processor.submit(look.post_arguments, delay=look.delay)
                )
            except CallError as error:
                return self._react(target, look, error.failure, tries)
        link = self._processor.rerun_link(target, look) or accepted.link
        return _triggered(look, accepted.reason, link)

    def _react(self, target: Target, look: Look, failure: Failure, tries: int) -> Verdict | LookAgain:
        """Do what `policy.POLICY` says after a trigger that was not accepted."""
        rule = failure.rule
        otherwise = Verdict(rule.trigger_state, failure.reason)
        _log.debug("trigger of %s: %s: %s", target.name, failure.fault.name, failure.reason)
        if rule.react is React.COMPARE:
            return self._compare(target, look, otherwise)
        if rule.react is React.REPEAT:
            return self._repeat(failure, otherwise, tries)
        return LookAgain(otherwise) if rule.react in {React.LOOK, React.RECHECK} else otherwise

    def _compare(self, target: Target, look: Look, otherwise: Verdict) -> Verdict:
        """Look whether a doubtful trigger took effect."""
        self._waiting.sleep(self._waiting.second_look_seconds)
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

    def _repeat(self, failure: Failure, otherwise: Verdict, tries: int) -> Verdict | LookAgain:
        """Wait, and have the target looked at before its trigger is sent again."""
        if self._waiting.is_interrupted or self._stop_if_closed():
            return otherwise
        if failure.fault is Fault.NOT_SENT:
            if tries >= len(self._waiting.retry_seconds):
                return otherwise
            self._waiting.sleep(self._waiting.varied(self._waiting.retry_seconds[tries]))
        return LookAgain(None)

    def _stop_if_closed(self) -> bool:
        """Stop the drain where the server asked for a longer wait than the bounds allow."""
        closed = self._processor.calls.throttle.closed
        if closed:
            self._ledger.stop(State.DEFERRED, closed)
        return closed is not None


def _triggered(look: Look, reason: str, link: str | None) -> Verdict:
    return Verdict(State.TRIGGERED, "; ".join([reason, *look.notes]), link, look.post_arguments)


def _plan(look: Look, requests: Iterable[RerunRequest]) -> str:
    """Say what would be sent, and for which requests together."""
    numbers = [str(request.test_execution_id or "without id") for request in requests]
    shared = f", once for requests {', '.join(numbers)}" if len(numbers) > 1 else ""
    return f"would POST {harmless(dict(look.post_arguments))}{shared}"


class LookAgain:
    """Another look decides.

    Attributes:
        otherwise: The outcome of what that look does not find served; None: the trigger is sent then.
    """

    def __init__(self, otherwise: Verdict | None) -> None:
        self.otherwise = otherwise
