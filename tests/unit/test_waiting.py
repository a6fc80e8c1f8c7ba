"""Everything that waits, with a clock that is moved by hand."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.calls.waiting import Pace, Throttle, Waiting
from waits import HandMoved


@pytest.fixture
def waiting() -> HandMoved:
    return HandMoved()


# what a server may ask for


def test_a_wait_of_60_seconds_is_granted_and_one_of_61_is_not(waiting: HandMoved) -> None:
    assert waiting.grant(60)
    assert not waiting.grant(61)


def test_120_seconds_are_granted_in_one_drain_and_not_one_more(waiting: HandMoved) -> None:
    for _ in range(2):
        assert waiting.grant(60)
        waiting.sleep(60)
    assert not waiting.grant(1)


def test_a_wait_that_is_not_granted_uses_nothing_up(waiting: HandMoved) -> None:
    assert waiting.grant(59)
    waiting.sleep(59)
    assert not waiting.grant(1000)
    assert waiting.grant(60)


def test_waits_at_the_same_time_are_counted_once(waiting: HandMoved) -> None:
    assert all(waiting.grant(60) for _ in range(50))
    waiting.sleep(30)
    assert waiting.grant(60), "30 of them are counted already"
    waiting.sleep(60)
    assert waiting.grant(30)
    waiting.sleep(30)
    assert not waiting.grant(1)


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0, 100)), max_size=30))
def test_all_granted_waits_together_stay_within_the_bound(asked: list[tuple[float, float]]) -> None:
    waiting = HandMoved()
    until, waited = waiting.now, 0.0
    for seconds, pause in asked:
        if waiting.grant(seconds):
            assert seconds <= 60
            waited += max(0.0, waiting.now + seconds - max(until, waiting.now))
            until = max(until, waiting.now + seconds)
        waiting.sleep(pause)
    assert waited <= 120 + 1e-6


def test_a_signal_ends_every_wait_at_once() -> None:
    waiting = Waiting()
    ended = threading.Event()

    def wait() -> None:
        waiting.sleep(60)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not ended.is_set()
    waiting.interrupt()
    assert ended.wait(120)
    thread.join()
    started = time.monotonic()
    waiting.sleep(300)
    assert waiting.is_interrupted
    assert time.monotonic() - started < 120


def test_retries_are_spread_and_never_come_early() -> None:
    waits = {Waiting().varied(4.0) for _ in range(200)}
    assert min(waits) >= 4.0
    assert max(waits) <= 6.0
    assert len(waits) > 100


# a server that wants no call for a while


def test_a_server_that_announced_nothing_is_called_at_once(waiting: HandMoved) -> None:
    Throttle(waiting).wait()
    assert waiting.slept == []


def test_a_server_is_called_again_when_the_time_it_named_is_over(waiting: HandMoved) -> None:
    throttle = Throttle(waiting)
    throttle.announce(20, "slow down")
    throttle.announce(5, "slow down")
    throttle.wait()
    assert waiting.now == pytest.approx(1020)
    assert throttle.refusal is None


def test_a_server_that_asks_for_too_much_is_not_called_any_more(waiting: HandMoved) -> None:
    throttle = Throttle(waiting)
    throttle.announce(3600, "403 API rate limit exceeded")
    throttle.wait()
    assert waiting.slept == []
    assert throttle.refusal is not None
    assert throttle.refusal.startswith("403 API rate limit exceeded")
    assert "3600 s" in throttle.refusal


def test_a_server_that_asks_for_no_wait_again_and_again_gets_one_all_the_same() -> None:
    waiting = HandMoved(shortest_seconds=1.0)
    throttle = Throttle(waiting)
    for _ in range(1000):
        throttle.announce(0, "busy")
        throttle.wait()
        if throttle.refusal:
            break
    assert waiting.now - 1000 == pytest.approx(120, abs=2)


def test_a_signal_ends_the_wait_for_a_server() -> None:
    waiting = Waiting()
    throttle = Throttle(waiting)
    throttle.announce(50, "busy")
    waiting.interrupt()
    throttle.wait()
    assert throttle.refusal is None


# GitHub's pace


def call(pace: Pace, waiting: HandMoved, starts: list[float], seconds: float = 0.0) -> None:
    with pace.turn(), pace.call():
        starts.append(waiting.now)
        waiting.now += seconds


def most_in_a_minute(starts: list[float]) -> int:
    return max(sum(first <= other < first + 60 for other in starts) for first in starts)


def test_80_calls_go_out_without_any_wait(waiting: HandMoved) -> None:
    pace, starts = Pace(80, 60.0, waiting), list[float]()
    for _ in range(80):
        call(pace, waiting, starts)
    assert waiting.slept == []


def test_the_81st_call_waits_until_the_first_is_a_minute_old(waiting: HandMoved) -> None:
    pace, starts = Pace(80, 60.0, waiting), list[float]()
    for _ in range(81):
        call(pace, waiting, starts)
    assert starts[80] == pytest.approx(1060.0)


def test_a_turn_in_which_nothing_was_called_counts_for_nothing(waiting: HandMoved) -> None:
    pace, starts = Pace(2, 60.0, waiting), list[float]()
    for _ in range(50):
        with pace.turn():
            pass
    call(pace, waiting, starts)
    call(pace, waiting, starts)
    assert waiting.slept == []


@given(pauses=st.lists(st.floats(0, 3), min_size=1, max_size=120), seconds=st.floats(0, 2))
def test_never_more_than_the_limit_in_any_minute_and_no_wait_below_it(pauses: list[float], seconds: float) -> None:
    waiting = HandMoved()
    pace, starts = Pace(20, 60.0, waiting), list[float]()
    for pause in pauses:
        waiting.now += pause
        recent = sum(start + seconds + 60.0 > waiting.now for start in starts)
        slept = len(waiting.slept)
        call(pace, waiting, starts, seconds)
        assert recent >= 20 or len(waiting.slept) == slept
    assert most_in_a_minute(starts) <= 20


def test_many_threads_together_never_send_more_than_the_limit() -> None:
    waiting = HandMoved()
    pace, starts, lock = Pace(80, 60.0, waiting), list[float](), threading.Lock()

    def work() -> None:
        for _ in range(20):
            with pace.turn(), pace.call(), lock:
                starts.append(waiting.clock())

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(starts) == 320
    assert most_in_a_minute(starts) <= 80


def test_calls_in_flight_count_too(waiting: HandMoved) -> None:
    pace = Pace(2, 60.0, waiting)
    with pace.turn(), pace.call():
        assert pace.wait_seconds() == 0
        held = threading.Thread(target=lambda: call(pace, waiting, [], 0.0))
        held.start()
        held.join()
        assert pace.wait_seconds() > 0


def test_a_signal_ends_the_wait_for_a_turn() -> None:
    waiting = Waiting()
    pace = Pace(1, 300.0, waiting)
    with pace.turn(), pace.call():
        pass
    waiting.interrupt()
    started = time.monotonic()
    with pace.turn():
        pass
    assert time.monotonic() - started < 120
