"""Whatever goes wrong, and whoever asks again meanwhile: nothing asked for is lost, and nothing runs twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.lab import HOUR, GithubLab, JenkinsLab, Lab
from e2e.test_any_faults import Wrong, wrongs
from e2e.world import Asks, World, WorldWaiting
from test_executions_rerunner import TestObserverError
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.drain import windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.demo import RecordedRequest

PLACES = ("queue", "neighbours", "probe", "delete", "look", "trigger")
MOST_DRAINS = 4
"""So many drains that nobody disturbs serve everything, with reruns finished in between."""


@dataclass
class Meanwhile:
    """What others do at one moment of a drain.

    Attributes:
        place: The kind of request that it happens at.
        skip: How many of them come before.
        has_effect: Whether that request has taken its effect, and only its answer is on its way.
        before: How long the request has been on its way.
        after: How long it is on its way after it.
        group: Of which group a run reports in, or who asks again.
        reports_in: Whether a run reports in first, and whether with a link of its own.
        asks: Who asks then.
        reruns: Whether somebody else starts the group's target again.
        kills: Whether the drain is killed.
    """

    place: str
    skip: int
    has_effect: bool
    before: float
    after: float
    group: int
    reports_in: str | None
    asks: str | None
    reruns: bool
    kills: bool

    def happens_at(self, place: str, *, has_effect: bool) -> bool:
        """Tell whether this is the moment, which comes once."""
        if (place, has_effect) != (self.place, self.has_effect):
            return False
        self.skip -= 1
        return self.skip == -1


@dataclass
class Mix:
    """One example.

    Attributes:
        asked: The target of each request, and how many seconds ago it was made.
        meanwhile: What happens in the drains.
        wrong: What goes wrong.
        drains: The settings of the drains that meet it.
        finishes: Whether reruns come to an end between two drains.
    """

    asked: list[tuple[int, float]]
    meanwhile: list[Meanwhile]
    wrong: list[Wrong]
    drains: list[dict[str, int | None]]
    finishes: bool


seconds = st.sampled_from([0.0, 0.0, 0.3, 0.8, 1.5, 3.0, 7.0, 25.0, 45.0])
happenings = st.builds(
    Meanwhile,
    place=st.sampled_from(PLACES),
    skip=st.integers(0, 3),
    has_effect=st.booleans(),
    before=seconds,
    after=seconds,
    group=st.integers(0, 4),
    reports_in=st.sampled_from([None, "old link", "new link"]),
    asks=st.sampled_from([None, "again", "again", "again", "elsewhere"]),
    reruns=st.sampled_from([False, False, True]),
    kills=st.sampled_from([False, False, False, True]),
)
mixes = st.builds(
    Mix,
    asked=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([HOUR, HOUR, 2.0, 0.0])), min_size=1, max_size=5),
    meanwhile=st.lists(happenings, min_size=1, max_size=4),
    wrong=st.lists(wrongs, max_size=2),
    drains=st.lists(st.fixed_dictionaries({"limit": st.sampled_from([None, None, 1])}), min_size=1, max_size=3),
    finishes=st.booleans(),
)


class Disturbance:
    """Lets happen what happens meanwhile.

    Args:
        lab: Where.
        world: Whose time passes.
        asks: What was asked for.
        happenings: What happens, each once.
    """

    def __init__(self, lab: Lab, world: World, asks: Asks, happenings: list[Meanwhile]) -> None:
        self._lab, self._world, self._asks, self._happenings = lab, world, asks, happenings
        lab.observer.on_request = lambda request: self._happen(_place_at_observer(request), has_effect=False)
        lab.observer.on_answer = lambda request: self._happen(_place_at_observer(request), has_effect=True)
        lab.ci.on_request = lambda request: self._happen(_place_at_ci(request), has_effect=False)
        lab.ci.on_answer = lambda request: self._happen(_place_at_ci(request), has_effect=True)

    def end(self) -> None:
        """Let nothing happen any more, and no fault."""
        for server in (self._lab.observer, self._lab.ci):
            server.on_request = server.on_answer = None
            server.clear_faults()

    def _happen(self, place: str, *, has_effect: bool) -> None:
        for happening in self._happenings:
            if happening.happens_at(place, has_effect=has_effect):
                self._do(happening)

    def _do(self, happening: Meanwhile) -> None:
        self._world.let_pass(happening.before)
        if happening.reports_in:
            self._asks.report_in(happening.group, with_a_new_link=happening.reports_in == "new link")
        if happening.asks == "again":
            self._asks.ask_again(happening.group)
        elif happening.asks:
            self._asks.ask(happening.group)
        if happening.reruns:
            self._asks.rerun_by_somebody(happening.group)
        self._world.let_pass(happening.after)
        if happening.kills:
            kill(self._lab)


def kill(lab: Lab) -> None:
    """Let nothing that a drain does take any effect from now on, as if it were killed."""
    for server in (lab.observer, lab.ci):
        server.clear_faults()
        server.inject(Fault(times=None, action="reset"))


def _place_at_observer(request: RecordedRequest) -> str:
    if request.method == "GET":
        return "neighbours" if "environment=" in request.target else "queue"
    return "probe" if b"[]" in request.body else "delete"


def _place_at_ci(request: RecordedRequest) -> str:
    return "look" if request.method == "GET" else "trigger"


def drain(lab: Lab, world: World, **more: int | None) -> None:
    """Drain once, however it ends."""
    with suppress(TestObserverError):
        lab.rerunner(WorldWaiting(world), concurrency=1, **more).run()
    lab.wait_idle()


def check_mix(lab: Lab, world: World, mix: Mix) -> None:
    """Let a mix happen, then some drains that nobody disturbs, and hold both promises against what the servers know."""
    asks = Asks(lab)
    for number, ago in mix.asked:
        asks.ask(number, ago=ago)
    disturbance = Disturbance(lab, world, asks, mix.meanwhile)
    for wrong in mix.wrong:
        wrong.inject(lab)
    for settings_of_drain in mix.drains:
        drain(lab, world, **settings_of_drain)
        lab.observer.clear_faults()
        lab.ci.clear_faults()
        world.let_pass(5.0)
        if mix.finishes:
            lab.finish_reruns()
        asks.check()
    disturbance.end()
    for _ in range(MOST_DRAINS):
        world.let_pass(HOUR / 2)
        lab.finish_reruns()
        drain(lab, world)
    asks.check()
    assert lab.observer.ids() == []


NOTHING: dict[str, Any] = {"reports_in": None, "asks": None, "reruns": False, "kills": False}
LOST_DELETE = Wrong("delete", "reset", effect=True, skip=1, times=1)
TIMES = ((HOUR, 0.0), (HOUR, 1.5), (HOUR, 45.0), (0.0, 1.5))
"""How long ago the request was made, and for how long the answer is on its way after what happens."""
WHAT: tuple[tuple[dict[str, Any], tuple[Wrong, ...]], ...] = (
    ({"reports_in": "new link", "asks": "again"}, ()),
    ({"reports_in": "new link", "asks": "again"}, (LOST_DELETE,)),
    ({"reports_in": "old link", "asks": "again", "kills": True}, ()),
    ({"reruns": True}, ()),
    ({"kills": True}, ()),
)
each_lab = pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab], ids=["jenkins", "github"])


@each_lab
@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(mix=mixes)
def test_whoever_asks_again_at_any_moment_of_any_faulty_drain_is_served_once(
    new_lab: Callable[[], Lab], mix: Mix
) -> None:
    check_in_a_world(new_lab, mix)


@each_lab
@pytest.mark.parametrize("has_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", PLACES)
def test_whoever_asks_again_or_reruns_at_each_moment_is_served_once(
    place: str, new_lab: Callable[[], Lab], *, has_effect: bool
) -> None:
    """Something happens to one of two requests; the drain then goes on, or is killed."""
    for (ago, after), (what, wrong) in product(TIMES, WHAT):
        # young requests come behind the others
        happening = Meanwhile(place, int(ago == 0.0), has_effect, 0.0, after, group=0, **{**NOTHING, **what})
        mix = Mix([(0, ago), (1, HOUR)], [happening], list(wrong), [{"limit": None}], finishes=True)
        check_in_a_world(new_lab, mix)


def check_in_a_world(new_lab: Callable[[], Lab], mix: Mix) -> None:
    """Check a mix; the queue of a few requests is read in several windows."""
    world = World()
    with mock.patch.object(windows, "LEAST_STEP", 1), world.running(), new_lab() as lab:
        check_mix(lab, world, mix)
