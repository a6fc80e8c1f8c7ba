"""Texts from outside, made harmless for the place they go to.

Links, names and error texts come from strangers and servers. In a log they could forge lines, terminal escapes
or a runner's workflow commands; in a summary Markdown and HTML. Sources: actions/runner ``ActionCommand.cs``
(``::cmd::`` at a line's start, ``##[cmd]`` anywhere; lines end at CR, LF or both), Unicode TR 36 (bidi marks).
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MOST_CHARACTERS = 400
"""Of one reason: enough for every message of the three servers that is worth reading."""

LEAST_OF_A_SECRET = 4
"""No credential is shorter, and so many characters of its beginning tell nothing yet."""
_MOST_MASKED = 20_001
"""Characters of a text from outside that are looked at; nobody is shown more."""
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


def unescaped_html(text: str) -> str:
    """Return a text with the characters that HTML's names and numbers stand for."""
    import html  # noqa: PLC0415 - a table of 2,000 names that hardly any drain needs

    return html.unescape(text)


def shown(value: object) -> str:
    """Return any value as Python writes it, harmless; of one that cannot be written, its type."""
    try:
        return harmless(repr(value))
    except (ValueError, RecursionError):  # a number of too many digits, or lists too deep
        return f"a {type(value).__name__} that cannot be shown"


class Mask:
    """Hides secrets in whatever a server sends back: as they are, escaped for a URL, JSON or HTML, in base64, cut off.

    Args:
        secrets: The texts to hide; those of fewer than 4 characters are none.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [secret for secret in dict.fromkeys(secrets) if len(secret) >= LEAST_OF_A_SECRET]
        self._plain = tuple(form for secret in known for form in _plain_forms(secret))
        self._base64 = tuple(form for secret in known for form in _base64_forms(secret))
        self._beginnings = tuple({form[:LEAST_OF_A_SECRET] for form in (*self._plain, *self._base64)})

    def __call__(self, text: str) -> str:
        """Return the text with ``***`` in the place of each secret."""
        if len(text) > _MOST_MASKED:
            text = text[:_MOST_MASKED] + "…"
        spans: set[tuple[int, int]] = set()
        for unescaped, escapes in _unescaped(text):
            if any(beginning in unescaped for beginning in self._beginnings):
                spans.update(self._spans(_Layer.of(text, escapes)))
        shown, position = [], 0
        for start, end in sorted(spans):
            if end > position:
                shown += [text[position:start], "***" if start >= position else ""]
                position = end
        return "".join([*shown, text[position:]])

    def _spans(self, layer: _Layer) -> Iterator[tuple[int, int]]:
        """Yield where secrets stand in the text that a layer was made of."""
        text = layer.text
        for form in self._plain:
            for start in _places(text, form):
                yield layer.span(start, start + len(form))
        for form in self._base64:
            for start in _places(text, form):
                yield layer.span(*_token(text, start, start + len(form)))
        for cut in _places(text, "…"):
            unfinished = _UNFINISHED.search(text[max(0, cut - _MOST_OF_AN_ESCAPE) : cut])
            for end in {cut, cut - len(unfinished[0] if unfinished else "")}:
                for form in (*self._plain, *self._base64):
                    length = _beginning(form, text[max(0, end - len(form)) : end])
                    if length:
                        yield layer.span(end - length, cut)


class _Layer(NamedTuple):
    """A text with one escaping taken away, and where each of its characters stood before."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, text: str, escapes: Iterable[_Escape]) -> _Layer:
        layer = cls(text, range(len(text)), range(1, len(text) + 1))
        for escape in escapes:
            layer = layer.unescaped(*escape)
        return layer

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.starts[start], self.ends[end - 1]

    def unescaped(self, pattern: re.Pattern[str], character: Callable[[re.Match[str]], str]) -> _Layer:
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for found in pattern.finditer(self.text):
            plain = character(found)
            pieces += [self.text[position : found.start()], plain]
            starts += [*self.starts[position : found.start()], *[self.starts[found.start()]] * len(plain)]
            ends += [*self.ends[position : found.start()], *[self.ends[found.end() - 1]] * len(plain)]
            position = found.end()
        pieces.append(self.text[position:])
        return _Layer("".join(pieces), [*starts, *self.starts[position:]], [*ends, *self.ends[position:]])


