"""Standard streams that may be closed, full, or read by nobody: none of that is a reason to stop working."""

from __future__ import annotations

import codecs
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from test_executions_rerunner.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_CHARACTERS = 8 << 20
"""Of what nobody has read yet; what comes more is left out, and counted."""
_PIECE = 1 << 16
_TURN_SECONDS = 0.1


def open_closed() -> None:
    """Give the process a stream in the place of each that its parent closed, before anything else takes its number."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115 - not a file


def flush(stream: TextIO) -> None:
    """Write what is left; where that fails, let nothing fail that is still written: nobody will read it."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:  # noqa: PTH123 - not a file
            os.dup2(nowhere.fileno(), stream.fileno())


class Output:
    """What is written to standard output and standard error, in its order, by a thread of its own.

    So nobody waits for a pipe that nobody reads or for a terminal that stands still, and a stream that is gone raises
    nowhere: what is written to it is dropped.
    """

    def __init__(self) -> None:
        self._beside = Beside(self._write, "output")
        self._changed = threading.Lock()
        self._unread = self._left_out = 0
        self._moved_at = time.monotonic()
        self._gone: set[int] = set()
        self._encoders: dict[int, codecs.IncrementalEncoder] = {}

    def lines(self, stream: TextIO, lines: Iterable[str]) -> None:
        """Write lines; letters that the stream's encoding lacks are escaped."""
        for line in lines:
            self.text(stream, f"{line}\n")

    def text(self, stream: TextIO, text: str) -> None:
        """Write a text as it is."""
        with self._changed:
            if self._unread + len(text) > _MOST_CHARACTERS and self._unread:
                self._left_out += 1
                return
            left_out, self._left_out = self._left_out, 0
            if left_out:
                text = f"… {left_out} lines are left out here, since nobody read them\n{text}"
            if not self._unread:
                self._moved_at = time.monotonic()
            self._unread += len(text)
        self._beside.put((stream, text))

    def finish(self, patience_seconds: Callable[[], float]) -> bool:
        """Wait until all is read.

        Args:
            patience_seconds: Tells, again and again, how long to wait for a reader who takes nothing.

        Returns:
            Whether all was read.
        """
        while not (is_done := self._beside.join(_TURN_SECONDS)):
            if time.monotonic() > self._moved_at + patience_seconds():
                break
        return is_done

    def _write(self, what: tuple[TextIO, str]) -> None:
        stream, text = what
        if id(stream) not in self._gone:
            try:
                self._write_to(stream, text)
            except (OSError, ValueError):
                self._gone.add(id(stream))
        with self._changed:
            self._unread -= len(text)
            self._moved_at = time.monotonic()

    def _write_to(self, stream: TextIO, text: str) -> None:
        encoding = stream.encoding or "utf-8"
        number = _number_of(stream)
        if number is None:
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
            return
        if id(stream) not in self._encoders:
            encoder = self._encoders[id(stream)] = codecs.getincrementalencoder(encoding)("backslashreplace")
            encoder.setstate(0)  # the stream has begun: no mark of byte order
        left = memoryview(self._encoders[id(stream)].encode(text))
        while left:  # past Python's own buffer, whose lock a thread that hangs would keep to the end of the process
            left = left[os.write(number, left[:_PIECE]) :]
            self._moved_at = time.monotonic()


class Through:
    """A stream for whoever wants to write by itself, such as a progress bar: `Output` writes it.

    Args:
        output: Writes it.
        stream: Where to.
    """

    def __init__(self, output: Output, stream: TextIO) -> None:
        self._output, self._stream = output, stream
        self.encoding = stream.encoding

    def write(self, text: str) -> int:
        """Have a text written."""
        self._output.text(self._stream, text)
        return len(text)

    def flush(self) -> None:
        """Nothing is kept here."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of a stream
        """Return what the stream has besides."""
        return getattr(self._stream, name)


def _number_of(stream: TextIO) -> int | None:
    """Return the descriptor of a stream; None: it has none, as in a test."""
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
