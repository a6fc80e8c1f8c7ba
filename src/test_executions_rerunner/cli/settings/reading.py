"""From flags, inputs and environment variables to `Settings`, with all that is wrong with them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.cli.settings import parsing
from test_executions_rerunner.cli.settings.rows import SETTINGS, Setting
from test_executions_rerunner.cli.settings.values import Settings
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.links import without_user
from test_executions_rerunner.processors.github.patterns import check_patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX = "RERUNNER_"
_OF_THE_STEP = "RERUNNER_STEP_"
"""What the Jenkins step tells its own lines of shell; the program inherits it."""


def read_settings(flags: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """Read every setting: a flag beats an action's input, which beats the environment, which beats the default.

    Args:
        flags: Texts of the flags that were given, by setting; True for a flag without a value, a list of texts
            for a repeatable one.
        environment: The environment variables. An empty one counts as not set.

    Raises:
        SettingsError: One line for each wrong setting: how it was spelled, the value, and what is allowed.
    """
    settings, problems = collect_settings(flags, environment)
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def collect_settings(flags: Mapping[str, object], environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Read every setting as `read_settings` does, but return what is wrong, one line each.

    Returns:
        The settings, with the default in the place of each wrong one, and what is wrong.
    """
    values: dict[str, object] = {}
    spelled: dict[str, str] = {}
    problems: list[str] = []
    for row in SETTINGS:
        found = _find(row, flags, environment)
        if found is None:
            continue
        spelled[row.name] = found[0]
        try:
            values[row.name] = _parse(row, *found)
        except SettingsError as error:
            problems.append(str(error))
    settings = Settings(values, spelled)
    problems += _wrong_together(settings, spelled)
    problems += _of_another_processor(settings, flags)
    problems += _unknown_variables(environment)
    return settings, problems


def _find(
    row: Setting, flags: Mapping[str, object], environment: Mapping[str, str]
) -> tuple[str, str | list[str]] | None:
    """Return how the strongest given spelling is called, and its text or texts."""
    given = _given(row, flags)
    if given:
        return row.flag or row.name, "true" if given is True else given
    names = [f"INPUT_{row.name.upper()}"] if row.is_input else []
    for name in [*names, *row.environment]:
        if environment.get(name, "").strip():
            return name, environment[name].splitlines() if row.is_several else environment[name]
    return None


def _given(row: Setting, flags: Mapping[str, object]) -> str | list[str] | bool:
    """Return what a flag was given; one with nothing but blanks is not set."""
    given = flags.get(row.name)
    if isinstance(given, list):
        return [text for text in given if text.strip()]
    if isinstance(given, str):
        return given if given.strip() else ""
    return given is True


def _parse(row: Setting, spelled: str, given: str | list[str]) -> object:
    if not row.is_several:
        return _parse_one(row, spelled, str(given))
    lines = [text for text in given if text.strip()]
    if row.name == "repo":
        lines = [word for line in lines for word in line.split()]
    values = tuple(_parse_one(row, spelled, text) for text in lines)
    if row.name == "repo" and values:
        try:
            check_patterns(map(str, values))
        except ValueError as error:
            raise SettingsError(f"{spelled}: {' '.join(lines)!r} is not allowed: {error}") from error
    return values or row.default


def _parse_one(row: Setting, spelled: str, given: str) -> object:
    try:
        return row.parse(given)
    except ValueError as error:
        shown = repr(without_user(given) if row.parse is parsing.url else given)
        value = "its value (not shown)" if row.is_secret else shown
        raise SettingsError(f"{spelled}: {value} is not allowed: {error}") from error


def _wrong_together(settings: Settings, spelled: Mapping[str, str]) -> Iterator[str]:
    if settings.check and settings.dry_run:
        yield f"{spelled['check']} is not allowed together with {spelled['dry_run']}: choose one of them"


def _of_another_processor(settings: Settings, flags: Mapping[str, object]) -> Iterator[str]:
    """Name the flags that would mean nothing; variables and inputs may be those of a whole job."""
    for row in SETTINGS:
        if row.of not in (None, settings.processor) and _given(row, flags):
            yield f"{row.flag} is not allowed with {settings.processor}: it is a setting of {row.of}"


def _unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    known = [name for row in SETTINGS for name in row.environment if name.startswith(_PREFIX)]
    for name, text in environment.items():
        if name.startswith(_PREFIX) and not name.startswith(_OF_THE_STEP) and name not in known and text.strip():
            from difflib import get_close_matches  # noqa: PLC0415 - only needed for what is wrong

            nearest = get_close_matches(name, known, n=1, cutoff=0)[0]
            yield f"{name} is no setting: did you mean {nearest}?"
