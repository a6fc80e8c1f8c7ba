"""python-jenkins, made to send each call once, to one origin, and to give back what the server really answered."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import jenkins
import requests
from requests.auth import HTTPBasicAuth

from test_executions_rerunner.calls.answers import Answered
from test_executions_rerunner.calls.sessions import open_session
from test_executions_rerunner.processors.shapes import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.calls.answers import Answer
    from test_executions_rerunner.calls.clocks import ServerClock
    from test_executions_rerunner.calls.sessions import Session
    from test_executions_rerunner.calls.waiting import Waiting

_LANGUAGE = {"Accept-Language": "en"}
"""Jenkins words its reasons in the caller's language."""
_quiet_lock = threading.Lock()


class _Server(jenkins.Jenkins):  # type: ignore[misc] # python-jenkins ships no types
    """A controller whose calls go through our session, which follows no redirect: requests would turn POST into GET."""

    def __init__(self, url: str, session: Session, timeout: tuple[float, float]) -> None:
        _check_library()
        with _quiet_lock:
            # python-jenkins logs the values of JENKINS_API_EXTRA_HEADERS, which may be secrets
            logging.getLogger().addFilter(_is_not_about_headers)
            try:
                super().__init__(url, timeout=timeout)
            finally:
                logging.getLogger().removeFilter(_is_not_about_headers)
        for name in self._session.headers.keys() - requests.utils.default_headers().keys():
            session.headers.setdefault(name, self._session.headers[name])
        self._session: Session = session

    def _request(self, req: requests.Request, stream: bool | None = None) -> NoReturn:  # noqa: FBT001 - as in the base class
        """Send a call and take its answer out of python-jenkins, which would hide it behind an error of its own."""
        del stream
        prepared = self._session.prepare_request(req)
        raise Answered(self._session.send(prepared, timeout=self.timeout))


def _check_library() -> None:
    """Refuse a python-jenkins that does not send its calls through `_Server._request`: it follows redirects.

    Raises:
        RuntimeError: This version does not.
    """
    code = getattr(getattr(jenkins.Jenkins, "jenkins_request", None), "__code__", None)
    if not hasattr(jenkins.Jenkins, "_request") or "_request" not in getattr(code, "co_names", ()):
        raise RuntimeError(
            f"this version of python-jenkins ({getattr(jenkins, '__version__', 'unknown')}) sends its calls by a way "
            "that this program does not know: install one that its requirements allow"
        )


def _is_not_about_headers(record: logging.LogRecord) -> bool:
    return "JENKINS_API_EXTRA_HEADERS" not in str(record.msg)


class JenkinsClient:
    """The calls to one controller.

    Args:
        url: The controller, with its context path.
        user: Whose API token it is.
        token: The API token: with one, no crumb is needed.
        connections: Most connections open at a time.
        waiting: Time-outs.
    """

    def __init__(self, url: str, user: str, token: str, connections: int, waiting: Waiting) -> None:
        auth = HTTPBasicAuth(user.encode(), token.encode())
        session = open_session(url, auth=auth, connections=connections, waiting=waiting)
        self._server = _Server(url, session, (waiting.waits.connect_seconds, waiting.waits.read_seconds))

    def send(self, method: str, url: str, clock: ServerClock, data: Mapping[str, str] | None = None) -> Answer:
        """Send one call, once.

        Args:
            method: GET or POST.
            url: Below the controller's URL.
            clock: Told the server's time.
            data: Sent as a form.

        Returns:
            The answer, whatever its status.

        Raises:
            requests.exceptions.RequestException: No answer.
        """
        request = requests.Request(method, url, data=data, headers=dict(_LANGUAGE))
        try:
            self._server.jenkins_request(request, add_crumb=False, resolve_auth=False)
        except Answered as answered:
            answer = answered.answer
        except jenkins.JenkinsException as error:
            # python-jenkins hides that there was no answer in the context of its own exception
            hidden = error.__context__
            raise (hidden if isinstance(hidden, requests.exceptions.RequestException) else error) from error
        clock.note(answer.headers.get("Date"), answer.sent_at, answer.head_at)
        return answer

    def read(self, url: str, clock: ServerClock) -> dict[str, Any]:
        """GET a JSON object.

        Raises:
            requests.exceptions.HTTPError: Any other status than 200.
            requests.exceptions.RequestException: No answer, or no JSON object.
        """
        return read_object(self.send("GET", url, clock), " (a login page?)")
