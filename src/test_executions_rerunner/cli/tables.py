"""The outcomes of a drain as lines for a person: one a target while it works, a table and the counts at the end."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from test_executions_rerunner.cli.report import Report

PLAIN_COLUMNS = 120
"""How wide lines are where nobody knows better."""
MOST_ROWS = 200
"""Of one table; what is left out is counted."""
_MOST_NAMED = 8
"""Requests or targets of one row that are named."""
_MOST_CAUSES = 20
_PATH = re.compile(r"(https?://[^/\s'\",;]+)/[^\s'\",;]*")
_TABLE_COLUMNS = 80
"""On a narrower terminal a row is a paragraph."""


class Row(NamedTuple):
    """Outcomes that are told together, since they are the same for the same reason."""

    requests: str
    outcome: str
    target: str
    reason: str
    links: tuple[str, ...]
    """The rerun, where there is one, else what was asked for."""


def rows_of(report: Report, outcomes: Iterable[Outcome]) -> list[Row]:
    """Return what is told of outcomes, in their order; equal ones with the same reason are one row."""
    outcomes, error = list(outcomes), report.error or ""
    # what stopped the drain names the target that found it out; it is the same cause as that target's own
    stopping = min((outcome.reason for outcome in outcomes if error.endswith(outcome.reason)), key=len, default=error)
    groups: dict[tuple[State, str], list[Outcome]] = {}
    for outcome in outcomes:
        reason = stopping if error and outcome.reason == error else report.full_reason(outcome)
        groups.setdefault((outcome.state, reason), []).append(outcome)
    return [
        Row(
            _few([str(outcome.request.test_execution_id or "without id") for outcome in alike]),
            state.value,
            _few(list(dict.fromkeys(outcome.target for outcome in alike if outcome.target))),
            reason,
            tuple(filter(None, [alike[0].link or report.ci_link(alike[0])])),
        )
        for (state, reason), alike in groups.items()
    ]


def lines_of(rows: Sequence[Row], columns: int) -> Iterator[str]:
    """Yield the lines of a table, or paragraphs where it would be too narrow; a link is never broken."""
    told = rows[:MOST_ROWS]
    if columns < _TABLE_COLUMNS:
        for row in told:
            yield from _wrapped(f"{row.outcome}: {_numbered(row.requests)}, {row.target or 'no target'}", columns)
            yield from (f"  {line}" for line in _wrapped(row.reason, columns - 2))
            yield from (f"  {harmless(link, most=2000)}" for link in row.links)
    elif told:
        table = [("requests", "outcome", "target", "reason"), *(row[:4] for row in told)]
        widths = _widths(table, columns)
        for cells, links in zip(table, [(), *(row.links for row in told)], strict=True):
            yield from _table_lines(cells, widths)
            yield from (f"  {harmless(link, most=2000)}" for link in links)
    if len(rows) > MOST_ROWS:
        yield f"and {len(rows) - MOST_ROWS} more, see --report"


def counts_line(report: Report) -> str:
    """Return the counts, and what stays in the queue as far as it is known."""
    if report.remaining is None:
        return f"{report.counted}; the queue was not read" if report.outcomes else "the queue was not read"
    return f"{report.counted}; {report.remaining} of {len(report.outcomes)} requests stay in the queue"


def causes(outcomes: Iterable[Outcome]) -> list[tuple[int, str]]:
    """Return why requests are not supported, most frequent first: what differs only in the link is one cause."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        cause = _PATH.sub(r"\1/…", outcome.reason.replace(shown(outcome.request.ci_link), "…"))
        counts[cause] = counts.get(cause, 0) + 1
    found = sorted(((count, cause) for cause, count in counts.items()), key=lambda each: -each[0])
    left = sum(count for count, _ in found[_MOST_CAUSES:])
    return found[:_MOST_CAUSES] + ([(left, "other reasons, see --report")] if left else [])


def plan(report: Report, columns: int) -> Iterator[str]:
    """Yield the whole plan of a dry run, in the order of the queue."""
    is_ours = [outcome.state is not State.UNSUPPORTED for outcome in report.outcomes]
    yield from lines_of(rows_of(report, [o for o, ours in zip(report.outcomes, is_ours, strict=True) if ours]), columns)
    for count, cause in causes(o for o, ours in zip(report.outcomes, is_ours, strict=True) if not ours):
        yield from _wrapped(f"{count} unsupported: {cause}", columns)
    yield counts_line(report)


def target_line(outcomes: Sequence[Outcome]) -> str:
    """Return what a log says of requests that ended together, in the same way."""
    first = outcomes[0]
    parts = [
        _numbered(_few([str(outcome.request.test_execution_id or "without id") for outcome in outcomes])),
        f"({first.target})" if first.target else "",
        f"{first.state.value}:",
        first.reason,
        f"[{first.link}]" if first.link else "",
    ]
    return " ".join(filter(None, parts))


def _numbered(requests: str) -> str:
    return f"request{'s' if ',' in requests or ' and ' in requests else ''} {requests}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _widths(table: Sequence[Sequence[str]], columns: int) -> list[int]:
    """Return how wide each column may be: the reason gets what the others leave."""
    widest = [max(len(cells[column]) for cells in table) for column in range(4)]
    first = [min(widest[0], max(8, columns // 8)), widest[1], min(widest[2], columns // 4)]
    return [*first, columns - sum(first) - 6]


def _table_lines(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    pieces = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, pieces))):
        line = [(piece[number] if number < len(piece) else "") for piece in pieces]
        yield "  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines, each of them harmless: the runner reads commands behind blanks too."""
    lines = textwrap.wrap(text, width, break_on_hyphens=" " not in text)
    return [harmless(line) for line in lines] or [""]
