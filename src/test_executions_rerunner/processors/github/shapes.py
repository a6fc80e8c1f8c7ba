"""What GitHub's answers must look like to be read at all."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any, TypeAlias

import requests

from test_executions_rerunner.processors import shapes
from test_executions_rerunner.rerun_request import read_time

JsonObject: TypeAlias = dict[str, Any]
"""An answer before it is read: anything may be in it."""


shape_of = partial(shapes.shape_of, server="GitHub")
"""Reads an answer of GitHub."""


def check_number(told: object, number: str, what: str) -> None:
    """Make sure that an answer is about what was asked for.

    Raises:
        requests.exceptions.InvalidJSONError: It is about something else.
    """
    if str(told) != number:
        raise requests.exceptions.InvalidJSONError(f"200, but the answer is about another {what}")


def last_change(run: JsonObject) -> float:
    """Return when a run changed last: started, or went from one of its jobs to the next.

    Raises:
        ValueError: It does not say a time.
    """
    started = seconds_of(run.get("run_started_at") or run["created_at"])
    return max(started, seconds_of(run["updated_at"])) if run.get("updated_at") else started


def time_text(seconds: float) -> str:
    """Return a moment of GitHub's clock as people write it."""
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def seconds_of(written: object) -> float:
    """Return a time in seconds since 1970, on GitHub's clock.

    Raises:
        ValueError: What is written is not a time.
    """
    moment = read_time(written)
    if not isinstance(moment, float):
        raise ValueError(f"{written!r} is no time")  # noqa: TRY004 - it is the shape of an answer
    return moment
