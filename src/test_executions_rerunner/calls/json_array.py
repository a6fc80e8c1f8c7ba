"""A JSON array, read while it comes: however long it is, only one of its elements is held at a time."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any, TypeVar

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Kept = TypeVar("Kept")

MOST_CHARACTERS = 1 << 20
"""Of one element."""
_MOST_UNASKED = 10_000
"""How many more elements are read than were asked for: millions of nothings would take minutes."""
_DECODER = json.JSONDecoder()
_BLANKS = " \t\r\n"
_IN_NUMBERS = frozenset("0123456789+-.eE")


def elements(pieces: Iterable[bytes]) -> Iterator[Any]:
    """Yield the elements of a JSON array.

    Args:
        pieces: Its text as UTF-8, cut anywhere.

    Raises:
        ValueError: It is no JSON array, or one of its elements has more than `MOST_CHARACTERS`.
    """
    text = _Text(pieces)
    if text.next_sign() != "[":
        raise ValueError("it does not begin with '['")
    text.skip()
    sign = text.next_sign()
    while sign != "]":
        yield text.element()
        sign = text.next_sign()
        if sign not in {",", "]"}:
            raise ValueError(f"there is no ',' or ']' behind an element, but {sign!r}")
        if sign == ",":
            text.skip()
            if text.next_sign() == "]":
                raise ValueError("there is no element behind the last ','")
    text.skip()
    if text.next_sign():
        raise ValueError("something stands behind its ']'")


def first_elements(pieces: Iterable[bytes], *, most: int, keep: Callable[[Any], Kept]) -> list[Kept]:
    """Read an answer to its end, and return what is to be kept of its first elements.

    Args:
        pieces: As for `elements`.
        most: How many elements are kept.
        keep: Makes of an element what is kept.

    Raises:
        requests.exceptions.InvalidJSONError: It is no JSON array.
    """
    found: list[Kept] = []
    try:
        for count, element in enumerate(elements(pieces)):  # what is cut off behind them is no answer
            if count >= most + _MOST_UNASKED:
                raise ValueError(f"{most:,} elements were asked for, and more than {count:,} came")  # noqa: TRY301 - told like all that is wrong
            found += [keep(element)] if count < most else []
    except (ValueError, RecursionError) as error:
        raise requests.exceptions.InvalidJSONError(f"the answer is no JSON array: {error}") from error
    return found


class _Text:
    """A text that comes in pieces, as far as it is not read yet."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0
        self._is_whole = False

    def next_sign(self) -> str:
        """Return the next sign that is no blank, without reading it; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANKS:
                    return self._text[self._at]
                self._at += 1
            if self._is_whole:
                return ""
            self._more()

    def skip(self) -> None:
        """Read the next sign."""
        self._at += 1

    def element(self) -> Any:  # noqa: ANN401 - any JSON
        """Read the next element."""
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if self._is_whole:
                    raise
            else:
                # of a number that ends with the text there may be more
                if end < len(self._text) or self._is_whole or self._text[end - 1] not in _IN_NUMBERS:
                    self._at = end
                    return found
            if len(self._text) - self._at > MOST_CHARACTERS:
                raise ValueError(f"an element has more than {MOST_CHARACTERS:,} characters")
            self._more()

    def _more(self) -> None:
        """Let the next piece come behind what is not read yet."""
        piece = next(self._pieces, None)
        self._is_whole = piece is None
        self._text = self._text[self._at :] + self._decoder.decode(piece or b"", final=piece is None)
        self._at = 0
