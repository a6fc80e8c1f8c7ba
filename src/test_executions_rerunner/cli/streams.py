"""Standard streams that may be closed, full, or read by nobody: none of that is a reason to stop working."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


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


def write_line(stream: TextIO, line: str) -> None:
    """Write a line at once; letters that the stream's encoding lacks are escaped."""
    encoding = stream.encoding or "utf-8"
    with suppress(OSError):
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    flush(stream)
