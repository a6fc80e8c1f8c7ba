"""PyGithub, made to send each call once and to give back what the server really answered."""

from __future__ import annotations

import http.client
import io
import logging
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import github
import requests
import urllib3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from github.Requester import Requester
    from typing_extensions import Self

    from test_executions_rerunner.clocks import ServerClock
    from test_executions_rerunner.waiting import Waiting

API_VERSION = "2022-11-28"
_FOLLOWED_BY_PYGITHUB = {requests.codes.accepted, requests.codes.moved_permanently}
"""PyGithub repeats the call after these, whatever its retry setting: a 301 even as a POST."""

# importing github adds a handler of its own, which prints each refusal
logging.getLogger("github").handlers.clear()
logging.getLogger("github").setLevel(logging.WARNING)


class _Unfollowed(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        super().__init__(response.status)
        self.answer = _response(response.status, response.headers, response.data)


class _Once(urllib3.Retry):
    """Repeats nothing, and takes away from PyGithub the answers that it would repeat the call for."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:  # noqa: FBT001, FBT002 - as in the base class
        del method, has_retry_after
        return status_code in _FOLLOWED_BY_PYGITHUB

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: urllib3.connectionpool.ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Give the answer back; what is no answer fails as it would without retries."""
        if response is not None:
            raise _Unfollowed(response)
        return super().increment(method, url, response, error, _pool, _stacktrace)


class GithubClient:
    """The calls to one API.

    One PyGithub object serves one thread: threads that share one can send each other's calls, since its
    connection keeps the method and path of a call in attributes until it is sent.

    Args:
        url: The API, with its path.
        token: A token of any kind.
        waiting: Time-outs.
    """

    def __init__(self, url: str, token: str, waiting: Waiting) -> None:
        self._url, self._token, self._waiting = url, token, waiting
        self._of_thread = threading.local()

    @property
    def _requester(self) -> Requester:
        if not hasattr(self._of_thread, "requester"):
            self._of_thread.requester = github.Github(
                auth=github.Auth.Token(self._token),
                base_url=self._url,
                timeout=int(self._waiting.read_seconds) or 1,
                retry=_Once(0),
                pool_size=1,
                seconds_between_requests=None,
                seconds_between_writes=None,
                api_version=API_VERSION,
            ).requester
        requester: Requester = self._of_thread.requester
        return requester

    def send(self, method: str, path: str, clock: ServerClock) -> requests.Response:
        """Send one call, once.

        Args:
            method: GET or POST.
            path: Below the API, beginning with a slash.
            clock: Told the server's time.

        Returns:
            The answer, whatever its status.

        Raises:
            requests.exceptions.RequestException: No answer.
        """
        try:
            status, headers, text = self._requester.requestJson(method, path)
            response = _response(status, headers, text.encode())
        except _Unfollowed as unfollowed:
            response = unfollowed.answer
        clock.note(response.headers.get("Date"), self._waiting.clock())
        return response

    def read(self, path: str, clock: ServerClock) -> tuple[dict[str, Any], requests.Response]:
        """GET a JSON object; return it and the whole answer.

        Raises:
            requests.exceptions.HTTPError: Any other status than 200.
            requests.exceptions.RequestException: No answer, or no JSON object.
        """
        response = self.send("GET", path, clock)
        if response.status_code != requests.codes.ok:
            raise requests.exceptions.HTTPError(response=response)
        try:
            told = response.json()
        except (ValueError, RecursionError) as error:
            bad_shape("the answer is no JSON", error)
        if not isinstance(told, dict):
            bad_shape("the answer is no JSON object", None)
        return told, response


def bad_shape(what: str, cause: Exception | None) -> NoReturn:
    """Raise the error for an answer that cannot be read."""
    raise requests.exceptions.InvalidJSONError(f"200, but {what}") from cause


def _response(status: int, headers: Mapping[str, Any], body: bytes) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.reason = http.client.responses.get(status, "")
    response.headers.update({name: str(value) for name, value in headers.items()})
    response.raw = io.BytesIO(body)
    response.encoding = "utf-8"
    return response
