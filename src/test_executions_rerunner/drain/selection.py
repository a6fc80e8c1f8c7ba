"""Which requests a drain serves at all, whatever their link, and how old they have to be for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.models import State, Verdict
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.queues.base import RequestQueue
    from test_executions_rerunner.rerun_request import RerunRequest


@dataclass(frozen=True)
class Selection:
    """The settings that leave requests alone; see `Rerunner`."""

    skip_archived: bool = False
    skip_decided: bool = False
    min_priority: int | None = None

    def check(self, request: RerunRequest, family: str | None = None) -> None:
        """Let pass what is served.

        Args:
            request: An entry of the queue, or of a file in its place.
            family: The only one served; None: all are.

        Raises:
            RequestProcessingError: The request is left alone; the message says why.
        """
        if request.problem:
            raise RequestProcessingError(request.problem)
        if family and request.family != family:
            raise RequestProcessingError(f"family {shown(request.family)} is not asked for, only {family}")
        if self.skip_archived and request.is_archived:
            raise RequestProcessingError("its artefact is archived, and --skip-archived leaves it alone")
        if self.skip_decided and request.decision:
            raise RequestProcessingError(f"{request.decision}, and --skip-decided leaves it alone")
        if self.min_priority is not None and request.priority < self.min_priority:
            raise RequestProcessingError(
                f"its priority is {request.priority}, and --min-priority {self.min_priority} leaves it alone"
            )


EVERYTHING = Selection()


class Ages:
    """When requests were made, as far as the clocks tell.

    Args:
        processor: The CI system.
        queue: Where the requests come from.
        dry_run: Nothing is started, so that nothing has to be told apart from it later.
    """

    def __init__(self, processor: RequestProcessor, queue: RequestQueue, *, dry_run: bool) -> None:
        self._processor, self._queue, self._dry_run = processor, queue, dry_run

    def asked_at(self, request: RerunRequest) -> Moment | None:
        """Return when a request was made; None: it does not say."""
        return Moment(request.created_at, self._queue.clock) if isinstance(request.created_at, float) else None

    def impossible(self, requests: Iterable[RerunRequest]) -> dict[RerunRequest, Verdict]:
        """Return the outcomes of those that were made at a moment that cannot be: they fail alone."""
        verdicts: dict[RerunRequest, Verdict] = {}
        for request, moment in ((request, self.asked_at(request)) for request in requests):
            if impossible := moment and moment.impossible:
                verdicts[request] = Verdict(State.FAILED, f"could not be looked at: {impossible}")
        return verdicts

    def seconds_too_young(self, requests: Iterable[RerunRequest]) -> float:
        """Return how long requests have to wait until their rerun can be seen to be later than they are."""
        if self._dry_run or self._queue.clock.doubt or self._processor.calls.clock.doubt:
            return 0.0  # nothing can be compared by time then
        waiting, width = self._processor.waiting, self._queue.clock.width_seconds
        asked_at = [moment.latest for moment in map(self.asked_at, requests) if moment]
        least = waiting.waits.youngest_seconds + width + self._processor.calls.clock.width_seconds
        # one that is ahead of its own clock by more is impossible, which fails alone
        return min(max(max(asked_at, default=float("-inf")) + least - waiting.clock(), 0.0), least + width)
