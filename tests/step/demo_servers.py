"""Run the loopback servers for the tests of the Jenkins step, which are no Python.

The first line printed is a JSON object with the servers' addresses; each line read is answered by one with what
arrived so far; the end of the input ends the servers.
"""

from __future__ import annotations

import json
import sys

from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer

JOB = "lab/cert rpi400 (arm64)"
PATH = "/job/lab/job/cert%20rpi400%20%28arm64%29/29/"
RUN = 13326600211


def main() -> None:
    """Fill the queue and serve until the input ends."""
    with TestObserverServer() as queue, JenkinsServer(context_path="/ci") as jenkins, GithubServer() as github:
        jenkins.add_job(JOB)
        jenkins.add_job("gone", permission="none")
        github.add_run("canonical/certification-lab-ci", RUN)
        queue.add(f"{jenkins.url}{PATH}", family="snap")
        queue.add(f"{jenkins.url}{PATH}", family="snap")
        queue.add(f"{jenkins.url}{PATH}", family="deb")
        queue.add(f"{jenkins.url}/job/gone/3/", family="deb")
        queue.add(f"https://github.com/canonical/certification-lab-ci/actions/runs/{RUN}", family="snap")
        _print({"testObserver": queue.url, "jenkins": f"{jenkins.url}/", "github": github.url})
        for _ in sys.stdin:
            builds = [dict(item.parameters) for item in jenkins.queued(JOB)]
            _print(
                {
                    "left": queue.ids(),
                    "builds": builds,
                    "jenkinsPosts": jenkins.count("POST"),
                    "githubPosts": github.count("POST"),
                    "users": sorted({request.headers.get("authorization", "") for request in jenkins.requests}),
                    "keys": sorted({request.headers.get("authorization", "") for request in queue.requests}),
                }
            )


def _print(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
