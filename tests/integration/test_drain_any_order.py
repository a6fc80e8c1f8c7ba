"""Requests, reruns, faults, kills and drains in any order: nothing asked for is lost, nothing is started twice."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from toy_world import DELAY_SECONDS, KINDS, QUIET_SECONDS, Befalls, World, drain


class AnyOrder(RuleBasedStateMachine):
    @initialize(is_started_mode=st.booleans())
    def begin(self, *, is_started_mode: bool) -> None:
        self.world = World(is_started_mode)

    @rule(number=st.integers(0, 2))
    def somebody_asks(self, number: int) -> None:
        self.world.ask(self.world.groups[number])

    @rule()
    def much_happens(self) -> None:
        self.world.much_happens()

    @rule(seconds=st.sampled_from([1.0, 5.0, DELAY_SECONDS, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(kind=st.sampled_from(KINDS), befalls=st.sampled_from(Befalls))
    def a_drain_of_all(self, kind: str, befalls: Befalls) -> None:
        """Drain when all has been asked for, and let one thing befall it."""
        self.world.now += QUIET_SECONDS
        self.world.ask_all()
        self.world.now += 15.0
        self._drain({kind: [befalls]})

    @rule(kind=st.sampled_from(KINDS), befalls=st.sampled_from(Befalls))
    def a_drain_of_what_was_rerun(self, kind: str, befalls: Befalls) -> None:
        """Drain when all has been asked for, and started by hand since."""
        self.world.now += QUIET_SECONDS
        self.world.ask_all()
        self.world.now += DELAY_SECONDS
        self.world.start_by_hand()
        self.world.now += 10.0
        self._drain({kind: [befalls]})

    @rule()
    def what_waits_starts(self) -> None:
        self.world.start()

    @rule()
    def what_runs_reports(self) -> None:
        self.world.report()

    @precondition(lambda self: self.world.is_started_mode)
    @rule()
    def the_ci_system_crashes(self) -> None:
        self.world.forget()

    @rule(
        befalls=st.dictionaries(
            st.sampled_from(KINDS), st.lists(st.sampled_from(Befalls), min_size=1, max_size=2), max_size=3
        ),
        is_dry_run=st.sampled_from([False, False, True]),
    )
    def a_drain(self, befalls: dict[str, list[Befalls]], *, is_dry_run: bool) -> None:
        self._drain(befalls, is_dry_run=is_dry_run)

    def _drain(self, befalls: dict[str, list[Befalls]], *, is_dry_run: bool = False) -> None:
        self.world.befalls = {kind: list(each) for kind, each in befalls.items()}
        drain(self.world, dry_run=is_dry_run)
        assert not self.world.broken

    def teardown(self) -> None:
        """In the end, with nothing in the way, each request is served."""
        for _ in range(4):
            self.world.now += DELAY_SECONDS + QUIET_SECONDS
            self.world.start()
            self._drain({})
        assert not [group for group in self.world.groups if group.row], "it is never served"


AnyOrder.TestCase.settings = settings(
    max_examples=100, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAnyOrder = AnyOrder.TestCase
