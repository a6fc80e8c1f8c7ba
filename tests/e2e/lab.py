"""One Test Observer, one CI system, and the real command line between them: what the end-to-end tests share."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from e2e.witness import SeenGithub, SeenJenkins, SeenTestObserver, Witness
from test_executions_rerunner import GithubProcessor, JenkinsProcessor, Rerunner, TestObserverInterface
from test_executions_rerunner.demo.jenkins.jobs import DEFAULT_PARAMETERS, Build, Item
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from test_executions_rerunner.calls.waiting import Waiting
    from test_executions_rerunner.demo import GithubServer, JenkinsServer, RecordedRequest
    from test_executions_rerunner.models import Outcome
    from test_executions_rerunner.processors.base import RequestProcessor

HOUR = 3600.0
FAMILIES = ("snap", "deb")


class Lab(ABC):
    """Two loopback servers and a queue of requests; a context manager.

    Attributes:
        observer: Test Observer.
        ci: Jenkins or GitHub.
        witness: What both were asked.
        asked: The target of each request, by id.
    """

    processor: ClassVar[str]
    look: ClassVar[str]
    """A regular expression for the path of a look at one target."""
    fresh_seconds: ClassVar[float]
    """How old a look may be when a trigger follows it."""
    ci: JenkinsServer | GithubServer

    def __init__(self) -> None:
        self.witness = Witness()
        self.observer = SeenTestObserver(self.witness)
        self.asked: dict[int, str] = {}

    def __enter__(self) -> Self:
        self.observer.start()
        self.ci.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.observer.stop()
        self.ci.stop()

    def ask(self, *targets: int, **fields: Any) -> list[int]:  # noqa: ANN401 - as TestObserverServer.add takes them
        """Queue one request for each target, made an hour ago; equal numbers are the same target."""
        return [self._ask(number, fields) for number in targets]

    def _ask(self, number: int, fields: dict[str, Any]) -> int:
        name, link, family = self._target(number)
        request = self.observer.add(link, family=family, **fields)
        self.asked[request] = name
        return request

    def when_asked(self, count: int) -> Callable[[], None]:
        """Return how to wait until both servers together have been asked that often from now on."""
        is_moment = threading.Event()
        self.witness.act_after(count, is_moment.set)

        def wait() -> None:
            if not is_moment.wait(240):
                raise TimeoutError(f"{count} requests did not arrive: {len(self.witness.seen)} did")

        return wait

    def wait_idle(self) -> None:
        """Wait until nothing is in flight: a killed client's request takes its effect late."""
        self.observer.wait_idle()
        self.ci.wait_idle()

    @property
    def targets(self) -> set[str]:
        """The targets that were asked for."""
        return set(self.asked.values())

    @property
    def once_each(self) -> dict[str, int]:
        """What ``reruns`` and ``accepted`` should be when all is done."""
        return dict.fromkeys(self.targets, 1)

    @property
    def accepted(self) -> dict[str, int]:
        """How many triggers took effect, by target."""
        return {target: len(sent) for target, sent in self.sent.items()}

    @property
    def sent(self) -> dict[str, list[float]]:
        """When the triggers arrived that took effect, by target, in true seconds."""
        found: dict[str, list[float]] = {}
        for request in self.witness.accepted:
            found.setdefault(self.target_of(request), []).append(request.received_at)
        return found

    def rerunner(self, waiting: Waiting | None = None, **settings: Any) -> Rerunner:  # noqa: ANN401 - as Rerunner takes them
        """Return a drain of this process, with short waits."""
        processor = self._processor(waiting or ShortWaiting())
        queue = TestObserverInterface(
            test_observer_url=self.observer.url, test_observer_api_key="to_demo", waiting=processor.waiting
        )
        return Rerunner(processor, test_observer=queue, **settings)

    def outcomes(self, **settings: Any) -> dict[int | None, Outcome]:  # noqa: ANN401 - as Rerunner takes them
        """Drain once in this process; return the outcomes by request."""
        return {outcome.request.test_execution_id: outcome for outcome in self.rerunner(**settings).run()}

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """The environment of the command line for the CI system."""

    @abstractmethod
    def finish_reruns(self) -> None:
        """Let what was started go on to where another trigger would be accepted."""

    @property
    @abstractmethod
    def reruns(self) -> dict[str, int]:
        """How many reruns exist because of our triggers, by target."""

    @property
    @abstractmethod
    def starts(self) -> dict[str, list[float]]:
        """When each target was started again, in true seconds; what waits still will start later than all else."""

    @abstractmethod
    def link_of_rerun(self, number: int) -> str:
        """Return the link by which the newest rerun of a target reports in."""

    @abstractmethod
    def rerun_by_somebody(self, number: int, started_at: float) -> None:
        """Let somebody else rerun a target, as we would."""

    @abstractmethod
    def hold(self, number: int) -> set[str]:
        """Let the CI system start a target again only later; return all targets that this concerns."""

    @abstractmethod
    def _target(self, number: int) -> tuple[str, str, str]:
        """Return a target's name, a link to it and a family; it is added where it does not exist."""

    @abstractmethod
    def target_of(self, trigger: RecordedRequest) -> str:
        """Return the name of what a trigger starts."""

    @abstractmethod
    def _processor(self, waiting: Waiting) -> RequestProcessor: ...