_Escape: TypeAlias = "tuple[re.Pattern[str], Callable[[re.Match[str]], str]]"
_ESCAPES: Mapping[str, _Escape] = {
    "%": (re.compile(r"%([0-9A-Fa-f]{2})"), lambda found: chr(int(found[1], 16))),
    "\\": (
        re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([\"'\\/]))"),
        lambda found: found[3] or chr(int(found[1] or found[2], 16)),
    ),
    "&": (
        re.compile(
            r"&(?:#[0-9]{1,9}(?:;|(?![0-9…]))|#[xX][0-9A-Fa-f]{1,8}(?:;|(?![0-9A-Fa-f…]))"
            r"|[A-Za-z]{2,32}(?:;|(?![0-9A-Za-z…])))"
        ),
        lambda found: unescaped_html(found[0]),
    ),
}
"""What each escaping begins with, its units, and the character of one."""
_UNFINISHED = re.compile(r"(?:%[0-9A-Fa-f]?|\\(?:u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?|&(?:#[0-9xXA-Fa-f]*|[A-Za-z]*)|)$")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_MOST_OF_AN_ESCAPE = 12
_MOST_LAYERS = 2
"""An error text may be escaped as JSON and that, in a page, as HTML."""


def _unescaped(text: str) -> Iterator[tuple[str, tuple[_Escape, ...]]]:
    """Yield a text as it is and with each escaping taken away, once and twice, and which were taken."""
    texts: list[tuple[str, tuple[_Escape, ...]]] = [(text, ())]
    yield texts[0]
    for _ in range(_MOST_LAYERS):
        texts = [
            (escape[0].sub(escape[1], escaped), (*taken, escape))
            for escaped, taken in texts
            for mark, escape in _ESCAPES.items()
            if mark in escaped
        ]
        yield from texts


def _plain_forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as `harmless` leaves it."""
    made = secret.replace("##[", "# #[")
    yield from dict.fromkeys((secret, made, f"{made[:-1]} #" if made.endswith("##") else made))


def _base64_forms(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret wherever it stands: without the characters that its neighbours share in."""
    for before in range(3):
        made = base64.b64encode(b"\0" * before + secret.encode()).decode()
        own = made[-(-before * 8 // 6) : (before + len(secret.encode())) * 8 // 6]
        yield from dict.fromkeys((own, own.replace("+", "-").replace("/", "_")))


def _places(text: str, form: str) -> Iterator[int]:
    place = text.find(form)
    while place >= 0:
        yield place
        place = text.find(form, place + 1)


def _token(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the whole piece of base64 around a part of it, with its padding."""
    while start and text[start - 1] in _BASE64:
        start -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    while end < len(text) and text[end] == "=":
        end += 1
    return start, end


def _beginning(form: str, before: str) -> int:
    """Return how many characters of a form a text ends with, 0 for too few to matter."""
    if form[:LEAST_OF_A_SECRET] in before:
        for length in range(min(len(form), len(before)), LEAST_OF_A_SECRET - 1, -1):
            if before.endswith(form[:length]):
                return length
    return 0


_mask_of = lru_cache(maxsize=16)(Mask)


def basic(user_name: str, token: str) -> str:
    """Return a credential as Basic authentication sends it: whoever reads that has the token."""
    return base64.b64encode(f"{user_name}:{token}".encode()).decode()


def without(secrets: Iterable[str] | Mask, text: str) -> str:
    """Replace every secret in a text that a server might have sent back; see `Mask`."""
    mask = secrets if isinstance(secrets, Mask) else _mask_of(tuple(secrets))
    return mask(text)


def clean(text: object, mask: Mask, *, most: int = MOST_CHARACTERS) -> str:
    """Return one harmless line without secrets: they are hidden before anything else changes them."""
    return harmless(mask(str(text)), most=most)


def post_text(post_arguments: Mapping[str, Any]) -> str:
    """Return a POST as a person reads it: the URL, then what is sent with it."""
    sent = post_arguments.get("json") or {}
    values = ((name, str(value).lower() if isinstance(value, bool) else value) for name, value in sent.items())
    return harmless(" ".join([f"POST {post_arguments.get('url')}", *(f"{name}={value}" for name, value in values)]))


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
