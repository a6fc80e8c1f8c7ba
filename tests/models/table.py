"""What is checked of the protocol's models: what must hold, and what each rule that is taken away must lead to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent

_REAL = {"YOUNG": 4, "GUARD": 5, "READ_FRESH": 5, "AT_ONCE": 1, "LATE_DELETE": 1, "REASK": 7, "WIDTH": 1, "WIDER": 0}
REAL: Mapping[str, Mapping[str, int]] = {
    "jenkins": {"DELAY": 20, "FRESH": 10, "LATE_POST": 4, **_REAL},
    "github": {"LEAST_RUN": 10, "FRESH": 5, "LATE_POST": 4, **_REAL},
    "abort": {"DELAY": 20, "FRESH": 10, "LATE_POST": 4},
}
"""The seconds of the program; LATE_POST, LATE_DELETE, REASK, LEAST_RUN and the clocks' widths are the world's."""

_SMALL = {"YOUNG": 2, "GUARD": 2, "READ_FRESH": 1, "AT_ONCE": 1, "LATE_DELETE": 1, "REASK": 4, "WIDTH": 1, "WIDER": 0}
SMALL: Mapping[str, Mapping[str, int]] = {
    "jenkins": {"DELAY": 6, "FRESH": 3, "LATE_POST": 1, **_SMALL},
    "github": {"LEAST_RUN": 5, "FRESH": 3, "LATE_POST": 1, **_SMALL},
    "abort": {"DELAY": 6, "FRESH": 3, "LATE_POST": 1},
}
"""Smaller ones in the same order: FRESH + LATE_POST < DELAY or LEAST_RUN, GUARD + LATE_DELETE < REASK."""

WORLD: Mapping[str, Mapping[str, int]] = {
    "jenkins": {
        "DRAINS": 1, "PASSES": 3, "REQUESTS": 2, "KILLS": 1, "LOSES": 1, "ENDS": 0, "MOVED": 0, "CRASHES": 0,
        "OTHERS": 0, "GHOSTS": 0, "STARTED": 0, "RUNS_ONLY": 0,
    },
    "github": {
        "TARGETS": 1, "DRAINS": 1, "PASSES": 3, "REQUESTS": 2, "KILLS": 1, "LOSES": 1, "OTHERS": 0, "STARTED": 0,
        "PEOPLE": 0, "PARTS": 0, "FAILURES": 0,
    },
    "abort": {"DRAINS": 1, "PASSES": 3, "KILLS": 1, "LOSES": 1},
}  # fmt: skip
"""What happens in a model's world, unless a check says otherwise; each model's head explains the words."""

_EVIDENCE = ("RULE_LATE", "RULE_GUARD", "RULE_REPEAT", "RULE_READ", "RULE_EVIDENCE", "RULE_COMPARE")
_LOOK = ("RULE_YOUNG", "RULE_DOUBT", "RULE_ONE_POST", "RULE_STARTED")
RULES: Mapping[str, tuple[str, ...]] = {
    "jenkins": (*_EVIDENCE, *_LOOK, "RULE_QUEUE_FIRST", "RULE_WAITS"),
    "github": (
        *_EVIDENCE, *_LOOK,
        "RULE_RAN", "RULE_JOB", "RULE_GROUPS", "RULE_CLAIMS", "RULE_KEPT", "RULE_DOUBT_KEEPS",
    ),
    "abort": ("RULE_BUSY", "RULE_ONE", "RULE_DOUBT_COUNTS"),
}  # fmt: skip
"""The rules of each model; all of them stand unless a check takes one away."""


@dataclass(frozen=True)
class Check:
    """One question to one model."""

    model: str
    name: str
    """A sentence: what must hold, or what is taken away."""
    breaks: str = ""
    """The assertion that must fail, by its word in the model; empty: all must hold, in every state."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """What differs from `WORLD`, from the seconds, and from the rules."""
    is_real: bool = False
    """Whether the seconds are the program's."""
    is_large: bool = False
    """Whether it takes minutes, and runs by hand only."""

    @property
    def knobs(self) -> dict[str, int]:
        """All that the model must be told."""
        seconds = REAL if self.is_real else SMALL
        return {**WORLD[self.model], **seconds[self.model], **dict.fromkeys(RULES[self.model], 1), **self.changes}


