"""What Jenkins means by its refusals, in which it differs from other HTTP servers."""

from __future__ import annotations

import requests

from test_executions_rerunner.calls.failures import Failure, Kind, TriggerDoubtfulError, TriggerRefusedError, explain
from test_executions_rerunner.processors.jenkins.reading import FolderError
from test_executions_rerunner.text import harmless


class JoinedAnotherError(TriggerRefusedError):
    """A trigger was taken in by an item that waits already, which may differ in what Jenkins does not tell."""


def explain_jenkins(error: BaseException, address_setting: str) -> Failure:
    """Understand what a call to Jenkins raised.

    Args:
        error: What it raised.
        address_setting: Where a person sets which controller is called.
    """
    if isinstance(error, TriggerDoubtfulError):
        return Failure(Kind.BROKEN, str(error))
    if isinstance(error, JoinedAnotherError):
        return Failure(Kind.RUNNING, str(error))
    if isinstance(error, FolderError):
        return Failure(Kind.REJECTED, str(error))
    failure = explain(error)
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == requests.codes.conflict:
        return failure._replace(kind=Kind.DISABLED)
    if status == requests.codes.unauthorized and response is not None:
        return _explain_unauthorized(failure, response, address_setting)
    reason = failure.reason
    if status == requests.codes.not_found and response is not None:
        reason = _not_found(response, address_setting)
    elif reason.startswith(("302 ", "303 ")) and not isinstance(error, TriggerRefusedError):
        reason = f"{reason}: a login page? check {address_setting}"
    elif status == requests.codes.forbidden and "crumb" in reason:
        reason = f"{reason}: use an API token, which needs none, not a password"
    return failure._replace(reason=reason)


def _explain_unauthorized(failure: Failure, response: requests.Response, address_setting: str) -> Failure:
    """Tell Jenkins' own 401 from that of a proxy before it: Jenkins names its realm."""
    asked = response.headers.get("WWW-Authenticate", "")
    if 'realm="Jenkins"' in asked:
        reason = f"{failure.reason}: a wrong user or API token, or one that has expired (Jenkins proposes 30 days)"
        return failure._replace(reason=reason)
    whose = f"it asks for {harmless(asked)}, as Jenkins does not" if asked else "Jenkins would name its realm"
    advice = f"a proxy before Jenkins may want a login of its own: give {address_setting} as programs reach Jenkins"
    return failure._replace(reason=f"{failure.reason}: {whose}", advice=advice)


def _not_found(response: requests.Response, address_setting: str) -> str:
    """Tell a job that cannot be seen from a page of another server, or outside of Jenkins' context path."""
    if "X-Jenkins" in response.headers:
        return "404 Not Found: no such job, or no permission to see it (Job/Read)"
    server = response.headers.get("Server")
    whose = f"from {harmless(server, most=60)}, " if server else ""
    return (
        f"404 Not Found, {whose}not from Jenkins: check {address_setting} with its context path; if that is right, "
        "there is no such job, or no permission to see it (Job/Read)"
    )
