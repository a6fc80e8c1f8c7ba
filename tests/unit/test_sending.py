"""Until when a call may be sent."""

from __future__ import annotations

import pytest

from test_executions_rerunner.calls.sending import NotInTimeError, Sending
from waits import HandMoved


@pytest.mark.parametrize("outer", [5.0, 9.0])
def test_of_two_moments_the_earlier_one_counts(outer: float) -> None:
    waiting = HandMoved()
    began = waiting.now
    with Sending.by(waiting.clock, began + outer), Sending.by(waiting.clock, began + 14.0 - outer):
        waiting.now += 5.0
        Sending.begin()
        waiting.now += 0.1
        with pytest.raises(NotInTimeError, match="too late"):
            Sending.begin()


def test_a_call_in_a_block_knows_until_when_it_may_be_sent() -> None:
    waiting = HandMoved()
    with Sending.by(waiting.clock, waiting.now):
        with Sending(waiting.clock) as call:
            Sending.begin()
            assert call.sent_at == waiting.now
            waiting.now += 0.1
            with pytest.raises(NotInTimeError):
                Sending.begin()
        with pytest.raises(NotInTimeError):
            Sending.begin()
    Sending.begin()
