"""GitHub's refusals: most are a 403, and only their words and headers tell them apart."""

from __future__ import annotations

import re

import requests

from test_executions_rerunner.calls.headers import http_date_seconds, retry_after_seconds
from test_executions_rerunner.calls.policy import SECONDS_WITHOUT_RETRY_AFTER, Failure, Fault

_RUNNING = re.compile(r"already running|Only jobs from the current attempt")
"""Somebody was faster: the run is going again, or its jobs have had other ids since."""
_DISABLED = "disabled workflow"
_NEVER = re.compile(r"created over a month ago|cannot be (?:retried|rerun|re-run)")
_NEEDS_WRITE = re.compile(r"Must have admin rights|Resource not accessible")


def explain_forbidden(failure: Failure) -> Failure:
    """Tell GitHub's refusals apart by their words: the status of all of them is 403."""
    if _RUNNING.search(failure.reason):
        return failure._replace(fault=Fault.RUNNING)
    if _DISABLED in failure.reason:
        return failure._replace(fault=Fault.DISABLED)
    if _NEVER.search(failure.reason):
        return failure._replace(fault=Fault.NEVER)
    if _NEEDS_WRITE.search(failure.reason):
        return failure._replace(reason=f"{failure.reason} (the token needs Actions: write there)")
    return failure


def rate_limit_seconds(response: requests.Response, reason: str) -> float | None:
    """Return how long a rate limit asks to wait; None: the answer is not about a rate limit."""
    if response.status_code not in {requests.codes.forbidden, requests.codes.too_many_requests}:
        return None
    announced = retry_after_seconds(response.headers)
    if announced is not None:
        return announced
    if response.headers.get("x-ratelimit-remaining") == "0":
        return until_reset_seconds(response)
    if response.status_code == requests.codes.too_many_requests or "rate limit" in reason.lower():
        return SECONDS_WITHOUT_RETRY_AFTER
    return None


def until_reset_seconds(response: requests.Response) -> float:
    """Return how long it is until the quota is renewed, by the server's own clock, whatever its headers hold."""
    reset = response.headers.get("x-ratelimit-reset", "")
    try:
        now = http_date_seconds(response.headers.get("Date"))
    except (ValueError, OverflowError):
        now = None
    if now is None or not (reset.isascii() and reset.isdigit()):
        return SECONDS_WITHOUT_RETRY_AFTER
    return max(0.0, float(reset) - now) + 1.0
