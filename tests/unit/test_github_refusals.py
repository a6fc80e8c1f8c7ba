"""What GitHub's refusals and its headers mean."""

from __future__ import annotations

import pytest
import requests

from test_executions_rerunner.calls.policy import SECONDS_WITHOUT_RETRY_AFTER, Failure, Fault
from test_executions_rerunner.processors.github_refusals import explain_forbidden, until_reset_seconds

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
        pytest.param("This workflow is already running", Fault.RUNNING, id="run going on"),
        pytest.param("The workflow run containing this job is already running", Fault.RUNNING, id="job's run going on"),
        pytest.param("Only jobs from the current attempt can be re-run", Fault.RUNNING, id="somebody was faster"),
        pytest.param("Jobs in this workflow run cannot be re-run", Fault.NEVER, id="never"),
        pytest.param("This workflow run cannot be retried", Fault.NEVER, id="run never"),
        pytest.param("Unable to re-run this job, disabled workflow", Fault.DISABLED, id="disabled"),
        pytest.param("Resource not accessible by integration", Fault.FORBIDDEN, id="no right"),
        pytest.param("Something new", Fault.FORBIDDEN, id="unknown"),
    ],
)
def test_a_403_is_told_apart_by_its_words(message: str, fault: Fault) -> None:
    assert explain_forbidden(Failure(Fault.FORBIDDEN, f"403 {message}")).fault is fault
