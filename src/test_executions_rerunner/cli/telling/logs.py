"""The log on stderr: one harmless line each, and a progress bar on a terminal."""

from __future__ import annotations

import logging
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.cli.streams import Output, Through
from test_executions_rerunner.cli.telling.terminal import DIM, RED, YELLOW, columns_of, has_colours, wrapped
from test_executions_rerunner.text import Mask, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_OTHERS = ("urllib3", "requests", "github", "charset_normalizer")
_MOST_CHARACTERS = 4000
_INDENT = len("WARNING ")


class _HarmlessFormatter(logging.Formatter):
    """Formats every record as lines that no terminal and no runner takes for anything but text.

    On a terminal they are as wide as it is; elsewhere each is one line, behind a time stamp.
    """

    def __init__(
        self, mask: Mask, columns: Callable[[], int] | None, respelled: Callable[[str], str], *, has_colours: bool
    ) -> None:
        super().__init__("%(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._mask, self._columns, self._respelled, self._has_colours = mask, columns, respelled, has_colours

    def format(self, record: logging.LogRecord) -> str:
        lines = [record.getMessage()]
        if record.exc_info:
            lines += [f"  | {line}" for line in self.formatException(record.exc_info).splitlines()]
        level = f"{record.levelname:<7}"
        if self._has_colours and record.levelno in _COLOURS:
            level = f"\x1b[{_COLOURS[record.levelno]}m{level}\x1b[0m"
        texts = [self._respelled(clean(line, self._mask, most=_MOST_CHARACTERS)) for line in lines]
        if self._columns is None:
            stamp = self.formatTime(record, self.datefmt)
            return "\n".join(f"{stamp} {level} {text}" for text in texts)
        width, indent = self._columns(), " " * _INDENT
        parts = [part for text in texts for part in wrapped(text, width, indent=indent, hanging=f"{indent}  ")]
        return f"{level} {parts[0][_INDENT:]}" + "".join(f"\n{part}" for part in parts[1:])


_COLOURS = {logging.DEBUG: DIM, logging.WARNING: YELLOW, logging.ERROR: RED, logging.CRITICAL: RED}


class _Stream(logging.Handler):
    """Has its lines written to stderr, above the progress bar where there is one."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self.output, self.stderr = output, sys.stderr
        self.bar: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        line, bar = self.format(record), self.bar  # another thread may take it away
        if bar is None:
            self.output.lines(self.stderr, [line])
        else:
            bar.write(line, file=bar.fp)


def set_up(
    output: Output,
    environment: Mapping[str, str],
    mask: Mask,
    respelled: Callable[[str], str] = str,
    *,
    level: int,
) -> logging.Handler:
    """Send the log of this package, and what goes wrong in others, to stderr.

    Args:
        output: Writes it.
        environment: Says whether a terminal shows colours.
        mask: Hides secrets.
        respelled: Calls settings as whoever reads the log does.
        level: Of `logging`; DEBUG shows this package's own debug lines only.

    Returns:
        The handler, for `progress` and `tear_down`.
    """
    handler = _Stream(output)
    columns = partial(columns_of, sys.stderr, environment) if sys.stderr.isatty() else None
    handler.setFormatter(_HarmlessFormatter(mask, columns, respelled, has_colours=has_colours(sys.stderr, environment)))
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
    if (
        not isinstance(handler, _Stream)
        or not sys.stderr.isatty()
        or not logging.getLogger().isEnabledFor(logging.INFO)
    ):
        return None
    from tqdm import tqdm  # noqa: PLC0415 - nobody else needs it

    through: Any = Through(handler.output, sys.stderr)
    bar = tqdm(desc="reruns", unit=" requests", file=through, leave=False, dynamic_ncols=True)
    handler.bar = bar

    def advance(ended: int) -> None:
        bar.total = known()
        bar.update(ended)

    return advance


def end_progress(handler: logging.Handler) -> None:
    """Take the progress bar away, where there is one."""
    if isinstance(handler, _Stream) and handler.bar is not None:
        bar, handler.bar = handler.bar, None
        bar.close()
