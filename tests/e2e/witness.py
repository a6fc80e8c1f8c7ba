"""Loopback servers that let a test know what took effect, and act at that very moment."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_executions_rerunner.demo import GithubServer, JenkinsServer, RecordedRequest, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.demo.test_observer.queue import ExecutionGroup
    from test_executions_rerunner.demo.wire import Answer


class Witness:
    """Sees what both servers are asked, in one order; acts when the n-th request has taken effect."""

    def __init__(self) -> None:
        self.seen: list[RecordedRequest] = []
        self.accepted: list[RecordedRequest] = []
        self._lock = threading.Lock()
        self._at: int | None = None
        self._act: Callable[[], None] = lambda: None

    def act_after(self, count: int, act: Callable[[], None]) -> None:
        """Call ``act`` once the ``count``-th request from now on took effect, before its answer is sent."""
        with self._lock:
            self._at, self._act = len(self.seen) + count, act

    def note(self, request: RecordedRequest, answer: Answer) -> None:
        """Take note of a request that took effect, whatever becomes of its answer."""
        with self._lock:
            self.seen.append(request)
            if request.method == "POST" and answer.status in {201, 303}:
                self.accepted.append(request)
            is_moment = len(self.seen) == self._at
        if is_moment:
            self._act()


@dataclass(frozen=True)
class Removal:
    """A request that a DELETE took out of the queue.

    Attributes:
        group: The first execution of its group.
        created_at: When it was made.
        at: When the DELETE arrived.
        asked_at: When the question arrived right before it whether somebody has asked again; None: there was none.
        is_repeated: Whether an equal DELETE came before, for the same window.
        request: By which number Python knows the DELETE.
    """

    group: object
    created_at: object
    at: float
    asked_at: float | None
    is_repeated: bool
    request: int


class SeenTestObserver(TestObserverServer):
    """A Test Observer with a witness.

    Attributes:
        removals: What DELETEs took out of the queue.
        read_at: When each request, by its group's first execution and its time, was first read in a window.
    """

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness
        self.removals: list[Removal] = []
        self.read_at: dict[tuple[object, object], float] = {}
        self._asked_at: float | None = None
        self._deletes: list[bytes] = []

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer, and have it noted."""
        before = list(self._rows)
        answer = super().respond(request)
        if request.method == "GET":
            self._note_get(request)
        elif request.method == "DELETE":
            for row in before:
                if row not in self._rows:
                    self._note_removal(request, row)
            self._asked_at = None
            self._deletes.append(request.body)
        self._witness.note(request, answer)
        return answer

    def _note_get(self, request: RecordedRequest) -> None:
        if "environment=" in request.target:
            self._asked_at = request.received_at
        else:  # another window: a DELETE after it is about another request
            self._deletes.clear()
            for row in self._windows.get(request, ()):
                self.read_at.setdefault((row.executions[0].id, row.created_at), request.received_at)

    def _note_removal(self, request: RecordedRequest, row: ExecutionGroup) -> None:
        is_repeated = request.body in self._deletes
        group, at = row.executions[0].id, request.received_at
        self.removals.append(Removal(group, row.created_at, at, self._asked_at, is_repeated, id(request)))

    @property
    def rows_queued(self) -> set[tuple[object, object]]:
        """The first execution of each group that is queued, and when its request was made."""
        with self.lock:
            return {(row.executions[0].id, row.created_at) for row in self._rows}

    def window_of(self, request: RecordedRequest) -> list[ExecutionGroup]:
        """Return what a GET in progress reads."""
        return list(self._windows.get(request, ()))

    def group_of(self, test_execution_id: object) -> object:
        """Return the first execution of the group of an execution."""
        with self.lock:
            return next(row.executions[0].id for key, row in self._groups.items() if key == test_execution_id)

    @property
    def groups_queued(self) -> list[list[object]]:
        """The executions of each group that is queued."""
        with self.lock:
            return [[execution.id for execution in row.executions] for row in self._rows]

    def first_link(self, test_execution_id: int) -> str:
        """Return the link of the first execution of a group."""
        with self.lock:
            return str(self._groups[test_execution_id].executions[0].ci_link)


class SeenJenkins(JenkinsServer):
    """A Jenkins with a witness."""

    def __init__(self, witness: Witness, *, start_items_at_once: bool) -> None:
        super().__init__(start_items_at_once=start_items_at_once)
        self._witness = witness

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer, and have it noted."""
        answer = super().respond(request)
        self._witness.note(request, answer)
        return answer


class SeenGithub(GithubServer):
    """A GitHub with a witness."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer, and have it noted."""
        answer = super().respond(request)
        self._witness.note(request, answer)
        return answer
