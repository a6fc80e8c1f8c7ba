"""Drains in this process: the real clients against the loopback servers, with short waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from servers import Servers
from test_executions_rerunner import GithubProcessor, JenkinsProcessor, Rerunner, TestObserverInterface
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.demo import GithubServer, JenkinsServer
    from test_executions_rerunner.models import Outcome
    from test_executions_rerunner.processors.base import RequestProcessor

System = Literal["jenkins", "github"]
REPOSITORY = "canonical/certification-lab-ci"


class Lab(Servers):
    """A queue, both CI systems, and drains of it.

    Attributes:
        waiting: The waits of the next drain.
        last: The newest drain.
        outcomes: Its outcomes by ``test_execution_id``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting = ShortWaiting()
        self.last: Rerunner
        self.outcomes: dict[int | None, Outcome] = {}

    @property
    def reason_to_stop(self) -> str:
        """Why the newest drain started nothing more; empty: nothing kept it from that."""
        return self.last.stopped.reason if self.last.stopped else ""

    def server(self, system: System) -> JenkinsServer | GithubServer:
        """Return the server of a CI system."""
        return self.jenkins if system == "jenkins" else self.github

    def add_target(self, system: System, name: str) -> str:
        """Add a job, or a run numbered by the digits of its name; return the link of one build or run of it."""
        if system == "jenkins":
            self.jenkins.add_job(name)
            return f"{self.jenkins.url}/job/{name}/1/"
        self.github.add_run(REPOSITORY, run_number(name))
        return f"https://github.com/{REPOSITORY}/actions/runs/{run_number(name)}"

    def request(self, link: str, count: int = 1, **more: Any) -> list[int]:  # noqa: ANN401 - as the server takes it
        """Ask for reruns of a link, as several test executions may."""
        return [self.observer.add(link, **more) for _ in range(count)]

    def triggered(self, system: System, name: str) -> int:
        """Return how often a target was started again."""
        return self.jenkins.triggered(name) if system == "jenkins" else self.github.triggered(run_number(name))

    def processor(self, system: System, **more: Any) -> RequestProcessor:  # noqa: ANN401 - as the processors take it
        """Return a processor with valid credentials."""
        if system == "jenkins":
            more = {"jenkins_url": self.jenkins.url, "token": self.jenkins.token, "waiting": self.waiting, **more}
            return JenkinsProcessor("admin", **more)
        more = {"github_api_url": self.github.url, "token": self.github.token, "waiting": self.waiting, **more}
        return GithubProcessor(**more)

    def queue(self, **more: Any) -> TestObserverInterface:  # noqa: ANN401 - as the class takes it
        """Return the queue with a valid key."""
        more = {"test_observer_url": self.observer.url, "test_observer_api_key": "to_demo", **more}
        return TestObserverInterface(**{"waiting": self.waiting, **more})

    def drain(self, system: System, *, of: dict[str, Any] | None = None, **more: Any) -> dict[int | None, Outcome]:  # noqa: ANN401 - as Rerunner takes it
        """Drain the queue once.

        Args:
            system: Which CI system's requests.
            of: Settings of the processor.
            more: Settings of the drain; ``queue`` holds those of the queue.

        Returns:
            The outcomes by ``test_execution_id``.
        """
        queue = self.queue(**more.pop("queue", {}))
        self.last = Rerunner(self.processor(system, **(of or {})), test_observer=queue, **more)
        try:
            self.last.run()
        finally:
            self.outcomes = {outcome.request.test_execution_id: outcome for outcome in self.last.outcomes}
        return self.outcomes

    def states(self, system: System, **more: Any) -> dict[int | None, str]:  # noqa: ANN401 - as for drain
        """Drain the queue once and return only the states."""
        return {number: outcome.state.value for number, outcome in self.drain(system, **more).items()}


def run_number(name: str) -> int:
    """Return the run that a target's name stands for."""
    return 1000 + int("".join(filter(str.isdigit, name)) or 0)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab of its own for each test."""
    with Lab() as servers:
        yield servers


@pytest.fixture(params=["jenkins", "github"])
def system(request: pytest.FixtureRequest) -> System:
    """Both CI systems, one after the other."""
    name: System = request.param
    return name
