"""What a terminal or a log shows of a drain: golden texts for narrow, usual and wide ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner_rules import commands
from test_executions_rerunner.cli.telling.report import Report
from test_executions_rerunner.cli.telling.tables import (
    causes_of,
    counts_line,
    lines_of,
    none_served,
    old_failures_line,
    plan,
    target_line,
    unserved_lines,
)
from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.rerun_request import RerunRequest, Tested
from test_executions_rerunner.text import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable

JOB = "http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta"
PERMISSION = "403 Forbidden: needs the permission hudson.model.Item.Build"
NOW = 1_800_000_000.0
HOUR = 3600.0
COMMAND = "`gh workflow run a-workflow-with-a-long-name.yml -R canonical/lab --ref main`"


def outcome(
    number: int | None, state: State, reason: str, target: str | None = None, link: str | None = None
) -> Outcome:
    """Make an outcome of a request of a job, of two hours ago."""
    ci_link = f"{JOB}/{number}/" if target else "http://elsewhere.example/x"
    tested = Tested("rpi400", "core24 beta")
    request = RerunRequest(number, ci_link, "snap", NOW - 2 * HOUR, tested=tested)
    return Outcome(request, state, reason, target, link)


def report_of(outcomes: Iterable[Outcome], **more: object) -> Report:
    return Report("jenkins", outcomes=list(outcomes), now=lambda: NOW, **more)  # type: ignore[arg-type] # its fields


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
failed: 403 Forbidden: needs the
  permission hudson.model.Item.Build
  request 86862
    (cert-rpi400-arm64-core24-beta)
    rpi400 · core24 beta · 2 h ago
    http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86862/
  request 86863
    (cert-rpi400-arm64-core24-beta)
    rpi400 · core24 beta · 2 h ago
    http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86863/
unknown: no answer in time; looking
  again found no rerun of ours
  request 86865 (cert-xps13) rpi400 ·
    core24 beta · 2 h ago
    http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86865/
""",
    120: """\
failed: 403 Forbidden: needs the permission hudson.model.Item.Build
  request 86862 (cert-rpi400-arm64-core24-beta) rpi400 · core24 beta · 2 h ago
    http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86862/
  request 86863 (cert-rpi400-arm64-core24-beta) rpi400 · core24 beta · 2 h ago
    http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86863/
unknown: no answer in time; looking again found no rerun of ours
  request 86865 (cert-xps13) rpi400 · core24 beta · 2 h ago
    http://10.102.156.15:8080/job/cert-rpi400-arm64-core24-beta/86865/
""",
}


@pytest.mark.parametrize("columns", GOLDEN)
def test_what_needs_a_person_is_told_by_its_cause_with_each_request_and_its_link(columns: int) -> None:
    assert list(lines_of(REPORT, causes_of(REPORT, REPORT.failures), columns)) == GOLDEN[columns].splitlines()


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_no_line_but_that_of_a_link_is_longer_than_the_terminal_is_wide(columns: int) -> None:
    assert [line for line in plan(REPORT, columns) if len(line) > columns and "://" not in line] == []


@pytest.mark.parametrize("columns", [40, 80])
def test_a_command_is_never_broken(columns: int) -> None:
    report = report_of([outcome(1, State.REFUSED, f"too old; it can be started afresh: {COMMAND}", "lab run 4105")])
    assert [line for line in lines_of(report, causes_of(report, report.failures), columns) if COMMAND in line]


def test_each_request_of_a_cause_has_one_link_that_of_its_rerun_where_there_is_one() -> None:
    made = [outcome(n, State.ALREADY_RERUN, "started since", "lab", f"{JOB}/9{n}/" if n > 1 else None) for n in (1, 2)]
    report = report_of(made)
    lines = list(lines_of(report, causes_of(report, made), 120))
    assert [line.strip() for line in lines if "://" in line] == [f"{JOB}/1/", f"{JOB}/92/"]


