"""What a drain tells while it works: a line for each target as it ends, and one for what stops many of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from test_executions_rerunner.cli.telling.tables import target_line
from test_executions_rerunner.models import Outcome, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)


class Teller:
    """Tells what became of targets.

    Args:
        stopped: Why nothing more is started, which is told already; None: the drain goes on.
        which: Returns which test outcomes are of.
        is_told_later: Whether all of it is told in the end, as by a plan.
    """

    def __init__(
        self,
        stopped: Callable[[], Verdict | None],
        which: Callable[[Sequence[Outcome]], str] = lambda _: "",
        *,
        is_told_later: bool = False,
    ) -> None:
        self._stopped, self._which, self._is_told_later = stopped, which, is_told_later
        self._told: set[str] = set()

    def ended(self, outcomes: Sequence[Outcome]) -> None:
        """Tell what became of requests that ended together, from any thread."""
        alike: dict[tuple[State, str, str | None], list[Outcome]] = {}
        for outcome in outcomes:
            alike.setdefault((outcome.state, outcome.reason, outcome.target), []).append(outcome)
        for (state, reason, _), group in alike.items():
            level = logging.DEBUG if self._is_told(state, reason) else _LEVELS.get(state, logging.INFO)
            _log.log(level, "%s", target_line(group, self._which(group)))

    def _is_told(self, state: State, reason: str) -> bool:
        """Tell whether the same cause has been told, for the whole drain or for another target that waits."""
        if self._is_told_later or state not in {State.DEFERRED, State.FAILED}:
            return self._is_told_later
        stopped = self._stopped()
        if stopped and (reason in stopped.reason or stopped.reason in reason):
            return True
        is_told = state is State.DEFERRED and reason in self._told
        self._told.add(reason)
        return is_told


_LEVELS = {
    State.UNSUPPORTED: logging.DEBUG,
    State.REFUSED: logging.ERROR,
    State.FAILED: logging.ERROR,
    State.UNKNOWN: logging.ERROR,
}
