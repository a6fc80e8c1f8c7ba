"""How the processor of GitHub is made from the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from test_executions_rerunner.processors.github.checks import github_checks
from test_executions_rerunner.processors.github.processor import GithubProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from test_executions_rerunner.models import Check, Target
    from test_executions_rerunner.processors import Given

_SETTINGS = (
    "repo", "rerun", "max_attempts", "max_per_day", "max_queued", "github_server_url", "github_api_url",
)  # fmt: skip


def problems(given: Given) -> Iterator[str]:
    """Say what is wrong with the settings, one line each."""
    if "github_api_url" in given.spelled and "github_server_url" not in given.spelled:
        yield (
            f"GITHUB_API_URL: {given.values['github_api_url']!r} is not allowed alone: GITHUB_SERVER_URL must name the "
            "server whose API it is"
        )
    if not (given.values["github_token"] or "TOKEN: its value" in given.wrong):
        yield "GH_TOKEN: a GitHub token with Actions: write is needed, and none is set"


def make(given: Given) -> tuple[GithubProcessor, Callable[[Iterable[Target]], Iterator[Check]]]:
    """Return the processor, and what tries whether it can start some runs."""
    more = {name: given.values[name] for name in _SETTINGS}
    processor = GithubProcessor(given.values["github_token"], own_run_id=given.own_run, **more)
    return processor, partial(github_checks, processor)
