"""The outcomes of a drain as JSON and as Markdown.

The JSON's schema is ``report.schema.json`` beside this module; `VERSION` changes with every change that a reader
would notice. Version 2 added ``ci_link`` and ``stopped``, and ``remaining`` may be null: what holds to the schema of
version 1 may have no further fields, so that a reader who checks it would have refused them. Version 3 added what is
tested (``environment``, ``artefact``, ``test_plan``, ``asked_at``), and ``remaining`` is null or true.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.cli.telling import asked
from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.text import Mask, clean, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from test_executions_rerunner.models import Check

VERSION = 3
WRONG_SETTINGS = 2
"""The exit code of wrong settings."""
_MOST_OF_ERROR = 2000
_MOST_OF_LINK = 2000
_DAY_SECONDS = 24 * 3600.0


@dataclass
class Report:
    """Everything that a drain has to tell."""

    processor: str
    """``jenkins`` or ``github``."""
    dry_run: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    """In the order of the queue."""
    remaining: int | None = None
    """How many requests stay in the queue; None: it was not read to its end, or there is none."""
    links_setting: str = ""
    """Where a person sets to which server links lead."""
    is_of_queue: bool = True
    """False: the requests are those of a file that no queue has."""
    now: Callable[[], float] = time.time
    """The time of the server that says when requests were made."""
    checks: list[Check] = field(default_factory=list)
    """What ``--check`` found."""
    error: str | None = None
    """Why the drain as a whole failed."""
    stopped: str | None = None
    """Why it started nothing more from some moment on, though that is no failure: a rate limit, a time limit."""
    exit_code: int = 0
    interrupted_by: str | None = None
    """The signal that ended the drain early."""
    discards: bool = False
    """Whether requests that can never be served are deleted."""
    mask: Mask = field(default_factory=Mask, repr=False)
    """Hides secrets in what strangers wrote."""
    respelled: Callable[[str], str] = field(default=str, repr=False)
    """Calls settings as whoever reads the report does."""

    @property
    def is_of_wrong_settings(self) -> bool:
        """Whether nothing was done, since a setting is wrong."""
        return self.exit_code == WRONG_SETTINGS

    @property
    def counts(self) -> dict[str, int]:
        """How many requests ended in each state; all states, also those of none."""
        counts = {state.value: 0 for state in State}
        for outcome in self.outcomes:
            counts[outcome.state.value] += 1
        return counts

    @property
    def counted(self) -> str:
        """The counts as a person reads them, last how many are somebody else's."""
        told = [f"{count} {name}" for name, count in self.counts.items() if count and name != State.UNSUPPORTED.value]
        if others := self.counts[State.UNSUPPORTED.value]:
            words = "for others" if self.is_of_queue else "not served"  # nobody else reads a file
            told.append(f"{others} {'is' if others == 1 else 'are'} {words}")
        return ", ".join(told) or "no requests"

    @property
    def has_served(self) -> bool:
        """Whether any of the requests is for this drain, whatever became of it."""
        return any(outcome.state is not State.UNSUPPORTED for outcome in self.outcomes)

    @property
    def staying(self) -> int:
        """How many of the requests that were read are queued still."""
        return sum(not outcome.has_left for outcome in self.outcomes)

    def which(self, outcomes: Sequence[Outcome]) -> str:
        """Return which test outcomes are of, and how long ago it was asked for; harmless."""
        return asked.which([outcome.request for outcome in outcomes], self.now(), self.mask)

    @property
    def has_failures(self) -> bool:
        """Whether a request, a delete or a check failed."""
        failed = any(needs_person(outcome) for outcome in self.outcomes)
        return failed or any(check.ok is False for check in self.checks)

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes that need a person, what was asked for over a day ago last: that has been told before."""
        return sorted(filter(needs_person, self.outcomes), key=self._is_old)

    @property
    def old_failures(self) -> int:
        """How many of them were asked for over a day ago."""
        return sum(map(self._is_old, self.failures))

    def _is_old(self, outcome: Outcome) -> bool:
        created_at = outcome.request.created_at
        return isinstance(created_at, float) and created_at < self.now() - _DAY_SECONDS

    def full_reason(self, outcome: Outcome) -> str:
        """Return the reason, with what became of the request where that is not what its outcome says."""
        if outcome.delete_error:
            return f"{outcome.reason}; its request could not be deleted: {outcome.delete_error}"
        if outcome.state is State.REFUSED and outcome.deleted:
            return f"{outcome.reason}; its request was deleted without a rerun"
        if outcome.state is State.REFUSED and self.dry_run and self.discards:
            return f"{outcome.reason}; its request would be deleted without a rerun"
        return outcome.reason

    def ci_link(self, outcome: Outcome) -> str | None:
        """Return what was asked for, harmless; None: no link was given."""
        link = outcome.request.ci_link
        return clean(link, self.mask, most=_MOST_OF_LINK) if isinstance(link, str) else None


def needs_person(outcome: Outcome) -> bool:
    """Tell whether an outcome is a failure, or its request could not be deleted."""
    return outcome.state.is_failure or outcome.delete_error is not None


def as_object(report: Report) -> dict[str, Any]:
    """Return the report as the object that is written as JSON."""
    return {
        "version": VERSION,
        "processor": report.processor,
        "dry_run": report.dry_run,
        "exit_code": report.exit_code,
        "error": report.error and harmless(report.error, most=_MOST_OF_ERROR),
        "stopped": report.stopped and harmless(report.stopped, most=_MOST_OF_ERROR),
        "counts": report.counts,
        "remaining": report.remaining,
        "requests": [
            {
                "test_execution_id": outcome.request.test_execution_id,
                "ci_link": report.ci_link(outcome),
                **_tested(report, outcome),
                "outcome": outcome.state.value,
                "reason": report.full_reason(outcome),
                "target": outcome.target,
                "link": outcome.link,
                "deleted": outcome.deleted,
            }
            for outcome in report.outcomes
        ],
        "checks": [
            {"name": check.name, "ok": check.ok, "message": check.message, "fix": check.fix} for check in report.checks
        ],
    }


def _tested(report: Report, outcome: Outcome) -> dict[str, str | None]:
    told = outcome.request.tested
    texts = {"environment": told.environment, "artefact": told.artefact, "test_plan": told.test_plan}
    return {
        **{name: text and clean(text, report.mask) for name, text in texts.items()},
        "asked_at": asked.asked_at(outcome.request),
    }


def as_json(report: Report, *, most_characters: int | None = None) -> str:
    """Return the report as one line of ASCII JSON.

    Args:
        report: What to write.
        most_characters: Leave requests out at the end until it fits; ``requests_left_out`` counts them then.
    """
    whole = as_object(report)
    text = json.dumps(whole)
    if most_characters is None or len(text) <= most_characters:
        return text
    rows = [as_object_row for _, as_object_row in people_first(report, whole["requests"])]
    kept = rows
    while kept and len(text) > most_characters:
        kept = kept[: int(len(kept) * min(0.9, most_characters / len(text)))]
        text = json.dumps({**whole, "requests": kept, "requests_left_out": len(rows) - len(kept)})
    return text


def people_first(report: Report, rows: list[Any]) -> list[tuple[Outcome, Any]]:
    """Return the outcomes with what is told of each, what needs a person first."""
    pairs = list(zip(report.outcomes, rows, strict=True))
    return sorted(pairs, key=lambda pair: (not needs_person(pair[0]), pair[0].state is State.UNSUPPORTED))


def as_text(report: Report) -> str:
    """Return the report as JSON for a file, which ends with a line feed."""
    return json.dumps(as_object(report), indent=2) + "\n"
