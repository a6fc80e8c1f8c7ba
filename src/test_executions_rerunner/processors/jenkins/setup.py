"""How the processor of Jenkins is made from the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from test_executions_rerunner.processors.jenkins.checks import jenkins_checks
from test_executions_rerunner.processors.jenkins.processor import JenkinsProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from test_executions_rerunner.models import Check, Target
    from test_executions_rerunner.processors import Given

_SETTINGS = ("jenkins_url", "jenkins_public_url", "build_parameters", "parameters_from", "max_per_day", "max_queued")


def problems(given: Given) -> Iterator[str]:
    """Say what is wrong with the settings, one line each."""
    if not (given.values["jenkins_api_token"] or "JENKINS_API_TOKEN: " in given.wrong):
        yield "JENKINS_API_TOKEN: an API token of the Jenkins user is needed, and none is set"


def make(given: Given) -> tuple[JenkinsProcessor, Callable[[Iterable[Target]], Iterator[Check]]]:
    """Return the processor, and what tries whether it can start some jobs."""
    values = given.values
    processor = JenkinsProcessor(
        values["jenkins_username"],
        values["jenkins_api_token"],
        connections=values["concurrency"],
        **{name: values[name] for name in _SETTINGS},
    )
    return processor, partial(jenkins_checks, processor, acknowledge=values["acknowledge"])
