"""Workflow commands, outputs and the step summary: the only code that knows a runner's files.

Source: actions/runner ``ActionCommand.cs`` and ``FileCommandManager.cs``; GitHub's limits on annotations, outputs
and summaries.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from test_executions_rerunner.cli.telling.report import Report, as_json
from test_executions_rerunner.cli.telling.summary import as_markdown
from test_executions_rerunner.cli.telling.tables import causes_of, none_served, unserved_lines
from test_executions_rerunner.text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST_ANNOTATIONS = 10
"""GitHub shows ten errors of a step."""
MOST_SUMMARY_BYTES = 1024 * 1024 - 1024
MOST_REPORT_CHARACTERS = 300_000
"""A job's outputs may hold 1 MB as UTF-16."""


def masks(hidden: Iterable[str]) -> Iterator[str]:
    """Yield the commands that keep secrets out of the log; they must be the first that is printed."""
    for secret in hidden:
        if secret:
            yield f"::add-mask::{_data(secret)}"


def group(title: str) -> str:
    """Return the command that opens a group of log lines."""
    return f"::group::{_data(harmless(title))}"


def end_group() -> str:
    """Return the command that closes it."""
    return "::endgroup::"


def annotate(report: Report) -> Iterator[str]:
    """Yield one error for each cause of failures, ten at most, then how many more there are as a plain line."""
    told: list[tuple[str, str]] = []
    if report.error:
        told.append((_TITLES.get(report.exit_code, "The drain failed"), report.error))
    for cause in causes_of(report, report.failures):
        if report.error and cause.reason and cause.reason in report.error:
            continue  # what stopped the drain is told
        which = report.which(cause.outcomes)
        told.append((f"{cause.requests} {cause.state.value}", f"{which}: {cause.reason}" if which else cause.reason))
    told += [(check.name, f"{check.message}; {check.fix or ''}") for check in report.checks if check.ok is False]
    for title, message in told[:MOST_ANNOTATIONS]:
        yield f"::error title={_property(harmless(title))}::{_data(harmless(message, most=1000))}"
    if len(told) > MOST_ANNOTATIONS:
        yield f"{len(told) - MOST_ANNOTATIONS} more failures are in the log and in the summary"
    if warning := none_served(report):
        causes = "; ".join(unserved_lines(report))
        yield f"::warning title=Nothing here is served::{_data(harmless(f'{warning}; {causes}', most=2000))}"
    if report.stopped:
        yield f"::notice title=Nothing more was started::{_data(harmless(report.stopped, most=1000))}"


_TITLES = {1: "The drain stopped", 2: "Wrong setting"}


def outputs(report: Report) -> dict[str, str]:
    """Return the action's outputs; ``remaining`` is empty where the queue was not read."""
    counts = {name.replace("-", "_"): str(count) for name, count in report.counts.items()}
    return {
        **counts,
        "remaining": "" if report.remaining is None else str(report.remaining),
        "report": as_json(report, most_characters=MOST_REPORT_CHARACTERS),
    }


def write_outputs(path: str, values: Mapping[str, str]) -> None:
    """Append outputs to the file of a runner, each behind a delimiter that nobody can guess.

    Raises:
        OSError: It cannot be written.
    """
    with Path(path).open("a", encoding="utf-8") as file:
        for name, value in values.items():
            delimiter = f"end-{secrets.token_hex(16)}"
            file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def write_summary(path: str, report: Report) -> None:
    """Append the summary of the step, below GitHub's limit.

    Raises:
        OSError: It cannot be written.
    """
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(as_markdown(report, most_bytes=MOST_SUMMARY_BYTES))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
