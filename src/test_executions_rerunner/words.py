"""What a server says in a refusal, as one line of text."""

from __future__ import annotations

import html
import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

_MOST_BYTES = 20_000
_NOT_SHOWN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def server_words(response: requests.Response) -> str:
    """Return what a person would read in an answer: a JSON message, or the text of a page.

    GitHub says ``{"message": …}``, Test Observer ``{"detail": …}``, Jenkins an HTML page or, for a missing
    permission, a header.
    """
    permission = response.headers.get("X-Required-Permission")
    if permission:
        return harmless(f"{response.reason or 'Forbidden'}: needs the permission {permission}")
    if 300 <= response.status_code < 400:  # noqa: PLR2004 - HTTP's class of redirects
        return harmless(f"redirects to {response.headers.get('Location', 'nowhere')}; redirects are not followed")
    body = response.content[:_MOST_BYTES].decode("utf-8", "replace")
    body += "…" if len(response.content) > _MOST_BYTES else ""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = _TAG.sub(" ", _NOT_SHOWN.sub(" ", body))
        return harmless(html.unescape(said)) or harmless(response.reason or "")
    if isinstance(said, dict):
        said = said.get("message", said.get("detail", said))
    return harmless(said if isinstance(said, str) else json.dumps(said))


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long ``Retry-After`` asks to wait, given in seconds or as a date; None: it does not ask."""
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said).timestamp()
        now = http_date_seconds(headers.get("Date"))
        return max(0.0, until - (time.time() if now is None else now))
    except (ValueError, TypeError):
        return None


def http_date_seconds(date: str | None) -> float | None:
    """Return a ``Date`` header as seconds since 1970, or None where it is missing or unreadable."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, TypeError):
        return None
