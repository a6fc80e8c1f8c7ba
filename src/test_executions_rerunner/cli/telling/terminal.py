"""How text is laid out for people: as wide as their terminal, nothing broken that can be copied, colours."""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING, TextIO

from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLAIN_COLUMNS = 120
"""How wide lines are where nobody knows better."""
_LEAST_COLUMNS = 40
_COMMAND = re.compile(r"`[^`]*`")
_GLUE = "\x00"
"""Stands for a blank inside a command while lines are broken."""

RED, GREEN, YELLOW, DIM = 31, 32, 33, 2


def columns_of(stream: TextIO, environment: Mapping[str, str]) -> int:
    """Return how wide lines may be: what COLUMNS says, else the terminal, else a fixed width.

    A terminal may have no size, as that of ``docker run -t`` does.
    """
    given = environment.get("COLUMNS", "")
    columns = int(given) if given.isascii() and given.isdigit() and len(given) < len("10000") else 0
    if not columns:
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
    return max(columns, _LEAST_COLUMNS) if columns else PLAIN_COLUMNS


def wrapped(text: str, columns: int, *, indent: str = "", hanging: str | None = None) -> list[str]:
    """Break a text into lines between words; a name, a link, or a command in backticks is never broken.

    Args:
        text: One line.
        columns: How long lines may be; what cannot be broken may be longer.
        indent: Before the first line.
        hanging: Before each further line; ``indent`` by default.

    Returns:
        Lines that are harmless each: a runner reads commands behind blanks too.
    """
    glued = _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), text)
    further = indent if hanging is None else hanging
    lines = textwrap.wrap(
        glued,
        columns,
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [_safe(line.replace(_GLUE, " ")) for line in lines] or [indent.rstrip()]


def _safe(line: str) -> str:
    body = line.lstrip(" ")
    return " " * (len(line) - len(body)) + harmless(body, most=len(body) + 1)


def has_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether a stream shows colours: a terminal does, unless somebody asked for none."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def painter(stream: TextIO, environment: Mapping[str, str]) -> Callable[[str, int], str]:
    """Return what gives a text a colour, or leaves it as it is where the stream shows none."""
    if has_colours(stream, environment):
        return lambda text, colour: f"\x1b[{colour}m{text}\x1b[0m"
    return lambda text, _: text
