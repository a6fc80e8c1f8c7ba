"""The course of one target in a drain: looked at, triggered, looked at again, until each of its requests has ended."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.failures import CallError, Kind
from test_executions_rerunner.drain.policy import POLICY
from test_executions_rerunner.drain.starter import Repeat, Settle
from test_executions_rerunner.models import NEVER, Look, Served, State, Target, Verdict
from test_executions_rerunner.queues.neighbours import UnseenError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.drain.starter import Starter
    from test_executions_rerunner.queues.neighbours import Neighbours
    from test_executions_rerunner.rerun_request import RerunRequest

MOST_SLOW_LOOKS = 3
"""How often a target is looked at before its looks are too slow to be followed by a trigger."""
MOST_MISSES = 2
"""How many reruns may not count before a person must look; see ``--acknowledge started``."""
ASK_AGAIN_SECONDS = 30.0
"""How old the reading of the queue may be in which a request stood when the turn of its target comes."""


@dataclass(frozen=True)
class Courses:
    """What the courses of a drain share.

    Attributes:
        starter: Sends the triggers.
        neighbours: Shows what is queued now.
        waits_for_start: Whether requests stay in the queue until their reruns have started.
    """

    starter: Starter
    neighbours: Neighbours
    waits_for_start: bool = False

    def run(
        self, target: Target, asked_at: Mapping[RerunRequest, Moment | None], snapshot: object
    ) -> dict[RerunRequest, Verdict]:
        """Look at a target and, where a request still asks for it, trigger it.

        Args:
            target: The run or job.
            asked_at: Its requests, as `RequestProcessor.look` takes them.
            snapshot: As `RequestProcessor.look` takes it.

        Returns:
            How each request ended.
        """
        with ExitStack() as turn:
            return _Course(self, target, dict(asked_at), snapshot, turn).run()

    def stays(self, request: RerunRequest) -> bool:
        """Tell whether a request stays in the queue after its trigger: only later can it be told from a newer one."""
        return self.waits_for_start and isinstance(request.created_at, float)


@dataclass
class _Course:
    """The course of one target."""

    shared: Courses
    target: Target
    left: dict[RerunRequest, Moment | None]
    """The requests that have not ended, each with the moment at which it was made."""
    snapshot: object
    """Read once for the window; None: a look reads it anew."""
    turn: ExitStack
    """Holds the turn for a trigger, once it was waited for, to the end."""
    verdicts: dict[RerunRequest, Verdict] = field(default_factory=dict)
    settling: Verdict | None = None
    """The outcome of what the next look does not find served: nothing is sent any more."""
    refused: tuple[str, ...] = ()
    """The narrow triggers that were refused."""
    has_turn: bool = False
    slow_looks: int = 0
    unsent: int = 0

    def run(self) -> dict[RerunRequest, Verdict]:
        """Go on until each request has ended."""
        while self.left:
            if stopped := self.shared.starter.ledger.stopped:
                self._end_all(stopped)
            elif self._are_asked_for_still() and (look := self._look()):
                self._go_on(look)
        return self.verdicts

    def _end_all(self, verdict: Verdict) -> None:
        for request in self.left:
            self.verdicts[request] = self._with_what_follows(request, verdict)
        self.left.clear()

    def _end(self, request: RerunRequest, verdict: Verdict) -> None:
        self.verdicts[request] = verdict
        del self.left[request]

    # what is asked for

    def _are_asked_for_still(self) -> bool:
        """Ask the queue again where it was read long ago; whatever is not asked for any more ends here."""
        if self.settling is None and not self.shared.starter.dry_run:
            oldest, stood_at = self.shared.starter.waiting.clock() - ASK_AGAIN_SECONDS, self.shared.neighbours.stood_at
            late = [request for request in self.left if NEVER < stood_at(request) < oldest]
            self._end_unless_they_stand(late, oldest)
        return bool(self.left)

    def _end_unless_they_stand(self, requests: Iterable[RerunRequest], not_before: float) -> None:
        """End those of some requests that do not stand in the queue any more as they were read."""
        parts: dict[Hashable, list[RerunRequest]] = {}
        for request in requests:
            parts.setdefault(request.part, []).append(request)
        for part in parts.values():
            for request in part:
                if self.shared.neighbours.stood_at(request) < not_before:
                    self._end_unless_it_stands(request, not_before, part)

    def _end_unless_it_stands(self, request: RerunRequest, not_before: float, also: list[RerunRequest]) -> None:
        """End a request that does not stand in the queue any more as it was read."""
        neighbours = self.shared.neighbours
        try:
            sight = neighbours.find(request, not_before=not_before, budget=neighbours.for_triggers, also=also)
        except UnseenError as error:
            self._end(request, Verdict(State.DEFERRED, f"it is not known whether it is asked for still: {error}"))
            return
        if sight.row is None:
            self.shared.starter.ledger.gone([request])
            self._end(request, Verdict(State.DEFERRED, "it has left the queue since it was read: nothing is started"))
        elif not sight.row.says_the_same(request):
            if sight.row.created_at != request.created_at:
                self.shared.starter.ledger.gone([request])
            self._end(request, Verdict(State.DEFERRED, "it was asked for anew since it was read: the next drain looks"))

    # what a look finds

    def _look(self) -> Look | None:
        """Look at the target, and end the requests that the look settles; None: it failed."""
        starter, began = self.shared.starter, self.shared.starter.waiting.clock()
        try:
            look = starter.processor.look(self.target, self.left, self.snapshot, self.refused)
        except CallError as error:
            self._end_all(starter.look_failed(self.target, error.failure, self.settling))
            return None
        self.snapshot = None
        looked_at = starter.waiting.clock()
        for request, served in look.served.items():
            self._end(request, self._verdict_of(request, served))
        for request, verdict in look.held.items():
            self._end(request, verdict)
        for request, misses in look.misses.items():
            if request in self.left and misses >= MOST_MISSES and self.shared.stays(request):
                self._end(request, Verdict(State.FAILED, _too_many(misses)))
        if self.settling is None:
            self._end_doubtful({each: served for each, served in look.doubtful.items() if each in self.left}, looked_at)
        return replace(look, since=began if look.since is None else look.since)

    def _verdict_of(self, request: RerunRequest, served: Served) -> Verdict:
        if served.has_started or not self.shared.stays(request):
            return Verdict(State.ALREADY_RERUN, served.reason, served.link)
        reason = f"{served.reason}; the request stays until its rerun has started (--acknowledge started)"
        return Verdict(State.DEFERRED, reason, served.link)

    def _end_doubtful(self, doubtful: Mapping[RerunRequest, Served], looked_at: float) -> None:
        """End requests whose rerun may have ended, unless they stand in the queue still, and not for that."""
        asked = []
        for request, served in doubtful.items():
            if served.may_be_ours and self.shared.stays(request):
                self._end(request, Verdict(State.ALREADY_RERUN, served.reason, served.link))
            elif request.test_execution_id is not None:
                asked.append(request)
        self._end_unless_they_stand(asked, looked_at)

    # what follows

    def _with_what_follows(self, request: RerunRequest, verdict: Verdict) -> Verdict:
        """Say with a trigger when its request leaves the queue, where that is not at once."""
        is_queued = request.test_execution_id is not None
        if not (self.shared.waits_for_start and is_queued and verdict.state in {State.TRIGGERED, State.PLANNED}):
            return verdict
        if self.shared.stays(request):
            note = "it stays in the queue until its rerun has started (--acknowledge started)"
        else:
            note = "it leaves the queue at once, since it does not say when it was made"
        return replace(verdict, reason=f"{verdict.reason}; {note}")

    def _go_on(self, look: Look) -> None:
        """Do what a look allows: end what is left, or trigger it."""
        if not self.left:
            return
        if verdict := look.verdict or self.settling:
            self._end_all(_with_way_out(verdict, look))
        elif self._may_send_now():
            end = self.shared.starter.start(self.target, look, self.left)
            if isinstance(end, Settle):
                self.settling = end.otherwise
            elif isinstance(end, Repeat):
                self._repeat(end, look)
            else:
                self._end_all(_with_way_out(end, look))

    def _may_send_now(self) -> bool:
        """Take the turn for a trigger; False: it had to be waited for, so that the target is looked at in it."""
        if self.has_turn or self.shared.starter.dry_run:
            return True
        clock = self.shared.starter.waiting.clock
        began = clock()
        self.turn.enter_context(self.shared.starter.processor.turn())
        self.has_turn = True
        return clock() - began < _NO_WAIT_SECONDS

    def _repeat(self, repeat: Repeat, look: Look) -> None:
        """Wait before the next look and trigger, or end what is left."""
        starter, failure = self.shared.starter, repeat.failure
        otherwise = Verdict(POLICY[failure.kind].trigger_state, failure.reason)
        if repeat.refused:
            self.refused = (*self.refused, repeat.refused)
        elif failure.kind is Kind.STALE:
            self.slow_looks += 1
            if self.slow_looks >= MOST_SLOW_LOOKS:
                self._end_all(Verdict(State.DEFERRED, "answers too slowly to be looked at"))
        elif starter.waiting.is_interrupted or starter.stop_if_refused():
            self._end_all(_with_way_out(otherwise, look))
        elif failure.kind is Kind.NOT_SENT:
            delays = starter.waiting.waits.retry_seconds
            if self.unsent >= len(delays):
                self._end_all(otherwise)
                return
            starter.waiting.sleep(starter.waiting.varied(delays[self.unsent]))
            self.unsent += 1


_NO_WAIT_SECONDS = 0.1
"""A turn that took no longer was not waited for."""


def _too_many(misses: int) -> str:
    return f"its rerun was started {misses} times and did not count, since none of them ran: a person must look"


def _with_way_out(verdict: Verdict, look: Look) -> Verdict:
    """Say with a refusal what a person can do instead."""
    if verdict.state is State.REFUSED and look.way_out:
        return replace(verdict, reason=f"{verdict.reason}; {look.way_out}")
    return verdict
