"""What a failed call to Test Observer means for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.calls.failures import Failure, Kind
from test_executions_rerunner.errors import TestObserverError, TestObserverRefusedError
from test_executions_rerunner.text import without

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHAT_A_REFUSAL_MAY_MEAN = "the server does not tell a wrong key from a missing permission"
_KEY_ADVICE = "set TEST_OBSERVER_API_KEY to a key with view_rerun and change_rerun (its administrator makes one)"


def understood(failure: Failure, doing: str, url: str, secrets: Iterable[str]) -> TestObserverError:
    """Return the error of a call that failed for good.

    Args:
        failure: What came back.
        doing: What was tried.
        url: The Test Observer.
        secrets: Its key, which a server may have sent back.
    """
    secrets = tuple(secrets)
    what = without(secrets, f"Test Observer at {url}, {doing}: {failure.reason}")
    if failure.kind not in {Kind.UNAUTHORIZED, Kind.FORBIDDEN}:
        may_pass = failure.may_pass or failure.kind is Kind.BUSY
        advice = failure.advice or "check --test-observer-url and the network"
        return TestObserverError(what, advice, may_pass=may_pass)
    why = _WHAT_A_REFUSAL_MAY_MEAN if secrets else "no key was sent"
    return TestObserverRefusedError(f"{what}: {why}", _KEY_ADVICE)
