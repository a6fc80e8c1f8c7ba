"""What the demo starts from: a queue of rerun requests, and what should become of each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from test_executions_rerunner.demo.github.server import APP_TOKEN, GithubServer
from test_executions_rerunner.demo.jenkins.server import JenkinsServer
from test_executions_rerunner.demo.test_observer.server import TestObserverServer

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

MATRIX, FIRST, SECOND, RUNNING, OLD, RESTARTED = range(4101, 4107)
_MINUTES, _DAYS = 60, 24 * 3600
_REPOSITORY = "canonical/lab"
_MACHINES = {"cert-broken-device": "dragonboard", "cert-no-such-job": "nuc7"}
_ARTEFACTS = {"snap": "core24", "deb": "linux-oem", "charm": "ubuntu-core", "image": "noble"}


@dataclass(frozen=True)
class Asked:
    """A request of the demo's queue.

    Attributes:
        link: Its ``ci_link``.
        family: Its family.
        environment: The machine of its test.
        remark: What is special about it.
        outcomes: What should become of it, by processor; it takes part in both drains, unless the first removed it.
        hours: How long ago it was asked for.
    """

    link: str | None
    family: str
    environment: str
    remark: str
    outcomes: dict[str, str]
    hours: float = 2.0

    @property
    def artefact(self) -> str:
        """What is tested."""
        return _ARTEFACTS[self.family]


class Scene:
    """The three servers, with the queue filled; a context manager.

    Attributes:
        observer: Test Observer.
        jenkins: Jenkins.
        github: GitHub.
        asked: The requests of the queue, by id.
    """

    def __init__(self) -> None:
        self.observer, self.jenkins, self.github = TestObserverServer(), JenkinsServer(), GithubServer(APP_TOKEN)
        self.asked: dict[int, Asked] = {}

    def __enter__(self) -> Self:
        for server in (self.observer, self.jenkins, self.github):
            server.start()
        self._fill_jenkins()
        self._fill_github()
        for asked in (*self._ask_jenkins(), *self._ask_github(), *_ask_others()):
            created_at = time.time() - asked.hours * 3600
            told = {"environment": asked.environment, "artefact_name": asked.artefact}
            self.asked[self.observer.add(asked.link, created_at=created_at, family=asked.family, **told)] = asked
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for server in (self.observer, self.jenkins, self.github):
            server.stop()

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables with which the command works on these servers."""
        return {
            "TEST_OBSERVER_URL": self.observer.url,
            "TEST_OBSERVER_API_KEY": next(iter(self.observer.api_keys)),
            "JENKINS_URL": self.jenkins.url,
            "JENKINS_USERNAME": self.jenkins.user,
            "JENKINS_API_TOKEN": self.jenkins.token,
            "GH_TOKEN": self.github.token,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_API_URL": self.github.url,
            "no_proxy": "127.0.0.1",
        }

    def _fill_jenkins(self) -> None:
        yesterday = time.time() - _DAYS
        for name in ("cert-rpi400-snap", "cert-xps13-deb", "cert-rpi5-snap"):
            self.jenkins.add_job(name, builds=(yesterday,))
        self.jenkins.add_job("cert-broken-device", buildable=False, builds=(yesterday,))
        by_hand = {"TEST_OBSERVER_REPORTING": True}
        self.jenkins.add_build("cert-rpi5-snap", started_at=time.time() - 10 * _MINUTES, parameters=by_hand)

    def _fill_github(self) -> None:
        now = time.time()
        self.github.add_run(_REPOSITORY, MATRIX, jobs=("rpi4", "rpi5", "xps13"))
        for run in (FIRST, SECOND):
            self.github.add_run(_REPOSITORY, run, concurrency_group="rpi4")
        self.github.add_run(_REPOSITORY, RUNNING, status="in_progress")
        self.github.add_run(_REPOSITORY, OLD, created_at=now - 40 * _DAYS)
        self.github.add_run(_REPOSITORY, RESTARTED, run_attempt=2, run_started_at=now - 10 * _MINUTES)

    def _ask_jenkins(self) -> list[Asked]:
        def asked(job: str, family: str, remark: str, outcome: str) -> Asked:
            gone = outcome in ("triggered", "already-rerun")
            later = {} if gone else {"github": "unsupported"}
            machine = _MACHINES.get(job.partition("/")[0]) or job.split("-")[1]
            return Asked(f"{self.jenkins.url}/job/{job}", family, machine, remark, {"jenkins": outcome, **later})

        return [
            asked("cert-rpi400-snap/1/", "snap", "three requests for one job:", "triggered"),
            asked("cert-rpi400-snap/1/console", "snap", "  one build serves them all", "triggered"),
            asked("cert-rpi400-snap/1", "snap", "  (whatever the link's form)", "triggered"),
            asked("cert-xps13-deb/1/", "deb", "deb: with TESTPLAN=full", "triggered"),
            asked("cert-rpi5-snap/1/", "snap", "restarted by hand since", "already-rerun"),
            asked("cert-broken-device/1/", "snap", "its job is disabled today", "deferred"),
            asked("cert-no-such-job/1/", "snap", "its job cannot be found", "failed"),
        ]

    def _ask_github(self) -> list[Asked]:
        def asked(link: str, remark: str, outcome: str, machine: str = "rpi4") -> Asked:
            return Asked(link, "charm", machine, remark, {"jenkins": "unsupported", "github": outcome})

        link = self.github.link
        return [
            asked(link(MATRIX, "rpi5"), "one machine of a matrix", "triggered", "rpi5"),
            asked(link(FIRST), "two runs that cancel each other:", "triggered"),
            asked(link(SECOND), "  the other in the next drain", "deferred"),
            asked(link(RUNNING), "its run is still going", "deferred"),
            asked(link(OLD), "GitHub reruns for 30 days", "refused"),
            asked(link(RESTARTED), "rerun by somebody since", "already-rerun"),
            asked("https://github.com/else/where/actions/runs/1", "a repository not served", "unsupported"),
        ]


def _ask_others() -> list[Asked]:
    neither = {"jenkins": "unsupported", "github": "unsupported"}
    return [Asked("see the wiki", "image", "vm", "no link at all", neither)]