class JenkinsLab(Lab):
    """A lab with Jenkins: two targets a job, one for each family.

    Args:
        starts_at_once: Jenkins' quiet period is 0.
        defines_delay: The jobs have a parameter called ``delay``, so that ours is not sent.
    """

    processor = "jenkins"
    look = r"/job/.*/api/json"
    fresh_seconds = 15.0

    def __init__(self, *, starts_at_once: bool = False, defines_delay: bool = False) -> None:
        super().__init__()
        self.jenkins = self.ci = SeenJenkins(self.witness, start_items_at_once=starts_at_once)
        delay = [{"name": "delay", "type": "StringParameterDefinition", "default": ""}] if defines_delay else []
        self._parameters = [*DEFAULT_PARAMETERS, *delay]
        self._jobs: set[str] = set()

    def settings(self) -> dict[str, str]:
        return {"JENKINS_URL": self.jenkins.url, "JENKINS_API_TOKEN": self.jenkins.token}

    def finish_reruns(self) -> None:
        for job in self._jobs:  # those that run end; what waits starts, and runs until the next time
            self.jenkins.end_builds(job)
        self.jenkins.start_items()

    @property
    def reruns(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for job in self._jobs:
            both: list[Build | Item] = [*self.jenkins.builds(job), *self.jenkins.queued(job)]
            ours = [each for each in both if self.jenkins.user in each.users]
            found.update(_jenkins_target(job, str(each.parameters["TESTPLAN"])) for each in ours)
        return dict(found)

    @property
    def starts(self) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for job in self._jobs:
            both: list[Build | Item] = [*self.jenkins.builds(job), *self.jenkins.queued(job)]
            for each in both:
                started_at = each.started_at if isinstance(each, Build) else float("inf")
                if isinstance(each, Item) or each.number > 1:
                    found.setdefault(_jenkins_target(job, str(each.parameters["TESTPLAN"])), []).append(started_at)
        return found

    def link_of_rerun(self, number: int) -> str:
        job = f"cert-{number // 2}"
        # a run reports in when it has started: one of those whose builds are discarded, so that none of ours is named
        return f"{self.jenkins.url}/job/{job}/{len(self.jenkins.builds(job)) + 1000}/"

    def rerun_by_somebody(self, number: int, started_at: float) -> None:
        job, plan = f"cert-{number // 2}", ("smoke", "full")[number % 2]
        parameters: dict[str, bool | str] = {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": plan}
        self.jenkins.add_build(job, started_at=started_at, parameters=parameters)

    def hold(self, number: int) -> set[str]:
        self.jenkins.job(f"cert-{number // 2}").buildable = False
        return {_jenkins_target(f"cert-{number // 2}", plan) for plan in ("smoke", "full")}

    def _target(self, number: int) -> tuple[str, str, str]:
        job, family = f"cert-{number // 2}", FAMILIES[number % 2]
        if job not in self._jobs:
            self._jobs.add(job)
            self.jenkins.add_job(job, self._parameters, builds=[self.jenkins.now() - 24 * HOUR])
        return _jenkins_target(job, ("smoke", "full")[number % 2]), f"{self.jenkins.url}/job/{job}/1/", family

    def target_of(self, trigger: RecordedRequest) -> str:
        job = trigger.path.split("/")[2]
        return _jenkins_target(job, "full" if b"TESTPLAN=full" in trigger.body else "smoke")

    def _processor(self, waiting: Waiting) -> RequestProcessor:
        return JenkinsProcessor(self.jenkins.user, self.jenkins.token, jenkins_url=self.jenkins.url, waiting=waiting)


def _jenkins_target(job: str, plan: str) -> str:
    return f"{job} {plan}"


class GithubLab(Lab):
    """A lab with GitHub: a run with two jobs for each target.

    Args:
        finishes_at_once: A rerun is over at once, so that GitHub would accept another.
        rerun: The setting of this name.
    """

    processor = "github"
    look = r"/actions/runs/\d+$"
    fresh_seconds = 5.0

    def __init__(self, *, finishes_at_once: bool = False, rerun: str = "run") -> None:
        super().__init__()
        self.github = self.ci = SeenGithub(self.witness)
        self.github.runs_finish_at_once = finishes_at_once
        self._rerun = rerun
        self._runs: set[int] = set()

    def settings(self) -> dict[str, str]:
        return {
            "GH_TOKEN": self.github.token,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_API_URL": self.github.url,
            "RERUNNER_RERUN": self._rerun,
        }

    def finish_reruns(self) -> None:
        for run in filter(self.github.triggered, self._runs):
            self.github.finish(run, "failure")

    @property
    def reruns(self) -> dict[str, int]:
        return {f"run {run}": count for run in self._runs if (count := self.github.triggered(run))}

    @property
    def starts(self) -> dict[str, list[float]]:
        attempts = {run: self.github.run(run).attempts[1:] for run in self._runs}
        return {f"run {run}": [attempt.started_at for attempt in found] for run, found in attempts.items()}

    def link_of_rerun(self, number: int) -> str:
        return f"{self.github.link(1000 + number)}/attempts/{self.github.attempts(1000 + number)}"

    def rerun_by_somebody(self, number: int, started_at: float) -> None:
        if self.github.run(1000 + number).latest.status == "completed":
            self.github.rerun_jobs(1000 + number, ("rpi4", "rpi5"), started_at=started_at, conclusion="failure")

    def hold(self, number: int) -> set[str]:
        latest = self.github.run(1000 + number).latest
        latest.status, latest.conclusion = "in_progress", None
        return {f"run {1000 + number}"}

    def _target(self, number: int) -> tuple[str, str, str]:
        run = 1000 + number
        if run not in self._runs:
            self._runs.add(run)
            self.github.add_run("canonical/lab", run, jobs=("rpi4", "rpi5"))
        # every other request names a job, which needs a second GET for its look
        job = (None, "rpi4")[len(self.asked) % 2]
        return f"run {run}", self.github.link(run, job), "charm"

    def target_of(self, trigger: RecordedRequest) -> str:
        return f"run {trigger.path.split('/')[6]}"

    def _processor(self, waiting: Waiting) -> RequestProcessor:
        return GithubProcessor(
            self.github.token,
            github_server_url=self.github.server_url,
            github_api_url=self.github.url,
            rerun=self._rerun,
            waiting=waiting,
        )
