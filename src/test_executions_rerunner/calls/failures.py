"""What a failure is: whatever a client raised becomes one of a few kinds; what follows stands in `drain.policy`."""

from __future__ import annotations

import ssl
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from test_executions_rerunner.calls.error_pages import server_words
from test_executions_rerunner.calls.headers import retry_after_seconds
from test_executions_rerunner.calls.sending import NotInTimeError
from test_executions_rerunner.errors import RequestProcessingError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNTRUSTED = (ssl.SSLCertVerificationError, CertificateError)
SECONDS_WITHOUT_RETRY_AFTER = 60.0
"""GitHub asks for a minute at least where it announces no time."""


class Kind(Enum):
    """The kinds of failure of one call."""

    NOT_SENT = auto()
    """No connection: the server has certainly not seen the call."""
    STALE = auto()
    """Not sent: what it rests on had grown too old when its connection stood."""
    BUSY = auto()
    """A rate limit, or 429 or 503 with Retry-After: certainly not processed, later it may be."""
    STARTING = auto()
    """503 without Retry-After: Jenkins starts or restarts."""
    BROKEN = auto()
    """Reset, time-out, 500, 502, 504, garbage: it may have been processed."""
    UNAUTHORIZED = auto()
    """401: the credential is refused for everything."""
    FORBIDDEN = auto()
    """403: the credential is refused for this, at least."""
    RUNNING = auto()
    """GitHub: the run is already running; somebody may have been faster."""
    DISABLED = auto()
    """The job takes no builds for now."""
    NEVER = auto()
    """This target can never be started again."""
    CLOCKS = auto()
    """What came back cannot be compared with the request: a clock is not to be believed."""
    REJECTED = auto()
    """Any other answer that is no acceptance."""


_PASSING = frozenset({Kind.NOT_SENT, Kind.STARTING, Kind.BROKEN})
_PROXY = "the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
_PROXY_ADVICE = "check these variables; NO_PROXY names the hosts that need no proxy"
_WRONG_PROXY = (requests.exceptions.InvalidProxyURL, urllib3.exceptions.ProxySchemeUnknown)
"""Nothing has been sent then."""


class Failure(NamedTuple):
    """One failed call, understood."""

    kind: Kind
    reason: str
    """What came back, in the server's words; harmless text."""
    wait_seconds: float | None = None
    """How long the server asks to wait (`Kind.BUSY` only)."""
    status: int | None = None
    """Of the answer; None: there was none."""
    advice: str | None = None
    """What a person can do about it, where the kind alone would send them elsewhere."""

    @property
    def may_pass(self) -> bool:
        """Whether the same call may be answered otherwise a little later, so that a read is repeated with backoff."""
        return self.kind in _PASSING


class CallError(Exception):
    """A call that failed for good, understood; the client's own exception is its cause."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class TriggerRefusedError(requests.exceptions.HTTPError):
    """A trigger was not accepted; ``response`` has the server's status, headers and body."""

    response: requests.Response


class TriggerDoubtfulError(TriggerRefusedError):
    """The answer to a trigger leaves open whether it was accepted."""


def explain(error: BaseException) -> Failure:  # noqa: PLR0911 - a table of cases
    """Understand an exception of requests as far as every HTTP server means the same by it."""
    response = getattr(error, "response", None)
    if isinstance(error, NotInTimeError):
        return Failure(Kind.STALE, str(error))
    if isinstance(error, requests.exceptions.HTTPError) and response is not None:
        return explain_response(response)
    if isinstance(error, requests.exceptions.SSLError):
        return _explain_tls(error)
    if any(isinstance(each, _WRONG_PROXY) for each in (error, *_chain(error), error.__cause__, error.__context__)):
        return Failure(Kind.NOT_SENT, f"{_PROXY} cannot be used: {_innermost(error)}", advice=_PROXY_ADVICE)
    if was_not_sent(error):
        if _is_of_proxy(error):
            return Failure(Kind.NOT_SENT, f"no connection to {_PROXY}: {_innermost(error)}", advice=_PROXY_ADVICE)
        return Failure(Kind.NOT_SENT, f"no connection: {_innermost(error)}")
    if isinstance(error, requests.exceptions.Timeout):
        return Failure(Kind.BROKEN, "no answer in time")
    if isinstance(error, (requests.exceptions.InvalidJSONError, requests.exceptions.ContentDecodingError)):
        return Failure(Kind.BROKEN, str(error))
    if isinstance(error, requests.exceptions.RequestException):
        return Failure(Kind.BROKEN, f"the connection broke: {_innermost(error)}")
    # whatever else a client library raises may have been raised after the call was sent
    is_ours = isinstance(error, RequestProcessingError)
    return Failure(Kind.REJECTED if is_ours else Kind.BROKEN, f"{type(error).__name__}: {error}")


def _explain_tls(error: requests.exceptions.SSLError) -> Failure:
    """Understand a failure of TLS: only a certificate that is not trusted surely ends a call before it is sent."""
    if any(isinstance(each, _UNTRUSTED) for each in _chain(error)):
        reason = f"its TLS certificate is not trusted ({_innermost(error)})"
        return Failure(Kind.REJECTED, reason, advice="set REQUESTS_CA_BUNDLE to the CA's file")
    return Failure(Kind.BROKEN, f"the TLS connection broke: {_innermost(error)}")


def explain_response(response: requests.Response) -> Failure:
    """Understand a refusal by its status alone."""
    status = response.status_code
    reason = f"{status} {server_words(response)}".rstrip()
    wait = retry_after_seconds(response.headers)
    if status == requests.codes.too_many or (status == requests.codes.unavailable and wait is not None):
        return Failure(Kind.BUSY, reason, SECONDS_WITHOUT_RETRY_AFTER if wait is None else wait, status)
    kinds = {401: Kind.UNAUTHORIZED, 403: Kind.FORBIDDEN, 503: Kind.STARTING}
    kind = kinds.get(status, Kind.BROKEN if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Kind.REJECTED)
    return Failure(kind, reason, status=status)


def was_not_sent(error: BaseException) -> bool:
    """Tell whether no connection was made at all: refused, no such host, no route, not in time."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, requests.exceptions.ConnectionError) and error.args else None
    reason = getattr(cause, "reason", None)
    if isinstance(reason, urllib3.exceptions.ProxyError):
        reason = reason.original_error
    return isinstance(reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError))


def _is_of_proxy(error: BaseException) -> bool:
    """Tell whether it was a proxy that could not be reached."""
    return isinstance(getattr(error.args[0] if error.args else None, "reason", None), urllib3.exceptions.ProxyError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that are wrapped in each other inside it."""
    yield error
    while wrapped := [part for part in (*error.args, getattr(error, "reason", None)) if isinstance(part, Exception)]:
        error = wrapped[-1]
        yield error


def _innermost(error: BaseException) -> str:
    """Return the most telling text of a chain of wrapped exceptions, such as ``Connection refused``."""
    *_, error = _chain(error)
    cause = error.__cause__ or error.__context__
    if isinstance(error, urllib3.exceptions.NewConnectionError) and isinstance(cause, OSError):
        error = cause
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
