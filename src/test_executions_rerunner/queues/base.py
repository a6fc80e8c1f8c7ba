"""What a drain needs of a queue of rerun requests: Test Observer's, or a file in its place."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_executions_rerunner.calls.clocks import ServerClock
    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.models import Check, Reading
    from test_executions_rerunner.rerun_request import RerunRequest


MOST_CHECKED = 100
"""How many requests of the queue ``--check`` reads."""


class RequestQueue(abc.ABC):
    """A queue of rerun requests.

    Attributes:
        family: The only family that is asked for; None: all.
        secrets: Texts that must not be shown, whoever says them.
        waiting: The waits of the drain.
        clock: The clock of ``created_at``.
        source: Where the requests come from, for people.
        has_ids: Whether there may be requests with an id, which are removed from Test Observer.
    """

    needs_id: ClassVar[bool] = True
    """Whether a request without an id is none, since it could not be removed."""
    family: str | None
    secrets: tuple[str, ...]
    waiting: Waiting
    clock: ServerClock
    source: str
    has_ids: bool = True

    @abc.abstractmethod
    def get(self) -> list[dict[str, Any]]:
        """Return the whole queue, as `TestObserverInterface.get` does."""

    @abc.abstractmethod
    def window(self, limit: int, family: str | None = None) -> Reading:
        """Read the first requests of the queue, each reduced to what a drain reads of it.

        Args:
            limit: Most requests to return, at least 1.
            family: Read only those of this family; None: all that `family` of the queue leaves.

        Raises:
            QueueError: They could not be read.
        """

    @abc.abstractmethod
    def part(self, request: RerunRequest, limit: int) -> Reading:
        """Read once the first requests of the part of the queue in which one stands; see `RerunRequest.filters`.

        Args:
            request: With an id.
            limit: Most requests to return, at least 1.

        Raises:
            QueueError: They could not be read; it is not tried again.
        """

    def checks(self, requests: list[RerunRequest], *, announce: bool) -> Iterator[Check]:
        """Try what a drain needs of the queue; nothing is changed.

        Args:
            requests: The requests that were read are added, `MOST_CHECKED` at most.
            announce: Whether the requesters are to be told.
        """
        del announce
        requests += self.window(MOST_CHECKED).requests
        return iter(())

    @abc.abstractmethod
    def ask_whether_delete_is_allowed(self) -> None:
        """Find out whether requests may be deleted, without deleting one.

        Raises:
            QueueError: They may not, or nobody knows.
        """

    @abc.abstractmethod
    def remove(self, request: RerunRequest, *, send_by: float) -> bool:
        """Remove whatever is queued for the group of a request, by one call that is not repeated.

        Args:
            request: With an id.
            send_by: The moment of our own clock after which the call must not be sent.

        Returns:
            False: its connection stood too late, so that nothing was sent.

        Raises:
            QueueError: It could not be removed, or may not have been.
        """

    @abc.abstractmethod
    def delete(self, test_execution_ids: Iterable[int]) -> None:
        """Remove requests, as `TestObserverInterface.delete` does."""

    @abc.abstractmethod
    def add_link(self, request: RerunRequest, url: str) -> None:
        """Show the requester a rerun's link, unless it is shown already.

        Raises:
            QueueError: It could not be shown, or may have been: it is not tried again.
        """

    @abc.abstractmethod
    def add_event(self, request: RerunRequest, detail: str) -> None:
        """Tell the requester why there is no rerun, unless the last such event says the same.

        Raises:
            QueueError: It could not be told, or may have been: it is not tried again.
        """
