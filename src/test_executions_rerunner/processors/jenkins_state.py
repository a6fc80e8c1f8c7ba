"""What Jenkins tells of a job and of its queue, read once and compared with a trigger of ours.

Source: ``/queue/api/json`` and ``/job/NAME/api/json`` of jenkins-core 2.579; a build and a queue item list all
parameters of the job, defaults filled in, undefined ones gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

QUEUE_TREE = "items[id,inQueueSince,task[name,fullName,url],actions[parameters[name,value]]]"
_BUILD_TREE = "[number,timestamp,actions[parameters[name,value]]]"
JOB_TREE = (
    f"name,buildable,property[parameterDefinitions[name,type,defaultParameterValue[value]]],builds{_BUILD_TREE}{{0,50}}"
)
FIRST_BUILDS = 50
MOST_BUILDS = 5000
"""Where reading on ends: nobody started that many builds of one job since the request."""
_NEVER_COMPARED = {"PasswordParameterDefinition", "FileParameterDefinition"}
_MISSING = object()


def all_builds_tree(start: int, stop: int) -> str:
    """Return the tree of older builds, which ``builds`` does not tell."""
    return f"allBuilds{_BUILD_TREE}{{{start},{stop}}}"


def as_text(value: object) -> str:
    """Return a parameter's value as Jenkins takes it from a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@dataclass(frozen=True)
class Build:
    """A build, or an item of the queue that will become one."""

    number: int
    """The build's number, or the item's id."""
    started: float
    """When it started, in seconds since 1970 on the controller's clock; 0 for an item."""
    parameters: Mapping[str, object]
    """All parameters of the job, with their values."""


@dataclass(frozen=True)
class QueueItem(Build):
    """An item that waits in the queue."""

    job: str
    """The full name of its job, in lower case: Jenkins looks names up without case."""


@dataclass(frozen=True)
class Job:
    """A job: what it takes, and its newest builds."""

    is_buildable: bool
    defaults: Mapping[str, object]
    """Its parameters with their defaults; ``_MISSING`` for those that have none or are not shown."""
    builds: tuple[Build, ...]
    """Newest first."""

    @property
    def newest(self) -> int:
        """The number of the newest build; 0: there is none."""
        return max((build.number for build in self.builds), default=0)

    def undefined(self, sent: Mapping[str, object]) -> list[str]:
        """Return the names that we send and the job drops."""
        return sorted(name for name in sent if name not in self.defaults)

    def is_ours(self, build: Build, sent: Mapping[str, object]) -> bool:
        """Tell whether a build has the parameters that our trigger gives it."""
        for name, default in self.defaults.items():
            expected = sent.get(name, default)
            actual = build.parameters.get(name, _MISSING if name not in sent else None)
            if expected is _MISSING or actual is _MISSING:
                continue
            if as_text(actual).lower() != as_text(expected).lower():
                return False
        return True


def read_queue(told: Mapping[str, Any]) -> tuple[QueueItem, ...]:
    """Read the queue; a Pipeline's wait for a node, which is no job, is left out.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape.
    """
    with _shape("the queue"):
        return tuple(
            QueueItem(int(item["id"]), 0.0, _parameters(item), str(task.get("fullName") or task["name"]).lower())
            for item in told["items"]
            if "://" in str((task := item["task"]).get("url"))
        )


def read_job(told: Mapping[str, Any]) -> Job:
    """Read a job.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape, as a folder has.
    """
    with _shape("the job"):
        defaults: dict[str, object] = {}
        for definition in _inside(told.get("property"), "parameterDefinitions"):
            default = (definition.get("defaultParameterValue") or {}).get("value", _MISSING)
            hidden = definition.get("type") in _NEVER_COMPARED
            defaults[str(definition["name"])] = _MISSING if hidden else default
        return Job(told["buildable"] is not False, defaults, tuple(_builds(told["builds"])))


def read_all_builds(told: Mapping[str, Any]) -> tuple[Build, ...]:
    """Read older builds.

    Raises:
        requests.exceptions.InvalidJSONError: They have another shape.
    """
    with _shape("the builds"):
        return tuple(_builds(told["allBuilds"]))


def _builds(told: Iterable[Mapping[str, Any]]) -> Iterator[Build]:
    for build in told:
        yield Build(int(build["number"]), float(build["timestamp"]) / 1000, _parameters(build))


def _parameters(told: Mapping[str, Any]) -> dict[str, object]:
    return {str(one["name"]): one.get("value", _MISSING) for one in _inside(told.get("actions"), "parameters")}


def _inside(told: Iterable[Mapping[str, Any]] | None, key: str) -> Iterator[Mapping[str, Any]]:
    """Yield what stands under a key of any object of a list: Jenkins lists empty objects between."""
    for part in told or ():
        yield from (part or {}).get(key) or ()


class _shape:  # noqa: N801 - reads as a phrase in a with statement
    """Turns what an unexpected shape raises into the error of an answer that cannot be read."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError, OverflowError)):
            raise requests.exceptions.InvalidJSONError(
                f"200, but {self._what} has another shape than Jenkins gives it"
            ) from error
