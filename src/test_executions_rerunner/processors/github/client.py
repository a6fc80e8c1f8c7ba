"""PyGithub, made to send each call once and to give back what the server really answered."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import github
import requests

from test_executions_rerunner.calls.answers import Answered
from test_executions_rerunner.calls.sessions import open_session
from test_executions_rerunner.processors.shapes import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github.Requester import Requester

    from test_executions_rerunner.calls.answers import Answer
    from test_executions_rerunner.calls.clocks import ServerClock
    from test_executions_rerunner.calls.sessions import Session
    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.processors.github.shapes import JsonObject

_HEADERS = {"X-GitHub-Api-Version": "2022-11-28"}
_PORTS = {"http": 80, "https": 443}
_MOST_CONNECTIONS = 64
"""As many as a drain may have threads."""

# importing github adds a handler, which prints each refusal
logging.getLogger("github").handlers.clear()
logging.getLogger("github").setLevel(logging.WARNING)


class _Connection:
    """What PyGithub takes for a connection: one call through our session.

    The answer is taken out of PyGithub, which would repeat the call after a 202, follow a 301 even with a POST, and
    fail if a rate limit is not a number.
    """

    host = ""

    def __init__(self, session: Session, origin: str, timeout: tuple[float, float]) -> None:
        self._session, self._origin, self._timeout = session, origin, timeout
        self._request = requests.Request()

    def request(self, verb: str, url: str, _: object, headers: Mapping[str, str], stream: bool = False) -> None:  # noqa: FBT001, FBT002 - as PyGithub calls it
        """Note what is to be sent."""
        del stream
        self._request = requests.Request(verb, f"{self._origin}{url}", headers=headers)

    def getresponse(self) -> NoReturn:
        """Send it."""
        raise Answered(self._session.send(self._session.prepare_request(self._request), timeout=self._timeout))


class _Bearer(github.Auth.Token):
    """A token in the scheme that GitHub documents for all kinds, and alone for those that are JWTs, as Apps' are."""

    @property
    def token_type(self) -> str:
        """The word before the token."""
        return "Bearer"


class _OfThread(threading.local):
    """PyGithub's part in a call; each thread has its own, which notes the times of its calls in a plain dict."""

    def __init__(self, url: str, token: str) -> None:
        self.requester: Requester = github.Github(
            auth=_Bearer(token),
            base_url=url,
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester


class GithubClient:
    """The calls to one API.

    Args:
        url: The API, with its path.
        token: A token of any kind.
        waiting: Time-outs.
    """

    def __init__(self, url: str, token: str, waiting: Waiting) -> None:
        self._session = open_session(url, auth=None, connections=_MOST_CONNECTIONS, waiting=waiting)
        parts = urlsplit(url)
        port = "" if parts.port else f":{_PORTS[parts.scheme]}"  # which PyGithub always names
        self._origin = f"{parts.scheme}://{parts.netloc}{port}"
        self._timeout = (waiting.waits.connect_seconds, waiting.waits.read_seconds)
        self._of_thread = _OfThread(url, token)

    def send(self, method: str, path: str, clock: ServerClock) -> Answer:
        """Send one call, once.

        Args:
            method: GET or POST.
            path: The path below the API, beginning with a slash.
            clock: Told the server's time.

        Returns:
            The answer, whatever its status.

        Raises:
            requests.exceptions.RequestException: There was no answer.
        """
        connection = _Connection(self._session, self._origin, self._timeout)
        try:
            self._of_thread.requester.requestJson(method, path, headers=dict(_HEADERS), cnx=connection)  # type: ignore[arg-type] # its part of one
        except Answered as answered:
            answer = answered.answer
        clock.note(answer.headers.get("Date"), answer.sent_at, answer.head_at)
        return answer

    def read(self, path: str, clock: ServerClock) -> tuple[JsonObject, requests.Response]:
        """GET a JSON object; return it and the whole answer.

        Raises:
            requests.exceptions.HTTPError: The status is not 200.
            requests.exceptions.RequestException: There was no answer, or it is not a JSON object.
        """
        response = self.send("GET", path, clock)
        return read_object(response), response
