"""The log on stderr: one harmless line each, and a progress bar on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

from test_executions_rerunner.streams import write_line
from test_executions_rerunner.text import harmless, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    _StreamHandler = logging.StreamHandler[Any]
else:
    _StreamHandler = logging.StreamHandler  # Python 3.10 does not take the brackets

_OTHERS = ("urllib3", "requests", "github", "charset_normalizer")
_MOST_CHARACTERS = 4000


class _HarmlessFormatter(logging.Formatter):
    """Formats every record as lines that no terminal and no runner takes for anything but text."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        lines = [record.getMessage()]
        if record.exc_info:
            lines += [f"  | {line}" for line in self.formatException(record.exc_info).splitlines()]
        shown = [harmless(without(self._secrets, line), most=_MOST_CHARACTERS) for line in lines]
        return "\n".join(f"{record.levelname:<7} {line}" for line in shown)


class _Stream(_StreamHandler):
    """Writes to stderr, above the progress bar where there is one."""

    bar: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        bar = self.bar  # another thread may take it away
        if bar is None:
            super().emit(record)
        else:
            bar.write(self.format(record), file=sys.stderr)


def set_up(*, level: int, secrets: Sequence[str]) -> logging.Handler:
    """Send the log of this package, and what goes wrong in others, to stderr.

    Args:
        level: Of `logging`; DEBUG shows this package's own debug lines only.
        secrets: Texts that are never shown.

    Returns:
        The handler, for `progress` and `tear_down`.
    """
    handler = _Stream(sys.stderr)
    handler.setFormatter(_HarmlessFormatter(secrets))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    for name in _OTHERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    return handler


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


def print_lines(
    lines: Iterable[str], *, clean: bool = False, secrets: Sequence[str] = (), file: TextIO | None = None
) -> None:
    """Print lines that are no log: workflow commands as they are, anything else made harmless.

    Args:
        lines: What to print.
        clean: Whether to make them harmless.
        secrets: Texts that are never shown.
        file: Standard output by default.
    """
    out = file or sys.stdout
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())] if clean else ""
        shown = indent + harmless(without(secrets, line), most=_MOST_CHARACTERS) if clean else line
        write_line(out, shown)
