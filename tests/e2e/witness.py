"""Loopback servers that let a test know what took effect, and act at that very moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from test_executions_rerunner.demo import GithubServer, JenkinsServer, RecordedRequest, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Callable

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


class SeenTestObserver(TestObserverServer):
    """A Test Observer with a witness."""

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self._witness = witness

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer, and have it noted."""
        answer = super().respond(request)
        self._witness.note(request, answer)
        return answer


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
