"""Random rounds: what befalls drains, and whether they kept both promises and told the truth."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from e2e.lab import HOUR
from e2e.lanes import Pace, Process
from e2e.truth import Truth
from e2e.world import Asks
from test_executions_rerunner import TestObserverError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.lab import Lab
    from e2e.lanes import Call, Lanes
    from test_executions_rerunner import Rerunner

MOST_DRAINS = 5
"""So many drains that nobody disturbs serve everything, with reruns finished in between."""
_NAMES = ("queue GET", "queue DELETE", "ci GET", "ci POST")
_PLACES = ("delete", "delete", "delete", "trigger", "trigger", "part", "window", "look", "any")
_SLOW, _KILLED, _FROZEN = 4, 3, 2
"""Of ten kinds of calls, drains, and drains."""
_DELAYS = (0.0, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0)


@dataclass
class Happening:
    """What others do in a round.

    Attributes:
        place: The kind of call that it follows.
        skip: How many of them come before.
        delay: How many seconds after that call was sent.
        what: What it is.
        group: Whose, where it is not that of the DELETE.
        between: How long after the start-test somebody asks again.
    """

    place: str
    skip: int
    delay: float
    what: str
    group: int
    between: float


@dataclass
class DrainPlan:
    """What befalls one drain."""

    starts_after: float
    concurrency: int
    pace: Pace
    killed_at: Happening | None
    frozen_at: Happening | None
    frozen_seconds: float
    loses: int


@dataclass
class Plan:
    """One round: all that chance decides beforehand."""

    seed: int
    asked: list[tuple[int, float]]
    environments: int
    skews: tuple[float, float]
    drains: list[DrainPlan]
    happenings: list[Happening]
    fails_beside_deletes: bool


def plan(seed: int, *, beside: bool) -> Plan:
    """Return the round of a seed, with two drains beside each other, or one."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    whats = ("anew", "anew", "anew", "anew elsewhere", "report", "ask", "person")

    def happening(what: str) -> Happening:
        delay = chance.uniform(0.0, chance.choice(_DELAYS))
        between = chance.uniform(0.0, chance.choice((0.05, 0.5, 3.0)))
        return Happening(chance.choice(_PLACES), chance.randrange(4), delay, what, chance.randrange(5), between)

    def pace() -> Pace:
        slow = {"queue GET": 7.0, "queue DELETE": 7.0, "ci GET": 3.0, "ci POST": 4.0}
        is_slow = {name: chance.randrange(10) < _SLOW for name in _NAMES}
        calls = {name: chance.uniform(0.3, 1.0) * (slow[name] if is_slow[name] else 0.2) for name in _NAMES}
        return Pace(chance.choice((0.01, 0.01, 0.3, 1.5, 4.0)), calls)

    def drain(number: int) -> DrainPlan:
        return DrainPlan(
            chance.uniform(0.0, 12.0) if number else 0.0,
            chance.choice((1, 2, 4)),
            pace(),
            happening("kill") if chance.randrange(10) < _KILLED else None,
            happening("freeze") if chance.randrange(10) < _FROZEN else None,
            chance.choice((chance.uniform(0.5, 10.0), chance.uniform(10.0, 90.0))),
            chance.choice((0, 0, 3)),
        )

    return Plan(
        seed,
        [(chance.randrange(3), chance.choice((HOUR, HOUR, HOUR, 3.0, 0.0))) for _ in range(chance.randint(1, 6))],
        chance.randint(1, 2),
        (chance.choice((0.0, 0.0, -2.0, 90.0)), chance.choice((0.0, 0.0, 1.5, -300.0))),
        [drain(number) for number in range(2 if beside else 1)],
        [happening(chance.choice(whats)) for _ in range(chance.randint(1, 4))],
        chance.choice((False, True)),
    )


