"""action.yml says what `SETTINGS` and the outcomes say; the Dockerfile suits every builder and the runner."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from test_executions_rerunner.cli.settings.rows import SETTINGS, Setting
from test_executions_rerunner.models import State

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
INPUTS = [row for row in SETTINGS if row.is_input]
GITHUB_DEFAULTS = {
    "processor": "github",
    "github_token": "${{ github.token }}",
    "repo": "${{ github.repository }}",
}


def test_the_inputs_are_the_settings_that_have_one_in_the_same_order() -> None:
    assert list(ACTION["inputs"]) == [row.name for row in INPUTS]


@pytest.mark.parametrize("row", INPUTS, ids=lambda row: row.name)
def test_an_input_says_whether_it_is_required_and_what_it_defaults_to(row: Setting) -> None:
    told = ACTION["inputs"][row.name]

    assert told["required"] is False
    assert "Default: " in told["description"] or "Needed by" in told["description"]


@pytest.mark.parametrize("row", INPUTS, ids=lambda row: row.name)
def test_only_the_three_inputs_that_the_runner_can_fill_have_a_default_of_the_action(row: Setting) -> None:
    # A default of the action is an INPUT_ variable, which would beat the job's environment.
    assert ACTION["inputs"][row.name].get("default") == GITHUB_DEFAULTS.get(row.name)


@pytest.mark.parametrize(
    "row",
    [row for row in INPUTS if row.name not in GITHUB_DEFAULTS and row.default not in (None, (), False)],
    ids=lambda row: row.name,
)
def test_a_description_names_the_default_of_the_setting(row: Setting) -> None:
    assert f"Default: {row.default}" in ACTION["inputs"][row.name]["description"]


@pytest.mark.parametrize("row", [row for row in INPUTS if row.is_secret], ids=lambda row: row.name)
def test_a_description_says_that_a_secret_is_one(row: Setting) -> None:
    assert "(a secret" in ACTION["inputs"][row.name]["description"]


def test_the_outputs_are_a_count_for_each_outcome_what_remains_and_the_report() -> None:
    counts = [state.value.replace("-", "_") for state in State]

    assert list(ACTION["outputs"]) == [*counts, "remaining", "report"]


@pytest.mark.parametrize("name", ACTION["outputs"])
def test_an_output_says_its_domain(name: str) -> None:
    description = ACTION["outputs"][name]["description"]

    assert re.search(r"0 or more\.$|JSON object", description)


def test_the_action_is_the_dockerfile_with_nothing_between_the_runner_and_the_program() -> None:
    # Arguments would put values from outside on a command line; inputs reach the container by themselves.
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}


def test_the_action_has_a_brand_for_the_marketplace() -> None:
    assert set(ACTION["branding"]) == {"icon", "color"}
    assert set(ACTION) == {"name", "description", "author", "branding", "inputs", "outputs", "runs"}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"^# *syntax *=", id="a syntax line pulls an image"),
        pytest.param(r"^RUN.*--mount", id="RUN --mount needs BuildKit"),
        pytest.param(r"^COPY.*--chmod", id="COPY --chmod needs BuildKit"),
        pytest.param(r"<<", id="the classic builder runs nothing of a heredoc"),
        pytest.param(r"^USER\b", id="GitHub's runner wants root"),
        pytest.param(r"^WORKDIR\b", id="GitHub's runner mounts its own"),
        pytest.param(r"/github", id="GitHub's runner hides what is there"),
        pytest.param(r"^FROM (?!scratch$)[^: ]+( AS .*)?$", id="a base without a tag is any base"),
        pytest.param(r"^ENTRYPOINT +[^\[]", id="a shell would stand before the program"),
    ],
)
def test_the_dockerfile_has_nothing_that_a_builder_or_the_runner_trips_over(pattern: str) -> None:
    assert not re.search(pattern, (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_build_tools_of_the_image_are_those_of_the_project() -> None:
    wanted = re.search(r'^requires = \["(\w+)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    pinned = (ROOT / "requirements-build.txt").read_text()

    assert wanted
    assert re.search(rf"^{wanted[1]}==\S+ \\\n +--hash=sha256:", pinned, re.MULTILINE)


def test_all_that_the_image_needs_goes_to_the_builder_and_nothing_else() -> None:
    sources: set[str] = set()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        sources.update(copied.split())
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {line[1:] for line in ignored if line.startswith("!")} == sources
    assert "*" in ignored
