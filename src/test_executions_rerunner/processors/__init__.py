"""The CI systems, and the one registry of them: whatever chooses one asks here.

Each is a folder with a module `setup`, which makes its processor from the settings and tries what it needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from test_executions_rerunner.models import Check, Target
    from test_executions_rerunner.processors.base import RequestProcessor


class Given(NamedTuple):
    """What a call of the program was given."""

    values: Mapping[str, Any]
    """Each setting by its name; the default where nobody set it."""
    spelled: Mapping[str, str]
    """How those were given that somebody set, by name."""
    wrong: str = ""
    """What is known to be wrong already, in one text."""
    own_run: str | None = None
    """The run of the CI system that this program is part of."""


class Setup(Protocol):
    """What the module `setup` of a CI system has."""

    def problems(self, given: Given) -> Iterator[str]:
        """Say what is wrong with the settings of this CI system, one line each."""

    def make(self, given: Given) -> tuple[RequestProcessor, Callable[[Iterable[Target]], Iterator[Check]]]:
        """Return a processor, and what tries whether it can start some targets."""


REGISTRY: dict[str, str] = {
    "jenkins": f"{__name__}.jenkins.setup",
    "github": f"{__name__}.github.setup",
}
"""Where the `Setup` of each CI system is, by the name that people call it by."""


def setup_of(name: str) -> Setup:
    """Return how a CI system is set up; only that of the one that was chosen is imported."""
    module: Any = importlib.import_module(REGISTRY[name])
    return module  # type: ignore[no-any-return] # a module is what it has
