"""The triggers that a drain may start."""

from __future__ import annotations

import threading


class Slots:
    """The triggers that ``--limit`` allows: taken before a target's turn, given back when none was accepted.

    They are taken in the order of the queue, so that no request overtakes another.
    """

    def __init__(self, limit: int | None) -> None:
        self._free = limit
        self._held = 0
        self._changed = threading.Condition()

    def take(self, seconds: float | None = None) -> bool | None:
        """Wait for a slot, or for so long.

        Returns:
            True: it is taken. False: all are used up for good. None: it is not known yet whether one will be free.
        """
        with self._changed:
            if self._free is None:
                return True
            if not self._changed.wait_for(lambda: self._free or not self._held, seconds):
                return None
            if not self._free:
                return False
            self._free -= 1
            self._held += 1
            return True

    def end(self, *, is_used: bool) -> None:
        """Use a slot up, or give it back."""
        with self._changed:
            if self._free is not None:
                self._held -= 1
                self._free += not is_used
                self._changed.notify_all()

    def has_more_than(self, targets: int) -> bool:
        """Tell whether some are left when so many targets have taken theirs."""
        with self._changed:
            return self._free is None or self._free > targets

    @property
    def are_used_up(self) -> bool:
        """Whether no further trigger is allowed."""
        with self._changed:
            return self._free == 0 and not self._held
