"""What is known of a job and of the queue of its controller, and how that compares with a trigger of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from test_executions_rerunner.processors.jenkins.values import Definition

_MISSING = object()


@dataclass(frozen=True)
class Candidate:
    """A build, or an item of the queue that will become one: either may be a rerun."""

    number: int
    """The build's number, or the item's id."""
    parameters: Mapping[str, object]
    """All parameters of the job with their values; `jenkins_values.UNTOLD` for those that Jenkins does not tell."""
    users: tuple[str, ...]
    """Who asked for it, in lower case, once for each trigger merged into it."""
    item: int
    """The id of the item that it is or was; 0: not told."""

    def is_by(self, user: str) -> bool:
        """Tell whether a user asked for it, maybe among others; Jenkins does not heed the case of a name."""
        return user.lower() in self.users


@dataclass(frozen=True)
class Build(Candidate):
    """A build."""

    started: float
    """When it started, in seconds since 1970 on the controller's clock; 0: Jenkins does not know."""
    ended: float | None
    """When it ended; None: it runs."""
    result: object = None
    """How it ended, in a word of Jenkins."""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.ended is None


@dataclass(frozen=True)
class QueueItem(Candidate):
    """An item that waits in the queue."""

    job: str
    """The full name of its job, in lower case: Jenkins looks names up without case."""
    since: float
    """When it came, in seconds since 1970 on the controller's clock."""
    why: str = ""
    """What it waits for, in Jenkins' words, harmless; empty: not told."""


@dataclass(frozen=True)
class Queue:
    """All that waited in the queue at one moment, as far as the user may see it."""

    items: tuple[QueueItem, ...]
    """Those of jobs."""
    waiting: int
    """How many items waited, a Pipeline's wait for a node included."""
    oldest: float | None
    """When the oldest of them came, in seconds since 1970 on the controller's clock."""
    read_at: float
    """When its request was sent, on our own clock."""

    def of_job(self, full_name: str) -> tuple[QueueItem, ...]:
        """Return the items of a job, named with its folders; case does not count."""
        return tuple(item for item in self.items if item.job == full_name.lower())


@dataclass(frozen=True)
class Job:
    """A job: what it takes, and its newest builds."""

    is_buildable: bool
    aborts: bool
    """Whether each new build ends the one that runs."""
    definitions: Mapping[str, Definition]
    """The parameters that it takes."""
    builds: tuple[Build, ...]
    """Newest first."""
    is_of_branch: bool = False
    """Whether a multibranch Pipeline made it, and disables it when its branch is gone."""

    @property
    def waits_since_disabled(self) -> str:
        """Why it cannot be built, where it is not buildable."""
        if self.is_of_branch:
            return "the job is disabled: its branch is gone, as a multibranch Pipeline has it, or somebody disabled it"
        return "the job is disabled, until somebody enables it"

    @property
    def newest(self) -> int:
        """The number of the newest build; 0: there is none."""
        return max((build.number for build in self.builds), default=0)

    def undefined(self, sent: Mapping[str, object]) -> list[str]:
        """Return the names that we send and the job drops."""
        return sorted(name for name in sent if name not in self.definitions)

    def not_kept(self, sent: Mapping[str, object]) -> str | None:
        """Say which value that we send the job would not keep as it is; None: it keeps them all."""
        ours = ((name, definition) for name, definition in self.definitions.items() if name in sent)
        return next(filter(None, (definition.not_kept(name, sent[name]) for name, definition in ours)), None)

    def differences(
        self, candidate: Candidate, sent: Mapping[str, object], before: Iterable[Mapping[str, Definition]] = ()
    ) -> tuple[str, ...] | None:
        """Compare a build or an item with what our trigger makes.

        Args:
            candidate: The build or the item.
            sent: What we send.
            before: How the parameters were defined earlier: their defaults count too.

        Returns:
            The parameters whose values are neither ours nor the job's defaults: none if it is ours. None where one
            that we send has another value.
        """
        found = []
        for name, definition in self.definitions.items():
            actual = candidate.parameters.get(name, _MISSING)
            if name in sent:
                if actual is _MISSING or not definition.keeps_alike(actual, sent[name]):
                    return None
            elif actual is not _MISSING:
                defaults = (definition.default, *(told[name].default for told in before if name in told))
                if not any(definition.keeps_alike(actual, default) for default in defaults):
                    found.append(name)
        return tuple(found)
