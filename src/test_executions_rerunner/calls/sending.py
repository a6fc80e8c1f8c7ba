"""When a call is sent, and until when it may be: the moment counts at which its connection stands."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self


class NotInTimeError(Exception):
    """A call was not sent: what it rests on had grown too old when its connection stood.

    It is none of requests' errors, so that no library takes it for that of a connection.
    """


class Sending:
    """When a call is sent, and until when it may be.

    Args:
        clock: Our own clock.

    Attributes:
        clock: Our own clock.
        sent_at: When the first byte was sent, or earlier.
        send_by: The moment after which the call must not be sent any more; None: whenever its connection stands.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        around = _of_this_thread.get()
        self.clock = clock
        self.sent_at = clock()
        self.send_by: float | None = None if around is None else around.send_by

    @classmethod
    @contextlib.contextmanager
    def by(cls, clock: Callable[[], float], moment: float) -> Iterator[None]:
        """Let no call that is made in this block be sent after a moment of our own clock.

        A call whose connection stands later raises a `NotInTimeError` instead.
        """
        sending = cls(clock)
        sending.send_by = moment if sending.send_by is None else min(moment, sending.send_by)
        with sending:
            yield

    @classmethod
    def begin(cls) -> None:
        """Note that a connection stands and the call is sent now.

        Raises:
            NotInTimeError: It is too late for that.
        """
        sending = _of_this_thread.get()
        if sending is not None:
            now = sending.clock()
            if sending.send_by is not None and now > sending.send_by:
                raise NotInTimeError(f"its connection stood {now - sending.send_by:.1f} s too late")
            sending.sent_at = now

    def __enter__(self) -> Self:
        self._token = _of_this_thread.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _of_this_thread.reset(self._token)


_of_this_thread: ContextVar[Sending | None] = ContextVar("_of_this_thread", default=None)
