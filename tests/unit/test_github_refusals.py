"""What GitHub's refusals and its headers mean."""

from __future__ import annotations

import pytest
import requests

from test_executions_rerunner.calls.failures import SECONDS_WITHOUT_RETRY_AFTER, Failure, Kind
from test_executions_rerunner.processors.github.refusals import (
    explain_forbidden,
    rate_limit_seconds,
    until_reset_seconds,
)

DATE = "Thu, 01 Jan 1970 00:16:40 GMT"


@pytest.mark.parametrize(
    ("reset", "date", "seconds"),
    [
        pytest.param("1030", DATE, 31.0, id="as it should be"),
        pytest.param("900", DATE, 1.0, id="passed already"),
        pytest.param("9" * 5000, DATE, float("inf"), id="a number without end"),
        pytest.param("\u00b2", DATE, SECONDS_WITHOUT_RETRY_AFTER, id="a digit that is no number"),
        pytest.param("soon", DATE, SECONDS_WITHOUT_RETRY_AFTER, id="no number"),
        pytest.param("1030", "yesterday", SECONDS_WITHOUT_RETRY_AFTER, id="no date"),
        pytest.param(
            "1030", "Thu, 01 Jan 2026 00:00:00 +99999999999999", SECONDS_WITHOUT_RETRY_AFTER, id="a date that is none"
        ),
    ],
)
def test_a_quota_says_when_it_is_renewed_whatever_its_headers_hold(reset: str, date: str, seconds: float) -> None:
    response = requests.Response()
    response.headers.update({"x-ratelimit-reset": reset, "Date": date})
    assert until_reset_seconds(response) == seconds


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        pytest.param("This workflow is already running", Kind.RUNNING, id="run going on"),
        pytest.param("The workflow run containing this job is already running", Kind.RUNNING, id="job's run going on"),
        pytest.param("Only jobs from the current attempt can be re-run", Kind.RUNNING, id="somebody was faster"),
        pytest.param("Jobs in this workflow run cannot be re-run", Kind.NEVER, id="never"),
        pytest.param("This workflow run cannot be retried", Kind.NEVER, id="run never"),
        pytest.param("Unable to re-run this job, disabled workflow", Kind.DISABLED, id="disabled"),
        pytest.param("Resource not accessible by integration", Kind.FORBIDDEN, id="no right"),
        pytest.param("Something new", Kind.FORBIDDEN, id="unknown"),
    ],
)
def test_a_403_is_told_apart_by_its_words(message: str, fault: Kind) -> None:
    assert explain_forbidden(Failure(Kind.FORBIDDEN, f"403 {message}"), {}).kind is fault


def test_a_token_that_a_person_must_allow_once_comes_with_the_address_for_that() -> None:
    page = "https://github.com/orgs/canonical/sso?authorization_request=AZSC"
    refused = Failure(Kind.FORBIDDEN, "403 Resource protected by organization SAML enforcement.")
    found = explain_forbidden(
        refused, requests.structures.CaseInsensitiveDict({"x-github-sso": f"required; url={page}"})
    )
    assert found.kind is Kind.FORBIDDEN
    assert found.reason.endswith(f"(the token is right, a person must allow it once at {page})")
    assert found.advice == "allow the token for that organization"
    assert explain_forbidden(refused, {"X-GitHub-SSO": "partial-results; organizations=1"}).advice is None


def test_an_address_that_is_not_on_the_list_is_no_wrong_token() -> None:
    words = (
        "Although you appear to have the correct authorization credentials, the `canonical` organization has an IP "
        "allow list enabled, and your IP address is not permitted to access this resource."
    )
    found = explain_forbidden(Failure(Kind.FORBIDDEN, f"403 {words}"), {})
    assert found.kind is Kind.FORBIDDEN
    assert found.advice == "put the address on that list, or drain from a machine that is on it"
    assert "this machine's address is not on that list" in found.reason


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        pytest.param('{"message": "You have triggered an abuse detection mechanism."}', 60.0, id="words"),
        pytest.param(
            '{"message": "Wait.", "documentation_url": "https://developer.github.com/v3/#abuse-rate-limits"}',
            60.0,
            id="page",
        ),
        pytest.param(
            '{"message": "No.", "documentation_url": "https://docs.github.com/rest"}', None, id="another page"
        ),
        pytest.param("[]", None, id="no object"),
        pytest.param("<html>", None, id="no JSON"),
    ],
)
def test_the_old_limit_on_abuse_is_a_rate_limit_of_a_minute(body: str, seconds: float | None) -> None:
    response = requests.Response()
    response.status_code, response._content = 403, body.encode()  # noqa: SLF001 - how requests keeps it
    message = "You have triggered an abuse detection mechanism." if "mechanism" in body else "403"
    assert rate_limit_seconds(response, message) == seconds
