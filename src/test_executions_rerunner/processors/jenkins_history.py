"""The builds of a job that are like the one that our trigger starts, and how many of them a day may have."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.processors import jenkins_state

if TYPE_CHECKING:
    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins_api import JenkinsApi
    from test_executions_rerunner.processors.jenkins_state import Build, Job

_DAY_SECONDS = 24 * 3600.0


class History:
    """The builds of a job, newest first; older ones are read when they are needed, once for all its requests."""

    def __init__(self, api: JenkinsApi, target: Target, job: Job) -> None:
        self._api, self._target, self._job = api, target, job
        self._sent = target.post_arguments["json"]
        self._builds, self._most = job.builds, jenkins_state.FIRST_BUILDS

    def ours_since(self, moment: Moment, most: int = 1) -> list[Build]:
        """Return the newest builds of ours that started after a moment, at most so many.

        Older builds are read for as long as all those known started after it.

        Raises:
            CallError: They could not be read, or the clocks cannot be compared.
        """
        while True:
            later = [build for build in self._builds if self._api.calls.later(build.started, moment)]
            ours = [build for build in later if self._job.is_ours(build, self._sent)]
            is_all = len(self._builds) < self._most or self._most >= jenkins_state.MOST_BUILDS
            if is_all or len(ours) >= most or len(later) < len(self._builds):
                return ours[:most]
            self._read_on()

    def too_often(self, most: int) -> str | None:
        """Say that ours was started as often as a day allows, and when it may start again; None: it may start now.

        Raises:
            CallError: As for `ours_since`.
        """
        clock = self._api.calls.clock
        ours = self.ours_since(Moment(clock.now() - _DAY_SECONDS, clock), most)
        if len(ours) < most:
            return None
        again = min(build.started for build in ours) + _DAY_SECONDS
        # a minute later, since what is shown has no seconds
        return f"started {most} times in the last 24 hours, next possible at {utc(again + 60)}"

    def _read_on(self) -> None:
        self._most = min(self._most * 4, jenkins_state.MOST_BUILDS)
        self._builds = self._api.builds(self._target, self._most)


def utc(seconds: float) -> str:
    """Return a moment of a server's clock, in seconds since 1970, for people."""
    try:
        return f"{dt.datetime.fromtimestamp(seconds, dt.timezone.utc):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return "a time that is none"
