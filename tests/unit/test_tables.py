"""What a terminal or a log shows of a drain: golden texts for narrow, usual and wide ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner_rules import commands
from test_executions_rerunner.cli.report import Report
from test_executions_rerunner.cli.tables import causes, counts_line, lines_of, plan, rows_of, target_line
from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

JOB = "http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta"
PERMISSION = "403 Forbidden: needs the permission hudson.model.Item.Build"


def outcome(
    number: int | None, state: State, reason: str, target: str | None = None, link: str | None = None
) -> Outcome:
    """Make an outcome of a request of a job."""
    ci_link = f"{JOB}/{number}/" if target else "http://elsewhere.example/x"
    return Outcome(RerunRequest(number, ci_link, "snap", None), state, reason, target, link)


def report_of(outcomes: Iterable[Outcome], **more: object) -> Report:
    return Report("jenkins", outcomes=list(outcomes), **more)  # type: ignore[arg-type] # fields of Report


REPORT = report_of(
    [
        outcome(86862, State.FAILED, PERMISSION, "cert-rpi400-arm64-core24-beta"),
        outcome(86863, State.FAILED, PERMISSION, "cert-rpi400-arm64-core24-beta"),
        outcome(86864, State.TRIGGERED, "accepted", "lab", "http://10.102.156.15:8080/queue/item/7/"),
        outcome(86865, State.UNKNOWN, "no answer in time; looking again found no rerun of ours", "cert-xps13"),
        outcome(86866, State.UNSUPPORTED, "ci_link 'http://elsewhere.example/x' is not served"),
    ],
    remaining=4,
)
GOLDEN = {
    40: """\
failed: requests 86862, 86863,
cert-rpi400-arm64-core24-beta
  403 Forbidden: needs the permission
  hudson.model.Item.Build
  http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86862/
unknown: request 86865, cert-xps13
  no answer in time; looking again found
  no rerun of ours
  http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86865/
""",
    80: """\
requests    outcome  target                reason
86862,      failed   cert-rpi400-arm64-    403 Forbidden: needs the permission
86863                core24-beta           hudson.model.Item.Build
  http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86862/
86865       unknown  cert-xps13            no answer in time; looking again
                                           found no rerun of ours
  http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86865/
""",
    200: """\
requests      outcome  target                         reason
86862, 86863  failed   cert-rpi400-arm64-core24-beta  403 Forbidden: needs the permission hudson.model.Item.Build
  http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86862/
86865         unknown  cert-xps13                     no answer in time; looking again found no rerun of ours
  http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86865/
""",
}


@pytest.mark.parametrize("columns", GOLDEN)
def test_what_needs_a_person_is_a_table_as_wide_as_the_terminal(columns: int) -> None:
    assert list(lines_of(rows_of(REPORT, REPORT.failures), columns)) == GOLDEN[columns].splitlines()


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_no_line_but_that_of_a_link_and_the_counts_is_longer_than_the_terminal_is_wide(columns: int) -> None:
    assert [line for line in list(plan(REPORT, columns))[:-1] if len(line) > columns and "://" not in line] == []


def test_the_plan_of_a_dry_run_is_told_in_queue_order_then_what_is_anothers_then_the_counts() -> None:
    report = report_of(
        [
            outcome(1, State.PLANNED, "would POST x, once for requests 1, 3", "lab"),
            outcome(2, State.REFUSED, "gone", "lab2"),
            outcome(3, State.PLANNED, "would POST x, once for requests 1, 3", "lab"),
            outcome(4, State.UNSUPPORTED, "ci_link 'http://elsewhere.example/x' is not served"),
        ],
        dry_run=True,
        discards=True,
        remaining=4,
    )
    assert list(plan(report, 120)) == [
        "requests  outcome  target  reason",
        "1, 3      planned  lab     would POST x, once for requests 1, 3",
        f"  {JOB}/1/",
        "2         refused  lab2    gone; its request would be deleted without a rerun",
        f"  {JOB}/2/",
        "1 unsupported: ci_link … is not served",
        "2 planned, 1 unsupported, 1 refused; 4 of 4 requests stay in the queue",
    ]


def test_a_long_table_is_cut_and_says_so() -> None:
    report = report_of(outcome(number, State.FAILED, f"no {number}") for number in range(1, 1001))
    lines = list(lines_of(rows_of(report, report.failures), 120))
    assert len(lines) == 1 + 2 * 200 + 1
    assert lines[-1] == "and 800 more, see --report"


def test_a_cause_of_many_is_one_row_that_counts_them() -> None:
    report = report_of(outcome(number, State.FAILED, "401 no", f"lab{number}") for number in range(1, 201))
    (row,) = rows_of(report, report.failures)
    assert row.requests == "1, 2, 3, 4, 5, 6, 7, 8 and 192 more"
    assert row.target == "lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8 and 192 more"


@pytest.mark.parametrize(
    ("report", "line"),
    [
        pytest.param(
            REPORT, "1 triggered, 1 unsupported, 2 failed, 1 unknown; 4 of 5 requests stay in the queue", id="some"
        ),
        pytest.param(report_of([], remaining=0), "no requests; 0 of 0 requests stay in the queue", id="empty queue"),
        pytest.param(report_of([]), "the queue was not read", id="not read"),
    ],
)
def test_the_counts_claim_nothing_that_was_not_read(report: Report, line: str) -> None:
    assert counts_line(report) == line


def test_reasons_that_differ_in_the_link_only_are_one_cause() -> None:
    made = [
        outcome(1, State.UNSUPPORTED, "it points to http://a.example/job/x/1/, and only http://b.example is served"),
        outcome(2, State.UNSUPPORTED, "it points to http://a.example/job/y/2/, and only http://b.example is served"),
        outcome(3, State.UNSUPPORTED, "family 'charm' is not served"),
    ]
    assert causes(made) == [
        (2, "it points to http://a.example/…, and only http://b.example is served"),
        (1, "family 'charm' is not served"),
    ]


def test_the_line_of_a_target_names_all_its_requests() -> None:
    made = [outcome(number, State.TRIGGERED, "accepted", "lab", "http://x/queue/item/7/") for number in (1, 2, None)]
    assert target_line(made) == "requests 1, 2, without id (lab) triggered: accepted [http://x/queue/item/7/]"
    assert target_line(made[:1]) == "request 1 (lab) triggered: accepted [http://x/queue/item/7/]"


TEXTS = st.lists(
    st.sampled_from(("::error::x", "##[error]x", "\n", "\r", "\u2028", "\x1b[31m", " ", "a " * 30, "::", "b" * 50)),
    max_size=5,
).map("".join)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(State), TEXTS, TEXTS), max_size=6), st.sampled_from([40, 80, 120]))
def test_no_line_is_a_command_of_a_runner(told: list[tuple[State, str, str]], columns: int) -> None:
    report = report_of(outcome(number, *each) for number, each in enumerate(told, 1))
    lines = list(plan(report, columns))
    assert commands("\n".join(lines)) == []
    assert all(line.isprintable() for line in lines)
