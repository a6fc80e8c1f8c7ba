"""From the text of a setting to its value: each function parses one kind, or says what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.defaults import BOUNDS, allowed_numbers, secret_problem
from test_executions_rerunner.processors.jenkins.build_parameter import BuildParameter

if TYPE_CHECKING:
    from collections.abc import Callable


_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_MOST_DIGITS = 9


class Secret(str):
    """A text that neither ``repr`` nor a traceback shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def text(given: str) -> str:
    """Return any text that is one line."""
    given = given.strip()
    if not given.isprintable():
        raise ValueError("one line of printable characters is")
    return given


def secret(given: str) -> Secret:
    """Return a credential; whatever an HTTP header cannot carry is refused."""
    given = given.strip()
    if problem := secret_problem(given):
        raise ValueError(problem)
    return Secret(given)


def user(given: str) -> str:
    """Return a user's name; Basic authentication has no way to carry a colon in it."""
    given = text(given)
    if ":" in given:
        raise ValueError("a user name without a colon is")
    return given


def repository(given: str) -> str:
    """Return a pattern of repositories; see `repository_pattern`."""
    from test_executions_rerunner.processors.github.patterns import repository_pattern  # noqa: PLC0415 - as in `url`

    return repository_pattern(given)


def url(given: str) -> str:
    """Return the URL of a server, normalised, without a slash at its end."""
    from test_executions_rerunner.links import Origin  # noqa: PLC0415 - not needed to show --help

    try:
        return str(Origin.parse(given.strip()))
    except ValueError as error:
        raise ValueError(f"write http(s)://HOST[:PORT][/PATH], without credentials ({error})") from error


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return a parser for a closed set of words."""

    def parse(given: str) -> str:
        if given.strip() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)} is")
        return given.strip()

    return parse


def number(name: str) -> Callable[[str], int]:
    """Return a parser for the whole numbers that a setting takes."""
    (least, most), allowed = BOUNDS[name], allowed_numbers(name)

    def parse(given: str) -> int:
        given = given.strip()
        digits = given.removeprefix("-") if least < 0 else given
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS:
            raise ValueError(f"{allowed} is")
        if int(given) < least or (most is not None and int(given) > most):
            raise ValueError(f"{allowed} is")
        return int(given)

    return parse


def boolean(given: str) -> bool:
    """Return what true/false, yes/no or 1/0 say, in any case."""
    word = given.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ValueError("true/false, yes/no or 1/0 is")
    return word in _TRUE


def build_parameter(given: str) -> BuildParameter:
    """Return one build parameter, ``[FAMILY:]NAME=VALUE``."""
    return BuildParameter(given)
