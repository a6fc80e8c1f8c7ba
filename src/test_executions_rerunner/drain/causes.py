"""Why requests are not for a drain: one cause for all that differ in their link only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.rerun_request import RerunRequest

MOST_CAUSES = 20
"""That are told; the others are counted together."""
_LINK = re.compile(r"ci_link … is not served: (?:it )?")
_PATH = re.compile(r"(https?://[^/\s'\",;]+)/[^\s'\",;]*")


def causes(left: Iterable[tuple[RerunRequest, str]]) -> list[tuple[int, str]]:
    """Return how many requests are left to others for each cause, the most frequent first.

    Args:
        left: Requests, each with the reason why it is not served.
    """
    counts: dict[str, int] = {}
    for request, reason in left:
        cause = _LINK.sub("the link ", reason.replace(shown(request.ci_link), "…"))
        cause = _PATH.sub(r"\1/…", cause.replace("ci_link … is", "the link is"))
        counts[cause] = counts.get(cause, 0) + 1
    found = sorted(((count, cause) for cause, count in counts.items()), key=lambda each: -each[0])
    others = sum(count for count, _ in found[MOST_CAUSES:])
    return found[:MOST_CAUSES] + ([(others, "other reasons, see --report")] if others else [])


def advice(found: Iterable[tuple[int, str]], links_setting: str) -> str | None:
    """Return what to do where links may lead to the configured server under another name; None: they do not."""
    if any("points to" in cause for _, cause in found):
        return f"if the links lead to the same server under another name, give {links_setting} as they spell it"
    return None
