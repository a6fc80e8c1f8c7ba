"""A loopback Test Observer, seen from the tests and the demo: what is queued, and what happens to it meanwhile.

Its answers are those of canonical/test_observer (backend of July 2026); what its OpenAPI document leaves open
(order, permissions, status codes) was measured on the real backend.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from test_executions_rerunner.demo.test_observer.api import (
    BULK,
    CHANGE,
    CHANGE_TEST,
    INT32_MAX,
    VIEW,
    VIEW_TEST,
    TestObserverApi,
)
from test_executions_rerunner.demo.test_observer.queue import FIELDS, Execution, ExecutionGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class TestObserverServer(TestObserverApi):
    """A stateful Test Observer.

    Attributes:
        api_keys: The permissions of each API key; by default ``to_demo`` may see and change reruns, no more.
        open_permissions: Permissions that everybody has, key or not (``IGNORE_PERMISSIONS`` of a deployment).
        row_seconds: What each returned request costs (the real one: 0.007 s).
        fails_beside_deletes: Whether a GET is answered 500 where a request of its window leaves the queue while it
            is read; the real one does it now and then (5 of 27, measured).
        rows_read: How many entries all GETs of the queue were answered with, together.
        deleted: The ids of the requests that DELETEs removed, as they were shown, in their order.
    """

    def __init__(
        self,
        api_keys: Mapping[str, Iterable[str]] | None = None,
        open_permissions: Iterable[str] = (),
        *,
        requires_key: bool = True,
    ) -> None:
        super().__init__()
        self.api_keys = {
            key: set(permissions) for key, permissions in (api_keys or {"to_demo": (VIEW, CHANGE)}).items()
        }
        everything = {VIEW, CHANGE, BULK, VIEW_TEST, CHANGE_TEST}
        self.open_permissions = set(open_permissions) if requires_key else everything
        self._named: dict[str, ExecutionGroup] = {}
        self._serial = 0

    def add(
        self,
        ci_link: object,
        *,
        test_execution_id: object = None,
        created_at: object = None,
        group: str | None = None,
        without: Iterable[str] = (),
        **fields: object,
    ) -> int:
        """Queue a request for a new test execution.

        Args:
            ci_link: The link of the execution.
            test_execution_id: Its id; by default the next free one.
            created_at: When it was asked for: true seconds since 1970, or any other value as it is shown; by
                default an hour ago. A group that is queued keeps its time.
            group: The name of its group: executions of one test plan, artefact build and environment, of which the
                newest one shows and at most one request is queued; by default a group of its own.
            without: Names of top-level fields to leave out.
            **fields: What a new group is: ``family``, ``priority``, ``archived``, ``artefact_status``,
                ``artefact_name``, ``test_plan``, ``environment``, ``environment_architecture``,
                ``build_architecture``; ``status`` is that of the execution; any other replaces a top-level value of
                the entry.

        Returns:
            The id.
        """
        with self.lock:
            self._serial += 1
            shown = self._serial if test_execution_id is None else test_execution_id
            created = time.time() - 3600 if created_at is None else created_at
            row = self._named.get(group) if group is not None else None
            execution = Execution(shown, ci_link, status=fields.pop("status", "IN_PROGRESS"))
            if row is not None:
                row.executions.append(execution)
                self._ask(row, created)
            else:
                own = {name: fields.pop(name, default) for name, default in FIELDS.items()}
                row = ExecutionGroup(self._serial, [execution], 0.0, own, fields, tuple(without))
                self._queue(row, created)
                if group is not None:
                    self._named[group] = row
            if isinstance(shown, int):
                self._groups[shown] = row
                self._serial = max(self._serial, shown if abs(shown) < INT32_MAX else 0)
            return shown if isinstance(shown, int) else self._serial

    def add_raw(self, value: object) -> None:
        """Put any JSON value among the queue's entries, at the place of a request of an hour ago."""
        with self.lock:
            self._serial += 1
            shown = value.get("test_execution_id") if isinstance(value, dict) else None
            self._queue(ExecutionGroup(self._serial, [Execution(shown)], raw=value, is_raw=True), time.time() - 3600)

    def start_test(self, test_execution_id: int, ci_link: str | None) -> int:
        """Let a run report in, as ``start-test`` does: the request of its group leaves the queue.

        Args:
            test_execution_id: Any execution of the group.
            ci_link: The link of the run.

        Returns:
            The id of the execution with this link: a new one, the group's newest, where there was none.
        """
        with self.lock:
            group = self._groups[test_execution_id]
            self._rows = [row for row in self._rows if row is not group]
            for execution in group.executions:
                if ci_link is not None and execution.ci_link == ci_link and isinstance(execution.id, int):
                    return execution.id
            self._serial += 1
            group.executions.append(Execution(self._serial, ci_link, time.time()))
            self._groups[self._serial] = group
            return self._serial

    def set_link(self, test_execution_id: int, ci_link: str | None) -> None:
        """Give a test execution another link, as PATCH does: its request shows it, and stays as it is otherwise."""
        with self.lock:
            group = self._groups[test_execution_id]
            group.newest.ci_link = ci_link
            group.changed()

    def ask_again(self, test_execution_id: int, created_at: object = None) -> None:
        """Let somebody ask for the execution's group, as a POST does: nothing changes where it is queued.

        Args:
            test_execution_id: Any execution of the group.
            created_at: When, as ``add`` takes it; by default now.
        """
        with self.lock:
            self._ask(self._groups[test_execution_id], time.time() if created_at is None else created_at)

    def links(self, test_execution_id: int) -> list[dict[str, object]]:
        """Return the relevant links of an execution: ``id``, ``label`` and ``url`` of each."""
        with self.lock:
            return [dict(link) for link in self._find(test_execution_id).links]

    def events(self, test_execution_id: int) -> list[dict[str, object]]:
        """Return the events of an execution: ``event_name``, ``timestamp`` and ``detail`` of each."""
        with self.lock:
            return [dict(event) for event in self._find(test_execution_id).events]

    @property
    def queue(self) -> list[object]:
        """The queue's entries, in order, as an unfiltered GET shows them."""
        with self.lock:
            return [row.value(self.clock_skew_seconds) for row in self._rows]

    def ids(self) -> list[object]:
        """Return the ids in the queue, in order."""
        with self.lock:
            return [row.newest.id for row in self._rows]
