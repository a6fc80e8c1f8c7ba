"""What one look proves about each request of a job: its rerun, none, or what may be its rerun.

Values and users are all that Jenkins tells of who started what. A build with our values whose other parameters differ
from today's defaults is ours if the defaults have moved, and somebody else's otherwise: nobody can tell.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.models import Served, State, Verdict
from test_executions_rerunner.processors.jenkins.looks.history import DAY_SECONDS, MOST_BUILDS, TooManyBuildsError, utc
from test_executions_rerunner.processors.jenkins.parameters import form
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.jenkins.api import JenkinsApi
    from test_executions_rerunner.processors.jenkins.looks.history import History
    from test_executions_rerunner.processors.jenkins.state import Build, Candidate, Job, QueueItem

_log = logging.getLogger(__name__)
_MOST_SHOWN = 150
"""How many characters of names are shown."""


class Likeness(Enum):
    """How much a build or an item is like what our trigger makes."""

    OURS = auto()
    """Nothing tells it from ours."""
    MAYBE = auto()
    """It is by our user and has our values, but something else differs or is not told."""
    OTHER = auto()
    """It is somebody else's."""


class Comparison(NamedTuple):
    """A build or an item, compared with what our trigger makes."""

    likeness: Likeness
    why: str = ""
    """What leaves it open whose it is."""


class Ours(NamedTuple):
    """How what our triggers make is known."""

    user: str
    """Whose triggers they are."""
    kinds: tuple[Mapping[str, object], ...] = ()
    """What the triggers of each family send."""


class SentTriggers:
    """The triggers that were accepted: what each made is known by its item, whatever else is alike."""

    def __init__(self) -> None:
        self._sent: dict[int, Mapping[str, str]] = {}

    def note(self, served: Served, sent: Mapping[str, object]) -> None:
        """Take an acceptance into account, whose link is that of its item."""
        number = (served.link or "").rstrip("/").rpartition("/")[2]
        if number.isdecimal():
            self._sent[int(number)] = form(sent)

    def has_another(self, candidate: Candidate, sent: Mapping[str, object]) -> bool:
        """Tell whether a build or an item was made by a trigger that sent something else."""
        made_by = self._sent.get(candidate.item)
        return made_by is not None and made_by != form(sent)


@dataclass(frozen=True)
class Trigger:
    """What a trigger makes of a job."""

    job: Job
    sent: Mapping[str, object]
    """The parameters that are sent."""
    ours: Ours
    """How it is known."""
    untold: tuple[str, ...] = ()
    """The parameters of the build to be run again that Jenkins does not tell: two such triggers are never the same."""
    others: SentTriggers = field(default_factory=SentTriggers)
    """Those that were sent before."""

    def compare(self, candidate: Candidate) -> Comparison:
        """Compare a build or an item with it."""
        differences = self.job.differences(candidate, self.sent)
        if differences is None:
            return Comparison(Likeness.OTHER)
        if not differences and not self.untold:
            return Comparison(Likeness.OURS)
        if not candidate.is_by(self.ours.user) or self.others.has_another(candidate, self.sent):
            return Comparison(Likeness.OTHER)
        if any(self._is_nearer_to(kind, candidate, differences) for kind in self.ours.kinds):
            return Comparison(Likeness.OTHER)
        names = harmless(", ".join(differences or self.untold), most=_MOST_SHOWN)
        why = f"its {names} differs from today's default" if differences else f"Jenkins does not tell its {names}"
        return Comparison(Likeness.MAYBE, why)

    def _is_nearer_to(self, kind: Mapping[str, object], candidate: Candidate, differences: tuple[str, ...]) -> bool:
        """Tell whether the trigger of another family explains some of the differences, and leaves no other open."""
        others = self.job.differences(candidate, kind)
        return others is not None and set(others) < set(differences)

    def would_join(self, item: QueueItem) -> bool:
        """Tell whether an item that waits would take it in, though what Jenkins does not tell may differ."""
        return bool(self.untold) and self.job.differences(item, self.sent) == ()


@dataclass
class Found:
    """What a look found for one request: at most one of the first three."""

    served: Served | None = None
    held: Verdict | None = None
    doubtful: Served | None = None
    misses: int = 0
    """How many reruns of ours since the request did not count."""


