"""Requests from a file instead of Test Observer's queue."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.models import RerunRequest
from test_executions_rerunner.test_observer import TestObserverInterface

if TYPE_CHECKING:
    from collections.abc import Iterable


class RequestFile(TestObserverInterface):
    """A JSON array as Test Observer's GET returns it; entries may lack an id and ``created_at``.

    Entries with an id are deleted from Test Observer; a file without ids does not contact it at all.

    Args:
        path: The file; ``-`` is standard input.
        more: As for `TestObserverInterface`, for the deletes.
    """

    def __init__(self, path: str, **more: Any) -> None:  # noqa: ANN401 - handed on as they are
        super().__init__(**more)
        self.needs_id = False
        self._entries = _read_array(path)

    def get(self) -> list[dict[str, Any]]:
        """Return the entries of the file."""
        return list(self._entries)

    def window(self, limit: int) -> list[RerunRequest]:
        """Return all entries of the file: reading it costs nothing."""
        del limit
        return [RerunRequest.read(entry, needs_id=False) for entry in self._entries]

    def ask_whether_delete_is_allowed(self, *, bulk: bool = False) -> None:
        """Ask, unless there is nothing to delete."""
        if any(request.test_execution_id is not None for request in self.window(len(self._entries))):
            super().ask_whether_delete_is_allowed(bulk=bulk)


def _read_array(path: str) -> list[Any]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        entries: Iterable[Any] = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"--requests: {path!r} is not allowed: a readable JSON file is needed ({error})") from error
    if not isinstance(entries, list):
        raise SettingsError(f"--requests: {path!r} is not allowed: its JSON is no array of requests")
    return entries
