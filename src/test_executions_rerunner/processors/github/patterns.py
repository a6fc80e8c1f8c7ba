"""Which repositories are served: ``OWNER/NAME`` with globs, and ``!OWNER/NAME`` for those that are taken out again."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from test_executions_rerunner import defaults
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATTERN = re.compile(r"(?:[A-Za-z0-9_*?\[\]!-]+/)?[A-Za-z0-9._*?\[\]!-]+")
_PIECE = re.compile(r"\[!?[^\[\]]+\]|.")
_AT_FIRST = "abcdefghijklmnopqrstuvwxyz0123456789"
_IN_OWNER = f"{_AT_FIRST}-_"
_IN_NAME = f"{_IN_OWNER}."
_MOST_DOTS = 2
"""A name of one or two dots is a way in a path, and no repository's."""


class Patterns:
    """Tells which repositories are served; the order of the patterns does not matter.

    Args:
        patterns: As `read_patterns` returns them.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._served = tuple(pattern for pattern in patterns if not pattern.startswith("!"))
        self._left_out = tuple(pattern for pattern in patterns if pattern.startswith("!"))

    def problem(self, repository_name: str) -> str | None:
        """Return why a repository is not served; None: it is."""
        if not any(_is_match(repository_name, pattern) for pattern in self._served):
            return f"repository {repository_name} is not served, only {', '.join(self._served)}; --repo sets it"
        for pattern in self._left_out:
            if _is_match(repository_name, pattern[1:]):
                return f"repository {repository_name} is not served: {pattern} of --repo takes it out"
        return None


def _is_match(repository_name: str, pattern: str) -> bool:
    owner, _, name = repository_name.lower().partition("/")
    owners, _, names = pattern.lower().partition("/")
    return fnmatch.fnmatchcase(owner, owners) and fnmatch.fnmatchcase(name, names)


def repository_pattern(given: str) -> str:
    """Read one pattern; ``NAME`` alone means one of canonical's, and ``!`` before it takes repositories out again.

    Raises:
        ValueError: What is given is not a pattern, or no repository's name can match it; the message says what is
            allowed.
    """
    mark, text = ("!", given[1:]) if given.startswith("!") else ("", given)
    if not _PATTERN.fullmatch(text):
        raise ValueError(
            f"OWNER/NAME is, with the globs *, ? and [...]; NAME alone means {defaults.OWNER}/NAME, "
            "and !OWNER/NAME takes some out again"
        )
    text = text if "/" in text else f"{defaults.OWNER}/{text}"
    owner, _, name = text.lower().partition("/")
    if not (_can_match(owner, _IN_OWNER) and _can_match(name, _IN_NAME)) or _is_dots(name):
        raise ValueError("no repository's name can match it")
    return f"{mark}{text}"


def check_patterns(patterns: Iterable[str]) -> None:
    """Make sure that the patterns together serve a repository.

    Raises:
        ValueError: All of them take repositories out.
    """
    if all(pattern.startswith("!") for pattern in patterns):
        raise ValueError("OWNER/NAME without ! is needed too: what else is served?")


def read_patterns(repo: str | Iterable[str]) -> tuple[str, ...]:
    """Read the setting that says which repositories are served.

    Args:
        repo: ``OWNER/NAME`` patterns, each text with one or several of them.

    Raises:
        SettingsError: A pattern is wrong, or there is none that serves a repository.
    """
    given = repo.split() if isinstance(repo, str) else [part for text in repo for part in text.split()]
    if not given:
        raise SettingsError(f"repo: {shown(repo)} is not allowed: OWNER/NAME is")
    patterns = tuple(map(_pattern, given))
    try:
        check_patterns(patterns)
    except ValueError as error:
        raise SettingsError(f"repo: {shown(repo)} is not allowed: {error}") from error
    return patterns


def _pattern(given: str) -> str:
    try:
        return repository_pattern(given)
    except ValueError as error:
        raise SettingsError(f"repo: {shown(given)} is not allowed: {error}") from error


def _can_match(pattern: str, characters: str) -> bool:
    """Tell whether a name of these characters can match; an owner's begins with a letter or a digit."""
    pieces = _PIECE.findall(pattern)
    first = characters if characters == _IN_NAME else _AT_FIRST
    return bool(_matched_by(pieces[0], first)) and all(_matched_by(piece, characters) for piece in pieces)


def _matched_by(piece: str, characters: str) -> set[str]:
    return {character for character in characters if fnmatch.fnmatchcase(character, piece)}


def _is_dots(name: str) -> bool:
    pieces = _PIECE.findall(name)
    is_short = len(pieces) <= _MOST_DOTS and "*" not in pieces
    return is_short and all(_matched_by(piece, _IN_NAME) == {"."} for piece in pieces)
