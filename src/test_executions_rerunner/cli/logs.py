"""The log on stderr: one harmless line each, and a progress bar on a terminal."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from test_executions_rerunner.cli.streams import write_line
from test_executions_rerunner.cli.tables import PLAIN_COLUMNS
from test_executions_rerunner.text import Mask, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    _StreamHandler = logging.StreamHandler[Any]
else:
    _StreamHandler = logging.StreamHandler  # Python 3.10 does not take the brackets

_OTHERS = ("urllib3", "requests", "github", "charset_normalizer")
_MOST_CHARACTERS = 4000
_LEAST_COLUMNS = 40


class _HarmlessFormatter(logging.Formatter):
    """Formats every record as lines that no terminal and no runner takes for anything but text."""

    def __init__(self, mask: Mask, *, has_stamps: bool, has_colours: bool) -> None:
        super().__init__("%(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._mask, self._has_stamps, self._has_colours = mask, has_stamps, has_colours

    def format(self, record: logging.LogRecord) -> str:
        lines = [record.getMessage()]
        if record.exc_info:
            lines += [f"  | {line}" for line in self.formatException(record.exc_info).splitlines()]
        level = f"{record.levelname:<7}"
        if self._has_colours and record.levelno in _COLOURS:
            level = f"\x1b[{_COLOURS[record.levelno]}m{level}\x1b[0m"
        head = f"{self.formatTime(record, self.datefmt)} {level}" if self._has_stamps else level
        return "\n".join(f"{head} {clean(line, self._mask, most=_MOST_CHARACTERS)}" for line in lines)


_COLOURS = {logging.DEBUG: 2, logging.WARNING: 33, logging.ERROR: 31, logging.CRITICAL: 31}


class _Stream(_StreamHandler):
    """Writes to stderr, above the progress bar where there is one."""

    bar: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        bar = self.bar  # another thread may take it away
        if bar is None:
            super().emit(record)
        else:
            bar.write(self.format(record), file=sys.stderr)


def set_up(*, level: int, mask: Mask, environment: Mapping[str, str]) -> logging.Handler:
    """Send the log of this package, and what goes wrong in others, to stderr.

    Args:
        level: Of `logging`; DEBUG shows this package's own debug lines only.
        mask: Hides secrets.
        environment: Says whether a terminal shows colours.

    Returns:
        The handler, for `progress` and `tear_down`.
    """
    handler = _Stream(sys.stderr)
    is_terminal = sys.stderr.isatty()
    has_colours = is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    handler.setFormatter(_HarmlessFormatter(mask, has_stamps=not is_terminal, has_colours=has_colours))
    if level > logging.DEBUG:
        handler.addFilter(_is_not_of_submit)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    for name in _OTHERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    return handler


def _is_not_of_submit(record: logging.LogRecord) -> bool:
    """Leave out what `submit` tells the users of the interface: the line of its target says more."""
    return not (record.name == "root" and record.levelno == logging.INFO)


def columns_of(stream: TextIO) -> int:
    """Return how wide a terminal is; what is no terminal has a fixed width."""
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, _LEAST_COLUMNS)
    except (OSError, ValueError):
        return PLAIN_COLUMNS


def tear_down(handler: logging.Handler) -> None:
    """Undo `set_up`."""
    logging.getLogger().removeHandler(handler)


def progress(handler: logging.Handler, known: Callable[[], int]) -> Callable[[int], None] | None:
    """Show a progress bar, until `end_progress`; None: stderr is no terminal, or the log is quiet.

    Args:
        handler: Writes above the bar from now on.
        known: How many requests have been read so far.

    Returns:
        To be called with how many requests have ended.
    """
    if not sys.stderr.isatty() or not logging.getLogger().isEnabledFor(logging.INFO):
        return None
    from tqdm import tqdm  # noqa: PLC0415 - nobody else needs it

    bar = tqdm(desc="reruns", unit=" requests", file=sys.stderr, leave=False, dynamic_ncols=True)
    handler.bar = bar  # type: ignore[attr-defined] # of _Stream

    def advance(ended: int) -> None:
        bar.total = known()
        bar.update(ended)

    return advance


def end_progress(handler: logging.Handler) -> None:
    """Take the progress bar away, where there is one."""
    if isinstance(handler, _Stream) and handler.bar is not None:
        bar, handler.bar = handler.bar, None
        bar.close()


def print_lines(lines: Iterable[str], *, file: TextIO | None = None) -> None:
    """Print lines that are no log, and harmless already.

    Args:
        lines: What to print.
        file: Standard output by default.
    """
    for line in lines:
        write_line(file or sys.stdout, line)
