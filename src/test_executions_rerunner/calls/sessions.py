"""HTTP sessions: each sends a credential to one origin only, sends each call once, and reads the whole answer."""

from __future__ import annotations

import logging
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any

import requests

from test_executions_rerunner.calls import memory
from test_executions_rerunner.calls.answers import MOST_BYTES, Answer, join, pieces_of, read_whole
from test_executions_rerunner.calls.connections import EndingAdapter
from test_executions_rerunner.calls.sending import Sending
from test_executions_rerunner.calls.straight import StraightSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests.auth import AuthBase

    from test_executions_rerunner.calls.waiting import Waiting

_log = logging.getLogger(__name__)


class Session(StraightSession):
    """Sends each call once, follows nothing, keeps no cookie, and reads the whole answer within its bounds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self.headers["Accept-Encoding"] = "gzip"  # what `answers` unpacks
        for name in ("Accept", "Connection"):  # they say what goes without saying, with each call
            del self.headers[name]

    def request(  # type: ignore[override] # of the parameters of requests, those that are needed
        self,
        method: str,
        url: str,
        *,
        timeout: tuple[float, float],
        most_bytes: int = MOST_BYTES,
        read: Callable[[Iterator[bytes]], object] | None = None,
        **parts: Any,  # noqa: ANN401 - as requests takes them
    ) -> Answer:
        """Send a request made of its parts; see `send`."""
        told = parts.pop("told", None)
        prepared = self.prepare_request(requests.Request(method, url, **parts))
        return self.send(prepared, timeout=timeout, most_bytes=most_bytes, read=read, told=told)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> Answer:  # noqa: ANN401 - as in the base class
        """Send a prepared request and return its answer, whatever its status.

        Args:
            request: The request.
            **kwargs: ``timeout`` for a connection and for reading, in seconds; ``most_bytes`` of the answer;
                ``read`` makes ``Answer.told`` of a JSON array while it comes; ``told`` is what a log calls it, if not
                by its method and URL. What else requests takes here is settled by the session.

        Raises:
            requests.exceptions.RequestException: No whole answer within the bounds.
        """
        started, ended = self._clock(), "no answer"
        try:
            answer = self._send(request, **kwargs)
            ended = str(answer.status_code)
            return answer
        finally:
            milliseconds = (self._clock() - started) * 1000
            told = kwargs.get("told") or f"{request.method} {request.url}"
            _log.debug("%s: %s after %.0f ms", told, ended, milliseconds)

    def _send(self, request: requests.PreparedRequest, **kwargs: Any) -> Answer:  # noqa: ANN401 - of `send`
        memory.give_back()
        with Sending(self._clock) as sending:
            received = super().send(
                request,
                stream=True,
                timeout=kwargs["timeout"],
                allow_redirects=False,
                verify=self.verify,
                cert=self.cert,
                proxies=self.proxies,
            )
        answer = Answer(received, sending.sent_at, self._clock())
        if received.raw is not None:
            _read_body(answer, kwargs.get("most_bytes", MOST_BYTES), kwargs.get("read"))
        return answer


def _read_body(answer: Answer, most_bytes: int, read: Callable[[Iterator[bytes]], object] | None) -> None:
    """Read what follows a head: as one, or what is a JSON array piece by piece."""
    if read is None or not answer.is_success:
        answer.body = read_whole(answer, min(most_bytes, MOST_BYTES))
        return
    with closing(pieces_of(answer, most_bytes)) as pieces:
        first = next(pieces, b"")
        if first.lstrip()[:1] == b"[":
            answer.body, answer.told = b"", read(chain([first], pieces))
        else:
            answer.body = join(chain([first], pieces), MOST_BYTES)


class BearerAuth(requests.auth.AuthBase):
    """An ``Authorization`` header that no ``.netrc`` entry replaces."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put it on a request."""
        request.headers["Authorization"] = self._header
        return request


def open_session(url: str, *, auth: AuthBase | None, connections: int, waiting: Waiting) -> Session:
    """Open a session of kept-alive connections for one server.

    Proxies and CA bundles are taken from the environment once, as requests does for each call; after that the
    environment has no say, so that no ``.netrc`` entry replaces the credential. Nothing is ever sent twice.

    Args:
        url: The server.
        auth: Its credential; None sends none.
        connections: Most connections open at a time.
        waiting: The clock, and how much longer than its read time-out a whole answer may take.
    """
    session = Session(waiting.clock)
    environment: Any = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.cert = (environment[key] for key in ("proxies", "verify", "cert"))
    session.trust_env = False
    session.auth = auth
    for scheme in ("http://", "https://"):
        more_seconds, bundle = waiting.waits.whole_seconds, environment["verify"]
        session.mount(scheme, EndingAdapter(connections=connections, more_seconds=more_seconds, bundle=bundle))
    return session
