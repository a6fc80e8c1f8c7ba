"""What Jenkins means by its refusals, in which it differs from other HTTP servers."""

from __future__ import annotations

import requests

from test_executions_rerunner.calls.policy import Failure, Fault, TriggerDoubtfulError, TriggerRefusedError, explain
from test_executions_rerunner.processors.jenkins_reading import FolderError


class JoinedAnotherError(TriggerRefusedError):
    """A trigger was taken in by an item that waits already, which may differ in what Jenkins does not tell."""


def explain_jenkins(error: BaseException, address_setting: str) -> Failure:
    """Understand what a call to Jenkins raised.

    Args:
        error: What it raised.
        address_setting: Where a person sets which controller is called.
    """
    if isinstance(error, TriggerDoubtfulError):
        return Failure(Fault.BROKEN, str(error))
    if isinstance(error, JoinedAnotherError):
        return Failure(Fault.RUNNING, str(error))
    if isinstance(error, FolderError):
        return Failure(Fault.REJECTED, str(error))
    failure = explain(error)
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == requests.codes.conflict:
        return failure._replace(fault=Fault.DISABLED)
    reason = failure.reason
    if status == requests.codes.not_found:
        reason = "404 Not Found: no such job, or no permission to see it (Job/Read)"
    elif reason.startswith(("302 ", "303 ")) and not isinstance(error, TriggerRefusedError):
        reason = f"{reason}: a login page? check {address_setting}"
    elif status == requests.codes.forbidden and "crumb" in reason:
        reason = f"{reason}: use an API token, which needs none, not a password"
    return failure._replace(reason=reason)
