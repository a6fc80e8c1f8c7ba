"""The builds of a job, as far back as they are needed, and which of them can be believed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.processors.jenkins.reading import FIRST_BUILDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins.api import JenkinsApi
    from test_executions_rerunner.processors.jenkins.state import Build, Job

DAY_SECONDS = 24 * 3600.0
MOST_BUILDS = 5000
"""Where reading on ends: nobody started that many builds of one job since the request."""
_MOST_AT_A_TIME = 1000
"""So many builds with their parameters stay far below what an answer may have."""


class TooManyBuildsError(Exception):
    """The newest `MOST_BUILDS` builds all started since a moment, or may have."""


class History:
    """The builds of a job, newest first; older ones are read when they are needed, once for all its requests."""

    def __init__(self, api: JenkinsApi, target: Target, job: Job) -> None:
        self._api, self._target = api, target
        self._builds: list[Build] = []
        self._impossible: frozenset[int] = frozenset()
        self._add(job.builds)
        self._is_all = len(job.builds) < FIRST_BUILDS

    def since(self, moment: Moment, *, reads_on: bool = True) -> Iterator[Build]:
        """Yield the builds down to the first that surely started before a moment, newest first.

        Args:
            moment: Builds before it are not needed.
            reads_on: Whether older builds are read where all that are known may have started since.

        Raises:
            CallError: They could not be read, or the clocks cannot be compared.
            TooManyBuildsError: None of the newest `MOST_BUILDS` surely started before.
        """
        position = 0
        while True:
            while position < len(self._builds):
                build = self._builds[position]
                if self.has_possible_start(build) and self._api.calls.earlier(build.started, moment):
                    return
                yield build
                position += 1
            if self._is_all or not reads_on:
                return
            if len(self._builds) >= MOST_BUILDS:
                raise TooManyBuildsError
            self._read_on()

    def has_possible_start(self, build: Build) -> bool:
        """Tell whether a build can have started when it says: not at 0, a day before an older one, or tomorrow."""
        return build.number not in self._impossible

    def is_superseded(self, build: Build) -> bool:
        """Tell whether a build was ended by a newer one, as in a job that aborts its running build for each new one."""
        if build.result != "NOT_BUILT" or build.ended is None:
            return False
        newer = (other for other in self._builds if other.number > build.number)
        return any(other.started <= build.ended for other in newer if self.has_possible_start(other))

    def too_often(self, most: int, counts: Callable[[Build], bool]) -> str | None:
        """Say that ours was started as often as a day allows, and when it may start again; None: it may start now.

        Args:
            most: How often a day allows.
            counts: Tells whether a build is one of those that are counted.

        Raises:
            CallError: As for `since`.
        """
        clock = self._api.calls.clock
        found: list[Build] = []
        try:
            for build in self.since(Moment(clock.now() - DAY_SECONDS, clock)):
                found += [build] if counts(build) else []
                if len(found) == most:
                    break
        except TooManyBuildsError:
            return f"started over {MOST_BUILDS} times with any parameters in the last 24 hours"
        if len(found) < most:
            return None
        again = min(build.started for build in found) + DAY_SECONDS
        # a minute later, since what is shown has no seconds
        return f"started {most} times in the last 24 hours, next possible at {utc(again + 60)}"

    def _add(self, builds: tuple[Build, ...]) -> None:
        """Take builds in, and find out which of all known say an impossible start."""
        known = {build.number: build for build in (*self._builds, *builds)}
        self._builds = sorted(known.values(), key=lambda build: -build.number)
        impossible, latest, tomorrow = set(), 0.0, self._api.calls.clock.now() + DAY_SECONDS
        for build in reversed(self._builds):
            if build.started <= 0 or not latest - DAY_SECONDS <= build.started <= tomorrow:
                impossible.add(build.number)
            else:
                latest = max(latest, build.started)
        self._impossible = frozenset(impossible)

    def _read_on(self) -> None:
        """Read more, from the oldest known one on: builds that began meanwhile moved it further back."""
        known, oldest = len(self._builds), self._builds[-1].number
        start, stop = known - 1, known + min(3 * known, _MOST_AT_A_TIME, MOST_BUILDS - known)
        read = self._api.builds(self._target, start, stop)
        if oldest not in {build.number for build in read}:
            # some were deleted meanwhile, so that those behind them stand where others stood
            start = 0
            read = self._api.builds(self._target, start, stop)
        self._is_all = len(read) < stop - start
        self._add(read)


def utc(seconds: float) -> str:
    """Return a moment of a server's clock, in seconds since 1970, for people."""
    try:
        return f"{dt.datetime.fromtimestamp(seconds, dt.timezone.utc):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return "a time that is none"
