"""What the parts of this package hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from test_executions_rerunner.rerun_request import RerunRequest


NEVER = float("-inf")
"""As of when a file holds: it says nothing about what is queued."""


class PostArguments(TypedDict, total=False):
    """The POST that starts a target again."""

    url: str
    """Always present; built by a processor, below its configured origin."""
    json: dict[str, Any]
    """Build parameters (Jenkins only), sent as a form."""


@dataclass(frozen=True)
class Reading:
    """A reading of the queue, or of a part of it."""

    requests: Sequence[RerunRequest]
    """In the order of the queue."""
    as_of: float
    """The moment of our own clock at which it was asked for: what happened later may be missing. `NEVER` of a file."""
    is_whole: bool
    """Whether nothing stands behind what was read."""
    answered_at: float = float("inf")
    """When the answer was there, on our own clock: all that it holds was made before."""


@dataclass(frozen=True)
class Stood:
    """The queue was read, and the request was there."""

    as_of: float
    """As for `Reading`, of the newest one in which it stood."""


@dataclass(frozen=True)
class Acceptance:
    """A trigger of ours was accepted."""

    post_arguments: PostArguments
    """What was sent."""
    sent_at: float
    """When, on our own clock: whatever was asked for before that is served by it."""
    holds_back: bool
    """Whether what it starts cannot report within a second: it waits, or is far away."""


class State(str, Enum):
    """What became of a request; the table of docs/outcomes.md."""

    TRIGGERED = "triggered"
    ALREADY_RERUN = "already-rerun"
    PLANNED = "planned"
    DEFERRED = "deferred"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_failure(self) -> bool:
        """Whether a person should know."""
        return self in {State.REFUSED, State.FAILED, State.UNKNOWN}

    @property
    def is_served(self) -> bool:
        """Whether the request's rerun is known to have been accepted."""
        return self in {State.TRIGGERED, State.ALREADY_RERUN}


class Removal(Enum):
    """How a request left the queue; the value completes a sentence."""

    DELETED = "deleted"
    """By this drain's hand."""
    GONE = "its request had left the queue already"
    """It was not there any more, as when its rerun has reported in."""
    REPLACED = "it was asked for again since, and that newer request stays"
    """A newer request of the same group stands in its place."""


@dataclass(frozen=True)
class Target:
    """The run or job that a link names."""

    key: Hashable
    """Equal for two requests whose triggers would be the same."""
    name: str
    """For people, in the terms of the CI system; printable ASCII."""
    post_arguments: PostArguments
    """The POST that starts it again."""
    notes: tuple[str, ...] = ()
    """What a person should know about how it was resolved, such as a build that is gone."""


@dataclass(frozen=True)
class Claim:
    """Something that a trigger takes and of which there is only so much: a concurrency group, a place in a queue."""

    key: Hashable
    """Equal for two claims to the same thing."""
    reason: str
    """Why a trigger that finds it taken is deferred; whoever took it is named behind it."""
    most: int = 1
    """How many triggers of this drain may take it."""
    since: float = float("-inf")
    """Triggers sent before this moment of our own clock do not count: what was read then has them already."""


@dataclass(frozen=True)
class Served:
    """Proof that a target was rerun after a request was made."""

    reason: str
    link: str | None = None
    has_started: bool = True
    """False: it waits in a queue still, from which it may be lost."""
    may_be_ours: bool = True
    """False, of what is doubtful: somebody else started it, so that no request stays for it."""


@dataclass(frozen=True)
class Verdict:
    """Why a target is not to be triggered, or how its trigger ended: one outcome for all its requests."""

    state: State
    reason: str
    link: str | None = None
    acceptance: Acceptance | None = None
    """The trigger that was accepted, where one was."""
    frees_slot: bool = False
    """Whether the trigger was answered by a failure and not found afterwards: `--limit` does not count it."""
    is_doubtful: bool = False
    """Whether the trigger may have been accepted all the same, whatever the outcome is called."""


@dataclass(frozen=True)
class Look:
    """What one look at a target found, before its trigger."""

    post_arguments: PostArguments
    """The POST to send now."""
    served: Mapping[RerunRequest, Served] = field(default_factory=dict)
    """The requests whose rerun was found."""
    verdict: Verdict | None = None
    """Set where the others must not be triggered."""
    notes: tuple[str, ...] = ()
    """What a person should know about the trigger, such as parameters that the job does not define."""
    before: Any = None
    """The processor's own record of the state, for its trigger and to compare with after a doubtful one."""
    claims: tuple[Claim, ...] = ()
    """What the trigger takes; it is deferred where one of them is taken."""
    way_out: str | None = None
    """What a person can do where the trigger is refused: a command, harmless for a shell."""
    since: float | None = None
    """When the first request was sent that it rests on, on our own clock; None: when the look began."""
    fresh_seconds: float = 5.0
    """How old it may be when its trigger is sent: longer where identical triggers are one."""
    held: Mapping[RerunRequest, Verdict] = field(default_factory=dict)
    """The requests that are neither triggered nor deleted now, each with its own outcome: doubt, or what only a person
    can settle."""
    doubtful: Mapping[RerunRequest, Served] = field(default_factory=dict)
    """The requests for which something has ended that may have been their rerun. Where a request leaves the queue with
    its trigger, it was another's if the request stands there still."""
    misses: Mapping[RerunRequest, int] = field(default_factory=dict)
    """How many reruns since each request did not count: cancelled before they ran, superseded."""
    is_narrow: bool = False
    """Whether the trigger starts less than the whole target, and a wider one is left where it is refused."""
    holds_back: bool = True
    """Whether what the trigger starts cannot report within a second: it waits, or is far away."""


@dataclass
class Outcome:
    """What became of one request."""

    request: RerunRequest
    state: State
    reason: str
    target: str | None = None
    link: str | None = None
    deleted: bool = False
    """Whether the request has left the queue of Test Observer by this drain's hand."""
    delete_error: str | None = None
    """Why it could not be deleted."""
    gone: bool = False
    """Whether it has left the queue without this drain's hand, maybe for a newer request of the same group."""

    @property
    def has_left(self) -> bool:
        """Whether the request does not stay in the queue."""
        return self.deleted or self.gone


@dataclass(frozen=True)
class Check:
    """One thing that a drain needs."""

    name: str
    ok: bool | None
    """True: fine; False: a drain could not work; None: a person may want to know."""
    message: str
    fix: str | None = None
    """What to do about it, in one line."""
    is_of_queue: bool = False
    """Whether it is about the queue, not about the CI system."""

    @property
    def line(self) -> str:
        """The check as a person reads it."""
        mark = {True: "ok", False: "FAILED", None: "warning"}[self.ok]
        return f"{mark}: {self.name}: {self.message}" + (f" -> {self.fix}" if self.fix else "")
