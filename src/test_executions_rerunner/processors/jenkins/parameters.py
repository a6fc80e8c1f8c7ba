"""The parameters that a rerun is started with: those of a family, or those of the build that is to be run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from test_executions_rerunner.errors import RequestProcessingError, SettingsError
from test_executions_rerunner.processors.jenkins.build_parameter import BuildParameter
from test_executions_rerunner.processors.jenkins.values import as_text
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORTING: dict[str, object] = {"TEST_OBSERVER_REPORTING": True}
"""Makes the rerun report to Test Observer, which is what it is for."""
FAMILY_PARAMETERS: dict[str, dict[str, object]] = {"snap": REPORTING, "deb": {**REPORTING, "TESTPLAN": "full"}}


class Parameters:
    """What the settings say about the parameters of a rerun.

    Args:
        build_parameters: ``[FAMILY:]NAME=VALUE`` each, or one text with one a line.

    Raises:
        SettingsError: One of them is not allowed.

    Attributes:
        families: The families that have parameters of their own.
    """

    def __init__(self, build_parameters: str | Iterable[str]) -> None:
        lines = build_parameters.splitlines() if isinstance(build_parameters, str) else build_parameters
        self._more = [_read(line) for line in lines]
        self.families = tuple(dict.fromkeys((*FAMILY_PARAMETERS, *(one.family for one in self._more if one.family))))

    def of_family(self, family: object) -> dict[str, object]:
        """Return the parameters of a family: its defaults, those for all, its own.

        Raises:
            RequestProcessingError: It has none.
        """
        if not isinstance(family, str) or family not in self.families:
            raise RequestProcessingError(
                f"family {shown(family)} is not served, only {', '.join(self.families)}; "
                "--build-parameter FAMILY:NAME=VALUE serves another"
            )
        return {**FAMILY_PARAMETERS.get(family, REPORTING), **self.over(family)}

    def over(self, family: object) -> dict[str, object]:
        """Return what a rerun has in any case, whatever the build had: reporting, those for all, the family's own."""
        for_all = {one.name: one.value for one in self._more if one.family is None}
        own = {one.name: one.value for one in self._more if one.family is not None and one.family == family}
        return {**REPORTING, **for_all, **own}


def _read(line: str) -> BuildParameter:
    try:
        return BuildParameter(line)
    except ValueError as error:
        raise SettingsError(f"build_parameters: {shown(line)} is not allowed: {error}") from error


def form(parameters: object) -> dict[str, str]:
    """Return parameters as the fields of a form.

    Raises:
        RequestProcessingError: They are not such as `JenkinsProcessor.process` returns.
    """
    if not isinstance(parameters, Mapping) or "json" in parameters:
        raise RequestProcessingError(
            f"json {shown(parameters)} is not served: parameters are allowed, none called json"
        )
    return {name: as_text(value) for name, value in parameters.items()}
