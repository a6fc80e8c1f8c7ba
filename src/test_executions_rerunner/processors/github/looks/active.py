"""The concurrency groups of a repository that something holds: one list that its looks share.

Source: GET ``/repos/O/R/actions/concurrency_groups``, in pages that a cursor in ``Link`` connects. It has no members: a
group that it does not list is idle, one that it lists needs a call of its own.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.calls.failures import CallError, Kind
from test_executions_rerunner.processors.github.shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.shapes import JsonObject

SHARED_SECONDS = 2.0
"""How old the list may be for another look."""
_PAGE = 100
_MOST_PAGES = 20


class Active(NamedTuple):
    """The groups that something holds."""

    names: frozenset[str]
    """In lower case."""
    read_at: float
    """When they were asked for, on our own clock."""


class _List:
    """One repository's list, and whether it can be read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.active: Active | None = None
        self.is_told = True


class ActiveGroups:
    """The active groups of one GitHub server's repositories.

    Args:
        api: The server's API.
    """

    def __init__(self, api: GithubApi) -> None:
        self._api = api
        self._clock = api.calls.waiting.clock
        self._lock = threading.Lock()
        self._lists: dict[Hashable, _List] = {}

    def of(self, link: RunLink) -> Active | None:
        """Return the active groups of a run's repository; None: they are not told, and each group is to be asked for.

        Raises:
            CallError: A rate limit ends the drain.
        """
        with self._lock:
            known = self._lists.setdefault(link.repository_key, _List())
        with known.lock:  # who comes while it is read waits for it
            if known.active is None or self._clock() - known.active.read_at >= SHARED_SECONDS:
                known.active = self._read(link) if known.is_told else None
                known.is_told = known.active is not None
            return known.active

    def _read(self, link: RunLink) -> Active | None:
        read_at, names, after = self._clock(), [], ""
        try:
            for _ in range(_MOST_PAGES):
                path = f"{link.repository_path}/actions/concurrency_groups?per_page={_PAGE}{after}"
                (total, page), cursor = self._api.read_with_cursor(path, _read_names)
                names += page
                if not cursor:
                    return Active(frozenset(names), read_at) if len(names) >= total else None
                after = f"&after={cursor}"
        except CallError as error:
            if error.failure.kind is Kind.BUSY:
                raise
        return None


def _read_names(told: JsonObject) -> tuple[int, list[str]]:
    with shape_of("the list of active concurrency groups"):
        return int(told["total_count"]), [str(group["group_name"]).lower() for group in told["concurrency_groups"]]
