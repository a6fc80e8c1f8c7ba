"""GitHub's rate limits and the words in which GitHub refuses.

The messages are those of api.github.com as recorded or reported in public; only they tell its 403 apart.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from test_executions_rerunner.demo.wire import Answer, json_answer

_DOCS = "https://docs.github.com/rest"
_RERUN_DOCS = f"{_DOCS}/actions/workflow-runs#re-run-a-workflow"
_LIMITS_DOCS = f"{_DOCS}/using-the-rest-api/rate-limits-for-the-rest-api"
MISSING_RIGHT = {
    "classic": "Must have admin rights to Repository.",
    "integration": "Resource not accessible by integration",
    "fine-grained": "Resource not accessible by personal access token",
}
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID."
)
_PRIMARY = "API rate limit exceeded for user ID 1."


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    """Return a refusal as GitHub words it."""
    docs = _RERUN_DOCS if status == 403 else _DOCS  # noqa: PLR2004 - the status of every refused rerun
    docs = _LIMITS_DOCS if "rate limit" in message else docs
    return json_answer({"message": message, "documentation_url": docs, "status": str(status)}, status, headers)


class RateLimit:
    """The hourly quota of one token, and the limit of POSTs in a minute.

    Attributes:
        quota: The calls an hour.
        posts_per_minute: Most POSTs in 60 s before the secondary limit hits; ``None``: no such limit.
        is_off: Whether there are no limits at all, as on an Enterprise Server by default.
    """

    def __init__(self, quota: int = 5000) -> None:
        self.quota = quota
        self.posts_per_minute: int | None = None
        self.is_off = False
        self._lock = threading.Lock()
        self._remaining = quota
        self._reset_seconds = 3600.0
        self._resets_at = time.time() + self._reset_seconds
        self._posts: deque[float] = deque()

    @property
    def remaining(self) -> int:
        """The calls left until the reset."""
        self._renew()
        return self._remaining

    @remaining.setter
    def remaining(self, value: int) -> None:
        self._remaining = value
        self._resets_at = time.time() + self._reset_seconds

    @property
    def reset_seconds(self) -> float:
        """How long after its last setting the quota is renewed."""
        return self._reset_seconds

    @reset_seconds.setter
    def reset_seconds(self, value: float) -> None:
        self._reset_seconds = value
        self._resets_at = time.time() + value

    def _renew(self) -> None:
        if time.time() >= self._resets_at:
            self._remaining = self.quota
            self._resets_at = time.time() + 3600

    def take(self, method: str) -> Answer | None:
        """Count a call; return the refusal where a limit is reached."""
        with self._lock:
            self._renew()
            if self.is_off:
                return None
            if self._remaining <= 0:
                return refusal(403, _PRIMARY)
            self._remaining -= 1
            if method != "POST" or self.posts_per_minute is None:
                return None
            now = time.monotonic()
            while self._posts and self._posts[0] <= now - 60:
                self._posts.popleft()
            self._posts.append(now)
            if len(self._posts) > self.posts_per_minute:
                wait = math.ceil(self._posts[0] + 60 - now)
                return refusal(403, SECONDARY, {"retry-after": str(wait)})
            return None

    def headers(self, skew_seconds: float) -> dict[str, str]:
        """Return the headers that every answer carries; the reset is a time on the server's clock."""
        if self.is_off:
            return {}
        return {
            "x-ratelimit-limit": str(self.quota),
            "x-ratelimit-remaining": str(max(self._remaining, 0)),
            "x-ratelimit-used": str(self.quota - max(self._remaining, 0)),
            "x-ratelimit-reset": str(math.ceil(self._resets_at + skew_seconds)),
            "x-ratelimit-resource": "core",
        }
