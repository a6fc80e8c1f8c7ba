"""Run the loopback servers of the benchmark in a process of their own, so that no client waits for their work.

Each line read is a JSON object: ``{"scene": NAME, ...}`` starts fresh servers with a filled queue and is answered
by their addresses, ``{}`` by what arrived since. The end of the input ends the servers.
"""

from __future__ import annotations

import contextlib
import json
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer

sys.path[0] = str(Path(__file__).parents[1])  # the folder of tests
from tls import Relay  # noqa: E402 - found only since the line above

if TYPE_CHECKING:
    from test_executions_rerunner.demo.wire import Answer, RecordedRequest

_REPOSITORY = "canonical/certification-lab-ci"
_MACHINES = 50
"""How many environments the requests are for."""


class _Observer(TestObserverServer):
    """Counts the rows of windows apart from those of the small parts of the queue that are read beside them."""

    window_rows = 0

    def respond(self, request: RecordedRequest) -> Answer:
        """Answer, and count."""
        before = self.rows_read
        answer = super().respond(request)
        if "environment=" not in request.query:
            self.window_rows += self.rows_read - before
        return answer


class Scene:
    """The three servers, for one client once.

    Args:
        system: ``jenkins`` or ``github``: whose CI system the client serves.
        targets: How many jobs or runs there are.
        requests: How many requests ask for each of them.
        others: How many requests of the other CI system stand before them.
        other_family: Of what family those are.
        is_mixed: Whether they stand between the others instead, spread evenly.
        post_seconds: How long an answer to a trigger takes.
        row_seconds: How long Test Observer works for each row of its queue that it answers with.
        certificate: With the file of one, all servers speak TLS.
    """

    def __init__(
        self,
        system: str,
        *,
        targets: int = 0,
        requests: int = 1,
        others: int = 0,
        other_family: str = "snap",
        is_mixed: bool = False,
        post_seconds: float = 0.0,
        row_seconds: float = 0.0,
        certificate: str | None = None,
    ) -> None:
        self.observer, self.jenkins, self.github = _Observer(), JenkinsServer(), GithubServer()
        self._servers = (self.observer, self.jenkins, self.github)
        self._running = contextlib.ExitStack()
        self._system, self._other_family = system, other_family
        self._ci = self.jenkins if system == "jenkins" else self.github
        self.github.runs_finish_at_once = requests > 1  # or a plain client's second trigger would be refused
        self._ci.latency_seconds = {"POST": post_seconds}
        for server in self._servers:
            self._running.enter_context(server)
            if certificate:
                server.url = self._running.enter_context(Relay(server.port, Path(certificate))).url
        self._fill(targets, requests, others, is_mixed=is_mixed)
        self._warm_up()
        self.observer.row_seconds = row_seconds

    def _fill(self, targets: int, requests: int, others: int, *, is_mixed: bool) -> None:
        other = "github" if self._system == "jenkins" else "jenkins"
        standing = 0
        for number in range(targets):
            until = others * (number + 1) // targets if is_mixed else others
            for one in range(standing, until):
                self._add(other, one, family=self._other_family)
            standing = until
            self._add_target(number, requests)

    def _add_target(self, number: int, requests: int) -> None:
        if self._system == "jenkins":
            self.jenkins.add_job(f"job-{number}")
        else:
            self.github.add_run(_REPOSITORY, number + 1)
        for _ in range(requests):
            self._add(self._system, number)

    def _add(self, system: str, number: int, **more: str) -> None:
        self.observer.add(self._link(system, number), environment=f"machine-{number % _MACHINES}", **more)

    def stop(self) -> None:
        """Stop the servers."""
        self._running.close()

    @property
    def addresses(self) -> dict[str, str]:
        """Where the servers are."""
        return {"observer": self.observer.url, "jenkins": self.jenkins.url, "github": self.github.url}

    def arrived(self) -> dict[str, Any]:
        """Return what the client sent, and what it left in the queue."""
        ci = self._ci
        return {
            "posts": ci.count("POST"),
            "looks": ci.count("GET", "/job/") + ci.count("GET", "/runs/"),
            "deletes": self.observer.count("DELETE"),
            "left": len(self.observer.ids()),
            "rows": self.observer.window_rows,
            "first_post_at": min((each.received_at for each in list(ci.requests) if each.method == "POST"), default=0),
        }

    def _link(self, system: str, number: int) -> str:
        if system == "jenkins":
            return f"{self.jenkins.url}/job/job-{number}/1/"
        return f"https://github.com/{_REPOSITORY}/actions/runs/{number + 1}"

    def _warm_up(self) -> None:
        """Read the queue once: its entries become JSON at their first reading, which is not the client's work."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.observer.port}/v1/test-executions/reruns",
            headers={"Authorization": "Bearer to_demo"},
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
            response.read()
        self.observer.requests.clear()
        self.observer.window_rows = 0


def main() -> None:
    """Serve one scene after the other until the input ends."""
    scene: Scene | None = None
    with contextlib.ExitStack() as stack:
        for line in sys.stdin:
            asked = json.loads(line)
            if asked:
                stack.close()
                scene = Scene(**asked)
                stack.callback(scene.stop)
            answer = scene.addresses if asked and scene else scene.arrived() if scene else {}
            sys.stdout.write(f"{json.dumps(answer)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
