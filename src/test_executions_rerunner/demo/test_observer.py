"""A loopback Test Observer: the queue of rerun requests behind its REST interface.

Its answers are those of canonical/test_observer (backend of July 2026); what its OpenAPI document leaves open
(order, permissions, status codes) was measured on the real backend.
"""

from __future__ import annotations

import re
import time
from bisect import insort
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar

from test_executions_rerunner.demo.request_bodies import (
    Body,
    BodyError,
    family_error,
    limit_error,
    read_body,
)
from test_executions_rerunner.demo.requests_queue import FAMILIES, QueuedRequest
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VIEW, CHANGE, BULK = "view_rerun", "change_rerun", "change_rerun_bulk"
_RERUNS = "/v1/test-executions/reruns"
_INT32_MAX, _INT64_MAX = 2**31 - 1, 2**63 - 1
_FILTERS = ("family", "environment", "environment_architecture", "build_architecture")
_ORDER = attrgetter("order")
_DEFAULTS: dict[str, object] = {
    "family": "snap",
    "priority": 0,
    "environment": "rpi4",
    "environment_architecture": "arm64",
    "build_architecture": "arm64",
}


class TestObserverServer(LoopbackServer):
    """A stateful Test Observer.

    Attributes:
        api_keys: The permissions of each API key.
        open_permissions: Permissions that everybody has, key or not (``IGNORE_PERMISSIONS`` of a deployment).
        row_seconds: What each returned request costs (the real one: 0.007 s).
        deleted: The ids of the deletes that removed something, in their order.
    """

    __test__: ClassVar[bool] = False  # no test class, whatever its name begins with
    server_name = "uvicorn"
    closes_after_500 = True  # uvicorn ends the connection after an unhandled exception, unannounced

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
        self.open_permissions = set(open_permissions) if requires_key else {VIEW, CHANGE, BULK}
        self.row_seconds = 0.0
        self.deleted: list[int] = []
        self._rows: list[QueuedRequest] = []  # always in the queue's order
        self._executions: dict[int, QueuedRequest] = {}
        self._serial = 0

    def add(
        self,
        ci_link: object,
        *,
        test_execution_id: object = None,
        created_at: object = None,
        without: Iterable[str] = (),
        **fields: object,
    ) -> int:
        """Queue a request.

        Args:
            ci_link: The link of the newest test execution.
            test_execution_id: Its id; by default the next free one.
            created_at: When it was asked for: true seconds since 1970, or any other value as it is shown; by
                default an hour ago.
            without: Names of top-level fields to leave out.
            **fields: ``family``, ``priority``, ``environment``, ``environment_architecture``,
                ``build_architecture``; any other replaces a top-level value of the entry.

        Returns:
            The id.
        """
        with self.lock:
            self._serial += 1
            shown = self._serial if test_execution_id is None else test_execution_id
            row = QueuedRequest(
                self._serial,
                shown,
                ci_link,
                time.time() - 3600 if created_at is None else created_at,
                {name: fields.pop(name, default) for name, default in _DEFAULTS.items()},
                fields,
                tuple(without),
            )
            insort(self._rows, row, key=_ORDER)
            if isinstance(shown, int):
                self._executions[shown] = row
                self._serial = max(self._serial, shown if abs(shown) < _INT32_MAX else 0)
            return shown if isinstance(shown, int) else self._serial

    def add_raw(self, value: object) -> None:
        """Put any JSON value among the queue's entries, at the place of a request of an hour ago."""
        with self.lock:
            self._serial += 1
            shown = value.get("test_execution_id") if isinstance(value, dict) else None
            row = QueuedRequest(self._serial, shown, created_at=time.time() - 3600, raw=value, is_raw=True)
            insort(self._rows, row, key=_ORDER)

    def drop(self, test_execution_id: int) -> None:
        """Remove a request as ``start-test`` of a new execution of its group does."""
        with self.lock:
            self._rows = [row for row in self._rows if row.test_execution_id != test_execution_id]

    @property
    def queue(self) -> list[object]:
        """The queue's entries, in order, as an unfiltered GET shows them."""
        with self.lock:
            return [row.value(self.clock_skew_seconds) for row in self._rows]

    def ids(self) -> list[object]:
        """Return the ids in the queue, in order."""
        with self.lock:
            return [row.test_execution_id for row in self._rows]

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer as Test Observer does."""
        if request.path == "/v1/applications/me" and request.method == "GET":
            return self._application(request)
        if request.path != _RERUNS:  # also with a slash at the end: there is no redirect
            return json_answer({"detail": "Not Found"}, 404)
        if request.method == "GET":
            return self._get(request)
        if request.method in ("POST", "DELETE"):
            return self._change(request)
        # Starlette names the methods of the first route of this path only.
        return json_answer({"detail": "Method Not Allowed"}, 405, {"allow": "POST"})

    def _change(self, request: RecordedRequest) -> Answer:
        try:
            body = read_body(request)  # a wrong body comes before a missing permission
        except BodyError as error:
            return error.answer
        needed = {CHANGE, BULK} if len(body.ids) > 1 or body.filters is not None else {CHANGE}
        if not needed <= self._permissions(request):
            return _forbidden()
        if any(abs(each) > _INT32_MAX for each in body.ids):
            return _internal_error()  # the database's integer has 32 bits
        return self._post(request, body) if request.method == "POST" else self._delete(body)

    def _key(self, request: RecordedRequest) -> str:
        """Return the API key sent; any other scheme than exactly ``Bearer`` is anonymous."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme == "Bearer" else ""

    def _permissions(self, request: RecordedRequest) -> set[str]:
        return self.open_permissions | self.api_keys.get(self._key(request), set())

    def _application(self, request: RecordedRequest) -> Answer:
        key = self._key(request)
        if key not in self.api_keys:
            return json_answer(None)  # an unknown key is nobody, not an error
        permissions = sorted(self.api_keys[key])
        # The key itself is part of the answer, in clear.
        return json_answer({"id": 1, "name": "rerunner", "permissions": permissions, "api_key": key})

    def _get(self, request: RecordedRequest) -> Answer:
        if VIEW not in self._permissions(request):
            return _forbidden()  # before any complaint about parameters
        parameters = request.parameters
        family, limit = parameters.get("family"), parameters.get("limit")
        if family is not None and family not in FAMILIES:
            return family_error(family)
        if limit is not None and not re.fullmatch(r"\s*[+-]?\d+\s*", limit):
            return limit_error(limit)
        if limit is not None and not 0 <= int(limit) <= _INT64_MAX:
            return _internal_error()  # PostgreSQL takes no such LIMIT
        rows = self._rows
        for name in _FILTERS:
            if name in parameters:
                rows = [row for row in rows if row.is_raw or row.fields[name] == parameters[name]]
        if limit is not None:
            rows = rows[: int(limit)]
        body = b",".join(row.encoded(self.clock_skew_seconds) for row in rows)
        seconds = len(rows) * self.row_seconds
        return Answer(200, b"[" + body + b"]", "application/json", seconds=seconds)

    def _post(self, request: RecordedRequest, body: Body) -> Answer:
        silent = request.parameters.get("silent", "").lower() in ("true", "1", "yes", "on")
        if body.filters is not None and not silent:
            detail = "Creating rerun requests from filters must be done silently"
            return json_answer({"detail": detail}, 422)
        found = [self._executions[each] for each in body.ids if each in self._executions]
        for row in found:
            if body.priority is not None:
                row.with_priority(body.priority)
                self._rows.sort(key=_ORDER)
            if row not in self._rows:  # one that is queued keeps its age and its place
                row.requeue(time.time())
                insort(self._rows, row, key=_ORDER)
        if silent:
            return json_answer(None)
        if not found:
            return json_answer({"detail": "Didn't find test executions with provided ids"}, 404)
        rows = [row.value(self.clock_skew_seconds) for row in found]
        return json_answer(rows, 207 if len(found) < len(body.ids) else 200)

    def _delete(self, body: Body) -> Answer:
        for row in [row for row in self._rows if body.removes(row)]:
            self._rows.remove(row)
            if isinstance(row.test_execution_id, int):
                self.deleted.append(row.test_execution_id)
        return json_answer(None)  # never tells whether anything was removed


def _forbidden() -> Answer:
    return json_answer({"detail": "Insufficient permissions"}, 403)


def _internal_error() -> Answer:
    return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
