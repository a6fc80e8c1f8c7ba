"""Links to Jenkins builds, and the parameters that a rerun is started with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.parsing import BuildParameter
from test_executions_rerunner.processors import jenkins_state
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from test_executions_rerunner.links import Origin

REPORTING = {"TEST_OBSERVER_REPORTING": True}
"""Makes the rerun report to Test Observer, which is what it is for."""
FAMILY_PARAMETERS: dict[str, dict[str, Any]] = {"snap": REPORTING, "deb": {**REPORTING, "TESTPLAN": "full"}}
_LEFT_ALONE = "!@$&*()-_=+',."
"""What Jenkins itself leaves unquoted in the name of a job."""
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


def job_names(link: object, origin: Origin) -> tuple[str, ...]:
    """Return the names of a build's job, from the outermost folder to the job itself.

    Raises:
        RequestProcessingError: The link is none to a build below this origin.
    """
    if not isinstance(link, str) or not link:
        raise RequestProcessingError(f"ci_link {shown(link)} is no link to a Jenkins build")
    try:
        parts = origin.names_below(link)
    except ValueError as error:
        raise RequestProcessingError(f"ci_link {shown(link)} is not served: {error}") from error
    names: list[str] = []
    while len(parts) > 1 and parts[0] in {"job", "view"}:
        names += parts[1:2] if parts[0] == "job" else ()
        parts = parts[2:]
    if not names or not parts or not _NUMBER.fullmatch(parts[0]):
        raise RequestProcessingError(
            f"ci_link {shown(link)} is no link to a build below {origin}: /job/NAME/NUMBER/ is served, "
            "also in folders and views"
        )
    return tuple(names)


def job_path(names: Iterable[str]) -> str:
    """Return the path of a job below its controller, quoted as Jenkins quotes it."""
    return "".join(f"/job/{quote(name, safe=_LEFT_ALONE)}" for name in names)


def form(parameters: object) -> dict[str, str]:
    """Return parameters as the fields of a form.

    Raises:
        RequestProcessingError: They are none that `JenkinsProcessor.process` returns.
    """
    if not isinstance(parameters, Mapping) or "json" in parameters:
        raise RequestProcessingError(
            f"json {shown(parameters)} is not served: parameters are allowed, none called json"
        )
    return {name: jenkins_state.as_text(value) for name, value in parameters.items()}


def family_parameters(build_parameters: str | Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the parameters of each family served: the defaults, those for all, those for one."""
    lines = build_parameters.splitlines() if isinstance(build_parameters, str) else build_parameters
    more = [BuildParameter(line) for line in lines]
    families = {family: dict(parameters) for family, parameters in FAMILY_PARAMETERS.items()}
    for one in more:
        families.setdefault(one.family or "snap", dict(REPORTING))
    for parameters in families.values():
        parameters.update({one.name: one.value for one in more if one.family is None})
    for one in more:
        if one.family:
            families[one.family][one.name] = one.value
    return families
