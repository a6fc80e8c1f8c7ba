"""The REST interface of the loopback Test Observer: the queue, links and events of executions, permissions."""

from __future__ import annotations

import re
import time
from bisect import insort
from operator import attrgetter
from typing import ClassVar

from test_executions_rerunner.demo.request_bodies import (
    Body,
    BodyError,
    family_error,
    limit_error,
    read_body,
    read_events,
    read_id,
    read_link,
)
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.test_observer.queue import FAMILIES, Execution, ExecutionGroup
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

VIEW, CHANGE, BULK = "view_rerun", "change_rerun", "change_rerun_bulk"
VIEW_TEST, CHANGE_TEST = "view_test", "change_test"
INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1
_RERUNS = "/v1/test-executions/reruns"
_EXECUTION = re.compile(r"/v1/test-executions/([^/]+)/(links|status_update)")
_FILTERS = ("family", "environment", "environment_architecture", "build_architecture")
_ORDER = attrgetter("order")


class TestObserverApi(LoopbackServer):
    """What Test Observer answers; see ``TestObserverServer`` for the attributes."""

    __test__: ClassVar[bool] = False  # no test class, whatever its name begins with
    server_name = "uvicorn"
    closes_after_500 = True  # uvicorn ends the connection after an unhandled exception, unannounced

    def __init__(self) -> None:
        super().__init__()
        self.api_keys: dict[str, set[str]] = {}
        self.open_permissions: set[str] = set()
        self.row_seconds = 0.0
        self.fails_beside_deletes = False
        self.rows_read = 0
        self.deleted: list[int] = []
        self._rows: list[ExecutionGroup] = []  # the groups that have a request, always in the queue's order
        self._groups: dict[int, ExecutionGroup] = {}  # of each execution
        self._windows: dict[RecordedRequest, list[ExecutionGroup]] = {}  # what each GET in progress reads
        self._last_link_id = 0

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer as Test Observer does."""
        try:
            return self._route(request)
        except BodyError as error:
            return error.answer

    def last_word(self, request: RecordedRequest, answer: Answer) -> Answer:
        """Return a 500 in place of a window of which a row has gone in the meantime, where that is asked for."""
        window = self._windows.pop(request, [])
        if self.fails_beside_deletes and not set(self._rows).issuperset(window):
            return _internal_error()
        return answer

    def _route(self, request: RecordedRequest) -> Answer:
        if request.path == "/v1/applications/me" and request.method == "GET":
            return self._application(request)
        if found := _EXECUTION.fullmatch(request.path):
            return self._execution(request, found[1], found[2])
        if request.path != _RERUNS:  # also with a slash at the end: there is no redirect
            return json_answer({"detail": "Not Found"}, 404)
        if request.method == "GET":
            return self._get(request)
        if request.method in ("POST", "DELETE"):
            return self._change(request)
        return _not_allowed("POST")

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
            raise family_error(family)
        if limit is not None and not re.fullmatch(r"\s*[+-]?\d+\s*", limit):
            raise limit_error(limit)
        if limit is not None and not 0 <= int(limit) <= _INT64_MAX:
            return _internal_error()  # PostgreSQL takes no such LIMIT
        rows = self._rows
        for name in _FILTERS:
            if name in parameters:
                rows = [row for row in rows if row.is_raw or row.fields[name] == parameters[name]]
        rows = rows[: None if limit is None else int(limit)]
        self.rows_read += len(rows)
        self._windows[request] = rows
        body = b",".join(row.encoded(self.clock_skew_seconds) for row in rows)
        return Answer(200, b"[" + body + b"]", "application/json", seconds=len(rows) * self.row_seconds)

    def _change(self, request: RecordedRequest) -> Answer:
        body = read_body(request)  # a wrong body comes before a missing permission
        needed = {CHANGE, BULK} if len(body.ids) > 1 or body.filters is not None else {CHANGE}
        if not needed <= self._permissions(request):
            return _forbidden()
        if any(abs(each) > INT32_MAX for each in body.ids):
            return _internal_error()  # the database's integer has 32 bits
        return self._post(request, body) if request.method == "POST" else self._delete(body)

    def _post(self, request: RecordedRequest, body: Body) -> Answer:
        silent = request.parameters.get("silent", "").lower() in ("true", "1", "yes", "on")
        if body.filters is not None and not silent:
            detail = "Creating rerun requests from filters must be done silently"
            return json_answer({"detail": detail}, 422)
        found = [self._groups[each] for each in body.ids if each in self._groups]
        now = time.time()
        for group in found:
            self._ask(group, now, body.priority)
        if silent:
            return json_answer(None)
        if not found:
            return json_answer({"detail": "Didn't find test executions with provided ids"}, 404)
        rows = [group.value(self.clock_skew_seconds) for group in found]
        return json_answer(rows, 207 if len(found) < len(body.ids) else 200)

    def _ask(self, group: ExecutionGroup, created_at: object, priority: object = None) -> None:
        """Let a group be asked for; a request that is queued keeps its age, and without a new priority its place."""
        is_queued = group in self._rows
        if is_queued:
            self._rows.remove(group)
        if priority is not None:
            group.fields["priority"] = priority
        self._queue(group, group.created_at if is_queued else created_at)

    def _queue(self, group: ExecutionGroup, created_at: object) -> None:
        group.created_at = created_at
        group.changed()
        insort(self._rows, group, key=_ORDER)

    def _delete(self, body: Body) -> Answer:
        for row in [row for row in self._rows if body.removes(row)]:
            self._rows.remove(row)
            if isinstance(row.newest.id, int):
                self.deleted.append(row.newest.id)
        return json_answer(None)  # never tells whether anything was removed

    def _execution(self, request: RecordedRequest, number: str, what: str) -> Answer:
        """Answer a call about one execution: a permission comes before the path and the body, these before a 404."""
        methods = ("POST",) if what == "links" else ("PUT", "GET", "POST")
        if request.method not in methods:
            return _not_allowed(methods[0])
        needed = VIEW_TEST if request.method == "GET" else CHANGE_TEST
        if needed not in self._permissions(request):
            return _forbidden()
        execution_id = read_id(number)
        if abs(execution_id) > INT32_MAX:
            return _internal_error()
        if what == "links":
            return self._add_link(execution_id, read_link(request))
        return self._events(request.method, execution_id, [] if request.method == "GET" else read_events(request))

    def _add_link(self, execution_id: int, link: dict[str, object]) -> Answer:
        if execution_id not in self._groups:
            return _no_execution()
        self._last_link_id += 1
        link["id"] = self._last_link_id
        self._find(execution_id).links.append(link)
        self._groups[execution_id].changed()
        return json_answer(link)

    # Not in the OpenAPI excerpt: as the backend's own tests use it (canonical/test_observer,
    # backend/tests/controllers/test_executions/test_status_update.py).
    def _events(self, method: str, execution_id: int, told: list[dict[str, object]]) -> Answer:
        if execution_id not in self._groups:
            return _no_execution()
        events = self._find(execution_id).events
        if method == "GET":
            return json_answer(events)
        if method == "PUT":
            events.clear()  # what others told is gone
        events += told
        return json_answer(None)

    def _find(self, execution_id: int) -> Execution:
        return next(each for each in self._groups[execution_id].executions if each.id == execution_id)


def _forbidden() -> Answer:
    return json_answer({"detail": "Insufficient permissions"}, 403)


def _not_allowed(method: str) -> Answer:
    """Return the refusal of a method; Starlette names those of the first route of the path only."""
    return json_answer({"detail": "Method Not Allowed"}, 405, {"allow": method})


def _no_execution() -> Answer:
    return json_answer({"detail": "TestExecution not found"}, 404)


def _internal_error() -> Answer:
    return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
