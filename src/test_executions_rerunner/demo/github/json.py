"""Repositories, runs and jobs as GitHub's REST interface shows them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from test_executions_rerunner.demo.github.runs import Repository, Run, RunJob


def repository_json(repository: Repository, *, pushes: bool) -> dict[str, object]:
    """Return a repository with what the caller may do."""
    permissions = {"admin": False, "maintain": False, "push": pushes, "triage": pushes, "pull": True}
    return {
        "id": repository.id,
        "full_name": repository.current_name,
        "private": repository.private,
        "permissions": permissions,
    }


def moved_json(location: str) -> dict[str, object]:
    """Return the body of a 301 to a repository's new place."""
    docs = "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects"
    return {"message": "Moved Permanently", "url": location, "documentation_url": docs}


def run_json(run: Run, api: str, server: str, skew_seconds: float) -> dict[str, object]:
    """Return a run with its newest attempt."""
    name, attempt = run.repository.current_name, run.latest
    url = f"{api}/repos/{name}/actions/runs/{run.id}"
    started_at = github_time(attempt.started_at + skew_seconds)
    return {
        "id": run.id,
        "name": "Test",
        "run_number": 1,
        "run_attempt": attempt.number,
        "event": "workflow_dispatch",
        "display_title": "Test",
        "path": ".github/workflows/test.yml",
        "workflow_id": 1,
        "head_branch": "main",
        "status": attempt.status,
        "conclusion": attempt.conclusion,
        "created_at": github_time(run.created_at + skew_seconds),
        "updated_at": started_at,
        "run_started_at": started_at,  # "resets on re-run", also of a single job
        "url": url,
        "html_url": f"{server}/{name}/actions/runs/{run.id}",
        "jobs_url": f"{url}/jobs",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{attempt.number - 1}" if attempt.number > 1 else None,
        "repository": {"id": run.repository.id, "full_name": name, "private": run.repository.private},
        "head_repository": {"id": run.repository.id, "full_name": name, "private": run.repository.private},
        **run.shown,
    }


def job_json(job: RunJob, run: Run, api: str, server: str, skew_seconds: float) -> dict[str, object]:
    """Return a job of a run."""
    name = run.repository.current_name
    started_at = github_time(job.started_at + skew_seconds)
    step = {"name": "Set up job", "status": job.status, "conclusion": job.conclusion, "number": 1}
    return {
        "id": job.id,
        "run_id": run.id,
        "name": job.name,
        "run_attempt": job.attempt,
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": started_at,
        "started_at": started_at,  # that of a skipped one too: when that was decided
        "completed_at": started_at if job.status == "completed" else None,
        "runner_id": job.runner_id,
        "runner_name": f"runner {job.runner_id}" if job.runner_id else None,
        "steps": [step] if job.runner_id else [],
        "url": f"{api}/repos/{name}/actions/jobs/{job.id}",
        "run_url": f"{api}/repos/{name}/actions/runs/{run.id}",
        "html_url": f"{server}/{name}/actions/runs/{run.id}/job/{job.id}",
    }


def github_time(seconds: float) -> str:
    """Return a time as GitHub writes it: whole seconds of UTC, with a Z."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
