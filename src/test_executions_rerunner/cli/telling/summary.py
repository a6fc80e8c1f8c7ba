"""The outcomes of a drain as Markdown, for the summary of a step."""

from __future__ import annotations

import re

from test_executions_rerunner.cli.telling.report import Report, needs_person, people_first
from test_executions_rerunner.cli.telling.tables import counts_line, none_served, unserved
from test_executions_rerunner.models import Check, Outcome, State
from test_executions_rerunner.text import markdown, url_text

_CODE = re.compile(r"`([A-Za-z0-9][A-Za-z0-9 ./:=_,'+-]*[A-Za-z0-9])`", re.ASCII)
"""A command; nothing in it can end the code, or a cell of the table."""
_NOTHING_TO_SAY = re.compile(r"^accepted(?:; |$)")
"""That is what the outcome says."""
_LAST_LINE_BYTES = 200
"""Of the line that counts what is left out of a summary."""


def as_markdown(report: Report, *, most_bytes: int) -> str:
    """Return a heading, the counts and a table, safe against whatever stands in it.

    Args:
        report: What to show.
        most_bytes: The size limit; rows past it are left out, and counted.
    """
    title = "Check" if report.checks else "Reruns planned" if report.dry_run else "Reruns"
    head = [f"### {title} ({report.processor})", ""]
    head += [] if report.checks else [markdown(counts_line(report)), ""]
    head += [f"**{markdown(report.error)}**", ""] if report.error else []
    head += [f"Nothing more was started: {markdown(report.stopped)}", ""] if report.stopped else []
    head += [f"**{markdown(warning)}**", ""] if (warning := none_served(report)) else []
    others = _details(report)
    checks = _fitting([_item(check) for check in report.checks], most_bytes - _size(head + others), "checks")
    rows = ["| request | test | target | outcome | reason | links |", "| --- | --- | --- | --- | --- | --- |"]
    told = [_row(report, outcome) for outcome, _ in people_first(report, report.outcomes) if _is_told(outcome)]
    rows += _fitting(told, most_bytes - _size(head + checks + rows + others), "requests")
    return "\n".join(head + checks + (rows if told else []) + others) + "\n"


def _is_told(outcome: Outcome) -> bool:
    return outcome.state is not State.UNSUPPORTED or needs_person(outcome)


def _details(report: Report) -> list[str]:
    """Return the lines that count, folded, what somebody else may serve."""
    others = [outcome for outcome in report.outcomes if not _is_told(outcome)]
    if not others:
        return []
    head = ["", f"<details><summary>{len(others)} for others</summary>", ""]
    return [*head, *(f"- {count} &times; {markdown(cause)}" for count, cause in unserved(others)), "", "</details>"]


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


def _row(report: Report, outcome: Outcome) -> str:
    number = outcome.request.test_execution_id
    mark = " &#9888;" if needs_person(outcome) else ""
    # a target means that the link was taken for one of the configured server: a stranger's is not linked
    asked = report.ci_link(outcome) if outcome.target else None
    links = [f"[{name}]({url_text(link)})" for name, link in (("asked", asked), ("rerun", outcome.link)) if link]
    cells = [
        str(number or ""),
        markdown(report.which([outcome])),
        markdown(outcome.target or ""),
        outcome.state.value + mark,
        _with_code(_NOTHING_TO_SAY.sub("", report.full_reason(outcome))),
        " ".join(links),
    ]
    return f"| {' | '.join(cells)} |"


def _with_code(text: str) -> str:
    """Return a text as Markdown that shows it literally, a command in it as code that can be copied."""
    pieces = [f"`{piece}`" if number % 2 else markdown(piece) for number, piece in enumerate(_CODE.split(text))]
    return " ".join(filter(None, pieces))


def _check_mark(check: Check) -> str:
    return {True: "ok", False: "**failed**", None: "warning"}[check.ok]
