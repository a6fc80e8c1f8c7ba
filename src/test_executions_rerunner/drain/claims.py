"""What triggers of one drain must not take twice: concurrency groups, and places in a CI system's queue."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from test_executions_rerunner.models import Claim

_LOOK_UP_SECONDS = 0.1
"""How often a thread that waits for another's trigger asks whether it still should."""


@dataclass(eq=False)
class _Holder:
    name: str
    decided_at: float | None = None
    """When its trigger was answered; None: it is not known yet whether it keeps what it took."""


class Claims:
    """Who holds what.

    A claim is taken before the trigger, all of a target's at once, and kept or given back when its answer is known;
    whoever comes in between waits for that.

    Args:
        clock: Our own clock.
        is_stopped: Whether nothing more is started: then nobody waits.
    """

    def __init__(self, clock: Callable[[], float], is_stopped: Callable[[], bool]) -> None:
        self._clock, self._is_stopped = clock, is_stopped
        self._changed = threading.Condition()
        self._holders: dict[Hashable, list[_Holder]] = {}

    def take(self, claims: Iterable[Claim], name: str) -> str | None:
        """Take all claims of a target, or none.

        Returns:
            Why it cannot have them; None: it has them, until `settle`.
        """
        claims = tuple(claims)
        with self._changed:
            while True:
                if reason := next(filter(None, map(self._taken, claims)), None):
                    return reason
                if not any(self._is_contested(claim) for claim in claims) or self._is_stopped():
                    break
                self._changed.wait(_LOOK_UP_SECONDS)
            for claim in claims:
                self._holders.setdefault(claim.key, []).append(_Holder(name))
        return None

    def settle(self, claims: Iterable[Claim], name: str, *, are_kept: bool) -> None:
        """Keep the claims of a target whose trigger may have been accepted, or give them back."""
        with self._changed:
            for claim in claims:
                holders = self._holders[claim.key]
                mine = next(holder for holder in holders if holder.name == name and holder.decided_at is None)
                if are_kept:
                    mine.decided_at = self._clock()
                else:
                    holders.remove(mine)
            self._changed.notify_all()

    def _taken(self, claim: Claim) -> str | None:
        """Return why a claim is taken for good; None: it is free, or may become free."""
        names = [holder.name for holder in self._counted(claim) if holder.decided_at is not None]
        return f"{claim.reason} ({', '.join(names)} of this drain)" if len(names) >= claim.most else None

    def _is_contested(self, claim: Claim) -> bool:
        return len(self._counted(claim)) >= claim.most

    def _counted(self, claim: Claim) -> list[_Holder]:
        holders = self._holders.get(claim.key, ())
        return [holder for holder in holders if holder.decided_at is None or holder.decided_at >= claim.since]
