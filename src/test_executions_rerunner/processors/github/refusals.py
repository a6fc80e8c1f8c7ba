"""GitHub's refusals: most are a 403, and only their words and headers tell them apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests

from test_executions_rerunner.calls.failures import SECONDS_WITHOUT_RETRY_AFTER, Failure, Kind
from test_executions_rerunner.calls.headers import http_date_seconds, retry_after_seconds
from test_executions_rerunner.calls.memory import read_json
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {
    # somebody was faster: the run is going again, or its jobs have had other ids since
    re.compile(r"already running|Only jobs from the current attempt"): Kind.RUNNING,
    re.compile(r"disabled workflow"): Kind.DISABLED,
    re.compile(r"created over a month ago|cannot be (?:retried|rerun|re-run)"): Kind.NEVER,
}
_ALLOW_LIST = "ip allow list"
_ABUSE = "abuse detection mechanism"
_ABUSE_PAGE = "#abuse-rate-limits"
_NEEDS_WRITE = re.compile(r"Must have admin rights|Resource not accessible")


def explain_forbidden(failure: Failure, headers: Mapping[str, str]) -> Failure:
    """Tell GitHub's refusals apart by their words and headers: the status of all of them is 403."""
    for words, kind in _KINDS.items():
        if words.search(failure.reason):
            return failure._replace(kind=kind)
    more, advice = _about(failure.reason, headers)
    return failure._replace(reason=f"{failure.reason} ({more})", advice=advice) if more else failure


def _about(reason: str, headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return what a 403 means, and what a person can do about it where that is not to check the token."""
    sign_on = headers.get("X-GitHub-SSO", "")
    if sign_on.startswith("required"):
        place = harmless(sign_on.partition("url=")[2])
        more = "the token is right, a person must allow it once" + (f" at {place}" if place else "")
        return more, "allow the token for that organization"
    if _ALLOW_LIST in reason.lower():
        more = "the token is right, this machine's address is not on that list"
        return more, "put the address on that list, or drain from a machine that is on it"
    return ("the token needs Actions: write there" if _NEEDS_WRITE.search(reason) else None), None


def rate_limit_seconds(response: requests.Response, reason: str) -> float | None:
    """Return how long a rate limit asks to wait; None: the answer is not about a rate limit."""
    if response.status_code not in {requests.codes.forbidden, requests.codes.too_many_requests}:
        return None
    announced = retry_after_seconds(response.headers)
    if announced is not None:
        return announced
    if response.headers.get("x-ratelimit-remaining") == "0":
        return until_reset_seconds(response)
    said = reason.lower()
    is_about_limits = "rate limit" in said or _ABUSE in said or _page_of(response).endswith(_ABUSE_PAGE)
    if response.status_code == requests.codes.too_many_requests or is_about_limits:
        return SECONDS_WITHOUT_RETRY_AFTER
    return None


def _page_of(response: requests.Response) -> str:
    """Return the address of GitHub's documentation that an answer names; empty: none."""
    try:
        told = read_json(response.content)
    except (ValueError, RecursionError):
        return ""
    return str(told.get("documentation_url")) if isinstance(told, dict) else ""


def until_reset_seconds(response: requests.Response) -> float:
    """Return how long it is until the quota is renewed, by the server's own clock, whatever its headers hold."""
    reset = response.headers.get("x-ratelimit-reset", "")
    now = http_date_seconds(response.headers.get("Date"))
    if now is None or not (reset.isascii() and reset.isdigit()):
        return SECONDS_WITHOUT_RETRY_AFTER
    return max(0.0, float(reset) - now) + 1.0
