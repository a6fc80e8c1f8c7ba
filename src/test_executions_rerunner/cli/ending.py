"""What a call shows and writes at its end: the plan or what needs a person, the counts, and the files."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TextIO

from test_executions_rerunner.cli.telling import github_actions, tables
from test_executions_rerunner.cli.telling.report import as_text
from test_executions_rerunner.cli.telling.report_file import is_standard_output, write_report_file
from test_executions_rerunner.cli.telling.terminal import GREEN, RED, YELLOW, columns_of, painter, wrapped
from test_executions_rerunner.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_executions_rerunner.cli.streams import Output
    from test_executions_rerunner.cli.telling.report import Report
    from test_executions_rerunner.models import Check

_log = logging.getLogger(__name__)
_MOST_OF_CHECK = 4000
_MOST_OF_ERROR = 2000
_MOST_NAMED = 3
"""Failed checks that the error of a check names."""
_MARKS = {True: ("ok", GREEN), False: ("FAILED", RED), None: ("warning", YELLOW)}


class Place(NamedTuple):
    """Where a call shows what it has to tell."""

    output: Output
    """Writes what is shown."""
    out: TextIO
    """For what was asked for: a plan, the lines of a check."""
    environment: Mapping[str, str]
    runner: Mapping[str, str]
    """The variables of a GitHub runner; none elsewhere."""
    level: int
    """Of `logging`: how much is told."""

    @property
    def is_quiet(self) -> bool:
        """Whether only what needs a person is told."""
        return self.level > logging.WARNING


def note_check(check: Check, report: Report, place: Place) -> None:
    """Put a check into the report, and show it."""
    fix = check.fix and report.respelled(check.fix)
    check = replace(check, message=report.respelled(check.message), fix=fix)
    report.checks.append(check)
    if check.ok is True and place.is_quiet:
        return
    mark, colour = _MARKS[check.ok]
    columns, paint = columns_of(place.out, place.environment), painter(place.out, place.environment)
    text = clean(check.line, report.mask, most=_MOST_OF_CHECK)
    first, *others = wrapped(text, columns, hanging="  ") if place.out.isatty() or _is_narrow(place) else [text]
    place.output.lines(place.out, [first.replace(mark, paint(mark, colour), 1), *others])


def _is_narrow(place: Place) -> bool:
    """Tell whether somebody said how wide lines are to be."""
    return bool(place.environment.get("COLUMNS"))


def show_verdict(report: Report, place: Place, interrupted_by: str | None) -> None:
    """Say after the checks whether a drain would work; `Report.error` is set where it would not, or nobody knows.

    Args:
        report: Has the checks.
        place: Where it is said.
        interrupted_by: The signal that ended them early; None: none did.
    """
    broken = [check for check in report.checks if check.ok is False]
    failed = [check.name for check in broken]
    warnings = sum(check.ok is None for check in report.checks)
    paint = painter(place.out, place.environment)
    if failed:
        report.exit_code = report.exit_code or (3 if broken[0].is_of_queue else 1)
        more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
        report.error = f"a drain could not work: {', '.join(failed[:_MOST_NAMED])}{more}"
        _log.error("%s", report.error)
    if interrupted_by:
        untried = f"interrupted by {interrupted_by}: the rest was not tried"
        report.error = f"{report.error}; {untried}" if report.error else untried
        _log.warning("%s", untried)
    elif not failed and not place.is_quiet:
        more = f"; {warnings} warning{'s' if warnings > 1 else ''}, see above" if warnings else ""
        lines = wrapped(f"a drain can work{more}", columns_of(place.out, place.environment))
        place.output.lines(place.out, [paint(line, YELLOW if warnings else GREEN) for line in lines])


def show(report: Report, place: Place) -> None:
    """Show the plan or what needs a person, and the counts.

    Args:
        report: What to tell.
        place: Where.
    """
    report.error = report.error and report.respelled(clean(report.error, report.mask, most=_MOST_OF_ERROR))
    report.stopped = report.stopped and report.respelled(report.stopped)
    _show(report, place)
    if place.runner:
        place.output.lines(place.out, github_actions.annotate(report))


def write(report: Report, place: Place, path: str | None) -> None:
    """Write the outcomes where they are wanted; what cannot be written is told.

    Args:
        report: What to tell.
        place: Where a runner wants it.
        path: Of the report as JSON; None: none is wanted.
    """
    if is_standard_output(path):
        place.output.text(sys.stdout, as_text(report))
    else:
        _write(report, lambda to: write_report_file(to, as_text(report)), path)
    outputs = place.runner.get("GITHUB_OUTPUT")
    _write(report, lambda to: github_actions.write_outputs(to, github_actions.outputs(report)), outputs)
    _write(report, lambda to: github_actions.write_summary(to, report), place.runner.get("GITHUB_STEP_SUMMARY"))


def _show(report: Report, place: Place) -> None:
    """Show the plan, or what needs a person, what is not served here, and the counts."""
    if report.checks or report.is_of_wrong_settings:
        return
    if report.dry_run and (not place.is_quiet or report.has_failures):
        paint = painter(place.out, place.environment)
        place.output.lines(place.out, tables.plan(report, columns_of(place.out, place.environment), paint))
    else:
        causes = tables.causes_of(report, report.failures)
        paint = painter(sys.stderr, place.environment)
        lines = tables.lines_of(report, causes, columns_of(sys.stderr, place.environment), paint)
        place.output.lines(sys.stderr, lines)
        if report.old_failures:
            _log.info("%s", tables.old_failures_line(report))
        for line in tables.unserved_lines(report):
            _log.info("%s", line)
        _log.info("%s", tables.counts_line(report))
    if warning := tables.none_served(report):
        _log.warning("%s", warning)
    if report.interrupted_by:
        _log.warning("interrupted by %s", report.interrupted_by)


def _write(report: Report, write_to: Callable[[str], None], path: str | None) -> None:
    if not path:
        return
    try:
        write_to(path)
    except OSError as error:
        _log.error("%s could not be written: %s", path, error)
        report.exit_code = report.exit_code or 1
