"""Concurrency groups: reruns of one group would cancel each other, so only one of them is started.

Source: GET ``/repos/O/R/actions/runs/ID/concurrency_groups`` and the ``group_url`` of each; GitHub ignores the
case of their names. Enterprise Servers up to 3.19 do not know them and answer 404.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

import requests

from test_executions_rerunner.calls.failures import CallError, Failure, Kind
from test_executions_rerunner.models import Claim, State, Verdict
from test_executions_rerunner.processors.github.links import is_cloud
from test_executions_rerunner.processors.github.looks.active import ActiveGroups
from test_executions_rerunner.processors.github.shapes import shape_of
from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Hashable

    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.shapes import JsonObject

_log = logging.getLogger(__name__)
_MOST_GROUPS = 100
_MIDDLE = "/actions/concurrency_groups/"
_NOT_QUOTED = "%/:@!$&'()*+,;=~"
"""What stays as it is in a path that is already quoted."""
_NOT_TOLD = {requests.codes.forbidden, requests.codes.not_found}
_ADVICE = (
    "reruns of one group may cancel each other; with --acknowledge started a rerun that was cancelled before it ran is "
    "started again"
)


class Capacity(NamedTuple):
    """Whether there is capacity for a trigger."""

    verdict: Verdict | None = None
    """Set if there is none."""
    claims: tuple[Claim, ...] = ()
    """What the trigger takes if there is."""
    notes: tuple[str, ...] = ()
    """What a person should know about it."""
    since: float | None = None
    """When the first request was sent that it rests on, where it shares another look's; on our own clock."""


class _Group(NamedTuple):
    name: str
    url: str


class _NotTold(NamedTuple):
    """Why a run's groups are not told."""

    reason: str
    is_for_ever: bool
    """Whether the server never tells them to this token; otherwise it should have."""


class _Repository:
    """What is known of a repository: whether it was asked for its groups, and what GitHub told."""

    def __init__(self) -> None:
        self.first = threading.Lock()
        self.was_asked = False
        self.tells: bool | None = None
        self.why_not = ""
        self.groups: dict[str, list[_Group]] = {}


