"""The parameters of the builds that are to be run again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.models import Target
from test_executions_rerunner.processors.jenkins_links import job_path
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.processors.jenkins_api import JenkinsApi
    from test_executions_rerunner.processors.jenkins_parameters import Parameters

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


def repeated(
    target: BuildTarget, told: Mapping[str, object] | None, settings: Parameters
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the parameters that run a build again, and what a person should know about them.

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
        return parameters, (f"{build} is gone: the parameters of family {target.family} instead of its own",)
    ours = settings.over(target.family)
    known = {name: value for name, value in told.items() if value is not None and name != "json"}
    hidden = sorted(told.keys() - known.keys() - ours.keys())
    if not hidden:
        return {**known, **ours}, ()
    names = harmless(", ".join(hidden), most=_MOST_SHOWN)
    return {**known, **ours}, (f"{build} does not tell its {names}, so that the job's default is taken",)


class BuildParameters:
    """Reads the parameters of builds, each build once, however many threads ask for it."""

    def __init__(self, api: JenkinsApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._of_build: dict[str, threading.Lock] = {}
        self._known: dict[str, Mapping[str, object] | None] = {}

    def read(self, target: BuildTarget) -> Mapping[str, object] | None:
        """Return a build's parameters, as `jenkins_state.read_parameters` tells them; None: the build is gone.

        Raises:
            CallError: They could not be read, nor could it be found out whether the build is gone.
        """
        path = f"{job_path(target.names)}/{target.number}"
        with self._lock:
            lock = self._of_build.setdefault(path.lower(), threading.Lock())
        with lock:
            if path.lower() not in self._known:
                self._known[path.lower()] = self._read(target, path)
            return self._known[path.lower()]

    def _read(self, target: BuildTarget, path: str) -> Mapping[str, object] | None:
        parameters = self._api.parameters(path)
        if parameters is None:
            self._api.job(target)  # a 404 too where the job is gone, or may not be read
        return parameters
