"""When the loopback GitHub refuses to start a run or a job again, and in which words.

The messages are those of api.github.com as reported in public.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from test_executions_rerunner.demo.github.limits import refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from test_executions_rerunner.demo.github.runs import Run, RunJob
    from test_executions_rerunner.demo.wire import Answer

_MONTH_SECONDS = 30 * 24 * 3600
RUNNING = "This workflow is already running"
JOB_RUNNING = "The workflow run containing this job is already running"
OLDER_ATTEMPT = "Only jobs from the current attempt can be re-run"
CANNOT_BE_RETRIED = "This workflow run cannot be retried"
JOBS_CANNOT_BE_RERUN = "Jobs in this workflow run cannot be re-run"
DISABLED_WORKFLOW = "Unable to re-run this job, disabled workflow"
TOO_OLD = {
    "rerun": "Unable to re-run this workflow run because it was created over a month ago",
    "rerun-failed-jobs": "Unable to retry this workflow run because it was created over a month ago",
}


def run_refusal(run: Run, action: str, names: Collection[str]) -> Answer | None:
    """Return why a run, or its failed jobs, may not be started again; None: they may."""
    reasons = {
        RUNNING: run.latest.status != "completed",
        TOO_OLD[action]: _is_too_old(run),
        CANNOT_BE_RETRIED: not run.retryable or not names,
    }
    return _first(reasons)


def job_refusal(run: Run, job: RunJob) -> Answer | None:
    """Return why one job may not be started again; None: it may."""
    reasons = {
        JOB_RUNNING: run.latest.status != "completed",
        OLDER_ATTEMPT: job.attempt != run.latest.number,
        TOO_OLD["rerun"]: _is_too_old(run),
        DISABLED_WORKFLOW: run.workflow_is_disabled,
        JOBS_CANNOT_BE_RERUN: not run.retryable or not run.jobs_are_retryable,
    }
    return _first(reasons)


def _is_too_old(run: Run) -> bool:
    return time.time() - run.created_at > _MONTH_SECONDS


def _first(reasons: dict[str, bool]) -> Answer | None:
    return next((refusal(403, message) for message, applies in reasons.items() if applies), None)
