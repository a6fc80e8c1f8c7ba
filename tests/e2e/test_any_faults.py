"""Whatever goes wrong, in any mix: nothing asked for is lost, and nothing asked for once runs twice."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2e.lab import HOUR, GithubLab, JenkinsLab, Lab
from test_executions_rerunner import TestObserverError
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.models import State
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_HTTP = "this is no HTTP\r\n\r\n"
BROKEN: dict[str, dict[str, object]] = {
    "reset": {"action": "reset"},
    "close": {"action": "close"},
    "cut": {"action": "cut"},
    "no-http": {"action": "garbage", "status": 0, "body": "this is no HTTP\r\n\r\n"},
    "no-json": {"action": "garbage"},
    "500": {"status": 500, "body": "Internal Server Error"},
    "502": {"status": 502, "body": "<html>Bad Gateway</html>"},
    "503": {"status": 503, "body": "<html>starting</html>"},
    "504": {"status": 504},
    "late": {"action": "delay", "seconds": 0.25},
    "interim": {"action": "interim", "status": 103, "headers": {"Link": "</style.css>"}, "seconds": 0},
    "102": {"action": "interim", "status": 102, "heads": 3, "seconds": 0},
    "drip": {"action": "drip", "part": "head", "seconds": 0},
    "an-hour-behind": {"action": "date", "date": -3600.0},
    "an-hour-ahead": {"action": "date", "date": 3600.0},
    "1970": {"action": "date", "date": "Thu, 01 Jan 1970 00:00:00 GMT"},
    "9999": {"action": "date", "date": "Fri, 31 Dec 9999 23:59:59 GMT"},
    "no-date": {"action": "date", "date": "soon"},
}
"""What may come before or after a request took its effect; a late one takes it when nobody waits any more."""
REFUSED: dict[str, dict[str, object]] = {
    "400": {"status": 400, "body": "Nothing is submitted"},
    "401": {"status": 401, "body": "<html>Unauthorized</html>"},
    "403": {"status": 403, "body": "No valid crumb was included in the request"},
    "429-now": {"status": 429, "headers": {"Retry-After": "0"}},
    "429-later": {"status": 429, "headers": {"Retry-After": "60"}},
    "503-now": {"status": 503, "headers": {"Retry-After": "0"}},
    "login-200": {"status": 200, "body": "<html>log in, please</html>"},
    "login-302": {"status": 302, "headers": {"Location": "/login"}},
    "login-303": {"status": 303, "headers": {"Location": "/login?from=/queue/item/7"}},
}
"""What comes only instead of an effect."""
FAULTS = {**BROKEN, **REFUSED}
PLACES = {"queue": "GET", "delete": "DELETE", "look": "GET", "trigger": "POST"}


@dataclass(frozen=True)
class Wrong:
    """One fault: where, what, whether after the effect, after how many requests, how often."""

    place: str
    fault: str
    effect: bool
    skip: int
    times: int | None

    def inject(self, lab: Lab) -> None:
        """Let it happen."""
        server = lab.observer if self.place in {"queue", "delete"} else lab.ci
        effect = self.effect and self.fault in BROKEN
        more: dict[str, Any] = dict(FAULTS[self.fault])
        server.inject(Fault(PLACES[self.place], effect=effect, skip=self.skip, times=self.times, **more))


@dataclass(frozen=True)
class Mix:
    """One example.

    Attributes:
        asked: The target of each request.
        rerun: Targets that somebody reran after the requests.
        held: Targets that cannot be started again for now.
        wrong: What goes wrong.
        drains: The settings of the drains that meet it.
        finishes: Whether reruns go on to where another trigger would be accepted, between two drains.
    """

    asked: list[int]
    rerun: set[int]
    held: set[int]
    wrong: list[Wrong]
    drains: list[dict[str, int | None]]
    finishes: bool


numbers = st.integers(0, 5)
wrongs = st.builds(
    Wrong,
    place=st.sampled_from(["trigger", "trigger", "look", "delete", "queue"]),
    fault=st.sampled_from(sorted(FAULTS)),
    effect=st.booleans(),
    skip=st.integers(0, 4),
    times=st.sampled_from([1, 1, 2, 5, None]),
)
mixes = st.builds(
    Mix,
    asked=st.lists(numbers, min_size=1, max_size=9),
    rerun=st.sets(numbers, max_size=2),
    held=st.sets(numbers, max_size=1),
    wrong=st.lists(wrongs, min_size=1, max_size=5),
    drains=st.lists(
        st.fixed_dictionaries({"concurrency": st.sampled_from([1, 32]), "limit": st.sampled_from([None, None, 1, 3])}),
        min_size=1,
        max_size=2,
    ),
    finishes=st.booleans(),
)


class HastyWaiting(ShortWaiting):
    """Gives a server little time, so that hundreds of drains take a minute."""

    def __init__(self) -> None:
        super().__init__(
            read_seconds=0.1,
            retry_seconds=(0.002, 0.004),
            recheck_seconds=0.02,
            second_look_seconds=0.002,
            shortest_seconds=0.005,
            longest_seconds=0.05,
            all_seconds=0.1,
        )

    def sleep(self, seconds: float) -> None:
        """Wait no longer than for a server: a clock that is wrong makes old requests look young."""
        super().sleep(min(seconds, self.waits.longest_seconds))


@dataclass
class Known:
    """What must hold: the targets by what may become of them, and the requests."""

    lab: Lab
    others: set[int] = field(default_factory=set)
    rerun: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)

    @property
    def to_start(self) -> dict[str, int]:
        """What must have been accepted in the end."""
        return dict.fromkeys(self.lab.targets - self.rerun - self.held, 1)

    @property
    def to_stay(self) -> set[int]:
        """The requests that must be in the queue in the end."""
        kept = {number for number, target in self.lab.asked.items() if target in self.held - self.rerun}
        return kept | self.others


def set_up(lab: Lab, mix: Mix) -> Known:
    """Fill the queue, and let happen what happened before."""
    known = Known(lab)
    for index, number in enumerate(mix.asked):
        lab.ask(number)
        if index == 1:
            known.others.add(lab.observer.add("https://elsewhere.example/job/a/1/", family="image"))
    for number in mix.held & set(mix.asked):
        known.held |= lab.hold(number)
    for number in mix.rerun & set(mix.asked) - mix.held:
        lab.rerun_by_somebody(number, started_at=time.time() - HOUR / 2)
        known.rerun.add(lab.asked[mix_request(lab, mix, number)])
    return known


def mix_request(lab: Lab, mix: Mix, number: int) -> int:
    """Return a request for the target of that number."""
    return list(lab.asked)[mix.asked.index(number)]


def drain_and_check(lab: Lab, known: Known, drain: dict[str, int | None]) -> None:
    """Drain under faults, and hold what it says against what the servers know."""
    queued = set(lab.observer.ids())
    rerunner = lab.rerunner(HastyWaiting(), **drain)
    try:
        rerunner.run()
        is_read = rerunner.stopped is None and drain["limit"] is None
    except TestObserverError:
        is_read = False
    lab.wait_idle()
    outcomes = {outcome.request.test_execution_id: outcome for outcome in rerunner.outcomes}
    assert len(outcomes) == len(rerunner.outcomes) == rerunner.known
    assert set(outcomes) == queued if is_read else set(outcomes) <= queued
    check_promises(lab, known)
    for number, outcome in outcomes.items():
        target = lab.asked.get(number or 0)
        assert (target is None) == (outcome.state is State.UNSUPPORTED)
        assert outcome.state is not State.TRIGGERED or target in lab.accepted
        assert outcome.state is not State.ALREADY_RERUN or target in lab.accepted or target in known.rerun


def check_promises(lab: Lab, known: Known) -> None:
    """Nothing deleted that was not served, nothing accepted twice or needlessly."""
    served = known.rerun | set(lab.accepted)
    assert {lab.asked.get(number) for number in lab.observer.deleted} <= served
    assert set(lab.accepted) <= set(known.to_start)
    assert set(lab.accepted.values()) | set(lab.reruns.values()) <= {1}


def check_mix(lab: Lab, mix: Mix) -> None:
    """Let a mix happen, then one drain undisturbed, and hold both promises against what the servers know."""
    known = set_up(lab, mix)
    for wrong in mix.wrong:
        wrong.inject(lab)
    for drain in mix.drains:
        drain_and_check(lab, known, drain)
        if mix.finishes:
            lab.finish_reruns()
    lab.observer.clear_faults()
    lab.ci.clear_faults()
    lab.rerunner().run()
    check_promises(lab, known)
    assert lab.accepted == lab.reruns == known.to_start
    assert set(lab.observer.ids()) == known.to_stay


each_lab = pytest.mark.parametrize("new_lab", [JenkinsLab, GithubLab], ids=["jenkins", "github"])


@each_lab
@settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(mix=mixes)
def test_under_any_mix_of_faults_nothing_is_lost_and_nothing_runs_twice(new_lab: Callable[[], Lab], mix: Mix) -> None:
    with new_lab() as lab:
        check_mix(lab, mix)


@each_lab
@pytest.mark.parametrize("times", [1, None], ids=["once", "for-ever"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES)
def test_under_each_fault_alone_nothing_is_lost_and_nothing_runs_twice(
    place: str, fault: str, times: int | None, new_lab: Callable[[], Lab]
) -> None:
    for effect in {False, fault in BROKEN}:
        wrong = Wrong(place, fault, effect=effect, skip=1, times=times)
        with new_lab() as lab:
            drains = [{"concurrency": 1, "limit": None}, {"concurrency": 32, "limit": None}]
            check_mix(lab, Mix([0, 1, 0, 2, 3], {1}, set(), [wrong], drains, finishes=True))
