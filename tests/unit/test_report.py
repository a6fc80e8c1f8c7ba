"""The outcomes of a drain as text, JSON and Markdown, and what a runner of GitHub Actions reads of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner_rules import Command, commands
from runner_rules import outputs as read_outputs
from test_executions_rerunner.cli.telling import github_actions
from test_executions_rerunner.cli.telling.report import Report, as_json, as_object, needs_person
from test_executions_rerunner.cli.telling.summary import as_markdown
from test_executions_rerunner.drain.ledger import Ledger
from test_executions_rerunner.models import Check, Outcome, Removal, State, Verdict
from test_executions_rerunner.rerun_request import RerunRequest
from test_executions_rerunner.text import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HOSTILE = (
    *("::error::x", "##[error]x", "\n", "\r", "\u2028", "\x1b[31m", "\u202e", "|", "\\", "`", "<b>", "-->", "\n| x |"),
    *("[a](b)", "<http://evil.example>", "http://evil.example", "www.evil.example", "a@evil.example", "@octocat", "#1"),
    *("**a**", "~~a~~", "&lt;", "EOF", "a=b", "a<<b", "%0A", "\ud800", "\u6f22", " ", "\n---\n", "# h", "$x$", "a"),
)
TEXTS = st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join) | st.text(max_size=20)
RELAXED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROW = re.compile(r"(?<!\\)\|")


def outcome_of(number: int | None, state: State, *texts: str, deleted: bool = False, ci_link: object = None) -> Outcome:
    """Make an outcome as a drain does: through the ledger."""
    reason, target, link, error = (*texts, "", "", "", "")[:4]
    request, ledger = RerunRequest(number, ci_link, None, None), Ledger()
    ledger.open([request])
    verdict = Verdict(state, reason, f"https://github.com/{link}" if link else None)
    ledger.settle({request: verdict}, target or None)
    if deleted or error:
        ledger.deleted(request, error or Removal.DELETED)
    return ledger.outcomes[0]


OUTCOMES = st.lists(
    st.builds(
        outcome_of,
        st.none() | st.integers(1, 2**31 - 1),
        st.sampled_from(State),
        TEXTS,
        TEXTS,
        TEXTS,
        TEXTS,
        ci_link=st.none() | st.integers() | TEXTS.map(lambda text: f"https://github.com/{text}"),
    ),
    max_size=15,
)
CHECKS = st.lists(st.builds(Check, TEXTS, st.sampled_from([True, False, None]), TEXTS, st.none() | TEXTS), max_size=4)
REPORTS = st.builds(
    Report,
    st.sampled_from(["jenkins", "github"]),
    dry_run=st.booleans(),
    outcomes=OUTCOMES,
    checks=CHECKS,
    error=st.none() | TEXTS,
    stopped=st.none() | TEXTS,
    remaining=st.none() | st.integers(0, 15),
    discards=st.booleans(),
    exit_code=st.sampled_from([0, 1, 2, 3, 70, 130]),
)


def report_of(outcomes: Iterable[Outcome], **more: object) -> Report:
    return Report("github", outcomes=list(outcomes), **more)  # type: ignore[arg-type] # fields of Report


# what a runner reads


@RELAXED
@given(REPORTS)
def test_the_only_commands_are_our_annotations(report: Report) -> None:
    printed = list(github_actions.annotate(report))
    found = commands("\n".join(printed))
    assert len(found) == len([line for line in printed if line.startswith("::")]) <= 12
    assert {command.name for command in found} <= {"error", "warning", "notice"}
    assert all("\n" not in command.data and "\r" not in command.data for command in found)


def test_each_cause_of_failures_is_one_annotation() -> None:
    outcomes = [
        outcome_of(1, State.FAILED, "100% no: a, b", "lab"),
        outcome_of(2, State.TRIGGERED, "accepted"),
        outcome_of(3, State.TRIGGERED, "accepted", "", "", "403 no"),
        outcome_of(None, State.UNKNOWN, "who knows"),
        outcome_of(5, State.FAILED, "100% no: a, b", "lab2"),
    ]
    assert commands("\n".join(github_actions.annotate(report_of(outcomes)))) == [
        Command("error", "title=requests 1%2C 5 failed", "100% no: a, b"),
        Command("error", "title=request 3 triggered", "accepted; its request could not be deleted: 403 no"),
        Command("error", "title=request without id unknown", "who knows"),
    ]


def test_past_ten_annotations_the_rest_is_counted() -> None:
    lines = list(github_actions.annotate(report_of(outcome_of(n, State.FAILED, f"no {n}") for n in range(1, 31))))
    assert len(commands("\n".join(lines))) == 10
    assert lines[10:] == ["20 more failures are in the log and in the summary"]


def test_what_stopped_the_drain_is_the_first_annotation() -> None:
    lines = list(github_actions.annotate(report_of([outcome_of(1, State.FAILED, "x")], error="the key", exit_code=3)))
    assert commands(lines[0]) == [Command("error", "title=The drain failed", "the key")]


def test_what_stopped_the_drain_is_not_told_again_for_its_targets() -> None:
    outcomes = [outcome_of(number, State.FAILED, "401 no", f"lab{number}") for number in range(1, 17)]
    lines = list(github_actions.annotate(report_of(outcomes, error="lab1 could not be looked at: 401 no", exit_code=1)))
    assert lines == ["::error title=The drain stopped::lab1 could not be looked at: 401 no"]


def test_a_drain_that_a_rate_limit_stopped_is_a_notice_and_no_error() -> None:
    report = report_of([outcome_of(1, State.DEFERRED, "rate limit")], stopped="rate limit")
    assert list(github_actions.annotate(report)) == ["::notice title=Nothing more was started::rate limit"]


def test_secrets_are_masked_each_with_one_command() -> None:
    assert list(github_actions.masks(["a%b", "", "c"])) == ["::add-mask::a%25b", "::add-mask::c"]
    assert [command.data for command in commands("\n".join(github_actions.masks(["a%b"])))] == ["a%b"]


@given(TEXTS)
def test_a_group_is_one_command_whatever_its_title(title: str) -> None:
    assert [command.name for command in commands(github_actions.group(title))] == ["group"]
    assert [command.name for command in commands(github_actions.end_group())] == ["endgroup"]


@RELAXED
@given(REPORTS)
def test_the_outputs_are_read_back_exactly(tmp_path: Path, report: Report) -> None:
    file = tmp_path / "output"
    file.write_text("before=1\n", encoding="utf-8")
    values = github_actions.outputs(report)
    github_actions.write_outputs(str(file), values)
    assert read_outputs(file.read_text(encoding="utf-8")) == {"before": "1", **values}


@given(
    values=st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.lists(st.sampled_from(HOSTILE)).map("".join)
    )
)
@RELAXED
def test_no_value_breaks_out_of_the_file_of_outputs(tmp_path: Path, values: dict[str, str]) -> None:
    file = tmp_path / "output"
    file.unlink(missing_ok=True)
    printable = {name: value.replace("\r", "").replace("\ud800", "") for name, value in values.items()}
    github_actions.write_outputs(str(file), printable)
    assert read_outputs(file.read_text(encoding="utf-8") if printable else "\n") == printable


def test_every_outcome_is_an_output_with_its_count() -> None:
    report = report_of([outcome_of(1, State.ALREADY_RERUN), outcome_of(2, State.FAILED)], remaining=1)
    values = github_actions.outputs(report)
    assert {name: value for name, value in values.items() if name != "report"} == {
        **{state.value.replace("-", "_"): "0" for state in State},
        "already_rerun": "1",
        "failed": "1",
        "remaining": "1",
    }
    assert json.loads(values["report"]) == as_object(report)


def test_nothing_read_is_not_nothing_queued() -> None:
    report = report_of([], error="no connection", exit_code=3)
    assert github_actions.outputs(report)["remaining"] == ""
    assert as_object(report)["remaining"] is None
    assert as_markdown(report, most_bytes=10**6) == (
        "### Reruns (github)\n\nthe queue was not read\n\n**no connection**\n\n"
    )


def test_the_report_has_what_was_asked_for_and_no_secret_in_it() -> None:
    links: list[object] = ["https://github.com/a/b/actions/runs/7", "https://x/?token=sesame", 7, None, "a\x1b[31m"]
    report = report_of(
        (outcome_of(n, State.FAILED, ci_link=link) for n, link in enumerate(links, 1)), mask=Mask(["sesame"])
    )
    told = [request["ci_link"] for request in as_object(report)["requests"]]
    assert told == ["https://github.com/a/b/actions/runs/7", "https://x/?token=***", None, None, "a\\x1b[31m"]


def test_a_secret_is_hidden_before_its_outcome_is_made_harmless() -> None:
    request, ledger = RerunRequest(1, None, None, None), Ledger(("sesame##[open", "another"))
    ledger.open([request])
    ledger.settle({request: Verdict(State.FAILED, "sent sesame##[open, an%6Fther", "http://x/?t=another")}, "another")
    (outcome,) = ledger.outcomes
    assert (outcome.reason, outcome.link, outcome.target) == ("sent ***, ***", "http://x/?t=***", "***")


@pytest.mark.parametrize(
    ("fields", "deleted", "reason"),
    [
        pytest.param({"discards": True}, True, "gone; its request was deleted without a rerun", id="deleted"),
        pytest.param(
            {"discards": True, "dry_run": True},
            False,
            "gone; its request would be deleted without a rerun",
            id="planned",
        ),
        pytest.param({"dry_run": True}, False, "gone", id="not asked for"),
    ],
)
def test_what_is_dropped_is_said(fields: dict[str, bool], deleted: bool, reason: str) -> None:  # noqa: FBT001 - a parameter
    report = report_of([outcome_of(1, State.REFUSED, "gone", "lab", deleted=deleted)], **fields)
    assert as_object(report)["requests"][0]["reason"] == reason
    assert reason in as_markdown(report, most_bytes=10**6)


def test_the_report_as_an_output_is_bounded_and_counts_what_is_left_out() -> None:
    outcomes = [outcome_of(number, State.UNSUPPORTED, "x" * 400) for number in range(1, 3001)]
    outcomes.append(outcome_of(3001, State.FAILED, "needs a person"))
    text = github_actions.outputs(report_of(outcomes))["report"]
    assert len(text) <= github_actions.MOST_REPORT_CHARACTERS
    told = json.loads(text)
    assert told["counts"]["unsupported"] == 3000
    assert len(told["requests"]) + told["requests_left_out"] == 3001
    assert told["requests"][0]["test_execution_id"] == 3001, "what needs a person comes first"


def test_a_report_that_fits_leaves_nothing_out() -> None:
    assert "requests_left_out" not in json.loads(
        as_json(report_of([outcome_of(1, State.FAILED)]), most_characters=10**6)
    )


# Markdown


def table_of(text: str) -> list[list[str]]:
    """Return the cells of the rows of the one table, with its head."""
    rows = [line for line in text.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in ROW.split(row)[1:-1]] for row in rows]


@RELAXED
@given(REPORTS)
def test_the_table_has_a_row_for_each_request_that_is_ours_and_six_cells_each(report: Report) -> None:
    text = as_markdown(report, most_bytes=10**6)
    rows = table_of(text)
    told = [o for o in report.outcomes if needs_person(o) or o.state is not State.UNSUPPORTED]
    assert len(rows) == (len(told) + 2 if told else 0)
    assert {len(row) for row in rows} <= {6}
    numbers = [
        str(o.request.test_execution_id or "")
        for o in sorted(told, key=lambda o: (not needs_person(o), o.state is State.UNSUPPORTED))
    ]
    assert [row[0] for row in rows[2:]] == numbers


@RELAXED
@given(REPORTS)
def test_there_is_no_html_and_no_link_but_ours(report: Report) -> None:
    text = as_markdown(report, most_bytes=10**6)
    ours = re.findall(r"\[(rerun|asked)\]\(https://github\.com/[A-Za-z0-9:/?#@!$&*+,;=%._~-]*\)", text)
    told = [o for o in report.outcomes if needs_person(o) or o.state is not State.UNSUPPORTED]
    assert ours.count("rerun") == len([outcome for outcome in told if outcome.link])
    assert ours.count("asked") == len([o for o in told if o.target and isinstance(o.request.ci_link, str)])
    rest = re.sub(r"\[(rerun|asked)\]\([^()]*\)", "", text)
    rest = re.sub(r"`[A-Za-z0-9 ./:=_,'+-]+`", "", rest)  # a command to copy
    rest = re.sub(r"<details><summary>\d+ for others</summary>|</details>", "", rest)
    assert not set(rest) & set("<>[]`\\@\r\x1b")
    assert "://" not in rest
    assert "www." not in rest
    assert text.replace("\n", "").isprintable()


@RELAXED
@given(REPORTS)
def test_the_lines_are_those_that_we_wrote(report: Report) -> None:
    shapes = (
        r"### (Reruns( planned)?|Check) \((jenkins|github)\)",
        r"",
        r"\|.*\|",
        r"\*\*[^*]*\*\*",
        r"- (ok|\*\*failed\*\*|warning) .*",
        r"((\d+ ([a-z-]+|(is|are) for others)(, )?)+|no requests); \d+ of \d+ requests stay in the queue",
        r"(\d+ ([a-z-]+|(is|are) for others)(, )?)+; \d+ of the \d+ requests that were read stay, and more may .*",
        r"\*\*none of the \d+ requests .*\*\*",
        r"the queue was not read",
        r"Nothing more was started: .*",
        r"<details><summary>\d+ for others</summary>|</details>",
        r"- \d+ &times; .*",
    )
    for line in as_markdown(report, most_bytes=10**6).split("\n"):
        assert any(re.fullmatch(shape, line) for shape in shapes), line


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(
            report_of(
                outcome_of(number, State.FAILED, "\u6f22|" * 200, "|" * 400, "x" * 300) for number in range(1, 2000)
            ),
            id="requests",
        ),
        pytest.param(
            Report("jenkins", checks=[Check("|" * 400, ok=False, message="\u6f22" * 400) for _ in range(2000)]),
            id="checks",
        ),
    ],
)
def test_a_summary_stays_below_a_mebibyte_and_says_what_is_left_out(tmp_path: Path, report: Report) -> None:
    file = tmp_path / "summary"
    github_actions.write_summary(str(file), report)
    text = file.read_text(encoding="utf-8")
    assert 900_000 < file.stat().st_size < 1024 * 1024
    shown = len(table_of(text)[2:]) or text.count("**failed**")
    assert f"{(len(report.outcomes) or len(report.checks)) - shown} more " in text


def test_what_needs_a_person_stands_first_and_what_is_anothers_is_counted_below() -> None:
    states = [State.UNSUPPORTED, State.TRIGGERED, State.FAILED, State.DEFERRED]
    report = report_of(outcome_of(number, state) for number, state in enumerate(states, 1))
    text = as_markdown(report, most_bytes=10**6)
    assert [row[0] for row in table_of(text)[2:]] == ["3", "2", "4"]
    assert text.index("<details><summary>1 for others</summary>") > text.index("| 4 |")


def test_the_summary_of_a_shared_queue_stays_short_and_counts_the_reasons() -> None:
    def reason(link: str) -> str:
        return f"ci_link '{link}' is not served: it points to {link}, and only https://github.com is served"

    links = [f"http://jenkins.example/job/lab{number}/1/" for number in range(4000)]
    outcomes = [outcome_of(n, State.UNSUPPORTED, reason(link), ci_link=link) for n, link in enumerate(links, 1)]
    outcomes += [outcome_of(n, State.UNSUPPORTED, f"other {n}") for n in range(5001, 6001)]
    text = as_markdown(report_of(outcomes, remaining=5000), most_bytes=10**6)
    assert len(text) < 4000
    assert "<details><summary>5000 for others</summary>" in text
    assert "\n- 4000 &times; the link points to " in text
    assert "\n- 981 &times; other reasons" in text


def test_refused_and_deferred_rows_lead_to_what_was_asked_for_and_a_strangers_link_is_not_linked() -> None:
    link = "https://github.com/a/b/actions/runs/7"
    states = [(State.REFUSED, "a/b run 7"), (State.DEFERRED, "a/b run 7"), (State.FAILED, "")]
    report = report_of(outcome_of(1, state, "why", target, ci_link=link) for state, target in states)
    cells = [row[5] for row in table_of(as_markdown(report, most_bytes=10**6))[2:]]
    assert cells == [f"[asked]({link})", "", f"[asked]({link})"]


def test_a_summary_is_added_to_what_other_steps_wrote(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("before\n", encoding="utf-8")
    github_actions.write_summary(str(file), report_of([]))
    assert file.read_text(encoding="utf-8").startswith("before\n### Reruns (github)\n")
