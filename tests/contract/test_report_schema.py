"""The report's schema, held to the code that writes reports and to what a reader may rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import test_executions_rerunner
from test_executions_rerunner.cli.telling.report import VERSION, Report, as_json, as_object
from test_executions_rerunner.models import Check, Outcome, State
from test_executions_rerunner.rerun_request import LARGEST_ID, RerunRequest

SCHEMA: dict[str, Any] = json.loads(
    (Path(test_executions_rerunner.__file__).parent / "cli/telling/report.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def report() -> Report:
    """Make a report that has something of everything."""
    outcomes = [
        Outcome(RerunRequest(number, None, None, None), state, "why", "lab", "https://rerun", deleted=state.is_served)
        for number, state in enumerate(State, 1)
    ]
    outcomes.append(Outcome(RerunRequest(None, None, None, None), State.FAILED, ""))
    checks = [Check("a", ok=True, message="b"), Check("a", ok=False, message="b", fix="c"), Check("a", None, "b")]
    return Report("jenkins", outcomes=outcomes, remaining=7, checks=checks, error="e", exit_code=1)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_report_with_something_of_everything_holds_to_it() -> None:
    VALIDATOR.validate(as_object(report()))


def test_an_empty_report_holds_to_it() -> None:
    VALIDATOR.validate(as_object(Report("github")))


def test_a_report_cut_for_an_output_holds_to_it() -> None:
    told = json.loads(as_json(report(), most_characters=1500))
    assert told["requests_left_out"] > 0
    VALIDATOR.validate(told)


def test_the_version_is_that_of_the_code() -> None:
    assert SCHEMA["properties"]["version"]["const"] == VERSION


def test_the_outcomes_are_those_of_the_code() -> None:
    names = [state.value for state in State]
    request = SCHEMA["properties"]["requests"]["items"]
    assert SCHEMA["properties"]["counts"]["required"] == names
    assert list(SCHEMA["properties"]["counts"]["properties"]) == names
    assert request["properties"]["outcome"]["enum"] == names
    assert request["properties"]["test_execution_id"]["maximum"] == LARGEST_ID


def test_every_field_that_is_written_is_required_and_none_is_missing() -> None:
    told = as_object(report())
    assert SCHEMA["required"] == list(told)
    assert SCHEMA["properties"]["requests"]["items"]["required"] == list(told["requests"][0])
    assert SCHEMA["properties"]["checks"]["items"]["required"] == list(told["checks"][0])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("version",), 1, id="another version"),
        pytest.param(("processor",), "travis", id="another processor"),
        pytest.param(("exit_code",), -1, id="no exit code"),
        pytest.param(("remaining",), -1, id="negative"),
        pytest.param(("requests", 0, "ci_link"), 7, id="no link"),
        pytest.param(("counts", "triggered"), None, id="no count"),
        pytest.param(("requests", 0, "outcome"), "done", id="another outcome"),
        pytest.param(("requests", 0, "test_execution_id"), 2**31, id="id past the largest"),
        pytest.param(("requests", 0, "deleted"), None, id="neither deleted nor not"),
        pytest.param(("requests", 0, "more"), 1, id="another field"),
        pytest.param(("more",), 1, id="another field at the top"),
    ],
)
def test_anything_else_does_not_hold_to_it(path: tuple[str | int, ...], value: object) -> None:
    told: Any = as_object(report())
    inner = told
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert not VALIDATOR.is_valid(told)