class ConcurrencyGroups:
    """The concurrency groups of one GitHub server's runs.

    Args:
        api: The server's API.
    """

    def __init__(self, api: GithubApi) -> None:
        self._api = api
        self._active = ActiveGroups(api)
        self._lock = threading.Lock()
        self._repositories: dict[Hashable, _Repository] = {}

    def capacity(self, link: RunLink) -> Capacity:
        """Find out whether a run's groups are free.

        Raises:
            CallError: It could not be found out.
        """
        with self._lock:
            repository = self._repositories.setdefault(link.repository_key, _Repository())
        with repository.first:  # one thread asks first: if GitHub tells it nothing, no other thread asks
            if not repository.was_asked:
                try:
                    return self._capacity(link, repository)
                finally:
                    repository.was_asked = True
        return Capacity(notes=(repository.why_not,)) if repository.tells is False else self._capacity(link, repository)

    def not_told(self, link: RunLink) -> str | None:
        """Return why the groups of a run cannot be heeded; None: they can.

        Raises:
            CallError: It could not be found out.
        """
        groups = self._groups(link, _Repository())
        return groups.reason if isinstance(groups, _NotTold) else None

    def _capacity(self, link: RunLink, repository: _Repository) -> Capacity:
        groups = self._names_of(link, repository)
        if isinstance(groups, _NotTold):
            if not groups.is_for_ever:
                return Capacity(Verdict(State.DEFERRED, groups.reason))
            repository.tells, repository.why_not = False, groups.reason
            _log.info("%s: %s", link.repository_name, groups.reason)
            return Capacity(notes=(groups.reason,))
        repository.tells = True
        paths = [_path_of(group, self._api.address, link) for group in groups]
        active = self._active.of(link) if groups else None
        claims = []
        for group, path in zip(groups, paths, strict=True):
            name = harmless(group.name, most=100)
            is_idle = active is not None and group.name.lower() not in active.names
            if not is_idle and (taken := self._taken(link, group, path)):
                return Capacity(Verdict(State.DEFERRED, f"its concurrency group '{name}' is taken by {taken}"))
            key = ("group", *link.repository_key, group.name.lower())
            claims.append(Claim(key, f"its concurrency group '{name}' is taken"))
        return Capacity(claims=tuple(claims), since=active.read_at if active else None)

    def _names_of(self, link: RunLink, repository: _Repository) -> list[_Group] | _NotTold:
        """Return the groups of a run; once told, they stay as they are."""
        known = repository.groups.get(link.run)
        groups = self._groups(link, repository) if known is None else known
        if not isinstance(groups, _NotTold):
            repository.groups[link.run] = groups
        return groups

    def _groups(self, link: RunLink, repository: _Repository) -> list[_Group] | _NotTold:
        """Read the groups of a run; where the server should tell them, a 404 is asked for twice."""
        path = f"{link.path}/concurrency_groups?per_page={_MOST_GROUPS}"
        should_tell = repository.tells or is_cloud(self._api.server)
        waiting = self._api.calls.waiting
        for is_last in (False, True):
            try:
                return self._api.read(path, _read_groups)
            except CallError as error:
                status, reason = self._api.status_of(error), error.failure.reason
                if error.failure.kind is Kind.BUSY or status not in _NOT_TOLD:
                    raise
                if status == requests.codes.not_found and should_tell:
                    if not is_last:
                        waiting.sleep(waiting.waits.second_look_seconds)
                    continue
                if repository.tells:
                    raise
            return _NotTold(f"concurrency groups are not told ({reason}): {_ADVICE}", is_for_ever=True)
        return _NotTold(f"GitHub should tell its concurrency groups, and answered twice: {reason}", is_for_ever=False)

    def _taken(self, link: RunLink, group: _Group, path: str) -> str | None:
        """Return which other run holds a group or waits for it; None: no other run does."""
        try:
            members = self._api.read(path, partial(_read_members, group=group))
        except CallError as error:
            if self._api.status_of(error) == requests.codes.not_found:
                return None
            raise
        for run, status in members:
            if str(run) != link.run:
                return f"{self._api.page(link._replace(run=str(run)))} ({status})"
        return None


def _read_groups(told: JsonObject) -> list[_Group]:
    with shape_of("the list of concurrency groups"):
        groups = [_Group(str(group["group_name"]), str(group["group_url"])) for group in told["concurrency_groups"]]
        if int(told["total_count"]) > len(groups):
            raise ValueError(f"{told['total_count']} groups, and {len(groups)} of them")
        return groups


def _read_members(told: JsonObject, group: _Group) -> list[tuple[int, str]]:
    """Return the runs that hold a group or wait for it, each with its status there."""
    with shape_of("the concurrency group"):
        if str(told["group_name"]).lower() != group.name.lower():
            raise requests.exceptions.InvalidJSONError("200, but the answer is about another concurrency group")
        members = told["group_members"]
        return [(int(each["run_id"]), harmless(str(each["status"]).replace("_", " "), most=40)) for each in members]


def _path_of(group: _Group, address: Origin, link: RunLink) -> str:
    """Return where a group is found below the API; a name may hold slashes and anything else.

    Raises:
        CallError: It is said to be somewhere else, and the credential must not go there.
    """
    before, _, name = group.url.partition(_MIDDLE)
    try:
        owner_and_name = [part.lower() for part in address.names_below(before)]
        is_ours = owner_and_name == ["repos", *link.repository_key] and name and not {"?", "#"} & set(name)
        dots = {".", ".."} & {unquote(part) for part in name.split("/")}
        if is_ours and not dots and name.isprintable() and "\\" not in name:
            return f"{link.repository_path}{_MIDDLE}{quote(name, safe=_NOT_QUOTED)}"
        problem = f"which is not below {address}{link.repository_path}"
    except ValueError as error:
        problem = str(error)
    reason = f"its concurrency group is said to be at {shown(group.url)}, {problem}"
    raise CallError(Failure(Kind.REJECTED, reason))
