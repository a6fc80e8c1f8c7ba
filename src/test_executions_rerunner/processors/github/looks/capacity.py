"""Whether there is capacity for a trigger: in its repository's queue, and in the run's concurrency groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.processors.github.looks.groups import Capacity, ConcurrencyGroups
from test_executions_rerunner.processors.github.looks.queued import Queues

if TYPE_CHECKING:
    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink


class Capacities:
    """The capacity that one GitHub server has for triggers.

    Args:
        api: The server's API.
        max_queued: How many runs may wait for a runner in a repository; None: any number.

    Attributes:
        groups: The concurrency groups of its runs.
    """

    def __init__(self, api: GithubApi, max_queued: int | None) -> None:
        self._queues = None if max_queued is None else Queues(api, max_queued)
        self.groups = ConcurrencyGroups(api)

    def capacity(self, link: RunLink) -> Capacity:
        """Find out what the trigger of a run takes, and whether that is free.

        Raises:
            CallError: It could not be found out.
        """
        queue = self._queues.capacity(link) if self._queues else Capacity()
        if queue.verdict:
            return queue
        group = self.groups.capacity(link)
        return group._replace(claims=(*queue.claims, *group.claims))
