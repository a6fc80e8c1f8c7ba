"""The outcomes of a drain as JSON, as text and as Markdown.

The JSON's schema is ``report.schema.json`` beside this module; `VERSION` changes with every change that a reader
would notice.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.text import harmless, markdown, url_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.checks import Check

VERSION = 1
MOST_LINES = 200
"""Of the text at the end of the log; what is left out is counted."""
_MOST_OF_ERROR = 2000
_LAST_LINE_BYTES = 200
"""Of the line that counts what is left out of a summary."""


@dataclass
class Report:
    """Everything that a drain has to tell."""

    processor: str
    """``jenkins`` or ``github``."""
    dry_run: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    """In the order of the queue."""
    remaining: int | None = None
    """How many of the requests read stay in the queue; None: it was not read."""
    checks: list[Check] = field(default_factory=list)
    """What ``--check`` found."""
    error: str | None = None
    """Why the drain as a whole failed or stopped."""
    exit_code: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many requests ended in each state; all states, also those of none."""
        counts = {state.value: 0 for state in State}
        for outcome in self.outcomes:
            counts[outcome.state.value] += 1
        return counts

    @property
    def has_failures(self) -> bool:
        """Whether a request, a delete or a check failed."""
        failed = any(needs_person(outcome) for outcome in self.outcomes)
        return failed or any(check.ok is False for check in self.checks)

    def sorted_for_people(self) -> list[Outcome]:
        """Return the outcomes, what needs a person first."""
        return sorted(
            self.outcomes, key=lambda outcome: (not needs_person(outcome), outcome.state is State.UNSUPPORTED)
        )


def one_line(outcome: Outcome) -> str:
    """Return an outcome as a person reads it in a log."""
    number = outcome.request.test_execution_id
    parts = [
        f"request {number}" if number else "request without id",
        f"{outcome.state.value}:",
        outcome.reason,
    ]
    if outcome.target:
        parts.insert(1, f"({outcome.target})")
    if outcome.link:
        parts.append(f"[{outcome.link}]")
    return " ".join(parts)


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
        "counts": report.counts,
        "remaining": report.remaining,
        "requests": [
            {
                "test_execution_id": outcome.request.test_execution_id,
                "outcome": outcome.state.value,
                "reason": full_reason(outcome),
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
    rows = [as_object_row for _, as_object_row in _people_first(report, whole["requests"])]
    kept = rows
    while kept and len(text) > most_characters:
        kept = kept[: int(len(kept) * min(0.9, most_characters / len(text)))]
        text = json.dumps({**whole, "requests": kept, "requests_left_out": len(rows) - len(kept)})
    return text


def _people_first(report: Report, rows: list[Any]) -> list[tuple[Outcome, Any]]:
    pairs = list(zip(report.outcomes, rows, strict=True))
    return sorted(pairs, key=lambda pair: (not needs_person(pair[0]), pair[0].state is State.UNSUPPORTED))


def full_reason(outcome: Outcome) -> str:
    """Return the reason, with why the request could not be deleted."""
    if outcome.delete_error:
        return f"{outcome.reason}; its request could not be deleted: {outcome.delete_error}"
    return outcome.reason


def as_text(report: Report) -> Iterator[str]:
    """Yield the lines for the end of the log: the counts, then the outcomes, what needs a person first."""
    yield f"{_counted(report)}; {report.remaining} of {len(report.outcomes)} requests stay in the queue"
    told = report.outcomes if report.dry_run else report.sorted_for_people()
    shown = [outcome for outcome in told if report.dry_run or outcome.state is not State.UNSUPPORTED]
    for outcome in shown[:MOST_LINES]:
        mark = "! " if needs_person(outcome) else "  "
        undeleted = f"; NOT DELETED: {outcome.delete_error}" if outcome.delete_error else ""
        yield f"{mark}{one_line(outcome)}{undeleted}"
    if len(shown) > MOST_LINES:
        yield f"  and {len(shown) - MOST_LINES} more, see --report"


def _counted(report: Report) -> str:
    return ", ".join(f"{count} {name}" for name, count in report.counts.items() if count) or "no requests"


def as_markdown(report: Report, *, most_bytes: int) -> str:
    """Return a heading, the counts and a table, safe against whatever stands in it.

    Args:
        report: What to show.
        most_bytes: The size limit; rows past it are left out, and counted.
    """
    title = "Reruns planned" if report.dry_run else "Reruns"
    head = [f"### {title} ({report.processor})", "", markdown(_counted(report)), ""]
    head += [f"**{markdown(report.error)}**", ""] if report.error else []
    checks = _fitting([_item(check) for check in report.checks], most_bytes - _size(head), "checks")
    rows = ["| request | target | outcome | reason | rerun |", "| --- | --- | --- | --- | --- |"]
    rows += _fitting(
        [_row(outcome) for outcome in report.sorted_for_people()], most_bytes - _size(head + checks + rows), "requests"
    )
    return "\n".join(head + checks + (rows if report.outcomes else [])) + "\n"


def _fitting(lines: list[str], most_bytes: int, what: str) -> list[str]:
    """Return the lines that fit, and a last one that counts those which do not."""
    left = most_bytes - _LAST_LINE_BYTES
    for kept, line in enumerate(lines):
        left -= _size([line])
        if left < 0:
            more = f"{len(lines) - kept} more {what} are left out here; the output `report` may have them."
            return [*lines[:kept], "", more]
    return lines


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _item(check: Check) -> str:
    fix = f" &rarr; {markdown(check.fix)}" if check.fix else ""
    return f"- {_check_mark(check)} {markdown(check.name)}: {markdown(check.message)}{fix}"


def _row(outcome: Outcome) -> str:
    number = outcome.request.test_execution_id
    mark = " &#9888;" if needs_person(outcome) else ""
    rerun = f"[open]({url_text(outcome.link)})" if outcome.link else ""
    cells = [
        str(number or ""),
        markdown(outcome.target or ""),
        outcome.state.value + mark,
        markdown(full_reason(outcome)),
        rerun,
    ]
    return f"| {' | '.join(cells)} |"


def _check_mark(check: Check) -> str:
    return {True: "ok", False: "**failed**", None: "warning"}[check.ok]


def check_report_file(path: str) -> None:
    """Find out whether a report can be written, before anything else is done.

    Raises:
        OSError: It cannot.
    """
    if _is_special(path):
        return
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path!r} is a folder")
    with tempfile.NamedTemporaryFile(dir=Path(path).parent, prefix=".report-"):
        pass


def write_report(path: str, report: Report) -> None:
    """Write the report so that a reader sees a whole one or none.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(as_object(report), indent=2) + "\n"
    if _is_special(path):
        Path(path).write_text(text, encoding="utf-8")
        return
    number, name = tempfile.mkstemp(dir=Path(path).parent, prefix=".report-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_special(path: str) -> bool:
    """Tell whether a path is a device or a pipe, which must not be replaced by a file."""
    return Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir()
