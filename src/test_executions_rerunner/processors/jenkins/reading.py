"""How Jenkins' answers about jobs, builds and its queue are read.

Source: ``/queue/api/json`` and ``/job/NAME/api/json`` of jenkins-core 2.579; a build and a queue item list all
parameters of the job, defaults filled in, undefined ones gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import requests

from test_executions_rerunner.processors.jenkins.state import Build, Job, Queue, QueueItem
from test_executions_rerunner.processors.jenkins.values import UNTOLD, VALUE_TREE, Definition, JsonObject, told_value
from test_executions_rerunner.processors.shapes import shape_of
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ACTIONS_TREE = f"actions[parameters[name,{VALUE_TREE}],causes[userId]]"
_BUILD_TREE = f"[number,queueId,timestamp,building,result,duration,{_ACTIONS_TREE}]"
_DEFINITION_TREE = f"[name,type,choices,defaultParameterValue[{VALUE_TREE}]]"
QUEUE_TREE = f"items[id,inQueueSince,why,task[name,fullName,url],{_ACTIONS_TREE}]"
JOB_TREE = (
    f"fullName,buildable,concurrentBuild,property[_class,parameterDefinitions{_DEFINITION_TREE}],"
    f"builds{_BUILD_TREE}{{0,50}}"
)
FIRST_BUILDS = 50
"""How many `JOB_TREE` asks for."""
NUMBERS_TREE = "fullName,buildable,builds[number]"
"""Of a job: which builds it has."""
PARAMETERS_TREE = f"url,timestamp,actions[parameters[name,{VALUE_TREE}]]"
"""Of one build."""
_OF_A_BRANCH = "org.jenkinsci.plugins.workflow.multibranch.BranchJobProperty"
_ONE_AT_A_TIME = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
"""A Pipeline's property; beside ``concurrentBuild: true`` it says abortPrevious, which has no field of its own."""
_NEVER_COMPARED = {"PasswordParameterDefinition", "FileParameterDefinition", "CredentialsParameterDefinition"}
_MOST_OF_A_REASON = 150
"""How many characters of why an item waits are shown."""
_JOB_URL = re.compile(r"(?:/job/[^/?#]+)+/?$")


class LinkedBuild(NamedTuple):
    """What is told of one build that is to be run again."""

    parameters: Mapping[str, object]
    """The values by name; `jenkins_values.UNTOLD` for those that Jenkins does not tell."""
    started: float
    """When it started, in seconds since 1970 on the controller's clock; 0: Jenkins does not know."""


class FolderError(Exception):
    """A link names a folder, where a job should be."""


def all_builds_tree(start: int, stop: int) -> str:
    """Return the tree of older builds, which ``builds`` does not tell."""
    return f"fullName,allBuilds{_BUILD_TREE}{{{start},{stop}}}"


def read_queue(told: JsonObject, read_at: float) -> Queue:
    """Read the queue.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape.
    """
    with shape_of("the queue", "Jenkins"):
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
    with shape_of("the job", "Jenkins"):
        _check_name(told, full_name)
        _check_kind(told)
        parts = [part or {} for part in told.get("property") or ()]
        is_one_at_a_time = any(part.get("_class") == _ONE_AT_A_TIME for part in parts)
        return Job(
            told["buildable"] is not False,
            is_one_at_a_time and told.get("concurrentBuild") is True,
            dict(_definitions(parts)),
            tuple(_builds(told["builds"])),
            is_of_branch=any(part.get("_class") == _OF_A_BRANCH for part in parts),
        )


def read_numbers(told: JsonObject, full_name: str) -> frozenset[int]:
    """Read the numbers of a job's builds, as `read_job` does."""
    with shape_of("the job", "Jenkins"):
        _check_name(told, full_name)
        _check_kind(told)
        return frozenset(int(build["number"]) for build in told["builds"])