def test_outcomes_have_their_colours_on_a_terminal() -> None:
    made = [outcome(1, State.FAILED, "failed before", "lab")]
    report = report_of(made)
    first, *_ = lines_of(report, causes_of(report, made), 120, lambda text, colour: f"<{colour}>{text}</>")
    assert first == "<31>failed</>: failed before"


def test_the_plan_of_a_dry_run_is_told_in_queue_order_then_what_is_anothers_then_the_counts() -> None:
    report = report_of(
        [
            outcome(1, State.PLANNED, "would POST x, once for requests 1, 3", "lab"),
            outcome(2, State.REFUSED, "gone", "lab2"),
            outcome(3, State.PLANNED, "would POST x, once for requests 1, 3", "lab"),
            outcome(4, State.UNSUPPORTED, "ci_link 'http://elsewhere.example/x' is not served: it points to http://a"),
        ],
        dry_run=True,
        discards=True,
        remaining=4,
    )
    which = "rpi400 · core24 beta · 2 h ago"
    assert list(plan(report, 120)) == [
        "planned: would POST x, once for requests 1, 3",
        f"  request 1 (lab) {which}",
        f"    {JOB}/1/",
        f"  request 3 (lab) {which}",
        f"    {JOB}/3/",
        "refused: gone; its request would be deleted without a rerun",
        f"  request 2 (lab2) {which}",
        f"    {JOB}/2/",
        "1 is not for this drain: the link points to http://a",
        "2 planned, 1 refused, 1 is for others; 4 of 4 requests stay in the queue",
    ]


def test_a_long_list_of_causes_is_cut_and_says_so() -> None:
    report = report_of(outcome(number, State.FAILED, f"no {number}") for number in range(1, 1001))
    lines = list(lines_of(report, causes_of(report, report.failures), 120))
    assert len(lines) == 3 * 200 + 1
    assert lines[-1] == "and 800 more, see --report"


def test_a_cause_of_many_names_some_and_counts_the_others() -> None:
    report = report_of(outcome(number, State.FAILED, "401 no", f"lab{number}") for number in range(1, 201))
    lines = list(lines_of(report, causes_of(report, report.failures), 120))
    assert len([line for line in lines if "  request " in line]) == 20
    assert lines[-1] == "  and 180 more requests, see --report"


@pytest.mark.parametrize(
    ("report", "line"),
    [
        pytest.param(
            REPORT, "1 triggered, 2 failed, 1 unknown, 1 is for others; 4 of 5 requests stay in the queue", id="some"
        ),
        pytest.param(report_of([], remaining=0), "no requests; 0 of 0 requests stay in the queue", id="empty queue"),
        pytest.param(report_of([]), "the queue was not read", id="not read"),
        pytest.param(
            report_of(REPORT.outcomes[:3]),
            "1 triggered, 2 failed; 3 of the 3 requests that were read stay, and more may be queued",
            id="not read to its end",
        ),
        pytest.param(
            report_of(REPORT.outcomes[2:], is_of_queue=False),
            "1 triggered, 1 unknown, 1 is not served",
            id="a file without ids",
        ),
    ],
)
def test_the_counts_claim_nothing_that_was_not_read(report: Report, line: str) -> None:
    assert counts_line(report) == line


def test_reasons_that_differ_in_the_link_only_are_one_cause_with_its_count() -> None:
    links = ("http://a.example/job/x/1/", "http://a.example/job/y/2/")
    reason = "ci_link '{}' is not served: it points to {}, and only http://b.example is served"
    made = [
        Outcome(RerunRequest(n, link, "snap", None), State.UNSUPPORTED, reason.format(link, link))
        for n, link in enumerate(links, 1)
    ]
    made.append(outcome(3, State.UNSUPPORTED, "family 'charm' is not served"))
    assert unserved_lines(report_of(made)) == [
        "2 are not for this drain: the link points to http://a.example/…, and only http://b.example is served",
        "1 is not for this drain: family 'charm' is not served",
    ]


