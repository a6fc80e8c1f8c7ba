"""Whoever is told of outcomes is told beside the drain: a listener that raises or hangs holds nothing up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from test_executions_rerunner.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.models import Outcome

_log = logging.getLogger(__name__)


class Telling:
    """Tells of outcomes in the order in which they came.

    Args:
        on_ended: Called with the outcomes of the requests that ended together.
    """

    def __init__(self, on_ended: Callable[[list[Outcome]], None]) -> None:
        self._on_ended = on_ended
        self._beside = Beside(self._tell, "drain-telling")
        self._has_raised = False

    def tell(self, outcomes: list[Outcome]) -> None:
        """Have somebody told, without waiting for that."""
        self._beside.put(outcomes)

    def join(self, seconds: float | None = None) -> None:
        """Wait until all is told, or for so long."""
        self._beside.join(seconds)

    def _tell(self, outcomes: list[Outcome]) -> None:
        try:
            self._on_ended(outcomes)
        except Exception as error:  # noqa: BLE001 - whoever listens cannot harm the drain
            if not self._has_raised:
                _log.warning("whoever is told of outcomes raised %s: %s", type(error).__name__, error)
            self._has_raised = True
            _log.debug("telling of outcomes", exc_info=True)
