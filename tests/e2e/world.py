"""A world whose time passes only when something is waited for, and what is asked for and started in it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from test_executions_rerunner.calls.waiting import Waiting, Waits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.lab import Lab
    from e2e.witness import Removal

_TICK_SECONDS = 1e-5
"""By how much each look at the clock is later than the one before: no two things happen at one moment."""
AT_ONCE_SECONDS = 1.0
"""A DELETE that is sent so soon after its trigger does not ask whether somebody has asked again."""
MARGIN_SECONDS = 3.0
"""How long before a start a request may be made and not be seen to be served by it: 2 s, and a ``Date`` of whole
seconds."""
_SLACK_SECONDS = 0.1
"""What all looks at the clock during one call take together."""


class World:
    """One clock for servers and drains; an hour of it costs nothing, and a busy machine does not make it run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = time.time()

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        with self._lock:
            self._now += _TICK_SECONDS
            return self._now

    def let_pass(self, seconds: float) -> None:
        """Let time pass for everybody."""
        with self._lock:
            self._now += max(0.0, seconds)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let everything in this process live in this world."""
        with mock.patch.object(time, "time", self.now):
            yield


class WorldWaiting(Waiting):
    """The true waits of a drain, in a world's time; only a server that hangs is waited for in ours."""

    def __init__(self, world: World) -> None:
        super().__init__(Waits(read_seconds=0.2), world.now)
        self._world = world

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self._world.let_pass(seconds)


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes:
        group: The first execution of its group.
        target: What it asks for.
        made_at: When.
    """

    group: int
    target: str
    made_at: float


_NEAR_SECONDS = 1e-4


def _now() -> float:
    """Return the time as far as Test Observer tells it."""
    return round(time.time(), 6)


def _knowable_until(removal: Removal) -> float:
    """Return until when whoever sent a DELETE could have known of a newer request."""
    asked_at = removal.at if removal.asked_at is None else removal.asked_at
    return asked_at if removal.is_repeated else min(asked_at, removal.at - AT_ONCE_SECONDS - _SLACK_SECONDS)


class Asks:
    """Every request that was ever made.

    Args:
        lab: Where; its time is that of ``time.time()``.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.made: list[Ask] = []
        self._numbers: dict[int, int] = {}
        self._by_others: set[float] = set()
        self._by_others_of: dict[str, list[float]] = {}
        self.reported: set[Ask] = set()
        """Those that start-tests took out of the queue."""
        self.began_at = time.time()

    def ask(self, number: int, *, ago: float = 0.0, **fields: object) -> None:
        """Ask for a target, for a group of its own."""
        made_at = _now() - ago
        (group,) = self._lab.ask(number, created_at=made_at, **fields)
        self._numbers[group] = number
        self.made.append(Ask(group, self._lab.asked[group], made_at))

    def ask_again(self, index: int) -> None:
        """Ask for a group again; nothing changes where it is queued."""
        group = self._group(index)
        with self._lab.observer.lock:
            queued = {each for row in self._lab.observer.groups_queued for each in row}
            if group not in queued:
                made_at = _now()
                self._lab.observer.ask_again(group, made_at)
                self.made.append(Ask(group, self._lab.asked[group], made_at))

    def report_in(self, index: int, *, with_a_new_link: bool) -> None:
        """Let a run of a group report in, which takes its request out of the queue."""
        group = self._group(index)
        queued = self._lab.observer.rows_queued
        self.reported |= {ask for ask in self.made if ask.group == group and (group, ask.made_at) in queued}
        link = self._lab.link_of_rerun(self._numbers[group]) if with_a_new_link else None
        shown = self._lab.observer.start_test(group, link or self._lab.observer.first_link(group))
        self._lab.asked[shown] = self._lab.asked[group]

    def _group(self, index: int) -> int:
        groups = list(self._numbers)
        return groups[index % len(groups)]

    def rerun_by_somebody(self, index: int) -> None:
        """Let somebody else start a group's target again, as we would."""
        group, started_at = self._group(index), time.time()
        self._lab.rerun_by_somebody(self._numbers[group], started_at)
        self._by_others.add(started_at)
        target = self._lab.asked[group]
        if started_at in self._lab.starts.get(target, ()):  # GitHub takes none while the run is going
            self._by_others_of.setdefault(target, []).append(started_at)

    def by_others(self, target: str) -> list[float]:
        """Return when others started a target again."""
        return self._by_others_of.get(target, [])

    def index_of(self, group: object) -> int:
        """Return which of the groups one is."""
        return list(self._numbers).index(group)  # type: ignore[arg-type] # of what the queue holds

    def of(self, group: object, created_at: object) -> Ask:
        """Return a request by its group and when it was made, to a tenth of a millisecond."""
        assert isinstance(created_at, float)
        return next(ask for ask in self.made if ask.group == group and abs(ask.made_at - created_at) < _NEAR_SECONDS)

    def check(self) -> None:
        """Hold both promises against all that was asked for."""
        assert self.lost() == []
        assert self.needless() == []

    def lost(self) -> list[tuple[Ask, float]]:
        """Return the requests that a DELETE removed, each with its moment, though no later start serves them.

        One that was made when its DELETE could not know it any more is none.
        """
        lost, starts = [], self._lab.starts
        for removal in self._lab.observer.removals:
            ask = next(ask for ask in self.made if (ask.group, ask.made_at) == (removal.group, removal.created_at))
            is_served = any(start > ask.made_at for start in starts.get(ask.target, ()))
            if not is_served and ask.made_at < _knowable_until(removal):
                lost.append((ask, removal.at))
        return lost

    def needless(self) -> list[tuple[str, float]]:
        """Return the starts of ours that no request asked for which a start before did not serve."""
        needless = []
        for target, starts in self._lab.starts.items():
            for start in set(starts) - self._by_others:
                sent_at = max(sent for sent in self._lab.sent[target] if sent < start)
                known = [each for each in starts if each < start and self._is_known(each, sent_at)]
                asked = [ask for ask in self.made if ask.target == target and ask.made_at < start]
                if not any(all(not self._serves(each, ask) for each in known) for ask in asked):
                    needless.append((target, start))
        return needless

    def _is_known(self, start: float, sent_at: float) -> bool:
        """Tell whether a look could see a start when its trigger was sent."""
        return start not in self._by_others or start < sent_at - self._lab.fresh_seconds - _SLACK_SECONDS

    def _serves(self, start: float, ask: Ask) -> bool:
        """Tell whether a start is known to be later than a request: surely, where its drain had read that before."""
        read_at = self._lab.observer.read_at.get((ask.group, ask.made_at), float("inf"))
        return start > ask.made_at + (0.0 if read_at < start and start not in self._by_others else MARGIN_SECONDS)
