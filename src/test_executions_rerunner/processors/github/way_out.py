"""What a person can do where a run is refused: start its workflow afresh.

Strangers choose a workflow's path and its branch, and both end up in a log, a summary and somebody's shell.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.processors.github.links import RunLink

_MOST_CHARACTERS = 200
_WORKFLOW = re.compile(r"\.github/workflows/([^/@]+\.ya?ml)(?:@.*)?", re.DOTALL)


def way_out(told: Mapping[str, object], link: RunLink, server: Origin) -> str | None:
    """Return how the workflow of a run can be started afresh, as one harmless line.

    Args:
        told: The run as GitHub describes it.
        link: The run.
        server: The server that links lead to.

    Returns:
        The command, if each of its parts can be typed as it is shown, otherwise the workflow and its branch; None: the
        run names no workflow.
    """
    path, branch = told.get("path"), told.get("head_branch")
    if not isinstance(path, str) or not path:
        return None
    words = f"its workflow is {_quoted(path)}" + (f", its branch {_quoted(branch)}" if branch else "")
    named = _WORKFLOW.fullmatch(path)
    repository = _repository(link, server)
    if not named or not repository or not isinstance(branch, str) or _is_elsewhere(told, link):
        return words
    parts = (named[1], repository, branch)
    command = "gh workflow run {} -R {} --ref {}".format(*map(shlex.quote, parts))
    if not all(map(_can_be_typed, parts)) or harmless(command, most=_MOST_CHARACTERS) != command or "`" in command:
        return words
    return f"it can be started afresh, if its workflow allows that: `{command}`"


def _repository(link: RunLink, server: Origin) -> str | None:
    """Return a repository as gh takes it; None: gh cannot reach its server."""
    name = link.repository_name
    if str(server) == "https://github.com":
        return name
    return f"{server.host}/{name}" if str(server) == f"https://{server.host}" else None


def _is_elsewhere(told: Mapping[str, object], link: RunLink) -> bool:
    """Tell whether the branch is that of a fork, so that gh would take another branch of the same name."""
    head = told.get("head_repository")
    name = head.get("full_name") if isinstance(head, dict) else None
    return str(name).lower() != "/".join(link.repository_key)


def _can_be_typed(part: str) -> bool:
    return bool(part) and part.isprintable() and not part.startswith(("-", "="))


def _quoted(text: object) -> str:
    return harmless(repr(text), most=100)
