"""The builds that requests name, and the parameters with which they are run again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from test_executions_rerunner.calls.failures import CallError, Failure, Kind
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.models import Target
from test_executions_rerunner.processors.jenkins.links import job_path, read_link
from test_executions_rerunner.processors.jenkins.values import UNTOLD
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.processors.jenkins.api import JenkinsApi
    from test_executions_rerunner.processors.jenkins.parameters import Parameters
    from test_executions_rerunner.processors.jenkins.reading import LinkedBuild
    from test_executions_rerunner.rerun_request import RerunRequest

_MOST_SHOWN = 150
"""How many characters of names are shown."""


@dataclass(frozen=True)
class BuildTarget(Target):
    """A job of which one build is to be run again: its parameters are still to be read."""

    names: tuple[str, ...] = ()
    """Those of the job, from the outermost folder to the job itself."""
    number: int = 0
    """That of the build."""
    family: object = None
    """Of the request."""


@dataclass(frozen=True)
class JobTarget(Target):
    """A job that is to be started with the parameters of one of its builds."""

    untold: tuple[str, ...] = ()
    """The parameters of that build whose values Jenkins does not tell."""


class Repeated(NamedTuple):
    """How a build is run again."""

    parameters: dict[str, Any]
    """What is sent."""
    notes: tuple[str, ...] = ()
    """What a person should know about that."""
    untold: tuple[str, ...] = ()
    """The parameters that are left out, since Jenkins does not tell their values."""


def repeated(target: BuildTarget, told: Mapping[str, object] | None, settings: Parameters) -> Repeated:
    """Return how a build is run again.

    Args:
        target: The build.
        told: What Jenkins tells of its parameters; None: it is gone.
        settings: What is sent in any case, and in place of a build that is gone.

    Raises:
        RequestProcessingError: The build is gone, and its family has no parameters of its own.
    """
    build = f"build {target.number}"
    if told is None:
        try:
            parameters = settings.of_family(target.family)
        except RequestProcessingError as error:
            raise RequestProcessingError(f"{build} is gone, so that it cannot be repeated; {error}") from error
        return Repeated(parameters, (f"{build} is gone: the parameters of family {target.family} instead of its own",))
    ours = settings.over(target.family)
    known = {name: value for name, value in told.items() if value is not UNTOLD and name != "json"}
    untold = tuple(sorted(told.keys() - known.keys() - ours.keys()))
    if not untold:
        return Repeated({**known, **ours})
    names = harmless(", ".join(untold), most=_MOST_SHOWN)
    note = f"{build} does not tell its {names}, so that the job's default is taken"
    return Repeated({**known, **ours}, (note,), untold)


class LinkedBuilds:
    """The builds that requests name; each is read once, however many threads ask for it.

    Args:
        api: The controller.
        origins: Where links to it point.
    """

    def __init__(self, api: JenkinsApi, origins: tuple[Origin, ...]) -> None:
        self._api, self._origins = api, origins
        self._lock = threading.Lock()
        self._of_build: dict[str, threading.Lock] = {}
        self._known: dict[str, LinkedBuild | None] = {}

    def read(self, target: BuildTarget) -> Mapping[str, object] | None:
        """Return a build's parameters, as `jenkins_reading.LinkedBuild` has them; None: the build is gone.

        Raises:
            CallError: They could not be read, nor could it be found out whether the build is gone.
        """
        path = _path(target.names, target.number)
        with self._lock:
            lock = self._of_build.setdefault(path.lower(), threading.Lock())
        with lock:
            if path.lower() not in self._known:
                self._known[path.lower()] = self._read(target, path)
            build = self._known[path.lower()]
        return build.parameters if build else None

    def number(self, request: RerunRequest) -> int | None:
        """Return the number of the build that a request names; None: its link names none."""
        try:
            return read_link(request.ci_link, self._origins).number
        except RequestProcessingError:
            return None

    def started(self, request: RerunRequest) -> float | None:
        """Return when the build that a request names started, where it was read; 0: Jenkins does not know."""
        try:
            link = read_link(request.ci_link, self._origins)
        except RequestProcessingError:
            return None
        build = self._known.get(_path(link.names, link.number).lower())
        return build.started if build else None

    def _read(self, target: BuildTarget, path: str) -> LinkedBuild | None:
        """Read a build; around its start it may be missing for a moment, though its job lists it."""
        build = self._api.linked_build(path)
        if build is not None:
            return build
        listed = self._api.numbers(target)  # a 404 too where the job is gone, or may not be read
        self._api.calls.waiting.sleep(self._api.calls.waiting.waits.second_look_seconds)
        build = self._api.linked_build(path)
        if build is None and target.number in listed:
            raise CallError(Failure(Kind.BROKEN, f"404 for build {target.number}, which its job lists"))
        return build


def _path(names: tuple[str, ...], number: int) -> str:
    return f"{job_path(names)}/{number}"
