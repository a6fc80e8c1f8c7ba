"""Requests from a file instead of Test Observer's queue."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.models import NEVER, Check, Reading
from test_executions_rerunner.queues.base import RequestQueue
from test_executions_rerunner.rerun_request import RerunRequest
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_executions_rerunner.queues.test_observer import TestObserverInterface


class RequestFile(RequestQueue):
    """A JSON array as Test Observer's GET returns it; entries may lack an id and ``created_at``.

    Entries with an id are deleted from Test Observer; a file without ids does not contact it at all.

    Args:
        path: The file; ``-`` is standard input.
        observer: Where entries with an id are deleted.
    """

    needs_id = False

    def __init__(self, path: str, observer: TestObserverInterface) -> None:
        self._observer = observer
        self.family, self.secrets = observer.family, observer.secrets
        self.waiting, self.clock = observer.waiting, observer.clock
        self._entries = _read_array(path)
        self._requests = [RerunRequest.read(entry, needs_id=self.needs_id) for entry in self._entries]
        self.source = "standard input" if path == "-" else harmless(path)
        self.has_ids = any(request.test_execution_id is not None for request in self._requests)

    def get(self) -> list[dict[str, Any]]:
        """Return the entries of the file."""
        return list(self._entries)

    def window(self, limit: int, family: str | None = None) -> Reading:
        """Return all entries of the file: reading it costs nothing, and says nothing about what is queued."""
        del limit, family
        return Reading(tuple(self._requests), NEVER, is_whole=True)

    def part(self, request: RerunRequest, limit: int) -> Reading:
        """Read a part of Test Observer's queue; see `RequestQueue.part`."""
        return self._observer.part(request, limit)

    def checks(self, requests: list[RerunRequest], *, announce: bool) -> Iterator[Check]:
        """Say what was read, and try Test Observer where an entry is to be deleted."""
        requests += self._requests
        read = f"{len(requests)} request{'' if len(requests) == 1 else 's'} read from {self.source}"
        yield Check("requests", ok=True, message=read, is_of_queue=True)
        if self.has_ids:
            yield from self._observer.checks(requests, announce=announce)

    def ask_whether_delete_is_allowed(self) -> None:
        """Ask, unless there is nothing to delete."""
        if self.has_ids:
            self._observer.ask_whether_delete_is_allowed()

    def remove(self, request: RerunRequest, *, send_by: float) -> bool:
        """Remove a request from Test Observer; see `RequestQueue.remove`."""
        return self._observer.remove(request, send_by=send_by)

    def delete(self, test_execution_ids: Iterable[int]) -> None:
        """Remove requests from Test Observer."""
        self._observer.delete(test_execution_ids)

    def add_link(self, request: RerunRequest, url: str) -> None:
        """Show the requester a link; see `RequestQueue.add_link`."""
        self._observer.add_link(request, url)

    def add_event(self, request: RerunRequest, detail: str) -> None:
        """Tell the requester; see `RequestQueue.add_event`."""
        self._observer.add_event(request, detail)


def _read_array(path: str) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        entries = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise SettingsError(f"--requests: {path!r} is not allowed: a readable JSON file is needed ({why})") from error
    if not isinstance(entries, list):
        raise SettingsError(f"--requests: {path!r} is not allowed: its JSON is no array of requests")
    return entries
