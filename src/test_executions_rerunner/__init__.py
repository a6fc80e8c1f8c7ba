"""Start again the CI runs that Test Observer was asked to have started again."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from test_executions_rerunner.calls.failures import TriggerDoubtfulError, TriggerRefusedError
    from test_executions_rerunner.errors import (
        RequestProcessingError,
        SettingsError,
        TestObserverError,
        TestObserverRefusedError,
    )
    from test_executions_rerunner.processors.github.processor import GithubProcessor
    from test_executions_rerunner.processors.jenkins.processor import JenkinsProcessor
    from test_executions_rerunner.queues.test_observer import TestObserverInterface
    from test_executions_rerunner.rerunner import Rerunner

__all__ = [
    "GithubProcessor",
    "JenkinsProcessor",
    "RequestProcessingError",
    "Rerunner",
    "SettingsError",
    "TestObserverError",
    "TestObserverInterface",
    "TestObserverRefusedError",
    "TriggerDoubtfulError",
    "TriggerRefusedError",
]
__version__ = "1.0.0"

_ROOMS = {
    "GithubProcessor": "processors.github.processor",
    "JenkinsProcessor": "processors.jenkins.processor",
    "Rerunner": "rerunner",
    "TestObserverInterface": "queues.test_observer",
    "TriggerDoubtfulError": "calls.failures",
    "TriggerRefusedError": "calls.failures",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has a type of its own
    """Import a public name when it is first used: ``--help`` needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_ROOMS.get(name, 'errors')}"), name)
