"""What follows a failure, for a look and for a trigger: the one table to check against docs/outcomes.md.

A processor turns whatever its client raised into a `Failure` (`RequestProcessor.explain`); what follows from it
stands in `POLICY` and nowhere else. A look that may pass is repeated before it counts as failed (`Calls.repeated`).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from test_executions_rerunner.calls.failures import Kind
from test_executions_rerunner.models import State


class React(Enum):
    """What to do after a trigger that was not accepted."""

    REPEAT = auto()
    """It was certainly not processed: wait, look, send it again; the bounds are those of `Waiting`."""
    COMPARE = auto()
    """In doubt: look again and compare with the state before; only a change of ours is `triggered`."""
    LOOK = auto()
    """Look again: a rerun since the request is `already-rerun`."""
    RECHECK = auto()
    """Look again: if that is refused too, the drain stops; if not, only this one failed."""
    END = auto()
    """Nothing more to find out."""


class Rule(NamedTuple):
    """What one kind of failure means."""

    look_state: State
    """The outcome when the look failed for good; nothing is triggered."""
    stops: bool
    """Whether a look that failed for good stops the drain."""
    react: React
    """What follows a failed trigger."""
    trigger_state: State
    """The outcome when that does not settle it."""
    widens: bool
    """Whether a wider trigger of the same target is tried, where the one that failed starts only a part of it."""
    holds: bool
    """Whether it proves that what the trigger takes is taken, so that no other trigger of this drain takes it."""


def _rule(look_state: State, look: str, react: React, trigger_state: State, more: str = "") -> Rule:
    return Rule(look_state, look == "stops", react, trigger_state, more == "widens", more == "holds")


POLICY: dict[Kind, Rule] = {
    # kind               a look fails, and the drain    a trigger fails: and then
    Kind.NOT_SENT: _rule(State.FAILED, "goes on", React.REPEAT, State.FAILED),
    Kind.STALE: _rule(State.DEFERRED, "goes on", React.REPEAT, State.DEFERRED),
    Kind.BUSY: _rule(State.DEFERRED, "goes on", React.REPEAT, State.DEFERRED),
    Kind.STARTING: _rule(State.DEFERRED, "goes on", React.COMPARE, State.DEFERRED),
    Kind.BROKEN: _rule(State.FAILED, "goes on", React.COMPARE, State.UNKNOWN),
    Kind.UNAUTHORIZED: _rule(State.FAILED, "stops", React.RECHECK, State.FAILED),
    Kind.FORBIDDEN: _rule(State.FAILED, "goes on", React.RECHECK, State.FAILED, "widens"),
    Kind.RUNNING: _rule(State.DEFERRED, "goes on", React.LOOK, State.DEFERRED, "holds"),
    Kind.DISABLED: _rule(State.DEFERRED, "goes on", React.END, State.DEFERRED),
    Kind.NEVER: _rule(State.REFUSED, "goes on", React.END, State.REFUSED, "widens"),
    Kind.CLOCKS: _rule(State.FAILED, "goes on", React.END, State.FAILED),
    Kind.REJECTED: _rule(State.FAILED, "goes on", React.LOOK, State.FAILED, "widens"),
}
