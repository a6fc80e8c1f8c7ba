"""Links to Jenkins builds, and the triggers of their jobs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.links import ends_with_a_name
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.models import PostArguments

_LEFT_ALONE = "!@$&*()-_=+',."
"""What Jenkins itself leaves unquoted in the name of a job."""
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


class BuildLink(NamedTuple):
    """What a link to a build says."""

    names: tuple[str, ...]
    """Those of its job, from the outermost folder to the job itself."""
    number: int
    """Its number in the job."""


def read_link(link: object, origins: tuple[Origin, ...]) -> BuildLink:
    """Return the build that a link names.

    Args:
        link: The link.
        origins: The addresses of one controller: its own, then the public one where it has another.

    Raises:
        RequestProcessingError: The link does not name a build below one of them.
    """
    if not isinstance(link, str) or not link:
        raise RequestProcessingError(f"ci_link {shown(link)} is no link to a Jenkins build")
    try:
        parts = _names_below(link, origins)
    except ValueError as error:
        raise RequestProcessingError(f"ci_link {shown(link)} is not served: {error}") from error
    names: list[str] = []
    while len(parts) > 1 and parts[0] in {"job", "view"}:
        names += parts[1:2] if parts[0] == "job" else ()
        parts = parts[2:]
    if not names or not parts or not _NUMBER.fullmatch(parts[0]):
        raise RequestProcessingError(
            f"ci_link {shown(link)} is no link to a build below {' or '.join(map(str, origins))}: "
            "/job/NAME/NUMBER/ is served, also in folders and views"
        )
    return BuildLink(tuple(names), int(parts[0]))


def _names_below(link: str, origins: Iterable[Origin]) -> tuple[str, ...]:
    """Return the names of a link's path below the first of the origins that it points to."""
    tried = [_tried(link, origin) for origin in origins]
    for names in tried:
        if not isinstance(names, ValueError):
            return names
    raise ValueError("; ".join(dict.fromkeys(map(str, tried))))


def _tried(link: str, origin: Origin) -> tuple[str, ...] | ValueError:
    try:
        return origin.names_below(link)
    except ValueError as error:
        return error


def job_path(names: Iterable[str]) -> str:
    """Return the path of a job below its controller, quoted as Jenkins quotes it."""
    return "".join(f"/job/{quote(name, safe=_LEFT_ALONE)}" for name in names)


def trigger_url(origin: Origin, names: Iterable[str]) -> str:
    """Return the URL that starts a job with parameters."""
    return f"{origin}{job_path(names)}/buildWithParameters"


def trigger_names(post_arguments: PostArguments, origin: Origin) -> tuple[str, ...]:
    """Return the names of the job that a trigger is for.

    Raises:
        RequestProcessingError: Its URL is not one that `trigger_url` returns.
    """
    url = post_arguments.get("url")
    if not ends_with_a_name(url):
        raise _not_served(url, origin)
    return _trigger_names(url, origin)


@lru_cache(maxsize=64)  # asked for three times in each rerun
def _trigger_names(url: str, origin: Origin) -> tuple[str, ...]:
    try:
        names = origin.names_below(url)
    except ValueError as error:
        raise RequestProcessingError(f"url {shown(url)} is not served: {error}") from error
    words, jobs = names[:-1:2], names[1:-1:2]
    if names[-1:] != ("buildWithParameters",) or set(words) != {"job"} or len(words) != len(jobs):
        raise _not_served(url, origin)
    return jobs


def _not_served(url: object, origin: Origin) -> RequestProcessingError:
    return RequestProcessingError(f"url {shown(url)} is not served: {origin}/job/NAME/buildWithParameters is allowed")
