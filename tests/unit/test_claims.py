"""What triggers of one drain must not take twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from test_executions_rerunner.drain.claims import MOST_OVERTAKEN_SECONDS, Claims
from test_executions_rerunner.models import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_SECONDS = 60.0
GROUP = Claim("ci-main", "its concurrency group is taken")


def claims_at(now: Callable[[], float] = lambda: 0.0, *, is_stopped: bool = False) -> Claims:
    return Claims(now, lambda: is_stopped)


def test_what_a_trigger_took_is_taken_for_the_next_one_which_names_it() -> None:
    claims = claims_at()
    assert claims.take([GROUP], "run 1") is None
    claims.settle([GROUP], "run 1", are_kept=True)
    assert claims.take([GROUP], "run 2") == "its concurrency group is taken (run 1 of this drain)"


def test_what_a_refused_trigger_took_is_free_again() -> None:
    claims = claims_at()
    claims.take([GROUP], "run 1")
    claims.settle([GROUP], "run 1", are_kept=False)
    assert claims.take([GROUP], "run 2") is None


def test_a_target_takes_all_it_needs_or_nothing() -> None:
    claims, other = claims_at(), Claim("other", "taken too")
    claims.take([GROUP], "run 1")
    claims.settle([GROUP], "run 1", are_kept=True)
    assert claims.take([other, GROUP], "run 2")
    assert claims.take([other], "run 3") is None


def waits_for(claims: Claims, claim: Claim, ended: list[str | None]) -> threading.Thread:
    """Take a claim in a thread of its own."""
    thread = threading.Thread(target=lambda: ended.append(claims.take([claim], "second", "second")), daemon=True)
    thread.start()
    return thread


def test_whoever_comes_in_between_waits_for_the_answer() -> None:
    for are_kept in (True, False):
        claims = claims_at()
        claims.take([GROUP], "first")
        ended: list[str | None] = []
        thread = waits_for(claims, GROUP, ended)
        thread.join(0.05)
        assert not ended, "it must not go on before the first trigger was answered"
        claims.settle([GROUP], "first", are_kept=are_kept)
        thread.join(LONG_SECONDS)
        assert [bool(taken) for taken in ended] == [are_kept]


def test_nobody_waits_once_the_drain_has_stopped() -> None:
    claims = claims_at(is_stopped=True)
    claims.take([GROUP], "first")
    assert claims.take([GROUP], "second") is None, "its trigger is refused by the ledger"


def test_places_are_counted_and_what_was_read_since_does_not_count_twice() -> None:
    now = [10.0]
    claims = claims_at(lambda: now[0])
    two_places = Claim("queue", "3 items wait, and --max-queued is 5", most=2, since=5.0)
    for name in ("a", "b"):
        assert claims.take([two_places], name) is None
        claims.settle([two_places], name, are_kept=True)
    assert claims.take([two_places], "c") == "3 items wait, and --max-queued is 5 (a, b of this drain)"
    read_later = Claim("queue", "4 items wait, and --max-queued is 5", most=1, since=11.0)
    now[0] = 12.0
    assert claims.take([read_later], "c") is None, "a and b stand in what was read"


def test_nobody_overtakes_whoever_stands_before_it_in_the_queue() -> None:
    for goes in (True, False):
        claims = claims_at()
        claims.come("first")
        claims.come("second")
        ended: list[str | None] = []
        thread = waits_for(claims, GROUP, ended)
        thread.join(0.05)
        assert not ended, "the first one may take it still"
        if goes:
            claims.leave("first")
        else:
            assert claims.take([GROUP], "first", "first") is None
            claims.settle([GROUP], "first", are_kept=True)
        thread.join(LONG_SECONDS)
        assert [bool(taken) for taken in ended] == [not goes]


def test_whoever_takes_nothing_waits_for_nobody() -> None:
    claims = claims_at()
    claims.come("first")
    claims.come("second")
    assert claims.take([], "second", "second") is None


def test_whoever_keeps_others_waiting_loses_its_place() -> None:
    now = [0.0]
    claims = claims_at(lambda: now[0])
    for name in ("first", "second", "third"):
        claims.come(name)
    ended: list[str | None] = []
    thread = waits_for(claims, GROUP, ended)
    thread.join(0.05)
    assert not ended
    now[0] = MOST_OVERTAKEN_SECONDS
    thread.join(LONG_SECONDS)
    assert ended == [None]
    assert claims.take([Claim("other", "taken")], "third", "third") is None, "at once"
