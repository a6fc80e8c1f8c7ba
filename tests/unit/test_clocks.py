"""The servers' clocks, compared through one that is moved by hand."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from test_executions_rerunner.calls.clocks import DATE_SECONDS, ClockError, Moment, ServerClock, _AwakeClock, own_clock

OWN_NOW, NOW = 1000.0, 1_800_000_000.0


def clock_of(name: str = "the server", *skews: float) -> ServerClock:
    """Return the clock of a server whose answers all come at once and now, each with its own skew."""
    clock = ServerClock(lambda: OWN_NOW, name)
    for skew in skews:
        clock.note(formatdate(NOW + skew, usegmt=True), OWN_NOW, OWN_NOW)
    return clock


@pytest.mark.parametrize("skew", [-7200.0, -30.0, 0.0, 30.0, 7200.0])
def test_a_servers_moment_is_told_on_our_own_clock(skew: float) -> None:
    clock = clock_of("the server", skew)
    assert clock.is_known
    moment = Moment(NOW + skew - 100, clock)
    assert (moment.earliest, moment.latest) == (OWN_NOW - 100 - DATE_SECONDS, OWN_NOW - 100)


def test_a_server_that_told_no_time_has_about_ours() -> None:
    clock = ServerClock(time.monotonic)
    assert not clock.is_known
    now = Moment(time.time(), clock)
    assert now.earliest < time.monotonic() < now.latest < time.monotonic() + 60


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Jan 1970 00:00:00 GMT"])
def test_a_date_that_cannot_be_read_changes_nothing(date: str | None) -> None:
    clock = clock_of("the server", 0)
    before = clock.bounds
    clock.note(date, OWN_NOW + 40, OWN_NOW + 50)
    assert clock.bounds == before


@pytest.mark.parametrize("stamped", [0.0, 69.0], ids=["at the arrival of the request", "at the head"])
def test_an_answer_that_took_long_bounds_the_clock_by_its_whole_time(stamped: float) -> None:
    clock = ServerClock(lambda: OWN_NOW + 69)
    clock.note(formatdate(NOW + stamped, usegmt=True), OWN_NOW, OWN_NOW + 69)
    moment = Moment(NOW, clock)
    assert moment.earliest <= OWN_NOW <= moment.latest, "a server that is right about its time"
    assert clock.doubt is None
    assert clock.width_seconds == 69 + DATE_SECONDS


def test_all_answers_together_narrow_what_is_known() -> None:
    clock = ServerClock(lambda: OWN_NOW)
    for sent_at, head_at, stamped in [(0.0, 69.0, 0.0), (70.0, 70.5, 70.0), (71.0, 71.9, 71.0)]:
        clock.note(formatdate(NOW + stamped, usegmt=True), OWN_NOW + sent_at, OWN_NOW + head_at)
    assert clock.width_seconds == 2.5
    least, most = clock.bounds
    assert least <= NOW - OWN_NOW <= most


def test_answers_that_contradict_each_other_a_little_leave_all_between_them_open() -> None:
    clock = clock_of("the server", 0, 10)
    moment = Moment(NOW, clock)
    assert (moment.earliest, moment.latest) == (OWN_NOW - 10, OWN_NOW - 2)
    assert clock.doubt is None


@pytest.mark.parametrize(
    ("started", "asked", "later", "earlier"),
    [
        pytest.param(-10.0, -12.0, False, False, id="as late as both clocks leave open"),
        pytest.param(-10.0, -12.1, True, False, id="later"),
        pytest.param(-12.0, -10.0, False, False, id="as early as both clocks leave open"),
        pytest.param(-12.1, -10.0, False, True, id="earlier"),
        pytest.param(-10.0, -10.0, False, False, id="the same"),
    ],
)
@pytest.mark.parametrize("skew", [0, 800, -800])
def test_later_and_earlier_mean_surely(
    started: float, asked: float, *, later: bool, earlier: bool, skew: float
) -> None:
    ours, theirs = clock_of("Jenkins", skew), clock_of("Test Observer", 0)
    moment, other = Moment(NOW + skew + started, ours), Moment(NOW + asked, theirs)
    assert (moment.is_later_than(other), moment.is_earlier_than(other)) == (later, earlier)


def test_a_moment_told_in_whole_seconds_may_be_up_to_one_later() -> None:
    ours, theirs = clock_of("GitHub", 0), clock_of("Test Observer", 0)
    asked = Moment(NOW - 10, theirs)
    assert Moment(NOW - 12.5, ours).is_earlier_than(asked)
    assert not Moment(NOW - 12.5, ours, within=1.0).is_earlier_than(asked)
    assert Moment(NOW - 7.9, ours, within=1.0).is_later_than(asked)


@pytest.mark.parametrize(
    ("its_skews", "observers_skews", "said"),
    [
        pytest.param([3600], [0], "the clocks of Jenkins and Test Observer are 60 minutes apart", id="an hour apart"),
        pytest.param([0], [901], "the clocks of Jenkins and Test Observer are 15 minutes apart", id="over the bound"),
        pytest.param([0, 63], [0], "the answers of Jenkins are 61 seconds apart about its time", id="one odd answer"),
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
    ahead = {"started": 0.0, "asked": 0.0, which: 4.1}
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
