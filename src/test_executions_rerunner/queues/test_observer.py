"""Test Observer's queue of rerun requests: the only code that knows its REST shapes.

Source: ``/v1/test-executions/reruns`` in Test Observer's OpenAPI document, and the behaviour of its server where
the document is silent (order, permissions, the meaning of DELETE's body).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from test_executions_rerunner import defaults
from test_executions_rerunner.calls.answers import MOST_BYTES, Answer
from test_executions_rerunner.calls.calls import Calls
from test_executions_rerunner.calls.failures import CallError, explain
from test_executions_rerunner.calls.json_array import first_elements
from test_executions_rerunner.calls.memory import read_json
from test_executions_rerunner.calls.sending import NotInTimeError, Sending
from test_executions_rerunner.calls.sessions import BearerAuth, open_session
from test_executions_rerunner.calls.waiting import Waiting
from test_executions_rerunner.links import read_address
from test_executions_rerunner.models import Reading
from test_executions_rerunner.queues.base import MOST_CHECKED, RequestQueue
from test_executions_rerunner.queues.checks import observer_checks
from test_executions_rerunner.queues.errors import understood
from test_executions_rerunner.queues.exclusion import Exclusion
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from test_executions_rerunner.models import Check

_MOST_BYTES = 16 * MOST_BYTES  # of a queue, however many requests were asked for
_QUEUE_PATH = "/v1/test-executions/reruns"
_SECONDS_PER_REQUEST = 0.02
"""Added to the read time-out: the server needs about 7 ms for each request that it returns."""
_FIRST_WHOLE_WINDOW = 1000
_REFUSED_EVENT = "rerun_refused"
Kept = TypeVar("Kept")


class TestObserverInterface(RequestQueue):
    """The queue of one Test Observer.

    Args:
        test_observer_url: Where its API is, without ``/v1``.
        test_observer_api_key: Sent as ``Authorization: Bearer``; None sends none.
        family: Only requests of this family: snap, deb, charm, image or solution.
        environment: Only requests of this environment, by its exact name.
        environment_architecture: Only requests of environments of this architecture.
        build_architecture: Only requests of builds of this architecture.
        limit: Most requests that `get` returns; None: all.
        connections: Most connections open at a time.
        waiting: Time-outs, and the waits that a signal cuts short.

    Raises:
        SettingsError: An argument has a value that the setting of the same name does not allow.
    """

    __test__ = False

    def __init__(  # noqa: PLR0913 - one keyword for each setting of the queue
        self,
        *,
        test_observer_url: str = defaults.TEST_OBSERVER_URL,
        test_observer_api_key: str | None = None,
        family: str | None = None,
        environment: str | None = None,
        environment_architecture: str | None = None,
        build_architecture: str | None = None,
        limit: int | None = None,
        connections: int = defaults.CONCURRENCY,
        waiting: Waiting | None = None,
    ) -> None:
        self.url = self.source = str(read_address("test_observer_url", test_observer_url))
        self.family = family
        self.secrets = tuple(key for key in [test_observer_api_key] if key)
        filters = {
            "family": family,
            "environment": environment,
            "environment_architecture": environment_architecture,
            "build_architecture": build_architecture,
        }
        defaults.check_arguments(
            limit=limit, concurrency=connections, test_observer_api_key=test_observer_api_key, **filters
        )
        self._filters = {name: value for name, value in filters.items() if value is not None}
        self._limit = limit
        self._calls = Calls(waiting or Waiting(), explain, "Test Observer")
        self.waiting, self.clock = self._calls.waiting, self._calls.clock
        self._telling = Calls(Waiting(self.waiting.waits), explain)  # so that no DELETE waits for what people are told
        self._exclusion = Exclusion(lambda: self.waiting.is_interrupted)
        auth = BearerAuth(test_observer_api_key) if test_observer_api_key else None
        self._session = open_session(self.url, auth=auth, connections=connections + 1, waiting=self.waiting)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(test_observer_url={self.url!r})"

    def get(self) -> list[dict[str, Any]]:
        """Return the queue as the server gives it; the queue itself is left as it is.

        Returns:
            Requests in the server's order (priority, then age), each
            ``{"test_execution_id": int, "ci_link": str | None, "family": str, …}``; maybe none.

        Raises:
            TestObserverError: No answer in time, a status other than 200, or another shape.

        Source: GET /v1/test-executions/reruns.
        """
        limit = self._limit or _FIRST_WHOLE_WINDOW
        found, _ = self._read(limit, lambda raw: raw, self._filters)
        while self._limit is None and len(found) >= limit:
            limit *= 4
            found, _ = self._read(limit, lambda raw: raw, self._filters)
        return found

    def window(self, limit: int, family: str | None = None) -> Reading:
        """Read the first requests of the queue; see `RequestQueue.window`."""
        filters = {**self._filters, "family": family} if family else self._filters
        return self._reading(self._read(limit, RerunRequest.read, filters), limit)

    def part(self, request: RerunRequest, limit: int) -> Reading:
        """Read once a part of the queue, beside no DELETE of ours of that part; see `RequestQueue.part`."""
        with self._exclusion.reading(request.part):
            read = partial(self._send_get, {**self._filters, **request.filters}, limit, RerunRequest.read)
            return self._reading(self._call_once("reading a part of the queue", read), limit)

    def _reading(self, read: tuple[list[RerunRequest], float], limit: int) -> Reading:
        return Reading(*read, is_whole=len(read[0]) < limit, answered_at=self.waiting.clock())

    def delete(self, test_execution_ids: Iterable[int]) -> None:
        """Remove requests, one call each: that needs the permission change_rerun, and no other.

        Args:
            test_execution_ids: Each from 1 to 2^31-1. One that is not queued any more is no error.

        Raises:
            TestObserverRefusedError: 401 or 403.
            TestObserverError: No answer in time, or one that is no success.

        Source: DELETE /v1/test-executions/reruns; its answer never says whether anything was removed.
        """
        for test_execution_id in test_execution_ids:
            self._delete([test_execution_id])

    def remove(self, request: RerunRequest, *, send_by: float) -> bool:
        """Remove whatever is queued for the group of a request; see `RequestQueue.remove`.

        Source: DELETE removes what is queued for the group of an id, whoever asked for it and when.
        """
        with self._exclusion.deleting(request.part), Sending.by(self.waiting.clock, send_by):
            try:
                self._call_once("deleting", partial(self._send_delete, [request.test_execution_id or 0]))
            except NotInTimeError:
                return False
        return True

    def checks(self, requests: list[RerunRequest], *, announce: bool) -> Iterator[Check]:
        """Try each permission of the key; see `RequestQueue.checks`."""
        return observer_checks(self, requests, MOST_CHECKED, announce=announce)

    def ask_whether_delete_is_allowed(self, *, bulk: bool = False) -> None:
        """Send a DELETE that removes nothing, and learn whether the key may delete.

        Args:
            bulk: Ask for two ids that no request has, which needs change_rerun_bulk too.

        Raises:
            TestObserverError: As for `delete`.
        """
        self._delete([-1, -2] if bulk else [])

    def add_link(self, request: RerunRequest, url: str) -> None:
        """Put a rerun's link on the test execution, where the requester sees it; once.

        Raises:
            TestObserverError: It could not be put there; a lost answer is not asked for again.

        Source: POST /v1/test-executions/{id}/links; it needs the permission change_test.
        """
        if url not in request.links:
            path = f"/v1/test-executions/{request.test_execution_id}/links"
            self._tell_once("adding a link", lambda: self._send("POST", path, json={"label": "Rerun", "url": url}))

    def add_event(self, request: RerunRequest, detail: str) -> None:
        """Add an event that says why there is no rerun, unless one says so already; see `add_link`.

        Source: GET and POST /v1/test-executions/{id}/status_update; POST appends, and needs change_test.
        """
        path = f"/v1/test-executions/{request.test_execution_id}/status_update"
        event = {"event_name": _REFUSED_EVENT, "detail": detail}

        def tell() -> None:
            told = self._json(self._send("GET", path))
            events = told if isinstance(told, list) else []
            if not any(isinstance(one, dict) and event.items() <= one.items() for one in events):
                timestamp = dt.datetime.fromtimestamp(self.clock.now(), dt.timezone.utc).isoformat()
                self._send("POST", path, json={"events": [{**event, "timestamp": timestamp}]})

        self._tell_once("adding an event", tell)

    def owner_of_key(self) -> dict[str, Any] | None:
        """Return ``{"name": str, "permissions": list[str]}`` of the key's application; None: unknown key.

        Raises:
            TestObserverError: As for `get`.

        Source: GET /v1/applications/me, which also returns the key; that is dropped here.
        """
        told = self._call("asking whose key it is", lambda: self._json(self._send("GET", "/v1/applications/me")))
        if not isinstance(told, dict):
            return None
        granted = told.get("permissions")
        return {"name": str(told.get("name")), "permissions": [*map(str, granted if isinstance(granted, list) else [])]}

    def _read(self, limit: int, keep: Callable[[Any], Kept], filters: Mapping[str, str]) -> tuple[list[Kept], float]:
        """Read the head of the queue; after a failure our own DELETEs are held back, which may have been its cause."""
        is_first = True

        def read() -> tuple[list[Kept], float]:
            nonlocal is_first
            with contextlib.nullcontext() if is_first else self._exclusion.reading():
                is_first = False
                return self._send_get(filters, limit, keep)

        return self._call("reading the queue", read)

    def _send_get(
        self, filters: Mapping[str, str], limit: int, keep: Callable[[Any], Kept]
    ) -> tuple[list[Kept], float]:
        """Return what was read, and the moment at which it was asked for."""
        most_bytes, read = MOST_BYTES * math.ceil(limit / 1000), partial(first_elements, most=limit, keep=keep)
        asked = {"params": {**filters, "limit": str(limit)}, "most_bytes": min(most_bytes, _MOST_BYTES)}
        response = self._send("GET", _QUEUE_PATH, limit * _SECONDS_PER_REQUEST, read=read, **asked)
        return read([response.content]) if response.told is None else response.told, response.sent_at

    def _delete(self, ids: list[int]) -> None:
        self._call("deleting", lambda: self._send_delete(ids))

    def _send_delete(self, ids: list[int]) -> None:
        place = f"{self.url}{_QUEUE_PATH}"
        told = f"DELETE {place} of request {ids[0]}" if ids and ids[0] > 0 else f"asking {place} about deleting"
        self._send("DELETE", _QUEUE_PATH, json={"test_execution_ids": ids}, told=told)

    @staticmethod
    def _json(response: requests.Response) -> object:
        try:
            return read_json(response.content or b"null")
        except (ValueError, RecursionError) as error:
            raise requests.exceptions.InvalidJSONError("the answer is no JSON") from error

    def _send(
        self,
        method: str,
        path: str,
        more_seconds: float = 0,
        **content: Any,  # noqa: ANN401 - as requests takes it
    ) -> Answer:
        waiting = self.waiting
        response = self._session.request(
            method,
            f"{self.url}{path}",
            timeout=(waiting.waits.connect_seconds, waiting.waits.read_seconds + more_seconds),
            **content,
        )
        self.clock.note(response.headers.get("Date"), response.sent_at, response.head_at)
        is_page = "html" in response.headers.get("Content-Type", "") or response.content[:1] == b"<"
        if not response.is_success or is_page:
            raise requests.exceptions.HTTPError(response=response)
        return response

    def _call(self, doing: str, call: Callable[[], Kept]) -> Kept:
        """Make a call that may be repeated."""
        try:
            return self._calls.repeated(call)
        except CallError as error:
            raise understood(error.failure, doing, self.url, self.secrets) from error

    def _call_once(self, doing: str, call: Callable[[], Kept]) -> Kept:
        """Make a call that is not repeated here."""
        try:
            return self._calls.once(call)
        except CallError as error:
            if isinstance(error.__cause__, NotInTimeError):
                raise error.__cause__ from error
            raise understood(error.failure, doing, self.url, self.secrets) from error

    def _tell_once(self, doing: str, call: Callable[[], object]) -> None:
        """Make a call that must not be repeated, since it adds something each time; now or not at all."""
        try:
            self._telling.at_once(call)
        except CallError as error:
            raise understood(error.failure, doing, self.url, self.secrets) from error
