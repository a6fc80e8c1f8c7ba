"""Texts from outside, made harmless for the place they go to.

Links, names and error texts come from strangers and servers. In a log they could forge lines, terminal escapes
or a runner's workflow commands; in a summary Markdown and HTML. Sources: actions/runner ``ActionCommand.cs``
(``::cmd::`` at a line's start, ``##[cmd]`` anywhere; lines end at CR, LF or both), Unicode TR 36 (bidi marks).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_CHARACTERS = 400
"""Of one reason: enough for every message of the three servers that is worth reading."""

_LEAST_OF_A_SECRET = 4
"""So many characters of its beginning tell nothing yet."""
_WORD_JOINER = "&#8288;"
"""Takes no room, and keeps an address from being linked: that is done when entities are decoded already."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#.|~&:@/$^])")


def harmless(text: object, *, most: int = MOST_CHARACTERS) -> str:
    """Return one printable line: white space folded, everything else that is not printable escaped.

    ``##[`` is broken up, and a colon at the start is moved off it, so that no runner reads a command.
    """
    shown = " ".join(str(text).split())[: most + 1]
    if not shown.isprintable():
        shown = "".join(
            character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
            for character in shown
        )
    if len(shown) > most:
        shown = shown[: most - 1] + "…"
    shown = shown.replace("##[", "# #[")
    return f"'{shown}" if shown.startswith("::") else shown


def shown(value: object) -> str:
    """Return any value as Python writes it, harmless; of one that cannot be written, its type."""
    try:
        return harmless(repr(value))
    except (ValueError, RecursionError):  # a number of too many digits, or lists too deep
        return f"a {type(value).__name__} that cannot be shown"


def without(secrets: Iterable[str], text: str) -> str:
    """Replace every secret in a text that a server might have sent back, also one that was cut off with it."""
    for secret in secrets:
        if len(secret) < _LEAST_OF_A_SECRET:
            continue  # no credential is so short, and every other word would be hidden with it
        text = text.replace(secret, "***")
        if "…" in text:
            for length in range(len(secret) - 1, _LEAST_OF_A_SECRET - 1, -1):
                text = text.replace(f"{secret[:length]}…", "***…")
    return text


def markdown(text: object) -> str:
    """Return one line that Markdown shows literally, also in a cell of a table."""
    return _MARKDOWN.sub(_entity, harmless(text))


def _entity(matched: re.Match[str]) -> str:
    return f"&#{ord(matched[1])};{_WORD_JOINER if matched[1] == '@' else ''}"


def url_text(link: object) -> str:
    """Return a URL in which nothing is left that Markdown or HTML could end it with."""
    return re.sub(
        r"[^A-Za-z0-9:/?#@!$&*+,;=%._~-]",
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace")),
        harmless(link, most=2000),
    )
