"""Links from strangers: where they point to, and what their path says.

A link decides nothing about where a credential goes. It is only compared with a configured `Origin`, and its
path is taken apart into names, each unquoted exactly once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from typing import TypeGuard

MOST_CHARACTERS = 2000
"""Test Observer stores at most 200; a file of requests may hold longer links."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MOST_PORT = 65535
_HOST_AND_PORT = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")


class Origin(NamedTuple):
    """Where credentials may go: scheme, host, port and context path."""

    scheme: str
    """``http`` or ``https``."""
    host: str
    """In lower case; an IPv6 address in brackets."""
    port: int
    """The scheme's default where the URL names none."""
    path: str
    """The context path without a slash at its end; empty at the root."""

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Take a URL apart.

        Raises:
            ValueError: Not ``http(s)://HOST[:PORT][/PATH]``; the message says what is wrong.
        """
        scheme, host, port, path, rest = _split(url)
        if rest:
            raise ValueError("a query or fragment is not allowed")
        return cls(scheme, host, port, "".join(f"/{segment}" for segment in _segments(path)))

    def __str__(self) -> str:
        """The URL of this origin, without a slash at its end."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"

    def names_below(self, link: str) -> tuple[str, ...]:
        """Return the segments of a link's path below this origin, each unquoted once.

        Raises:
            ValueError: The link points elsewhere or cannot be read; the message names both origins.
        """
        scheme, host, port, path, _ = _split(link)
        if (scheme, host, port) != self[:3]:
            raise ValueError(f"it points to {Origin(scheme, host, port, '')}, and only {self} is served")
        raw, context = _segments(path), self.path.split("/")[1:]
        if list(raw[: len(context)]) != context:
            raise ValueError(
                f"it points to {Origin(scheme, host, port, '')}{harmless(path)}, and only {self} is served"
            )
        return tuple(_unquote_once(segment) for segment in raw[len(context) :])


def read_address(setting: str, url: object) -> Origin:
    """Return the origin that a setting names.

    Raises:
        SettingsError: Not ``http(s)://HOST[:PORT][/PATH]``; the message shows no password.
    """
    given = without_user(url) if isinstance(url, str) else url
    try:
        return Origin.parse(url if isinstance(url, str) else "")
    except ValueError as error:
        allowed = f"write http(s)://HOST[:PORT][/PATH], without credentials ({error})"
        raise SettingsError(f"{setting}: {shown(given)} is not allowed: {allowed}") from None


def without_user(url: str) -> str:
    """Return a URL without what may be a password before its host."""
    return re.sub(r"(://|^).*@", r"\1***@", url, flags=re.DOTALL)


def ends_with_a_name(url: object) -> TypeGuard[str]:
    """Tell whether a URL is a text with nothing behind its path's last name: no slash, no query, no fragment."""
    return isinstance(url, str) and not url.endswith("/") and not {"?", "#"} & set(url)


def _split(url: str) -> tuple[str, str, int, str, str]:
    """Return scheme, host, port, path, and query with fragment; refuse what a URL parser would repair."""
    if len(url) > MOST_CHARACTERS:
        raise ValueError(f"it is longer than {MOST_CHARACTERS} characters")
    if _CONTROL.search(url) or url != url.strip():
        raise ValueError("it holds control characters, a backslash or blanks around it")
    url.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("it is not an http or https URL")
    if "@" in parts.netloc:
        raise ValueError("it holds user information before the host")
    matched = _HOST_AND_PORT.fullmatch(parts.netloc)
    if not matched:
        raise ValueError("its host and port cannot be read")
    port = int(matched["port"]) if matched["port"] else _DEFAULT_PORTS[parts.scheme]
    if not 1 <= port <= _MOST_PORT:
        raise ValueError(f"a port is a number from 1 to {_MOST_PORT}")
    return parts.scheme, matched["host"].lower(), port, parts.path, parts.query + parts.fragment


def _segments(path: str) -> tuple[str, ...]:
    """Split a path, without the empty piece that a slash at its end leaves."""
    pieces = path.split("/")[1:]
    return tuple(pieces[:-1] if pieces and not pieces[-1] else pieces)


def _unquote_once(segment: str) -> str:
    try:
        name = unquote(segment, errors="strict")
    except UnicodeDecodeError as error:
        raise ValueError("a part of its path is not UTF-8") from error
    if name in {"", ".", ".."} or "/" in name or _CONTROL.search(name):
        raise ValueError("a part of its path is empty, '.', '..', or holds '/' or control characters")
    return name
