"""What the parts of this package hand to each other."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

LARGEST_ID = 2**31 - 1
"""Test Observer answers 500 for a larger one, and removes nothing."""

RawRequest: TypeAlias = "Mapping[str, Any]"
"""One entry of the queue as Test Observer's GET gives it."""


class PostArguments(TypedDict, total=False):
    """The POST that starts a target again."""

    url: str
    """Always present; built by a processor, below its configured origin."""
    json: dict[str, Any]
    """Build parameters (Jenkins only), sent as a form."""


class State(str, Enum):
    """What became of a request; design section 6 of the README's table."""

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


@dataclass(frozen=True)
class Unreadable:
    """A ``created_at`` that is no time; two that say the same are equal."""

    value: str
    """As Python writes it, harmless."""


class Removal(Enum):
    """How a request left the queue; the value completes a sentence."""

    DELETED = "deleted"
    """By this drain's hand."""
    GONE = "its request had left the queue already"
    """It was not there any more, as when its rerun has reported in."""
    REPLACED = "it was asked for again since, and that newer request stays"
    """A newer request of the same group stands in its place."""


@dataclass(frozen=True, eq=False)
class RerunRequest:
    """One entry of the queue, read once; two entries are never equal, whatever they say."""

    test_execution_id: int | None
    """1 to 2^31-1, or None where the entry names none."""
    ci_link: object
    """Where the run or build is found; anything at all, since strangers write it."""
    family: object
    """One of five words, when Test Observer says it."""
    created_at: float | Unreadable | None
    """When the rerun was asked for: seconds since 1970 on Test Observer's clock."""
    problem: str | None = None
    """Why this entry can never be triggered, where it says itself."""
    group: Hashable = None
    """Equal for the requests that Test Observer keeps one of: test plan, build and environment; None: not told."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """The query that narrows the queue down to its neighbours."""
    links: tuple[str, ...] = ()
    """What the test execution links to already."""
    is_archived: bool = False
    """Whether its artefact is archived."""

    @classmethod
    def read(cls, raw: object, *, needs_id: bool = True) -> RerunRequest:
        """Read an entry of any shape; nothing is raised, since nobody else may suffer from it.

        Args:
            raw: One element of the queue's JSON array.
            needs_id: False for a file of requests, whose entries may lack an id: nothing is to be removed then.
        """
        if not isinstance(raw, dict):
            return cls(None, None, None, None, f"an entry of the queue is no object: {shown(raw)}")
        number, problem = raw.get("test_execution_id"), None
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= LARGEST_ID:
            if needs_id or number is not None:
                problem = f"test_execution_id {shown(number)} is no whole number from 1 to {LARGEST_ID}"
            number = None
        return cls(
            number,
            raw.get("ci_link"),
            raw.get("family"),
            read_time(raw.get("created_at")),
            problem,
            _group(raw),
            _filters(raw),
            tuple(str(_inside(link, "url")) for link in _as_list(_inside(raw, "test_execution", "relevant_links"))),
            _inside(raw, "artefact", "archived") is True,
        )

    @property
    def time_problem(self) -> str | None:
        """Why it cannot be compared with what was rerun, where ``created_at`` is no time."""
        return f"created_at {self.created_at.value} is no time" if isinstance(self.created_at, Unreadable) else None

    def is_of_same_group(self, other: RerunRequest) -> bool:
        """Tell whether Test Observer would keep only one of the two."""
        is_same_id = self.test_execution_id is not None and self.test_execution_id == other.test_execution_id
        return is_same_id or (self.group is not None and self.group == other.group)


def _group(raw: Mapping[str, Any]) -> Hashable:
    """Return what names a group; a part that is not told, or not to be compared, makes it unknown."""
    plan = _inside(raw, "test_execution", "test_plan")
    build = _inside(raw, "artefact_build", "id")
    environment = _inside(raw, "test_execution", "environment", "id")
    group = (plan, build, environment)
    return group if all(isinstance(part, (str, int)) for part in group) else None


def _filters(raw: Mapping[str, Any]) -> dict[str, str]:
    told = {
        "family": raw.get("family"),
        "environment": _inside(raw, "test_execution", "environment", "name"),
        "environment_architecture": _inside(raw, "test_execution", "environment", "architecture"),
        "build_architecture": _inside(raw, "artefact_build", "architecture"),
    }
    return {name: value for name, value in told.items() if isinstance(value, str) and value}


def _inside(raw: object, *names: str) -> object:
    """Return what stands under names inside each other; None where there is none."""
    for name in names:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def read_time(written: object) -> float | Unreadable | None:
    """Read a time in ISO 8601 as seconds since 1970; one without a zone, as Test Observer's, means UTC."""
    if written is None:
        return None
    if not isinstance(written, str):
        return Unreadable(shown(written))
    try:
        # Python 3.10 reads neither a Z nor every count of digits
        moment = dt.datetime.fromisoformat(_for_python_3_10(written))
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return Unreadable(shown(written))


def _for_python_3_10(moment: str) -> str:
    if moment.endswith(("Z", "z")):
        moment = moment[:-1] + "+00:00"
    head, point, tail = moment.partition(".")
    if point:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        moment = f"{head}.{tail[:digits][:6]:0<6}{tail[digits:]}"
    return moment


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


@dataclass(frozen=True)
class Verdict:
    """Why a target is not to be triggered, or how its trigger ended: one outcome for all its requests."""

    state: State
    reason: str
    link: str | None = None
    sent: PostArguments | None = None
    """The trigger that was accepted, where one was."""
    sent_at: float | None = None
    """When that trigger was sent, on our own clock."""


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
    """The processor's own record of the state, to compare with after a doubtful POST."""
    claims: tuple[Claim, ...] = ()
    """What the trigger takes; it is deferred where one of them is taken."""
    way_out: str | None = None
    """What a person can do where the trigger is refused: a command, harmless for a shell."""
    since: float | None = None
    """When the first request was sent that it rests on, on our own clock; None: when the look began."""
    fresh_seconds: float = 5.0
    """How old it may be when its trigger is sent: longer where identical triggers are one."""
    delay: bool = True
    """False for a Jenkins job that defines a parameter called ``delay`` itself."""


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
