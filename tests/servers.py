"""The servers that a drain talks to, all on loopback."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer

if TYPE_CHECKING:
    from typing_extensions import Self


class Servers:
    """A Test Observer, a Jenkins and a GitHub whose links are those of github.com; a context manager.

    Args:
        context_path: Of Jenkins.
    """

    def __init__(self, *, context_path: str = "") -> None:
        self.observer = TestObserverServer()
        self.jenkins = JenkinsServer(context_path=context_path)
        self.github = GithubServer()
        self.github.server_url = "https://github.com"
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for server in (self.observer, self.jenkins, self.github):
            self._running.enter_context(server)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return the variables that the program needs here, some of them changed or, with None, left out."""
        given: dict[str, str | None] = {
            "TEST_OBSERVER_URL": self.observer.url,
            "TEST_OBSERVER_API_KEY": next(iter(self.observer.api_keys)),
            "JENKINS_URL": self.jenkins.url,
            "JENKINS_API_TOKEN": self.jenkins.token,
            "GH_TOKEN": self.github.token,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_API_URL": self.github.url,
        }
        return {name: value for name, value in {**given, **changes}.items() if value is not None}