def test_what_needs_a_person_for_days_stands_last_and_is_counted() -> None:
    ages = {1: 80 * HOUR, 2: HOUR, 3: 30 * HOUR}
    made = [asked(number, Tested(), seconds, State.REFUSED) for number, seconds in ages.items()]
    report = report_of([*made, asked(4, Tested(), 90 * HOUR), asked(5, Tested(), None, State.FAILED)])
    assert [o.request.test_execution_id for o in report.failures] == [2, 5, 1, 3]
    assert old_failures_line(report) == "2 of the 4 that need a person were asked for over a day ago"


def test_a_queue_of_which_nothing_is_served_is_a_warning_that_names_the_setting() -> None:
    reason = "ci_link 'http://elsewhere.example/x' is not served: it points to http://elsewhere.example, and only …"
    others = [outcome(number, State.UNSUPPORTED, reason) for number in range(1, 16)]
    told = none_served(report_of(others, links_setting="--jenkins-url", remaining=15))
    assert told is not None
    assert "none of the 15 requests" in told
    assert "--jenkins-url" in told
    assert none_served(report_of([*others, outcome(16, State.DEFERRED, "later", "lab")])) is None
    assert none_served(report_of([])) is None


def test_the_line_of_a_target_names_all_its_requests_and_what_they_are() -> None:
    made = [outcome(number, State.TRIGGERED, "accepted", "lab", "http://x/queue/item/7/") for number in (1, 2, None)]
    assert target_line(made) == "requests 1, 2, without id (lab) triggered: accepted http://x/queue/item/7/"
    which = report_of([]).which(made[:1])
    assert target_line(made[:1], which) == (
        "request 1 (lab, rpi400 · core24 beta · 2 h ago) triggered: accepted http://x/queue/item/7/"
    )


def asked(number: int, tested: Tested, seconds: float | None, state: State = State.DEFERRED) -> Outcome:
    """Make an outcome of a request that was made so many seconds ago."""
    created_at = None if seconds is None else NOW - seconds
    return Outcome(RerunRequest(number, None, None, created_at, tested=tested), state, "")


@pytest.mark.parametrize(
    ("told", "which"),
    [
        pytest.param([(Tested(), None)], "", id="nothing"),
        pytest.param([(Tested("rpi400"), None)], "rpi400", id="machine"),
        pytest.param([(Tested(), 50 * HOUR)], "2 days ago", id="age"),
        pytest.param(
            [(Tested("rpi400", "core24 beta", "com.canonical.certification::smoke"), 300)],
            "rpi400 · core24 beta · smoke · 5 min ago",
            id="all",
        ),
        pytest.param([(Tested("a"), 5), (Tested("b"), 3 * HOUR)], "a; b · 5 s to 3 h ago", id="two"),
        pytest.param([(Tested(name), 60) for name in "abcd"], "a; b and 2 more · 1 min ago", id="many"),
        pytest.param([(Tested("to_secret"), -5)], "*** · 0 s ago", id="a secret, and a clock ahead"),
    ],
)
def test_requests_say_which_test_they_are_of_and_how_long_ago_they_were_made(
    told: list[tuple[Tested, float | None]], which: str
) -> None:
    outcomes = [asked(number, *each) for number, each in enumerate(told, 1)]
    assert report_of([], mask=Mask(["to_secret"])).which(outcomes) == which


TEXTS = st.lists(
    st.sampled_from(
        ("::error::x", "##[error]x", "\n", "\r", "\u2028", "\x1b[31m", " ", "`", "a " * 30, "::", "b" * 50)
    ),
    max_size=5,
).map("".join)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(State), TEXTS, TEXTS), max_size=6), st.sampled_from([40, 80, 120]))
def test_no_line_is_a_command_of_a_runner(told: list[tuple[State, str, str]], columns: int) -> None:
    report = report_of(outcome(number, *each) for number, each in enumerate(told, 1))
    lines = list(plan(report, columns))
    assert commands("\n".join(lines)) == []
    assert all(line.isprintable() for line in lines)
