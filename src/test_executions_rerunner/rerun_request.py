"""One entry of the queue, read once into what a drain works with."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.text import MOST_CHARACTERS, harmless, shown

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

LARGEST_ID = 2**31 - 1
"""Test Observer answers 500 for a larger one, and removes nothing."""
_ID = re.compile("[0-9]{1,10}")

_DECIDED = ("APPROVED", "MARKED_AS_FAILED")

RawRequest: TypeAlias = "Mapping[str, Any]"
"""One entry of the queue as Test Observer's GET gives it."""


@dataclass(frozen=True)
class Unreadable:
    """A ``created_at`` that is no time; two that say the same are equal."""

    value: str
    """As Python writes it, harmless."""


@dataclass(frozen=True)
class Tested:
    """Which test is to be run again, for people; strangers' texts."""

    __test__ = False

    environment: str | None = None
    """The machine, by the name of its environment."""
    artefact: str | None = None
    """Its name, and its stage or, without one, its version."""
    test_plan: str | None = None

    @classmethod
    def read(cls, raw: object) -> Tested:
        """Read what an entry of any shape tells."""
        name, stage, version = (_text(raw, "artefact", key) for key in ("name", "stage", "version"))
        artefact = " ".join(filter(None, [name, stage or version])) if name else None
        environment, test_plan = (
            _text(raw, "test_execution", *names) for names in (("environment", "name"), ("test_plan",))
        )
        return _one_for_all(environment, artefact, test_plan)


_one_for_all = lru_cache(maxsize=1024)(Tested)  # a few stand in thousands of entries
NOTHING_TOLD = Tested()


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
    decision: str | None = None
    """What makes a rerun needless: its artefact was decided on, or the test passed; None: neither is told."""
    priority: int = 0
    """The larger, the sooner; 0 where none is told."""
    tested: Tested = NOTHING_TOLD
    """Which test it is."""

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
            _decision(raw),
            _priority(raw.get("priority")),
            Tested.read(raw),
        )

    @property
    def part(self) -> Hashable:
        """The part of the queue in which it stands: equal for all requests of the same `filters`."""
        return tuple(sorted(self.filters.items()))

    @property
    def time_problem(self) -> str | None:
        """Why it cannot be compared with what was rerun, where ``created_at`` is no time."""
        return f"created_at {self.created_at.value} is no time" if isinstance(self.created_at, Unreadable) else None

    def is_of_same_group(self, other: RerunRequest) -> bool:
        """Tell whether Test Observer would keep only one of the two."""
        is_same_id = self.test_execution_id is not None and self.test_execution_id == other.test_execution_id
        return is_same_id or (self.group is not None and self.group == other.group)

    def says_the_same(self, other: RerunRequest) -> bool:
        """Tell whether an entry of the same group asks for the same: of the same link, at the same moment."""
        return (self.created_at, self.ci_link) == (other.created_at, other.ci_link)


def _decision(raw: RawRequest) -> str | None:
    status = _inside(raw, "artefact", "status")
    if isinstance(status, str) and status in _DECIDED:
        return f"its artefact is {status}"
    return "its test execution is PASSED" if _inside(raw, "test_execution", "status") == "PASSED" else None


def _priority(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def read_id(key: object) -> int:
    """Return a ``test_execution_id``, also one that JSON made a text of, as it does with the keys of an object.

    Raises:
        RequestProcessingError: It is none.
    """
    number = int(key) if isinstance(key, str) and _ID.fullmatch(key) else key
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= LARGEST_ID:
        raise RequestProcessingError(f"{shown(key)} is no test_execution_id: a whole number from 1 to {LARGEST_ID} is")
    return number


def _group(raw: RawRequest) -> Hashable:
    """Return what names a group; a part that is not told, or not to be compared, makes it unknown."""
    plan = _inside(raw, "test_execution", "test_plan")
    build = _inside(raw, "artefact_build", "id")
    environment = _inside(raw, "test_execution", "environment", "id")
    group = (plan, build, environment)
    return group if all(isinstance(part, (str, int)) for part in group) else None


def _filters(raw: RawRequest) -> dict[str, str]:
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


def _text(raw: object, *names: str) -> str | None:
    """Return a text that stands under names inside each other, as one line; None: there is none."""
    value = _inside(raw, *names)
    return _line(value[: MOST_CHARACTERS + 1]) if isinstance(value, str) else None


@lru_cache(maxsize=1024)  # a few names stand in thousands of entries
def _line(value: str) -> str | None:
    return harmless(value) or None


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