def read_build(told: JsonObject, path: str) -> LinkedBuild:
    """Read the parameters of one build.

    Args:
        told: The answer.
        path: Of the build that was asked for, from ``/job/`` to its number; Jenkins' configured root may be another.

    Raises:
        requests.exceptions.InvalidJSONError: It has another shape, or is about another build.
    """
    with shape_of("the build", "Jenkins"):
        if not unquote(told["url"]).rstrip("/").lower().endswith(unquote(path).lower()):
            raise requests.exceptions.InvalidJSONError(f"the answer is about another build, {harmless(told['url'])}")
        values = _parameters(told)
        known = {
            name: value if isinstance(value, (str, bool, int, float)) else UNTOLD for name, value in values.items()
        }
        return LinkedBuild(known, float(told.get("timestamp") or 0) / 1000)


def read_all_builds(told: JsonObject, full_name: str) -> tuple[Build, ...]:
    """Read older builds of a job, as `read_job` does.

    Raises:
        requests.exceptions.InvalidJSONError: They have another shape, or are those of another job.
    """
    with shape_of("the builds", "Jenkins"):
        _check_name(told, full_name)
        return tuple(_builds(told["allBuilds"]))


def _check_name(told: JsonObject, full_name: str) -> None:
    if told["fullName"].lower() != full_name.lower():
        raise requests.exceptions.InvalidJSONError(f"the answer is about another job, {harmless(told['fullName'])}")


def _check_kind(told: JsonObject) -> None:
    if "builds" not in told and "buildable" not in told:
        raise FolderError("it is a folder, and only the jobs in it can be built")


def _definitions(parts: Iterable[JsonObject]) -> Iterator[tuple[str, Definition]]:
    for told in _inside(parts, "parameterDefinitions"):
        kind = str(told.get("type"))
        default = UNTOLD if kind in _NEVER_COMPARED else told_value(told.get("defaultParameterValue") or {})
        choices = tuple(map(str, told.get("choices") or ())) if kind == "ChoiceParameterDefinition" else ()
        yield str(told["name"]), Definition(kind, default, choices)


def _items(told: Iterable[JsonObject]) -> Iterator[QueueItem]:
    """Yield the items of jobs; a Pipeline's wait for a node is none, and has a relative address."""
    for item in told:
        task = item["task"]
        if "://" in str(task.get("url")):
            since = float(item.get("inQueueSince") or 0) / 1000
            why = harmless(item.get("why") or "", most=_MOST_OF_A_REASON)
            number, job = int(item["id"]), _full_name(task).lower()
            yield QueueItem(number, _parameters(item), _users(item), number, job, since, why)


def _full_name(task: JsonObject) -> str:
    """Return the name of an item's job with its folders, which its address says too; never its own name alone."""
    if told := task.get("fullName"):
        return str(told)
    found = _JOB_URL.search(str(task["url"]))
    return "/".join(map(unquote, found[0].strip("/").split("/")[1::2])) if found else ""


def _builds(told: Iterable[JsonObject]) -> Iterator[Build]:
    for build in told:
        began, lasted = float(build["timestamp"]), float(build.get("duration") or 0)  # in ms, which add up exactly
        started, ended = began / 1000, None if build.get("building") is True else (began + lasted) / 1000
        number, item = int(build["number"]), int(build.get("queueId") or 0)
        yield Build(number, _parameters(build), _users(build), item, started, ended, build.get("result"))


def _parameters(told: JsonObject) -> dict[str, object]:
    return {str(one["name"]): told_value(one) for one in _inside(told.get("actions"), "parameters")}


def _users(told: JsonObject) -> tuple[str, ...]:
    return tuple(str(cause.get("userId") or "").lower() for cause in _inside(told.get("actions"), "causes"))


def _inside(told: Iterable[JsonObject] | None, key: str) -> Iterator[JsonObject]:
    """Yield what stands under a key of any object of a list: Jenkins lists empty objects between."""
    for part in told or ():
        yield from (part or {}).get(key) or ()
