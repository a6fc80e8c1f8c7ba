"""What truly happened in a round, and whether drains kept both promises and told the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from e2e.world import AT_ONCE_SECONDS, MARGIN_SECONDS
from test_executions_rerunner.models import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.lab import Lab
    from e2e.lanes import Call, Process
    from e2e.world import Ask, Asks
    from test_executions_rerunner.models import Outcome

READ_BEFORE_SECONDS = PROOF_SECONDS = 5.0
"""How old a reading of the queue may be before a trigger whose DELETE follows at once, and before any other DELETE."""
ASK_AGAIN_SECONDS = 30.0
"""How old the reading may be in which a request stood when its target is looked at."""
_SLACK_SECONDS = 0.02
"""What all looks at the clock around one call take together."""


@dataclass(frozen=True)
class Delete:
    """A DELETE of a drain, and the first execution of the group that it is about."""

    process: Process
    call: Call
    group: object


class Truth:
    """What truly happened.

    Args:
        lab: The servers.
        asks: What was asked for.
        waits_for_start: Whether the drains remove a request only when its rerun has started.
    """

    def __init__(self, lab: Lab, asks: Asks, *, waits_for_start: bool) -> None:
        self._lab, self._asks, self._waits_for_start = lab, asks, waits_for_start
        self.processes: list[Process] = []

    # both promises

    def check(self) -> None:
        """Hold both promises against all that was asked for so far."""
        unproven = [each for each in self._deletes() if not self._is_within_bounds(each)]
        assert not unproven, f"without evidence: {unproven}"
        late = list(self._late_triggers())
        assert not late, f"nobody may ask for it any more: {late}"
        lost, needless = self._lost(), self._needless()
        assert not lost, f"lost: {lost}"
        assert not needless, f"needless: {needless}"

    def _deletes(self) -> Iterator[Delete]:
        for process in self.processes:
            for call in process.calls:
                if call.request.method == "DELETE" and (ids := json.loads(call.request.body)["test_execution_ids"]):
                    yield Delete(process, call, self._lab.observer.group_of(ids[0]))

    def _readings(self, delete: Delete) -> list[Call]:
        """Return the readings that had shown a request of the group to the drain when it sent its DELETE."""
        return [
            call
            for call in delete.process.calls
            if call.answered_at and call.answered_at <= delete.call.sent_at
            if any(group == delete.group for group, _ in call.shown)
        ]

    def _is_within_bounds(self, delete: Delete) -> bool:
        """Tell whether a DELETE was sent on a reading of the last seconds, or right after a trigger."""
        sent_at, readings = delete.call.sent_at, self._readings(delete)
        if any(sent_at - reading.sent_at <= PROOF_SECONDS + _SLACK_SECONDS for reading in readings):
            return True
        return any(
            trigger.begun_at - reading.sent_at <= READ_BEFORE_SECONDS + _SLACK_SECONDS
            for trigger in self._triggers(delete.process)
            if 0 <= sent_at - trigger.begun_at <= AT_ONCE_SECONDS + _SLACK_SECONDS
            for reading in readings
        )

    def _triggers(self, process: Process) -> list[Call]:
        """Return the triggers of a drain that took their effect."""
        accepted = set(map(id, self._lab.witness.accepted))
        return [call for call in process.calls if id(call.request) in accepted]

    def _late_triggers(self) -> Iterator[Call]:
        """Return the triggers that were sent though the queue had not shown their requests for long."""
        for process in self.processes:
            for call in self._triggers(process):
                target = self._lab.target_of(call.request)
                wanted = {(ask.group, ask.made_at) for ask in self._asks.made if ask.target == target}
                oldest = call.sent_at - ASK_AGAIN_SECONDS - self._lab.fresh_seconds - _SLACK_SECONDS
                if not any(reading.sent_at >= oldest and reading.shown & wanted for reading in process.calls):
                    yield call

    def _lost(self) -> list[str]:
        """Return the requests that DELETEs removed unserved, though their drains could have known of them."""
        lost, deletes = [], {id(each.call.request): each for each in self._deletes()}
        for removal in self._lab.observer.removals:
            delete = deletes[removal.request]
            ask = self._asks.of(removal.group, removal.created_at)
            starts = self._lab.starts.get(ask.target, ())
            by = removal.at if self._waits_for_start else float("inf")
            is_served = any(ask.made_at < start <= by for start in starts)
            if not is_served and not self._is_excused(delete, ask):
                lost.append(f"{ask} at {removal.at}, sent at {delete.call.sent_at}")
        return lost

    def _is_excused(self, delete: Delete, ask: Ask) -> bool:
        """Tell whether a drain could not know of a request: it was made after the newest reading, within its bounds."""
        return all((ask.group, ask.made_at) not in reading.shown for reading in self._readings(delete))

    def _needless(self) -> list[str]:
        """Return the starts of drains that no request asked for which a start before did not serve."""
        needless = []
        for process in self.processes:
            for call in self._triggers(process):
                target = self._lab.target_of(call.request)
                asks = [ask for ask in self._asks.made if ask.target == target and ask.made_at < _arrived(call)]
                if call.status != HTTPStatus.SEE_OTHER and all(
                    self._is_served_before(ask, call, process) for ask in asks
                ):
                    needless.append(f"{target} at {call.arrived_at}, asked for by {asks}")
        return needless

    def _is_served_before(self, ask: Ask, call: Call, process: Process) -> bool:
        """Tell whether a request had been served when a trigger was sent, for whoever looked as late as allowed."""
        seen_by, surely_after = call.sent_at - self._lab.fresh_seconds - _SLACK_SECONDS, ask.made_at + _margin(process)
        if any(surely_after < start < seen_by for start in self._asks.by_others(ask.target)):
            return True
        for other in self.processes:
            for before in self._triggers(other):
                is_ours = other is process and self._had_read(process, ask, before)
                is_after = _arrived(before) > (ask.made_at if is_ours else surely_after)
                is_of_it = self._lab.target_of(before.request) == ask.target
                if is_after and is_of_it and _arrived(before) < _arrived(call):
                    return True
        return False

    @staticmethod
    def _had_read(process: Process, ask: Ask, trigger: Call) -> bool:
        return any((ask.group, ask.made_at) in call.shown and call.sent_at < trigger.sent_at for call in process.calls)

    # the report

    def check_report(self, process: Process, outcomes: list[Outcome], remaining: int | None) -> None:
        """Hold what a drain says at its end against what it did, and against what is queued at that moment."""
        if remaining is not None:
            assert remaining == sum(not outcome.has_left for outcome in outcomes)
        for outcome in outcomes:
            self._check_outcome(process, outcome)

    def _check_outcome(self, process: Process, outcome: Outcome) -> None:
        observer, number, created_at = self._lab.observer, outcome.request.test_execution_id, outcome.request.created_at
        assert isinstance(created_at, float)
        ask = self._asks.of(observer.group_of(number), created_at - observer.clock_skew_seconds)
        told = f"{outcome.state.value}: {outcome.reason}; of {ask}"
        request = (ask.group, ask.made_at)
        removed_by = {each.request for each in observer.removals if (each.group, each.created_at) == request}
        deletes = [each for each in self._deletes() if each.process is process and each.group == ask.group]
        answered = {id(each.call.request) for each in deletes if each.call.answered_at}
        unknowing = {id(each.call.request) for each in deletes if self._is_excused(each, ask)}
        if outcome.has_left:
            assert request not in observer.rows_queued, told
        elif request not in observer.rows_queued:  # another's hand, or a DELETE of which nobody knows whether it came
            assert ask in self._asks.reported or removed_by - answered or removed_by & unknowing, told
        assert answered if outcome.deleted else outcome.gone or not (removed_by & answered) - unknowing, told
        if outcome.state is State.TRIGGERED:
            posts = [call for call in process.calls if call.request.method == "POST"]
            assert ask.target in map(self._lab.target_of, (call.request for call in posts)), told
        if outcome.state.is_served:
            assert any(start > ask.made_at for start in self._lab.starts.get(ask.target, ())), told


def _arrived(call: Call) -> float:
    return float("inf") if call.arrived_at is None else call.arrived_at


def _margin(process: Process) -> float:
    """Return by how much a start must be later for a drain to know it: what the two clocks leave open."""
    seconds = process.pace.calls
    return MARGIN_SECONDS + 1.0 + seconds.get("queue GET", 0.0) + seconds.get("ci GET", 0.0)
