"""The ``tree=`` parameter of Jenkins' JSON: which fields an answer shows."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"\s*([A-Za-z_][\w-]*|\*|[\[\],]|\{\d*,?\d*\})")

Fields = dict[str, "Node"]
Node = tuple[Fields, tuple[int, int] | None]


class TreeError(ValueError):
    """The tree is malformed: Jenkins answers 500."""


@lru_cache(maxsize=64)
def parse_tree(text: str) -> Fields:
    """Return the fields that a tree names, with the fields inside each and its range of entries.

    Raises:
        TreeError: The text is no tree.
    """
    tokens: list[str] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise TreeError(text)
        tokens.append(found[1])
        position = found.end()
    fields = _parse_fields(tokens)
    if tokens:
        raise TreeError(text)
    return fields


def _parse_fields(tokens: list[str]) -> Fields:
    fields: Fields = {}
    while True:
        if not tokens or not (tokens[0][0].isalpha() or tokens[0][0] in "_*"):
            raise TreeError("A name is missing.")
        name = tokens.pop(0)
        inner: Fields = {}
        entries: tuple[int, int] | None = None
        if tokens and tokens[0] == "[":
            tokens.pop(0)
            inner = _parse_fields(tokens)
            if not tokens or tokens.pop(0) != "]":
                raise TreeError("A bracket is not closed.")
        if tokens and tokens[0].startswith("{"):
            entries = _parse_range(tokens.pop(0))
        fields[name] = (inner, entries)
        if not tokens or tokens[0] != ",":
            return fields
        tokens.pop(0)


def _parse_range(token: str) -> tuple[int, int]:
    """Return the first entry and the one behind the last: ``{a,b}``, ``{a,}``, ``{,b}`` or ``{n}``."""
    first, comma, end = token[1:-1].partition(",")
    if not comma:
        return int(first), int(first) + 1
    return int(first or 0), int(end) if end else 2**31


def select_fields(value: object, fields: Fields) -> object:
    """Return the part of ``value`` that the fields name; unknown fields are ignored."""
    if isinstance(value, list):
        return [select_fields(each, fields) for each in value]
    if not isinstance(value, dict) or not fields or "*" in fields:
        return value
    selected: dict[str, object] = {}
    for name, (inner, entries) in fields.items():
        if name not in value:
            continue
        part = value[name]
        if entries is not None and isinstance(part, list):
            part = part[entries[0] : entries[1]]
        selected[name] = select_fields(part, inner)
    return selected
