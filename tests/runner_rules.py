"""How a GitHub runner reads a step's output and its files, written down again from its source.

Source: actions/runner ``ActionCommand.cs`` (TryParse, TryParseV2), ``FileCommandManager.cs`` (SetOutput).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")
_SECOND = re.compile(r"##\[([^\]]+)\]")


class Command(NamedTuple):
    """A workflow command as the runner takes it from one line."""

    name: str
    properties: str
    data: str


def commands(output: str) -> list[Command]:
    """Return every command that a runner reads in what a step printed, in either syntax.

    Whether it knows a command of that name is left out: what it does not know today it may know tomorrow.
    """
    found = (_command(line) for line in _LINE_END.split(output))
    return [command for command in found if command]


def _command(line: str) -> Command | None:
    trimmed = line.strip()  # at least what C#'s Trim takes away
    if trimmed.startswith("::"):
        end = trimmed.find("::", 2)
        if end > 2:
            name, _, properties = trimmed[2:end].partition(" ")
            return Command(name.lower(), properties, _unescape(trimmed[end + 2 :]))
    second = _SECOND.search(line)
    if second:
        name, _, properties = second[1].partition(" ")
        return Command(name.lower(), properties, line[second.end() :])
    return None


def _unescape(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def outputs(file: str) -> dict[str, str]:
    """Return the outputs that a runner reads from ``GITHUB_OUTPUT``.

    Raises:
        ValueError: The step would fail.
    """
    values: dict[str, str] = {}
    lines = _LINE_END.split(file)
    if lines.pop():
        raise ValueError("the file does not end with a newline")
    remaining = iter(lines)
    for line in remaining:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            values[line[:equals]] = line[equals + 1 :]
        elif heredoc > 0:
            values[line[:heredoc]] = "\n".join(_until(line[heredoc + 2 :], remaining))
        else:
            raise ValueError(f"invalid line {line!r}")
    return values


def _until(delimiter: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == delimiter:
            return
        yield line
    raise ValueError(f"the delimiter {delimiter!r} is missing")
