"""The pages with which Jenkins refuses: status, headers and words as measured on 2.579-SNAPSHOT."""

from __future__ import annotations

from test_executions_rerunner.demo.wire import Answer

VERSION = "2.579"
_HTML = "text/html;charset=utf-8"


def _page(status: int, title: str, text: str, **headers: str) -> Answer:
    """Return an HTML page of Jenkins itself, which carries ``X-Jenkins``."""
    head = f"<!DOCTYPE html><html><head><title>{title} - Jenkins</title></head>"
    html = f"{head}<body><h1>{title}</h1>{text}</body></html>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, html.encode(), _HTML, {"X-Jenkins": VERSION, **named})


def _bare(status: int, text: str, **headers: str) -> Answer:
    """Return a page that comes from before Jenkins' own filters: without ``X-Jenkins``."""
    head = f"<html><head><title>Error {status} {text}</title></head>"
    html = f"{head}<body><h2>HTTP ERROR {status} {text}</h2></body></html>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, html.encode(), _HTML, named)


def plain(status: int, text: str) -> Answer:
    """Return the bare words of a refused trigger (400, 409)."""
    return Answer(status, text.encode(), "text/plain;charset=utf-8")


def not_found() -> Answer:
    """Return the 404, which is the same for what is missing and for what may not be read."""
    return _page(404, "Not Found", "<p>This page does not seem to exist.</p>")


def method_not_allowed() -> Answer:
    """Return the 405 to a GET of a trigger by someone who may POST it."""
    return _page(405, "Method Not Allowed", "<p>This URL requires POST</p>", Allow="POST")


def nothing_submitted() -> Answer:
    """Return the 400 of ``/build`` on a job with parameters."""
    return _bare(400, "Nothing is submitted")


def oops() -> Answer:
    """Return the 500 that names nothing, for a wrong value and for a fault alike."""
    return _page(500, "Oops!", "<p>A problem occurred while processing the request.</p><p>Logging ID=0f1e2d3c</p>")


def unauthorized() -> Answer:
    """Return the 401 to a wrong user or token."""
    return _bare(401, "Unauthorized", WWW_Authenticate='Basic realm="Jenkins", charset="UTF-8"')


def no_crumb() -> Answer:
    """Return the 403 to a POST without credentials, with a Bearer token, or with a password."""
    return _bare(403, "No valid crumb was included in the request")


def login_needed() -> Answer:
    """Return the 403 to a GET without credentials."""
    text = "<p>Authentication required</p>"
    required = "hudson.model.Hudson.Read"
    return _page(
        403,
        "Authentication required",
        text,
        X_You_Are_Authenticated_As="anonymous",
        X_Required_Permission=required,
    )


def no_overall_read(user: str) -> Answer:
    """Return the 403 to a user who may not see this Jenkins."""
    text = f"<p>{user} is missing the Overall/Read permission</p>"
    required = "hudson.model.Hudson.Read"
    return _page(403, "Access Denied", text, X_You_Are_Authenticated_As=user, X_Required_Permission=required)


def no_build_permission(user: str) -> Answer:
    """Return the 403 to a user with Job/Read and without Job/Build."""
    text = f"<p>{user} is missing the Job/Build permission</p>"
    required = "hudson.model.Item.Build"
    return _page(403, "Access Denied", text, X_You_Are_Authenticated_As=user, X_Required_Permission=required)


def discover_only(job_name: str) -> Answer:
    """Return the 403 to a user with Job/Discover alone: it names no permission."""
    return _page(403, "Access Denied", f"<p>Please login to access job {job_name}</p>")


def starting() -> Answer:
    """Return the 503 around a start: without ``X-Jenkins`` and without ``Retry-After``."""
    return _bare(503, "Please wait while Jenkins is getting ready to work")
