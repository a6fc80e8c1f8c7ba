"""Settings in the words of whoever set them: a flag, a variable, an input, or a parameter of the Jenkins step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from test_executions_rerunner.cli.settings.rows import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from test_executions_rerunner.cli.settings.rows import Setting

STEP_VARIABLE = "RERUNNER_STEP_PROCESSOR"
"""Set by the Jenkins step, on the agent and in its container."""
_CREDENTIALS = {
    "test_observer_api_key": "testObserverCredentialsId",
    "jenkins_username": "jenkinsCredentialsId",
    "jenkins_api_token": "jenkinsCredentialsId",
    "github_token": "githubCredentialsId",
}
"""The step takes these by the id of a credential."""
_WORD = re.compile(r"(?<![\w-])(?:--[a-z][a-z-]*|[A-Z][A-Z_]{3,})(?![\w-])", re.ASCII)


class Spelling:
    """Replaces how the program calls a setting by how it was set, or can be.

    Args:
        spelled: How the settings that are set were given, by name.
        environment: The environment variables; they tell who started the program.
    """

    def __init__(self, spelled: Mapping[str, str], environment: Mapping[str, str]) -> None:
        is_step = bool(environment.get(STEP_VARIABLE))
        is_action = not is_step and any(environment.get(f"INPUT_{row.name.upper()}") for row in SETTINGS)
        self._words: dict[str, str] = {}
        for row in SETTINGS:
            word = _word(row, spelled.get(row.name), is_step=is_step, is_action=is_action)
            for known in filter(None, (row.flag, *row.environment, f"INPUT_{row.name.upper()}")):
                self._words[known] = word or known

    def __call__(self, text: str) -> str:
        """Return a text with each setting in the words of whoever reads it."""
        return _WORD.sub(lambda found: self._words.get(found[0], found[0]), text)


def _word(row: Setting, given: str | None, *, is_step: bool, is_action: bool) -> str | None:
    """Return what a setting is called; None: as the text has it."""
    if given and given == row.flag:
        return given
    if is_step and row.name not in {"github_server_url", "github_api_url", "report"}:
        first, *others = row.name.split("_")
        return _CREDENTIALS.get(row.name) or first + "".join(word.capitalize() for word in others)
    if is_action and row.is_input and (given or "INPUT_").startswith("INPUT_"):
        return f"the input {row.name}"
    return None if row.is_secret else given
