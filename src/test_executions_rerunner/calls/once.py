"""What is made once, whoever asks for it first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")


class Once(Generic[Made]):
    """Makes something when it is first asked for; threads that ask meanwhile wait for the same.

    ``functools.cached_property`` has no lock since Python 3.12: there, each of several threads makes its own.

    Args:
        make: Makes it. Where it raises, the next who asks tries again.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[Made] = []

    def __call__(self) -> Made:
        """Return it."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]
