"""What triggers of one drain must not take twice: concurrency groups, and places in a CI system's queue."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from test_executions_rerunner.models import Claim

_LOOK_UP_SECONDS = 0.1
"""How often a thread that waits for another's trigger asks whether it still should."""
MOST_OVERTAKEN_SECONDS = 2.0
"""How long a target waits for the looks of those before it in the queue, which may take the same."""


@dataclass(eq=False)
class _Holder:
    name: str
    decided_at: float | None = None
    """When its trigger was answered; None: it is not known yet whether it keeps what it took."""


class Claims:
    """Who holds what.

    A claim is taken before the trigger, all of a target's at once, and kept or given back when its answer is known;
    whoever comes in between waits for that. Nobody takes one before those that stand before it in the queue have been
    looked at, unless that takes long.

    Args:
        clock: Our own clock.
        is_stopped: Whether nothing more is started: then nobody waits.
    """

    def __init__(self, clock: Callable[[], float], is_stopped: Callable[[], bool]) -> None:
        self._clock, self._is_stopped = clock, is_stopped
        self._changed = threading.Condition(threading.RLock())
        self._holders: dict[Hashable, list[_Holder]] = {}
        self._coming: dict[Hashable, None] = {}

    def come(self, key: Hashable) -> None:
        """Give a target its place behind those that have come before; `take` or `leave` gives it up."""
        with self._changed:
            self._coming[key] = None

    def leave(self, key: Hashable) -> None:
        """Let nobody wait for a target any more."""
        with self._changed:
            self._coming.pop(key, None)
            self._changed.notify_all()

    def take(self, claims: Iterable[Claim], name: str, key: Hashable = None) -> str | None:
        """Take all claims of a target, or none.

        Args:
            claims: What its trigger takes.
            name: The target, for people.
            key: What it has come as; None: it has no place.

        Returns:
            Why it cannot have them; None: it has them, until `settle`.
        """
        claims, since = tuple(claims), self._clock()
        with self._changed:
            while claims:
                if reason := next(filter(None, map(self._taken, claims)), None):
                    return reason
                is_waiting = self._is_behind(key, since) or any(map(self._is_contested, claims))
                if not is_waiting or self._is_stopped():
                    break
                self._changed.wait(_LOOK_UP_SECONDS)
            for claim in claims:
                self._holders.setdefault(claim.key, []).append(_Holder(name))
            self.leave(key)
        return None

    def _is_behind(self, key: Hashable, since: float) -> bool:
        """Tell whether one that came before may take something still; who keeps others waiting is not waited for."""
        if key not in self._coming:
            return False
        before = tuple(itertools.takewhile(lambda other: other != key, self._coming))
        if before and self._clock() - since >= MOST_OVERTAKEN_SECONDS:
            for other in before:
                del self._coming[other]
        return bool(before) and before[0] in self._coming

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
