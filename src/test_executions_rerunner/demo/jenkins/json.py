"""Jobs, items and builds as Jenkins' JSON shows them."""

from __future__ import annotations

import time
from urllib.parse import quote

from test_executions_rerunner.demo.jenkins.jobs import OTHER_KEYS, UNTOLD, Build, Item, Job, Value, default_of

_MOST_BUILDS = 100  # of "builds"; "allBuilds" has all
READABLE = ("build", "read")
"""The permissions with which a job is seen."""
_CLASSES = {"freestyle": "hudson.model.FreeStyleProject", "pipeline": "org.jenkinsci.plugins.workflow.job.WorkflowJob"}
_BUILD_CLASSES = {
    "freestyle": "hudson.model.FreeStyleBuild",
    "pipeline": "org.jenkinsci.plugins.workflow.job.WorkflowRun",
}
_CONCURRENCY_PROPERTY = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
# What Jenkins' Util.rawEncode leaves alone.
_LEFT_ALONE = "!@$&*()-_=+',."


def path_of(full_name: str) -> str:
    """Return a job's path below Jenkins' root, without slashes at its ends."""
    # The % of a branch's name is encoded a second time.
    return "/".join(f"job/{quote(part, safe=_LEFT_ALONE)}" for part in full_name.split("/"))


def job_json(job: Job, root: str, now: float, skew_seconds: float) -> dict[str, object]:
    """Return a job.

    Args:
        job: The job.
        root: The configured root URL, which may be another than the one called.
        now: The true time: builds that are not visible yet are left out.
        skew_seconds: How far the server's clock is ahead.
    """
    url = f"{root}/{path_of(job.full_name)}/"
    builds = [_build_json(build, job, url, skew_seconds) for build in reversed(job.builds) if build.visible_at <= now]
    value: dict[str, object] = {
        "_class": _CLASSES[job.kind],
        "name": job.name,
        "fullName": job.full_name,
        "url": url,
        "buildable": job.buildable,
        "concurrentBuild": job.concurrency != "waits",
        "property": _properties_json(job),
        "builds": builds[:_MOST_BUILDS],
        "allBuilds": builds,
    }
    if job.kind == "freestyle":
        value["disabled"] = not job.buildable
    return value


def folder_json(full_name: str, jobs: list[Job], root: str) -> dict[str, object]:
    """Return a folder: it has neither builds nor parameters, and does not say whether it can be built."""
    return {
        "_class": "com.cloudbees.hudson.plugins.folder.Folder",
        "name": full_name.rpartition("/")[2],
        "fullName": full_name,
        "url": f"{root}/{path_of(full_name)}/",
        "jobs": [
            {"_class": _CLASSES[job.kind], "name": job.name, "url": f"{root}/{path_of(job.full_name)}/"} for job in jobs
        ],
    }


def build_json(build: Build, job: Job, root: str, skew_seconds: float) -> dict[str, object]:
    """Return one build of a job."""
    return _build_json(build, job, f"{root}/{path_of(job.full_name)}/", skew_seconds)


def _properties_json(job: Job) -> list[dict[str, object]]:
    """Return a job's properties; abortPrevious has no field: the property beside ``concurrentBuild: true`` is it."""
    properties: list[dict[str, object]] = [{}]
    if job.concurrency != "free" and job.kind == "pipeline":
        properties.append({"_class": _CONCURRENCY_PROPERTY})
    return properties if job.parameters is None else [*properties, _definitions_json(job)]


def _value_json(kind: object, value: object) -> dict[str, object]:
    """Return what is told of a value: nothing, under keys of its kind, or under ``value``."""
    if kind in UNTOLD:
        return {}
    keys = OTHER_KEYS.get(str(kind))
    if keys is None:
        return {"value": value}
    return dict(zip(keys, str(value).rsplit("#", len(keys) - 1), strict=False))


def _definitions_json(job: Job) -> dict[str, object]:
    definitions = []
    for definition in job.parameters or ():
        kind = definition["type"]
        shown: dict[str, object] = {"_class": f"hudson.model.{kind}", "name": definition["name"], "type": kind}
        if "choices" in definition:
            shown["choices"] = definition["choices"]
        default = default_of(definition)
        if default is not None:  # absent for passwords and files
            shown["defaultParameterValue"] = {"name": definition["name"], **_value_json(kind, default)}
        definitions.append(shown)
    return {"_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": definitions}


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _build_json(build: Build, job: Job, job_url: str, skew_seconds: float) -> dict[str, object]:
    # Jenkins itself knows whole milliseconds only, so that a start and a duration add up to the end.
    started, ended = (_milliseconds(at + skew_seconds) for at in (build.started_at, build.ended_at))
    return {
        "_class": _BUILD_CLASSES[job.kind],
        "number": build.number,
        "url": f"{job_url}{build.number}/",
        "queueId": build.queue_id,
        # When it started, not when it was triggered.
        "timestamp": started if build.started_at else 0,
        "building": build.result is None,
        "result": build.result,
        "duration": 0 if build.result is None else ended - started,
        "actions": _actions_json(job, build.parameters, build.users),
    }


def _actions_json(job: Job | None, values: dict[str, Value], users: list[str]) -> list[dict[str, object]]:
    if job is None:
        return [{}]
    actions: list[dict[str, object]] = []
    if job.parameters is not None:
        shown: list[dict[str, object]] = []
        for definition in job.parameters:
            name = str(definition["name"])
            if name in values:
                kind = str(definition["type"])
                value = {"_class": f"hudson.model.{kind.replace('Definition', 'Value')}", "name": name}
                shown.append({**value, **_value_json(kind, values[name])})
        actions.append({"parameters": shown})
    causes = [{"shortDescription": f"Started by user {user}", "userId": user} for user in users]
    return [*actions, {"causes": causes}, {}]


def queue_json(items: list[Item], root: str, skew_seconds: float) -> dict[str, object]:
    """Return the queue, in no order (here: newest first), without the jobs that may not be read."""
    return {
        "items": [
            item_json(item, root, skew_seconds)
            for item in reversed(items)
            if item.job is None or item.job.permission in READABLE
        ]
    }


def item_json(item: Item, root: str, skew_seconds: float) -> dict[str, object]:
    """Return one item of the queue."""
    if item.job is None:
        # A Pipeline's wait for a node: no parameters, and a url relative to the root.
        task: dict[str, object] = {"name": "part of wfnode #3", "url": "job/wfnode/3/"}
    else:
        job = item.job
        task = {"name": job.name, "fullName": job.full_name, "url": f"{root}/{path_of(job.full_name)}/"}
    waits_for_a_node = "org.jenkinsci.plugins.workflow.support.steps.ExecutorStepExecution$PlaceholderTask"
    task["_class"] = waits_for_a_node if item.job is None else _CLASSES[item.job.kind]
    return {
        "id": item.id,
        "inQueueSince": _milliseconds(item.since + skew_seconds),
        "why": item.why(time.time()),
        "task": task,
        "actions": _actions_json(item.job, item.parameters, item.users),
    }