@dataclass(frozen=True)
class Evidence:
    """The builds and items of one job, as one look found them."""

    api: JenkinsApi
    target: Target
    trigger: Trigger
    history: History
    items: tuple[QueueItem, ...]
    """Those of the job, that wait in the queue."""
    warned: set[str] = field(default_factory=set)
    """What people were warned of already."""

    def of(self, asked: Moment | None, linked: int | None) -> Found:
        """Return what is known of a request.

        Args:
            asked: When it was made; None: not known, so that only what waits counts.
            linked: The number of the build that its link names, which is never its own rerun.

        Raises:
            CallError: Older builds could not be read, or the clocks cannot be compared.
        """
        compared = [(item, self.trigger.compare(item)) for item in self.items]
        waiting = next((item for item, comparison in compared if comparison.likeness is Likeness.OURS), None)
        found = Found() if asked is None else self._among_builds(asked, linked, reads_on=waiting is None)
        if found.served:
            return found
        if waiting:
            link = self.api.item_link(waiting.number)
            reason = f"an identical item waits in the queue since {_since(waiting)}"
            return Found(served=Served(reason, link, has_started=False), misses=found.misses)
        if not found.held or found.held.state is not State.FAILED:
            for item, comparison in compared:
                if held := self._held_by_item(item, comparison, asked):
                    return Found(held=held, misses=found.misses)
        return found

    def _among_builds(self, asked: Moment, linked: int | None, *, reads_on: bool) -> Found:
        """Look for a request's rerun among the builds."""
        found = Found()
        impossible: Build | None = None
        doubts: list[tuple[Build, str]] = []
        try:
            for build in self.history.since(asked, reads_on=reads_on):
                likeness, why = self.trigger.compare(build)
                if build.number == linked or likeness is Likeness.OTHER:
                    continue
                if not self.history.has_possible_start(build):
                    impossible = impossible or build
                    continue
                is_later = self.api.calls.later(build.started, asked)
                if self.history.is_superseded(build):
                    found.misses += is_later
                elif is_later and likeness is Likeness.OURS:
                    link = self.api.build_link(self.target, build.number)
                    found.served = Served(f"build {build.number} started since the request", link)
                    return found
                else:
                    doubts.append((build, why or "it started in the very seconds of the request"))
        except TooManyBuildsError:
            reason = f"has had over {MOST_BUILDS} builds since the request, too many to find its rerun among them"
            found.held = Verdict(State.FAILED, f"{reason}: look whether it was rerun, and delete the request")
            return found
        if impossible:
            found.held = self._impossible(impossible)
        elif running := next((doubt for doubt in doubts if doubt[0].is_running), None):
            build, why = running
            link = self.api.build_link(self.target, build.number)
            found.held = self._held(f"build {build.number}, which runs since {utc(build.started)},", why, link, asked)
        elif doubts:
            build, why = doubts[0]
            link = self.api.build_link(self.target, build.number)
            reason = f"build {build.number} since the request may have been its rerun: {why}"
            found.doubtful = Served(reason, link, may_be_ours=build.is_by(self.trigger.ours.user))
        return found

    def _impossible(self, build: Build) -> Verdict:
        says = "says no start" if build.started <= 0 else f"says that it started at {utc(build.started)}"
        reason = (
            f"build {build.number} may be its rerun, and {says}, which cannot be: look whether it is, and delete it"
        )
        return Verdict(State.FAILED, reason, self.api.build_link(self.target, build.number))

    def _held_by_item(self, item: QueueItem, comparison: Comparison, asked: Moment | None) -> Verdict | None:
        """Say that an item that waits may be a request's rerun, or would take its trigger in; None: neither."""
        what = f"item {item.number}, which waits in the queue since {_since(item)},"
        link = self.api.item_link(item.number)
        if self.trigger.would_join(item):
            names = harmless(", ".join(self.trigger.untold), most=_MOST_SHOWN)
            return self._held(what, f"a trigger would join it, and Jenkins does not tell its {names}", link, asked)
        if comparison.likeness is not Likeness.MAYBE:
            return None
        is_younger = asked is not None and self.api.calls.earlier(item.since, asked)
        return None if is_younger else self._held(what, comparison.why, link, asked)

    def _held(self, what: str, why: str, link: str, asked: Moment | None) -> Verdict:
        """Hold a request while something of doubt waits or runs; after a day a person has to look."""
        self._warn(f"{self.target.name}: {what} holds back requests, since it may be their rerun: {why}")
        reason = f"{what} may be its rerun: {why}"
        if asked is not None and asked.clock.now() - asked.seconds >= DAY_SECONDS:
            return Verdict(State.FAILED, f"{reason}; asked for over a day ago, so that a person must look", link)
        return Verdict(State.DEFERRED, f"{reason}; it is waited for until it has ended", link)

    def _warn(self, text: str) -> None:
        """Warn people once of each thing."""
        if text not in self.warned:
            self.warned.add(text)
            _log.warning("%s; a Jenkins user for the drain alone avoids most of this", text)


def _since(item: QueueItem) -> str:
    """Say since when an item waits, and what for: whoever looks after that can act."""
    return f"{utc(item.since)} ({item.why})" if item.why else utc(item.since)
