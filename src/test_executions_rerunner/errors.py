"""The errors of this package that no answer of a server comes with; those that do stand in `calls.failures`.

::

    ValueError
    ├── SettingsError                     a wrong or missing setting; found before any network call
    └── RequestProcessingError            a request that this processor cannot serve; nothing was sent
    Exception
    ├── failures.CallError                  one call failed for good, understood as a ``Failure``
    └── QueueError                        the queue could not be used
        └── TestObserverError             Test Observer could not be used
            └── TestObserverRefusedError  it refused the key, or the key lacks a permission
    requests.exceptions.HTTPError         a server's refusal, with its ``response``
    └── failures.TriggerRefusedError        a trigger was not accepted
        └── failures.TriggerDoubtfulError   nor certainly refused: only another look can tell

Every other end of a call without an answer is one of ``requests.exceptions.RequestException``.
"""

from __future__ import annotations


class SettingsError(ValueError):
    """A wrong or missing setting, found before any network call."""


class RequestProcessingError(ValueError):
    """A rerun request that this processor cannot serve, whatever is in it. Nothing was sent."""


class QueueError(Exception):
    """The queue could not be used.

    Attributes:
        what: What was tried, where, and what came back.
        advice: What a person can do about it.
        may_pass: Whether the same call may be answered otherwise a little later.
        is_refusal: Whether every further call of this kind would be refused too.
    """

    is_refusal = False

    def __init__(self, what: str, advice: str, *, may_pass: bool = False) -> None:
        super().__init__(f"{what}; {advice}")
        self.what, self.advice, self.may_pass = what, advice, may_pass


class TestObserverError(QueueError):
    """Test Observer could not be used: no answer, a refusal, or an answer of another shape; see `QueueError`."""

    __test__ = False


class TestObserverRefusedError(TestObserverError):
    """Test Observer answered 401 or 403: it would refuse every further call of this kind too."""

    __test__ = False
    is_refusal = True
