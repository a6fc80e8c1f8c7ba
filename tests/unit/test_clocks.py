"""The servers' clocks, compared through one that is moved by hand."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from test_executions_rerunner.calls.clocks import ClockError, Moment, ServerClock, _AwakeClock, own_clock

OWN_NOW, NOW = 1000.0, 1_800_000_000.0


def clock_of(name: str = "the server", *skews: float) -> ServerClock:
    """Return the clock of a server whose answers all arrive now, each with its own skew."""
    clock = ServerClock(lambda: OWN_NOW, name)
    for skew in skews:
        clock.note(formatdate(NOW + skew, usegmt=True), OWN_NOW)
    return clock


@pytest.mark.parametrize("skew", [-7200.0, -30.0, 0.0, 30.0, 7200.0])
def test_a_servers_moment_is_told_on_our_own_clock(skew: float) -> None:
    clock = clock_of("the server", skew)
    assert clock.is_known
    assert clock.to_own(NOW + skew - 100) == pytest.approx(OWN_NOW - 100)


def test_a_server_that_told_no_time_has_ours() -> None:
    clock = ServerClock(time.monotonic)
    assert not clock.is_known
    assert clock.to_own(time.time()) == pytest.approx(time.monotonic(), abs=60)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Jan 1970 00:00:00 GMT"])
def test_a_date_that_cannot_be_read_changes_nothing(date: str | None) -> None:
    clock = clock_of("the server", 0)
    before = clock.ahead
    clock.note(date, OWN_NOW + 50)
    assert clock.ahead == before


def test_an_answer_that_was_long_on_its_way_does_not_shift_the_clock() -> None:
    clock = clock_of("the server", 0)
    clock.note(formatdate(NOW, usegmt=True), OWN_NOW + 30)
    assert clock.to_own(NOW) == OWN_NOW


@pytest.mark.parametrize(
    ("started", "asked", "is_later"),
    [
        pytest.param(-10.0, -12.0, False, id="by the margin"),
        pytest.param(-10.0, -12.1, True, id="by more than the margin"),
        pytest.param(-10.0, -5.0, False, id="earlier"),
    ],
)
@pytest.mark.parametrize("skew", [0, 800, -800])
def test_moments_of_two_servers_are_compared_by_more_than_the_margin(
    started: float, asked: float, *, is_later: bool, skew: float
) -> None:
    ours, theirs = clock_of("Jenkins", skew), clock_of("Test Observer", 0)
    assert Moment(NOW + skew + started, ours).is_later_than(Moment(NOW + asked, theirs)) is is_later


@pytest.mark.parametrize(
    ("its_skews", "observers_skews", "said"),
    [
        pytest.param([3600], [0], "the clocks of Jenkins and Test Observer are 60 minutes apart", id="an hour apart"),
        pytest.param([0], [901], "the clocks of Jenkins and Test Observer are 15 minutes apart", id="over the bound"),
        pytest.param([0, 61], [0], "the answers of Jenkins are 61 seconds apart about its time", id="one odd answer"),
        pytest.param([0], [0, -NOW], "the answers of Test Observer are 30000000 minutes apart", id="1970 once"),
    ],
)
def test_clocks_that_are_not_to_be_believed_compare_nothing(
    its_skews: list[float], observers_skews: list[float], said: str
) -> None:
    ours, theirs = clock_of("Jenkins", *its_skews), clock_of("Test Observer", *observers_skews)
    with pytest.raises(ClockError, match=said):
        Moment(NOW - 100, ours).is_later_than(Moment(NOW - 200, theirs))


@pytest.mark.parametrize("which", ["started", "asked"])
def test_a_moment_that_has_not_come_yet_is_impossible(which: str) -> None:
    ahead = {"started": 0.0, "asked": 0.0, which: 2.1}
    started = Moment(NOW + ahead["started"], clock_of("Jenkins", 0))
    asked = Moment(NOW + ahead["asked"], clock_of("Test Observer", 0))
    with pytest.raises(ClockError, match="2 seconds ahead of its own clock"):
        started.is_later_than(asked)


def test_our_own_clock_runs_forward() -> None:
    clock = own_clock()
    before = clock()
    assert before <= clock() <= before + 60


def test_where_there_is_no_boot_time_the_wall_clock_shows_a_sleep() -> None:
    now = {"monotonic": 10.0, "wall": 5000.0}
    clock = _AwakeClock(lambda: now["monotonic"], lambda: now["wall"])
    started = clock()
    now.update(monotonic=11.0, wall=5001.0)
    assert clock() - started == pytest.approx(1)
    now.update(monotonic=12.0, wall=8602.0)
    assert clock() - started == pytest.approx(3602)
    now.update(monotonic=13.0, wall=7000.0)
    assert clock() - started == pytest.approx(3603), "a wall clock that was set back moves nothing"
