"""The Jenkins step's parameters are the settings, and its help and the documents say so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from contract import pages
from test_executions_rerunner.cli.settings.rows import SETTINGS, Setting

PROJECT = Path(__file__).parents[2]
STEP = (PROJECT / "vars/rerunTestExecutions.groovy").read_text("utf-8")
HELP = (PROJECT / "vars/rerunTestExecutions.txt").read_text("utf-8")
OWN = ["image", "command"]
CREDENTIALS = {
    "test_observer_api_key": ["testObserverCredentialsId"],
    "jenkins_username": ["jenkinsCredentialsId"],
    "jenkins_api_token": ["jenkinsCredentialsId"],
    "github_token": ["githubCredentialsId", "githubAppCredentialsId"],
}
WITHOUT_PARAMETER = {"github_server_url", "github_api_url", "report"}
ROW = re.compile(r"^    (?P<name>\w+): \[takes: (?P<takes>.+?)(?:, variable: '(?P<variable>\w+)')?\],$", re.MULTILINE)


class Parameter(NamedTuple):
    """A row of the step's table."""

    takes: str
    variable: str | None


PARAMETERS = {match["name"]: Parameter(match["takes"], match["variable"]) for match in ROW.finditer(STEP)}
ROWS = [pytest.param(row, id=row.name) for row in SETTINGS if row.name not in {*CREDENTIALS, *WITHOUT_PARAMETER}]


def camel(name: str) -> str:
    """Spell a setting's name as the step does."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def accepts(row: Setting, text: str) -> bool:
    """Say whether the program takes this text."""
    try:
        row.parse(text)
    except ValueError:
        return False
    return True


def test_the_parameters_are_the_settings_in_their_order() -> None:
    """No setting without a parameter, no parameter without a setting but the step's own two."""
    rows = [row for row in SETTINGS if row.name not in WITHOUT_PARAMETER]
    names = [name for row in rows for name in CREDENTIALS.get(row.name, [camel(row.name)])]

    assert list(PARAMETERS) == [*dict.fromkeys(names), *OWN]


@pytest.mark.parametrize("row", ROWS)
def test_a_parameter_is_carried_by_the_variable_of_its_setting(row: Setting) -> None:
    """The strongest variable, or none for a setting that has none."""
    assert PARAMETERS[camel(row.name)].variable == (row.environment[0] if row.environment else None)


@pytest.mark.parametrize("row", ROWS)
def test_a_parameter_takes_what_its_setting_takes(row: Setting) -> None:
    """Lists for several values, booleans for switches, the same words for a choice."""
    takes = PARAMETERS[camel(row.name)].takes
    words = re.findall(r"'([^']+)'", takes) if takes.startswith("[") else []

    assert (takes == "'list'") == row.is_several
    assert (takes == "'boolean'") == (accepts(row, "yes") and accepts(row, "no") and not accepts(row, "a/b"))
    assert (takes == "'number'") == (accepts(row, "7") and not accepts(row, "yes"))
    assert all(accepts(row, word) for word in words)
    assert not (words and accepts(row, "another"))


def test_the_container_gets_every_variable_that_a_setting_has() -> None:
    """What the program reads on an agent, it reads in a container on that agent."""
    names = re.findall(r"\w+", STEP.partition("for name in \\\\\n")[2].partition("\ndo\n")[0])

    assert {row.environment[0] for row in SETTINGS if row.environment} <= set(names)
    assert len(names) == len(set(names))


def test_the_help_has_a_line_for_each_parameter() -> None:
    """In the order of the settings."""
    assert re.findall(r"^(\w+): ", HELP, re.MULTILINE) == list(PARAMETERS)


@pytest.mark.parametrize("row", ROWS)
def test_the_help_names_the_default(row: Setting) -> None:
    """A default that the program has is the one that the help shows; the step serves its own controller."""
    line = re.search(rf"^{camel(row.name)}: .*$", HELP, re.MULTILINE)
    assert line is not None
    default = row.default[0] if isinstance(row.default, tuple) and row.default else row.default

    assert "default" in line[0]
    if default and row.name != "jenkins_url":
        assert str(default) in line[0]


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_table_of_parameters_has_each_of_them(name: str) -> None:
    """In the document about settings."""
    assert name in [each for cells in pages.table("settings: step") for each in pages.code(cells[0])]
