"""The runs that wait for a runner: how many of a repository may, when another one is to be started."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.calls.failures import CallError, Failure
from test_executions_rerunner.models import Claim, State, Verdict
from test_executions_rerunner.processors.github.looks.groups import Capacity
from test_executions_rerunner.processors.github.pages import all_pages
from test_executions_rerunner.processors.github.shapes import check_number, last_change, seconds_of, shape_of, time_text

if TYPE_CHECKING:
    from collections.abc import Hashable

    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.shapes import JsonObject

_DAY_SECONDS = 24 * 3600.0
_MOST_QUEUED = 1000
"""Runs that GitHub lists of one status."""


class _Queue(NamedTuple):
    """The runs that wait for a runner."""

    since: dict[int, float]
    """When each was queued, by its id."""
    dead: int
    """How many more are queued for over a day, so that nobody takes them."""
    counted_at: float
    """On our own clock."""


class Queues:
    """The runs that wait for a runner, counted once per repository.

    Only ``queued`` runs count: a ``pending`` one waits for its concurrency group and a ``waiting`` one for a person's
    approval, maybe for ever, and neither takes the place of another run. Nor does one that has been queued for over a
    day. Between its jobs a run is queued too.

    Args:
        api: The server's API.
        most: How many runs may wait in a repository.
    """

    def __init__(self, api: GithubApi, most: int) -> None:
        self._api, self._most = api, most
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._counted: dict[Hashable, _Queue | Failure] = {}

    def capacity(self, link: RunLink) -> Capacity:
        """Find out whether another run may wait in a repository.

        Raises:
            CallError: The runs that wait could not be counted.
        """
        queue = self._queue(link)
        # the run itself is over by now, and its trigger is counted by its claim
        waits = [since for run, since in queue.since.items() if str(run) != link.run]
        first = f", the first since {time_text(min(waits))}" if waits else ""
        runs = "1 run was" if len(waits) == 1 else f"{len(waits)} runs were"
        dead = f" ({queue.dead} more for over a day, which nobody takes)" if queue.dead else ""
        reason = f"{runs} queued in {link.repository_name}{first}{dead}, and --max-queued is {self._most}"
        if len(waits) >= self._most:
            return Capacity(Verdict(State.DEFERRED, reason))
        key = ("queue", *link.repository_key)
        return Capacity(claims=(Claim(key, reason, most=self._most - len(waits), since=queue.counted_at),))

    def _queue(self, link: RunLink) -> _Queue:
        key = link.repository_key
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._counted:
                self._counted[key] = self._count(link)
            counted = self._counted[key]
        if isinstance(counted, Failure):
            raise CallError(counted)
        return counted

    def _count(self, link: RunLink) -> _Queue | Failure:
        counted_at = self._api.calls.waiting.clock()
        path = f"{link.repository_path}/actions/runs?status=queued"
        try:
            runs = all_pages(self._api, path, partial(_read_queue, repository=link.repository_key), _MOST_QUEUED)
        except CallError as error:
            return error.failure
        yesterday = self._api.calls.clock.now() - _DAY_SECONDS
        # a run that moves to another page while they are read is listed twice
        since = {run.number: run.since for run in runs if run.changed > yesterday}
        return _Queue(since, len({run.number for run in runs} - set(since)), counted_at)


class _QueuedRun(NamedTuple):
    number: int
    since: float
    changed: float


def _read_queue(told: JsonObject, repository: tuple[str, str]) -> tuple[int, list[_QueuedRun]]:
    with shape_of("the list of queued runs"):
        for run in told["workflow_runs"]:
            check_number(run["repository"]["full_name"].lower(), "/".join(repository), "repository")
        return int(told["total_count"]), [
            # a re-run keeps the time of its creation, but has waited only since it was asked for again
            _QueuedRun(int(run["id"]), seconds_of(run.get("run_started_at") or run["created_at"]), last_change(run))
            for run in told["workflow_runs"]
        ]
