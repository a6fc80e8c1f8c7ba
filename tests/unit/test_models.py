"""The models of the protocol say what the program does, and each of their rules is taken away once."""

from __future__ import annotations

import re

import pytest

from models.check import Result
from models.table import CHECKS, FOLDER, REAL, RULES, SMALL, WORLD, Check
from test_executions_rerunner import JenkinsProcessor
from test_executions_rerunner.calls.waiting import WAITS
from test_executions_rerunner.drain import deleter
from test_executions_rerunner.models import Look
from test_executions_rerunner.processors.jenkins.looks import look as jenkins_look

MODELS = sorted(REAL)


def test_the_seconds_of_the_models_are_those_of_the_program() -> None:
    jenkins, github, abort = REAL["jenkins"], REAL["github"], REAL["abort"]

    assert jenkins["YOUNG"] == github["YOUNG"] == WAITS.youngest_seconds
    assert jenkins["DELAY"] == abort["DELAY"] == JenkinsProcessor.delay_seconds
    assert jenkins["FRESH"] == abort["FRESH"] == jenkins_look._FRESH_LOOK_SECONDS  # noqa: SLF001 - no caller needs it
    assert github["FRESH"] == Look.fresh_seconds
    for model in (jenkins, github):
        assert model["GUARD"] == deleter.PROOF_SECONDS
        assert model["READ_FRESH"] == deleter.READ_BEFORE_SECONDS
        assert model["AT_ONCE"] == deleter.AT_ONCE_SECONDS


@pytest.mark.parametrize("seconds", [REAL, SMALL], ids=["real", "small"])
def test_what_is_on_its_way_arrives_before_what_it_rests_on_has_changed(seconds: dict[str, dict[str, int]]) -> None:
    for model, until in (("jenkins", "DELAY"), ("abort", "DELAY"), ("github", "LEAST_RUN")):
        assert seconds[model]["FRESH"] + seconds[model]["LATE_POST"] < seconds[model][until]


@pytest.mark.parametrize("model", MODELS)
def test_each_rule_of_a_model_is_taken_away_by_a_check_that_must_break(model: str) -> None:
    taken = {
        knob for check in CHECKS if check.model == model and check.breaks for knob, value in check.changes.items()
        if knob.startswith("RULE_") and value == 0
    }  # fmt: skip

    assert taken == set(RULES[model])


@pytest.mark.parametrize("model", MODELS)
def test_a_model_asks_for_no_other_knobs_than_its_checks_turn(model: str) -> None:
    names = [f"{model}.pml", *({"queue.pml", "clock.pml"} if model != "abort" else ())]
    text = re.sub(
        r"/\*.*?\*/|\"[^\"]*\"", "", "".join((FOLDER / name).read_text("utf-8") for name in names), flags=re.DOTALL
    )
    words = set(re.findall(r"\b[A-Z][A-Z_]+\b", text))
    made = set(re.findall(r"#define (\w+)", text))
    knobs = next(check.knobs for check in CHECKS if check.model == model)

    assert words - made - {"SAY", "SECOND"} == set(knobs) - ({"TARGETS"} & made)


def test_checks_change_what_there_is() -> None:
    for check in CHECKS:
        known = {*WORLD[check.model], *SMALL[check.model], *RULES[check.model]}
        assert set(check.changes) <= known, check.name


def test_no_two_checks_have_one_name() -> None:
    assert len({(check.model, check.name) for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(
    ("breaks", "broke", "problem", "passes"),
    [
        pytest.param("", "", "", True, id="holds"),
        pytest.param("", "lost", "", False, id="should-hold"),
        pytest.param("lost", "lost", "", True, id="breaks"),
        pytest.param("lost", "", "", False, id="should-break"),
        pytest.param("lost", "twice", "", False, id="breaks-another"),
        pytest.param("", "", "out of memory", False, id="search-not-completed"),
    ],
)
def test_a_check_passes_only_with_the_answer_that_it_wants(
    breaks: str, broke: str, problem: str, *, passes: bool
) -> None:
    assert Result(broke, 1, 1.0, "", problem).is_as_expected(Check("jenkins", "a name", breaks)) is passes
