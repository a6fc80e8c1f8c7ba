"""Memory for large answers: whatever servers send, however many at a time, the process stays small.

A list of a million empty objects takes three megabytes on its way, and 72 when it is read. So what an answer may take
is estimated from its signs before it is read, and large ones wait for each other.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_UNPACKED_BYTES = 32 << 20
"""What one answer may take when it is read; one of 8 MiB that is no list of nothings stays below."""
_SMALL_UNPACKED_BYTES = 1 << 18
_COSTS = {b"{": 232, b"[": 64, b":": 56, b",": 42, b'"': 27}
"""What a sign of JSON may cost, in bytes: those of Python's objects, whichever version it is."""
_WIDEST_CHARACTER = 4


class Memory:
    """The memory that large answers share, each for the time of its call.

    Args:
        most_bytes: Of all of them together; none may ask for more.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = self._left = most_bytes
        self._changed = threading.Condition()
        self._of_thread = threading.local()

    def take(self, count: int) -> None:
        """Wait until there is memory for so many bytes, and hold it until the call of this thread ends."""
        self.give_back()
        if not hasattr(_call_of_thread, "depth"):
            return  # of somebody who makes a call by hand, and no other beside it
        count = min(count, self._most)
        with self._changed:
            self._changed.wait_for(lambda: count <= self._left)
            self._left -= count
        self._of_thread.held = count

    def give_back(self) -> None:
        """End what this thread holds."""
        held = getattr(self._of_thread, "held", 0)
        if held:
            self._of_thread.held = 0
            with self._changed:
                self._left += held
                self._changed.notify_all()


BODIES = Memory(16 << 20)
"""For what large answers take as they come."""
_TREES = Memory(64 << 20)
"""For what they take when they are read."""
_call_of_thread = threading.local()


@contextmanager
def call() -> Iterator[None]:
    """Make a call, and what is made of its answer: all of it is small when this block ends."""
    _call_of_thread.depth = getattr(_call_of_thread, "depth", 0) + 1
    try:
        yield
    finally:
        _call_of_thread.depth -= 1
        if not _call_of_thread.depth:
            del _call_of_thread.depth
            give_back()


def give_back() -> None:
    """End all room that this thread holds: its last answer is read."""
    BODIES.give_back()
    _TREES.give_back()


def unpacked_bytes(body: bytes) -> int:
    """Return how many bytes an answer may take at most when it is read as JSON, its text included."""
    is_narrow = body.isascii() and b"\\u" not in body
    texts = 2 * len(body) * (1 if is_narrow else _WIDEST_CHARACTER)
    return texts + sum(cost * body.count(sign) for sign, cost in _COSTS.items())


def read_json(body: bytes) -> object:
    """Read an answer as JSON, when there is room for it.

    Raises:
        ValueError: It is none, or would take more than `MOST_UNPACKED_BYTES`.
        RecursionError: It is none that a server means.
    """
    needed = unpacked_bytes(body)
    if needed > MOST_UNPACKED_BYTES:
        raise ValueError(f"it has {len(body):,} bytes and would take {needed:,} when it is read")
    if needed > _SMALL_UNPACKED_BYTES:
        _TREES.take(needed)
    return json.loads(body)
