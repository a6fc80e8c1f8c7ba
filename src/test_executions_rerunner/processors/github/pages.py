"""Lists of GitHub that come in pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from test_executions_rerunner.calls.failures import CallError, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.shapes import JsonObject

Item = TypeVar("Item")
_LARGE, _SMALL = 100, 30
_MOST_ENTRIES = 20_000
_TOO_MUCH = frozenset({Kind.BROKEN, Kind.STARTING})


def all_pages(
    api: GithubApi,
    path: str,
    parse: Callable[[JsonObject], tuple[int, list[Item]]],
    most: int = _MOST_ENTRIES,
) -> list[Item]:
    """Read a list to its end, in large pages; where GitHub fails on one of those, in small ones.

    Args:
        api: The server's API.
        path: The list below the API, with a query.
        parse: Returns how many entries the whole list has, and those of one page.
        most: Most entries to read.

    Raises:
        CallError: It could not be read.
    """
    size = _LARGE
    try:
        return _pages(partial(api.read, repeats=False), path, parse, size, most)
    except CallError as error:
        if error.failure.kind is not Kind.BUSY and not error.failure.may_pass:
            raise
        size = _SMALL if error.failure.kind in _TOO_MUCH else _LARGE
    return _pages(api.read, path, parse, size, most)


def _pages(
    read: Callable[[str, Callable[[JsonObject], tuple[int, list[Item]]]], tuple[int, list[Item]]],
    path: str,
    parse: Callable[[JsonObject], tuple[int, list[Item]]],
    size: int,
    most: int,
) -> list[Item]:
    found: list[Item] = []
    for page in range(1, most // size + 1):
        total, entries = read(f"{path}&per_page={size}&page={page}", parse)
        found += entries
        if not entries or len(found) >= total:
            break
    return found
