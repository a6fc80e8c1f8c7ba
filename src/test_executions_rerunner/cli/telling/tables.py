"""The outcomes of a drain as lines for a person: one a target while it works, causes and the counts at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.cli.telling.terminal import GREEN, RED, YELLOW, wrapped
from test_executions_rerunner.drain.causes import advice, causes
from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from test_executions_rerunner.cli.telling.report import Report

MOST_CAUSES = 200
"""That are told; what is left out is counted."""
_MOST_REQUESTS = 20
"""Of one cause that have lines of their own."""
_MOST_NAMED = 8
"""Requests of one line that are named."""
_COLOURS = {State.TRIGGERED: GREEN, State.ALREADY_RERUN: GREEN, State.DEFERRED: YELLOW}


class Cause(NamedTuple):
    """Outcomes that are told together, since they are the same for the same reason."""

    state: State
    reason: str
    outcomes: tuple[Outcome, ...]

    @property
    def requests(self) -> str:
        """Their requests, in words."""
        return numbered([outcome.request.test_execution_id for outcome in self.outcomes])


def causes_of(report: Report, outcomes: Iterable[Outcome]) -> list[Cause]:
    """Return what is told of outcomes, in their order; equal ones with the same reason are one cause."""
    outcomes, error = list(outcomes), report.error or ""
    # what stopped the drain names the target that found it out; it is the same cause as that target's own
    stopping = min((outcome.reason for outcome in outcomes if error.endswith(outcome.reason)), key=len, default=error)
    groups: dict[tuple[State, str], list[Outcome]] = {}
    for outcome in outcomes:
        reason = stopping if error and outcome.reason == error else report.full_reason(outcome)
        groups.setdefault((outcome.state, reason), []).append(outcome)
    return [Cause(state, reason, tuple(alike)) for (state, reason), alike in groups.items()]


def lines_of(
    report: Report, causes: Sequence[Cause], columns: int, paint: Callable[[str, int], str] = lambda text, _: text
) -> Iterator[str]:
    """Yield each cause, and below it each request: which it is, and one link.

    Args:
        report: What they are of.
        causes: What to tell.
        columns: How long lines may be; a name, a link or a command is never broken.
        paint: Gives a text a colour.
    """
    for cause in causes[:MOST_CAUSES]:
        first, *others = wrapped(f"{cause.state.value}: {cause.reason}", columns, hanging="  ")
        colour = _COLOURS.get(cause.state, RED if cause.state.is_failure else 0)
        yield first.replace(cause.state.value, paint(cause.state.value, colour), 1) if colour else first
        yield from others
        for outcome in cause.outcomes[:_MOST_REQUESTS]:
            yield from wrapped(_named(report, outcome), columns, indent="  ", hanging="    ")
            if link := outcome.link or report.ci_link(outcome):
                yield f"    {harmless(link, most=2000)}"
        if len(cause.outcomes) > _MOST_REQUESTS:
            yield f"  and {len(cause.outcomes) - _MOST_REQUESTS} more requests, see --report"
    if len(causes) > MOST_CAUSES:
        yield f"and {len(causes) - MOST_CAUSES} more, see --report"


def _named(report: Report, outcome: Outcome) -> str:
    target = f"({outcome.target})" if outcome.target else ""
    return " ".join(filter(None, [numbered([outcome.request.test_execution_id]), target, report.which([outcome])]))


def counts_line(report: Report) -> str:
    """Return the counts, and what stays in the queue as far as it is known."""
    read = len(report.outcomes)
    if not report.is_of_queue:
        return report.counted
    if report.remaining is not None:
        return f"{report.counted}; {report.remaining} of {read} requests stay in the queue"
    if not report.outcomes:
        return "the queue was not read"
    return f"{report.counted}; {report.staying} of the {read} requests that were read stay, and more may be queued"


def old_failures_line(report: Report) -> str:
    """Return how many of the requests that need a person are no news."""
    count, most = report.old_failures, len(report.failures)
    return f"{count} of the {most} that need a person {'was' if count == 1 else 'were'} asked for over a day ago"


def unserved(outcomes: Iterable[Outcome]) -> list[tuple[int, str]]:
    """Return why requests are not for this drain, most frequent first."""
    return causes((o.request, o.reason) for o in outcomes if o.state is State.UNSUPPORTED)


def unserved_lines(report: Report) -> list[str]:
    """Return one line for each cause for which requests are not served here, with its count."""
    return [
        f"{count} {'is' if count == 1 else 'are'} not for this drain: {cause}"
        for count, cause in unserved(report.outcomes)
    ]


def none_served(report: Report) -> str | None:
    """Return a warning where requests were read and none of them is for this drain; None: some are, or none was."""
    if report.error or not report.outcomes or report.has_served:
        return None
    told = f"none of the {len(report.outcomes)} requests that were read is for this drain"
    return "; ".join(filter(None, [told, advice(unserved(report.outcomes), report.links_setting)]))


def plan(report: Report, columns: int, paint: Callable[[str, int], str] = lambda text, _: text) -> Iterator[str]:
    """Yield the whole plan of a dry run, in the order of the queue."""
    ours = [outcome for outcome in report.outcomes if outcome.state is not State.UNSUPPORTED]
    yield from lines_of(report, causes_of(report, ours), columns, paint)
    for line in (*unserved_lines(report), counts_line(report)):
        yield from wrapped(line, columns, hanging="  ")


def target_line(outcomes: Sequence[Outcome], which: str = "") -> str:
    """Return what a log says of requests that ended together, in the same way.

    Args:
        outcomes: One for each request.
        which: What they ask for.
    """
    first = outcomes[0]
    about = ", ".join(filter(None, [first.target, which]))
    parts = [
        numbered([outcome.request.test_execution_id for outcome in outcomes]),
        f"({about})" if about else "",
        f"{first.state.value}:",
        first.reason,
        first.link or "",
    ]
    return " ".join(filter(None, parts))


def numbered(ids: Sequence[int | None]) -> str:
    """Return requests as people name them: ``request 7``, ``requests 7, 8 and 192 more``."""
    names = [str(number or "without id") for number in ids]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"request{'s' if len(names) > 1 else ''} {', '.join(names[:_MOST_NAMED])}{more}"
