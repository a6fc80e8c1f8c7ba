"""The client to compare with: it reads the queue, then sends a GET, a POST and a DELETE for each request, one by one.

It takes the addresses of Test Observer and of a CI system, and the CI system's name. It makes the calls of a drain, but
understands no answer, groups nothing and survives nothing: the least that does the work at all.
"""

from __future__ import annotations

import sys

import requests

_JOB_TREE = "name,buildable,builds[number,timestamp,actions[parameters[name,value]]]{0,50}"


def main(observer: str, ci: str, system: str) -> None:
    """Trigger and delete everything that is queued."""
    queue, session = requests.Session(), requests.Session()
    queue.headers["Authorization"] = "Bearer to_demo"
    if system == "jenkins":
        session.auth = ("admin", "jenkins-token")
    else:
        session.headers["Authorization"] = "Bearer gh-token"
    url = f"{observer}/v1/test-executions/reruns"
    for request in queue.get(url, timeout=30).json():
        link = request["ci_link"]
        if system == "jenkins":
            job = link.rsplit("/", 2)[0]
            session.get(f"{job}/api/json?tree={_JOB_TREE}", timeout=30).json()
            session.post(f"{job}/buildWithParameters", data={"TEST_OBSERVER_REPORTING": "true"}, timeout=30)
        else:
            run = f"{ci}/repos{link.removeprefix('https://github.com')}"
            session.get(run, timeout=30).json()
            session.post(f"{run}/rerun", timeout=30)
        queue.delete(url, json={"test_execution_ids": [request["test_execution_id"]]}, timeout=30)


if __name__ == "__main__":
    main(*sys.argv[1:])
