"""Times in the headers of an answer, whatever stands there."""

from __future__ import annotations

import datetime as dt
import time
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_SECONDS = 1e9
"""Of a wait that a server asks for: thirty years, so that a clock can still take it."""


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long ``Retry-After`` asks to wait, given in seconds or as a date; None: it does not ask."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said), _MOST_SECONDS)
    until = http_date_seconds(said)
    if until is None:
        return None
    now = http_date_seconds(headers.get("Date"))
    return min(max(0.0, until - (time.time() if now is None else now)), _MOST_SECONDS)


@lru_cache(maxsize=64)  # all answers of a second have the same Date: a twentieth of a call's time
def http_date_seconds(date: str | None) -> float | None:
    """Return a ``Date`` header as seconds since 1970, or None where it is missing or unreadable."""
    if not date:
        return None
    try:
        read = parsedate_to_datetime(date)
        return (read if read.tzinfo else read.replace(tzinfo=dt.timezone.utc)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):  # any zone, any year, no date at all
        return None
