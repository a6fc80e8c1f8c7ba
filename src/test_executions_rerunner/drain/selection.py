"""Which requests a drain serves at all, whatever their link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
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