class Round:
    """One round.

    Args:
        lanes: Its world.
        lab: Its servers.
        plan: What befalls whom.
        acknowledge: The setting of all its drains.
    """

    def __init__(self, lanes: Lanes, lab: Lab, plan: Plan, acknowledge: str) -> None:
        self._lanes, self._lab, self._plan, self._acknowledge = lanes, lab, plan, acknowledge
        self.asks = Asks(lab)
        self.truth = Truth(lab, self.asks, waits_for_start=acknowledge == "started")
        self._left = list(plan.happenings)

    def run(self) -> None:
        """Let it happen, then some drains that nobody disturbs; hold the promises against what the servers know."""
        lab, lanes = self._lab, self._lanes
        lab.observer.clock_skew_seconds, lab.ci.clock_skew_seconds = self._plan.skews
        lab.observer.fails_beside_deletes = self._plan.fails_beside_deletes
        for number, (target, ago) in enumerate(self._plan.asked):
            self.asks.ask(target, ago=ago, environment=f"machine {number % self._plan.environments}")
        ended: list[int] = []
        for number, of_drain in enumerate(self._plan.drains):
            lanes.start(partial(self._disturbed, number, of_drain, ended))
        lanes.wait(lambda: len(ended) + self._killed == len(self._plan.drains))
        lanes.let_pass(15.0)  # what is on its way arrives
        self._left.clear()
        self.truth.check()
        for number in range(MOST_DRAINS):
            lanes.let_pass(HOUR / 2)
            lab.finish_reruns()
            self._drain(Process(lanes, Pace(), self._plan.seed + 1000 * (number + 1)), 4)
        self.truth.check()
        assert lab.observer.ids() == []

    def _disturbed(self, number: int, of_drain: DrainPlan, ended: list[int]) -> None:
        self._lanes.let_pass(of_drain.starts_after)
        process = Process(self._lanes, of_drain.pace, self._plan.seed + number)
        process.loses = of_drain.loses
        process.on_sent = partial(self._on_sent, process, of_drain)
        self._drain(process, of_drain.concurrency)
        ended.append(number)

    @property
    def _killed(self) -> int:
        return sum(process.is_killed for process in self.truth.processes)

    def _drain(self, process: Process, concurrency: int) -> None:
        with process.living(self._lab) as waiting:
            self._drain_in(process, self._lab.rerunner(waiting, acknowledge=self._acknowledge, concurrency=concurrency))

    def _drain_in(self, process: Process, rerunner: Rerunner) -> None:
        self.truth.processes.append(process)
        with suppress(TestObserverError):
            rerunner.run()
        self.truth.check_report(process, rerunner.outcomes, rerunner.remaining)

    # what happens meanwhile

    def _on_sent(self, process: Process, of_drain: DrainPlan, call: Call) -> None:
        if of_drain.killed_at and self._is_moment(of_drain.killed_at, call):
            self._later(of_drain.killed_at.delay, process.kill)
        if of_drain.frozen_at and self._is_moment(of_drain.frozen_at, call):
            self._later(of_drain.frozen_at.delay, partial(process.freeze, of_drain.frozen_seconds))
        for each in list(self._left):
            if self._is_moment(each, call):
                self._left.remove(each)
                self._later(each.delay, partial(self._happen, each, self._index_of(call, each)))

    @staticmethod
    def _is_moment(each: Happening, call: Call) -> bool:
        if each.place not in ("any", _place_of(call)):
            return False
        each.skip -= 1
        return each.skip == -1

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def acting() -> None:
            self._lanes.let_pass(seconds)
            act()

        self._lanes.happen(acting)

    def _index_of(self, call: Call, each: Happening) -> int:
        """Return whose group it is: mostly that of the DELETE that is on its way."""
        if _place_of(call) == "delete" and each.skip % 2:
            group = self._lab.observer.group_of(json.loads(call.request.body)["test_execution_ids"][0])
            return self.asks.index_of(group)
        return each.group

    def _happen(self, each: Happening, index: int) -> None:
        if each.what in {"anew", "anew elsewhere", "report"}:
            self.asks.report_in(index, with_a_new_link=each.what == "anew elsewhere")
            if each.what != "report":
                self._lanes.let_pass(each.between)
                self.asks.ask_again(index)
        elif each.what == "ask":
            self.asks.ask(each.group % 3)
        else:
            self.asks.rerun_by_somebody(index)


def _place_of(call: Call) -> str:
    request = call.request
    if call.server == "ci":
        return "look" if request.method == "GET" else "trigger"
    if request.method == "GET":
        return "part" if "environment=" in request.target else "window"
    return "probe" if b"[]" in request.body else "delete"
