"""What Jenkins tells of a job and of its queue, read once and compared with a trigger of ours.

Source: ``/queue/api/json`` and ``/job/NAME/api/json`` of jenkins-core 2.579; a build and a queue item list all
parameters of the job, defaults filled in, undefined ones gone.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

import requests

from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

JsonObject: TypeAlias = "Mapping[str, Any]"
"""An object of an answer, whose shape is still to be checked."""
QUEUE_TREE = "items[id,inQueueSince,task[name,fullName,url],actions[parameters[name,value]]]"
_BUILD_TREE = "[number,timestamp,actions[parameters[name,value]]]"
_DEFINITION_TREE = "[name,type,choices,defaultParameterValue[value]]"
JOB_TREE = f"fullName,buildable,property[parameterDefinitions{_DEFINITION_TREE}],builds{_BUILD_TREE}{{0,50}}"
PARAMETERS_TREE = "url,actions[parameters[name,value]]"
"""Of one build."""
FIRST_BUILDS = 50
MOST_BUILDS = 5000
"""Where reading on ends: nobody started that many builds of one job since the request."""
_NEVER_COMPARED = {"PasswordParameterDefinition", "FileParameterDefinition"}
_MOST_SHOWN = 150
"""How many characters of what a choice offers are shown."""
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
class Queue:
    """All that waited in the queue at one moment, as far as the user may see it."""

    items: tuple[QueueItem, ...]
    """Those of jobs."""
    waiting: int
    """How many items waited, a Pipeline's wait for a node included."""
    oldest: float | None
    """When the oldest of them came, in seconds since 1970 on the controller's clock."""
    read_at: float
    """When its request was sent, on our own clock."""


@dataclass(frozen=True)
class Job:
    """A job: what it takes, and its newest builds."""

    is_buildable: bool
    defaults: Mapping[str, object]
    """Its parameters with their defaults; ``_MISSING`` for those that have none or are not shown."""
    choices: Mapping[str, tuple[str, ...]]
    """What each choice parameter offers; any other value is a 500 that names nothing."""
    builds: tuple[Build, ...]
    """Newest first."""

    @property
    def newest(self) -> int:
        """The number of the newest build; 0: there is none."""
        return max((build.number for build in self.builds), default=0)

    def undefined(self, sent: Mapping[str, object]) -> list[str]:
        """Return the names that we send and the job drops."""
        return sorted(name for name in sent if name not in self.defaults)

    def not_offered(self, sent: Mapping[str, object]) -> str | None:
        """Say which value that we send the job does not offer; None: it takes them all."""
        for name, offered in self.choices.items():
            if name in sent and as_text(sent[name]) not in offered:
                offers = harmless(", ".join(offered), most=_MOST_SHOWN)
                return f"the job's parameter {harmless(name)} does not offer {shown(sent[name])}, only {offers}"
        return None

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


class FolderError(Exception):
    """A link names a folder, where a job should be."""


def read_queue(told: JsonObject, read_at: float) -> Queue:
    """Read the queue.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape.
    """
    with _shape("the queue"):
        since = [item["inQueueSince"] / 1000 for item in told["items"] if item.get("inQueueSince")]
        return Queue(tuple(_items(told["items"])), len(told["items"]), min(since, default=None), read_at)


def read_job(told: JsonObject, full_name: str) -> Job:
    """Read a job.

    Args:
        told: The answer.
        full_name: Of the job that was asked for, with its folders; Jenkins looks names up without case.

    Raises:
        FolderError: It is a folder.
        requests.exceptions.InvalidJSONError: It has another shape, or is about another job.
    """
    with _shape("the job"):
        if told["fullName"].lower() != full_name.lower():
            raise requests.exceptions.InvalidJSONError(f"the answer is about another job, {harmless(told['fullName'])}")
        if "builds" not in told and "buildable" not in told:
            raise FolderError("it is a folder, and only the jobs in it can be built")
        defaults: dict[str, object] = {}
        choices: dict[str, tuple[str, ...]] = {}
        for definition in _inside(told.get("property"), "parameterDefinitions"):
            name, kind = str(definition["name"]), definition.get("type")
            default = (definition.get("defaultParameterValue") or {}).get("value", _MISSING)
            defaults[name] = _MISSING if kind in _NEVER_COMPARED else default
            if kind == "ChoiceParameterDefinition" and definition.get("choices"):
                choices[name] = tuple(map(str, definition["choices"]))
        return Job(told["buildable"] is not False, defaults, choices, tuple(_builds(told["builds"])))


def read_parameters(told: JsonObject, path: str) -> dict[str, object]:
    """Read the parameters of one build.

    Args:
        told: The answer.
        path: Of the build that was asked for, from ``/job/`` to its number; Jenkins' configured root may be another.

    Returns:
        The values by name; None for those that Jenkins does not tell, as of passwords and files.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape, or is about another build.
    """
    with _shape("the build"):
        if not unquote(told["url"]).rstrip("/").lower().endswith(unquote(path).lower()):
            raise requests.exceptions.InvalidJSONError(f"the answer is about another build, {harmless(told['url'])}")
        values = _parameters(told)
    return {name: value if isinstance(value, (str, bool, int, float)) else None for name, value in values.items()}


def read_all_builds(told: JsonObject) -> tuple[Build, ...]:
    """Read older builds.

    Raises:
        requests.exceptions.InvalidJSONError: They have another shape.
    """
    with _shape("the builds"):
        return tuple(_builds(told["allBuilds"]))


def _items(told: Iterable[JsonObject]) -> Iterator[QueueItem]:
    """Yield the items of jobs; a Pipeline's wait for a node is none, and has a relative address."""
    for item in told:
        task = item["task"]
        if "://" in str(task.get("url")):
            job = str(task.get("fullName") or task["name"]).lower()
            yield QueueItem(int(item["id"]), 0.0, _parameters(item), job)


def _builds(told: Iterable[JsonObject]) -> Iterator[Build]:
    for build in told:
        yield Build(int(build["number"]), float(build["timestamp"]) / 1000, _parameters(build))


def _parameters(told: JsonObject) -> dict[str, object]:
    return {str(one["name"]): one.get("value", _MISSING) for one in _inside(told.get("actions"), "parameters")}


def _inside(told: Iterable[JsonObject] | None, key: str) -> Iterator[JsonObject]:
    """Yield what stands under a key of any object of a list: Jenkins lists empty objects between."""
    for part in told or ():
        yield from (part or {}).get(key) or ()


@contextmanager
def _shape(what: str) -> Iterator[None]:
    """Turn what an unexpected shape raises into the error of an answer that cannot be read."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        text = f"200, but {what} has another shape than Jenkins gives it"
        raise requests.exceptions.InvalidJSONError(text) from error
