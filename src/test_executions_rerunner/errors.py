"""The errors of this package.

::

    ValueError
    ├── SettingsError                     a wrong or missing setting; found before any network call
    └── RequestProcessingError            a request that this processor cannot serve; nothing was sent
    Exception
    ├── CallError                         one call failed for good, understood as a ``Failure``
    └── TestObserverError                 Test Observer could not be used
        └── TestObserverRefusedError      it refused the key, or the key lacks a permission
    requests.exceptions.HTTPError         a server's refusal, with its ``response``
    └── TriggerRefusedError               a trigger was not accepted
        └── TriggerDoubtfulError          nor certainly refused: only another look can tell

Every other end of a call without an answer is one of ``requests.exceptions.RequestException``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from test_executions_rerunner.settings import SettingsError

if TYPE_CHECKING:
    from test_executions_rerunner.policy import Failure

__all__ = [
    "CallError",
    "RequestProcessingError",
    "SettingsError",
    "TestObserverError",
    "TestObserverRefusedError",
    "TriggerDoubtfulError",
    "TriggerRefusedError",
]


class RequestProcessingError(ValueError):
    """A rerun request that this processor cannot serve, whatever is in it. Nothing was sent."""


class CallError(Exception):
    """A call that failed for good, understood; the client's own exception is its cause."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class TestObserverError(Exception):
    """Test Observer could not be used: no answer, a refusal, or an answer of another shape.

    Attributes:
        what: What was tried, where, and what came back.
        advice: What a person can do about it.
    """

    __test__ = False

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what, self.advice = what, advice


class TestObserverRefusedError(TestObserverError):
    """Test Observer answered 401 or 403: it would refuse every further call of this kind too."""

    __test__ = False


class TriggerRefusedError(requests.exceptions.HTTPError):
    """A trigger was not accepted; ``response`` has the server's status, headers and body."""


class TriggerDoubtfulError(TriggerRefusedError):
    """The answer to a trigger leaves open whether it was accepted."""
