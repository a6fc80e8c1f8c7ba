"""What a drain needs of GitHub, tried without starting anything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import requests

from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.models import Check
from test_executions_rerunner.processors.github.runs import read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.processor import GithubProcessor
    from test_executions_rerunner.processors.github.shapes import JsonObject

_FEW_CALLS = 100
_CLASSIC_TOKEN = "ghp_"  # noqa: S105 - only how such tokens begin


def github_checks(processor: GithubProcessor, targets: Iterable[Target]) -> Iterator[Check]:
    """Try the token, the repositories and the runs that are queued."""
    name = f"GitHub: {processor.api.address}"
    try:
        limits = processor.api.read("/rate_limit", dict)
    except CallError as error:
        if processor.api.status_of(error) == requests.codes.not_found:
            yield Check(
                name, ok=True, message="answers; its rate limits are off, as an Enterprise Server's are by default"
            )
            yield from _targets(processor, list(targets))
            return
        fix = processor.advice(error.failure) or f"check {processor.address_setting} and the network"
        yield Check(name, ok=False, message=str(error), fix=fix)
        return
    yield Check(name, ok=True, message="answers, and accepts the token")
    yield _rate_limit(limits)
    yield from _targets(processor, list(targets))


def _targets(processor: GithubProcessor, targets: list[Target]) -> Iterator[Check]:
    """Try each repository once, and each run; a drain that can see none of the runs could not work."""
    checked: dict[tuple[str, str], bool] = {}
    with_groups: set[tuple[str, str]] = set()
    seen = 0
    for target in targets:
        link = processor.scope.run_of(target)
        if link.repository_key not in checked:
            check = _repository(processor, link.repository_name)
            checked[link.repository_key] = check.ok is not False
            yield check
        if checked[link.repository_key]:
            unseen = _unseen_run(processor.api, target, link)
            seen += unseen is None
            if unseen:
                yield unseen
            elif link.repository_key not in with_groups:
                with_groups.add(link.repository_key)
                yield from _groups(processor, link)
    if targets and not seen and all(checked.values()):
        message = "none of the runs that are asked for can be seen"
        fix = "give the token Actions: write in their repositories; delete the requests of runs that are gone"
        yield Check("GitHub: runs", ok=False, message=message, fix=fix)


def _rate_limit(limits: JsonObject) -> Check:
    core = (limits.get("resources") or {}).get("core") or limits.get("rate") or {}
    left, most = core.get("remaining"), core.get("limit")
    if not isinstance(left, int):
        return Check("GitHub: rate limit", ok=None, message="is not told, as on a server without one")
    message = f"{left} of {most} calls are left this hour; a rerun takes three or four"
    return Check("GitHub: rate limit", ok=True if left >= _FEW_CALLS else None, message=message)


def _repository(processor: GithubProcessor, name: str) -> Check:
    title, fix, api = f"GitHub repository {name}", "give the token Actions: write there", processor.api
    try:
        told = api.read(f"/repos/{name}", dict)
    except CallError as error:
        return Check(title, ok=False, message=f"cannot be seen: {error}", fix=error.failure.advice or fix)
    if (told.get("permissions") or {}).get("push") is True:
        message = "may be pushed to; whether the token may write Actions cannot be told without triggering"
        return Check(title, ok=True, message=message)
    if api.has_token_like(_CLASSIC_TOKEN):
        return Check(title, ok=False, message="may not be pushed to, so its runs cannot be started again", fix=fix)
    message = "may be seen; whether the token may write Actions cannot be told without triggering"
    return Check(title, ok=None, message=message, fix=fix)


def _groups(processor: GithubProcessor, link: RunLink) -> Iterator[Check]:
    """Warn where reruns of one concurrency group may cancel each other, since nobody is told of it."""
    try:
        problem = processor.capacities.groups.not_told(link)
    except CallError as error:
        problem = f"concurrency groups could not be read: {error}"
    if problem:
        yield Check(f"GitHub concurrency groups of {link.repository_name}", ok=None, message=problem)


def _unseen_run(api: GithubApi, target: Target, link: RunLink) -> Check | None:
    """Return the warning about a run that cannot be seen; None: it can."""
    try:
        api.read(link.path, partial(read_run, number=link.run))
    except CallError as error:
        fix = "delete its requests if it is gone"
        return Check(f"GitHub {target.name}", ok=None, message=str(error), fix=fix)
    return None
