"""Concurrency groups of the loopback GitHub: who holds one, who waits for it, and who is cancelled by that.

Source: GitHub's description of ``concurrency`` in workflows. Of one group one run is in progress and one waits; a
third cancels the one that waits, and with ``cancel-in-progress`` each cancels all others. A re-run joins its groups
like any run. Names compare without case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from test_executions_rerunner.demo.github.json import github_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.demo.github.runs import Repository, Run

_OVER, _WAITS = "completed", "pending"


def members(runs: Iterable[Run], repository: Repository, name: str) -> list[Run]:
    """Return the runs that hold a group or wait for it."""
    return [
        run
        for run in runs
        if run.repository is repository
        and run.latest.status != _OVER
        and name.lower() in (group.lower() for group in run.groups)
    ]


def join(run: Run, runs: Iterable[Run]) -> list[Run]:
    """Let a run that was just started take its groups, or wait for them; return the runs that this cancels."""
    cancelled: list[Run] = []
    for name in run.groups:
        others = [other for other in members(runs, run.repository, name) if other is not run]
        if run.cancel_in_progress:
            cancelled += others
        elif others:
            cancelled += [other for other in others if other.latest.status == _WAITS]
            run.latest.status = _WAITS
    for each in cancelled:
        each.latest.finish("cancelled")  # before any of its jobs had a runner, where it was waiting
    return cancelled


def let_waiting_runs_start(runs: Iterable[Run]) -> list[Run]:
    """Queue the runs that wait for no other any more, and return them."""
    everyone, queued = list(runs), []
    for run in everyone:
        if run.latest.status == _WAITS and not any(
            other is not run and other.latest.status != _WAITS
            for name in run.groups
            for other in members(everyone, run.repository, name)
        ):
            run.latest.status = "queued"
            queued.append(run)
    return queued


def active_groups_json(
    repository: Repository, runs: Iterable[Run], api: str, skew_seconds: float
) -> list[dict[str, object]]:
    """Return the groups of a repository that something holds, sorted by name, without their members."""
    holders: dict[str, Run] = {}
    for run in runs:
        if run.repository is repository and run.latest.status != _OVER:
            holders |= {name.lower(): run for name in run.groups if name.lower() not in holders}
    return [
        {
            **_names_json(repository, next(each for each in run.groups if each.lower() == name), api),
            "last_acquired_at": github_time(run.latest.started_at + skew_seconds),
        }
        for name, run in sorted(holders.items())
    ]


def groups_json(run: Run, runs: Iterable[Run], api: str, server: str) -> dict[str, object]:
    """Return the groups of a run's configuration, sorted by name, each with the run itself where it is a member."""
    everyone = list(runs)
    groups = []
    for name in sorted(run.groups):
        shown = _names_json(run.repository, name, api)
        ahead = {"position_url": f"{shown['group_url']}?ahead_of_run={run.id}"}
        items = [
            {**_member_json(member, api, server), "position": int(member.latest.status == _WAITS), **ahead}
            for member in members(everyone, run.repository, name)
            if member is run
        ]
        groups.append({**shown, "group_members": items})
    return {"total_count": len(groups), "concurrency_groups": groups}


def group_json(
    repository: Repository, name: str, runs: Iterable[Run], api: str, server: str
) -> dict[str, object] | None:
    """Return a group with all its members; None: nothing holds it or waits for it."""
    items = [_member_json(member, api, server) for member in members(runs, repository, name)]
    shown = {**_names_json(repository, name, api), "total_count": len(items), "group_members": items}
    return shown if items else None


def _names_json(repository: Repository, name: str, api: str) -> dict[str, object]:
    url = f"{api}/repos/{repository.current_name}/actions/concurrency_groups/{quote(name, safe='')}"
    return {"group_name": name, "group_url": url}


def _member_json(run: Run, api: str, server: str) -> dict[str, object]:
    path = f"{run.repository.current_name}/actions/runs/{run.id}"
    return {
        "run_id": run.id,
        "run_name": "Test",
        "run_url": f"{api}/repos/{path}",
        "run_html_url": f"{server}/{path}",
        "status": "pending" if run.latest.status == _WAITS else "in_progress",
    }
