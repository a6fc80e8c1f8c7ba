"""The calls to one server, and their repetition with backoff where a call changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from test_executions_rerunner.calls import memory
from test_executions_rerunner.calls.clocks import ClockError, Moment, ServerClock
from test_executions_rerunner.calls.failures import CallError, Failure, Kind
from test_executions_rerunner.calls.waiting import Throttle, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

Returned = TypeVar("Returned")


class Calls:
    """The calls to one server: its clock, its rate limit, and the repetition of calls that change nothing.

    Args:
        waiting: The waits of the drain.
        explain: Understands what a call raised.
        name: The server, for people.

    Attributes:
        waiting: The waits of the drain.
        clock: The server's clock.
        throttle: Whether the server wants to be called now.
    """

    def __init__(self, waiting: Waiting, explain: Callable[[BaseException], Failure], name: str = "the server") -> None:
        self.waiting = waiting
        self.clock = ServerClock(waiting.clock, name)
        self.throttle = Throttle(waiting)
        self.explain = explain

    def once(self, call: Callable[[], Returned]) -> Returned:
        """Make a call when the server wants one; what it announces is noted.

        Raises:
            CallError: The call failed, or was not made since the server wants none any more.
        """
        self.throttle.wait()
        if self.throttle.refusal:
            raise CallError(Failure(Kind.BUSY, self.throttle.refusal))
        return self._made(call)

    def at_once(self, call: Callable[[], Returned]) -> Returned:
        """Make a call now or not at all; what the server announces is noted.

        Raises:
            CallError: The call failed, or was not made since the server wants none now.
        """
        if not self.throttle.is_open:
            raise CallError(Failure(Kind.BUSY, self.throttle.refusal or "the server wants no call now"))
        return self._made(call)

    def later(self, seconds: float, asked_at: Moment, within: float = 0.0) -> bool:
        """Tell whether a moment of the server's clock is surely later than the one at which a request was made.

        Args:
            seconds: The moment, since 1970.
            asked_at: When the request was made.
            within: As for `Moment`.

        Raises:
            CallError: The clocks cannot be compared, so that nobody knows.
        """
        return self._compared(lambda: Moment(seconds, self.clock, within).is_later_than(asked_at))

    def earlier(self, seconds: float, asked_at: Moment, within: float = 0.0) -> bool:
        """Tell whether a moment of the server's clock is surely earlier than the one at which a request was made.

        Raises:
            CallError: As for `later`.
        """
        return self._compared(lambda: Moment(seconds, self.clock, within).is_earlier_than(asked_at))

    @staticmethod
    def _compared(compare: Callable[[], bool]) -> bool:
        try:
            return compare()
        except ClockError as error:
            raise CallError(Failure(Kind.CLOCKS, str(error))) from error

    def _made(self, call: Callable[[], Returned]) -> Returned:
        try:
            with memory.call():
                return call()
        except Exception as error:
            failure = self.explain(error)
            if failure.kind is Kind.BUSY and failure.wait_seconds is not None:
                self.throttle.announce(failure.wait_seconds, failure.reason)
            raise CallError(failure) from error

    def repeated(self, call: Callable[[], Returned], *, momentary: frozenset[Kind] = frozenset()) -> Returned:
        """Make a call that may be repeated, a GET or a DELETE, until it succeeds or has failed for good.

        Args:
            call: Raises an exception of requests when it fails.
            momentary: Faults that count only if they are still there after ``recheck_seconds``.

        Raises:
            CallError: It failed for good.
        """
        started = self.waiting.clock()
        first_seen: dict[Kind, float] = {}
        delays = iter(self.waiting.waits.retry_seconds)
        while True:
            try:
                return self.once(call)
            except CallError as error:
                kind, now = error.failure.kind, self.waiting.clock()
                since = now - first_seen.setdefault(kind, now)
                delay: float | None = None
                if kind is Kind.BUSY:
                    delay = None if self.throttle.refusal else 0.0
                elif error.failure.may_pass and now - started < self.waiting.waits.patience_seconds:
                    delay = next(delays, None)
                if delay is None and kind in momentary and since < self.waiting.waits.recheck_seconds:
                    delay = self.waiting.waits.recheck_seconds - since
                if delay is None or self.waiting.is_interrupted:
                    raise
            self.waiting.sleep(self.waiting.varied(delay))
