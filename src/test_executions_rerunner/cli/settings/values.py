"""The values that the settings have in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from test_executions_rerunner.cli.settings.parsing import Secret
from test_executions_rerunner.cli.settings.rows import SETTINGS, is_off
from test_executions_rerunner.text import basic

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings:
    """The values of one call, one attribute per row of `SETTINGS`.

    Attributes are named like the settings; a value that nobody set is the default. ``repr`` shows no secret.
    """

    def __init__(self, values: Mapping[str, object], spelled: Mapping[str, str] | None = None) -> None:
        self.spelled = dict(spelled or {})
        """How those that are set were given, by name."""
        self.values = {row.name: values.get(row.name, row.default) for row in SETTINGS}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - each row has a type of its own
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must never be shown."""
        given = (self.values[row.name] for row in SETTINGS if row.is_secret)
        found = [secret for secret in given if isinstance(secret, str) and secret]
        token = self.jenkins_api_token
        return (*found, basic(self.jenkins_username, token)) if token else tuple(found)

    @property
    def selection(self) -> dict[str, Any]:
        """The settings that leave requests alone, as `Rerunner` and `Selection` take them."""
        return {name: self.values[name] for name in ("skip_archived", "skip_decided", "min_priority")}

    @property
    def shown(self) -> str:
        """The settings in force, in one line without secrets."""
        ours = [row.name for row in SETTINGS if row.of in (None, self.processor)]
        told = {name: self.values[name] for name in ours if not is_off(self.values[name])}
        return f"settings: {', '.join(f'{name} {_spelled(value)}' for name, value in told.items())}"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"Settings({shown})"


def _spelled(value: object) -> str:
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "on" if value is True else str(value)