def _holds(model: str, name: str, **changes: int) -> Check:
    return Check(model, name, "", changes)


def _really(check: Check) -> Check:
    return replace(check, is_real=True)


def _large(check: Check) -> Check:
    return replace(check, is_large=True)


def _breaks(model: str, word: str, name: str, **changes: int) -> Check:
    return Check(model, name, word, changes)


_TWO = {"DRAINS": 2, "PASSES": 1}
_OWN_DELAY = {"DELAY": 0, "REASK": 2, "GUARD": 0}  # so soon after a start-test only what is at once can hit a new one
_CRASHES = {"ENDS": 1, "CRASHES": 1}
_GROUP = {"TARGETS": 2, "PASSES": 2, "REQUESTS": 1}
_ONE_PASS = {**_GROUP, "PASSES": 1, "KILLS": 0}

CHECKS: tuple[Check, ...] = (
    _really(_holds("jenkins", "one drain after another, the program's seconds")),
    _really(_holds("jenkins", "the same, three requests", REQUESTS=3)),
    _really(_holds("jenkins", "two drains beside each other, the program's seconds", **_TWO)),
    _holds("jenkins", "two drains beside each other, builds end, defaults move", **_TWO, MOVED=1, ENDS=1),
    _holds("jenkins", "clocks of unequal width", WIDER=3, ENDS=1),
    _holds("jenkins", "clocks of unequal width, the job's own delay", WIDER=3, ENDS=1, DELAY=0),
    _holds("jenkins", "the job's own delay, a start-test at any moment", **_OWN_DELAY),
    _holds("jenkins", "defaults that move", MOVED=1, ENDS=1),
    _holds("jenkins", "requests that name another job from some moment on", OTHERS=1),
    _really(_holds("jenkins", "acknowledge started, Jenkins forgets what waits", **_CRASHES, STARTED=1)),
    _holds("jenkins", "acknowledge started, defaults move", STARTED=1, MOVED=1, ENDS=1),
    _holds("jenkins", "acknowledge started, two drains, Jenkins forgets what waits", **_TWO, **_CRASHES, STARTED=1),
    _holds("jenkins", "the job's own delay, only the wait for young requests", DELAY=0, ENDS=1, RULE_DOUBT=0),
    _breaks("jenkins", "lost", "a late DELETE needs no reading", RULE_LATE=0),
    _breaks("jenkins", "lost", "a repeated DELETE needs no reading", RULE_REPEAT=0),
    _breaks("jenkins", "lost", "a reading is not looked at", RULE_GUARD=0),
    _breaks("jenkins", "lost", "a DELETE rests on a reading of any age", GUARD=6),
    _breaks("jenkins", "lost", "already rerun counts as an acceptance", RULE_EVIDENCE=0),
    _breaks(
        "jenkins", "lost", "what waits may start at once, and its DELETE needs no reading", **_OWN_DELAY, RULE_WAITS=0
    ),
    _breaks("jenkins", "lost", "the queue may be read long before a trigger", RULE_READ=0, OTHERS=1),
    _breaks("jenkins", "lost", "a doubtful trigger counts as accepted", RULE_COMPARE=0),
    _breaks("jenkins", "lost", "accepted is enough though Jenkins forgets", **_CRASHES),
    _breaks("jenkins", "lost", "acknowledge started deletes what was accepted", **_CRASHES, STARTED=1, RULE_STARTED=0),
    _breaks("jenkins", "twice", "acknowledge started wants to see it run", STARTED=1, ENDS=1, RUNS_ONLY=1),
    _breaks("jenkins", "twice", "a doubtful trigger is repeated", RULE_ONE_POST=0),
    _breaks("jenkins", "twice", "builds are read before the queue", RULE_QUEUE_FIRST=0),
    _breaks("jenkins", "twice", "a look is as old as the delay", **_TWO, FRESH=5),
    _breaks("jenkins", "twice", "identical triggers are not one", **_TWO, DELAY=0),
    _breaks("jenkins", "twice", "what ended in doubt is not asked for again", MOVED=1, ENDS=1, RULE_DOUBT=0),
    _breaks("jenkins", "twice", "a start between later and earlier is none", WIDER=3, ENDS=1, DELAY=0, RULE_DOUBT=0),
    _breaks("jenkins", "twice", "nobody waits for young requests", DELAY=0, ENDS=1, RULE_DOUBT=0, RULE_YOUNG=0),
    _breaks("jenkins", "twice", "no rule helps: a trigger that broke off is carried out late", GHOSTS=1),
    _really(_holds("github", "one drain after another, the program's seconds")),
    _holds("github", "two drains beside each other", **_TWO),
    _holds("github", "people rerun the run too", PEOPLE=1),
    _holds("github", "people rerun other jobs of the run", PARTS=1),
    _holds("github", "clocks of unequal width", WIDER=3),
    _holds("github", "attempts that end before anything ran", FAILURES=1),
    _holds("github", "acknowledge started, attempts that end before anything ran", FAILURES=1, STARTED=1),
    _holds("github", "requests that name another run from some moment on", OTHERS=1),
    _holds("github", "two runs of one group", **_GROUP),
    _holds("github", "two runs of one group, people rerun parts of one", **_ONE_PASS, PARTS=1, LOSES=0),
    _breaks("github", "lost", "a late DELETE needs no reading", RULE_LATE=0),
    _breaks("github", "lost", "a repeated DELETE needs no reading", RULE_REPEAT=0),
    _breaks("github", "lost", "a reading is not looked at", RULE_GUARD=0),
    _breaks("github", "lost", "a DELETE rests on a reading of any age", GUARD=6),
    _breaks("github", "lost", "already rerun counts as an acceptance", RULE_EVIDENCE=0),
    _breaks("github", "lost", "the queue may be read long before a trigger", RULE_READ=0, OTHERS=1),
    _breaks("github", "lost", "a doubtful trigger counts as accepted", RULE_COMPARE=0),
    _breaks("github", "lost", "an attempt of other jobs counts after doubt", RULE_JOB=0, PARTS=1),
    _breaks("github", "lost", "an attempt counts of which nothing ran", RULE_RAN=0, FAILURES=1),
    _breaks("github", "lost", "acknowledge started deletes what was accepted", STARTED=1, FAILURES=1, RULE_STARTED=0),
    _breaks("github", "twice", "a doubtful trigger is repeated", RULE_ONE_POST=0),
    _breaks("github", "twice", "a look is as old as a run is long", FRESH=20, PEOPLE=1),
    _breaks("github", "twice", "what ended in doubt is not asked for again", WIDER=3, RULE_DOUBT=0),
    _breaks("github", "twice", "nobody waits for young requests", RULE_YOUNG=0, RULE_DOUBT=0),
    _breaks("github", "cancelled", "the group is not looked at", **_GROUP, RULE_GROUPS=0),
    _breaks("github", "cancelled", "nobody claims the group", **_GROUP, RULE_CLAIMS=0),
    _breaks("github", "cancelled", "already running gives the claim back", **_GROUP, PARTS=1, KILLS=0, RULE_KEPT=0),
    _breaks("github", "cancelled", "doubt gives the claim back", **_GROUP, RULE_DOUBT_KEEPS=0),
    _really(_holds("abort", "one drain after another")),
    _breaks("abort", "killed", "a job that is busy is triggered", RULE_BUSY=0),
    _breaks("abort", "killed", "a drain triggers the job twice", RULE_ONE=0),
    _breaks("abort", "killed", "a doubtful trigger does not count", RULE_DOUBT_COUNTS=0),
    _breaks("abort", "killed", "no rule helps: two drains beside each other", **_TWO),
    _large(_holds("jenkins", "two drains, two passes each", DRAINS=2, PASSES=2)),
    _large(
        _really(_holds("jenkins", "two drains, two passes, seconds of the program", DRAINS=2, PASSES=2, REQUESTS=1))
    ),
    _large(_holds("github", "two drains, two passes each", DRAINS=2, PASSES=2)),
    _large(_holds("github", "two runs of one group, people rerun parts of both, calls are lost", **_ONE_PASS, PARTS=2)),
)
