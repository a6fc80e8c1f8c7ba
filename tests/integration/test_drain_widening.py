"""The narrow trigger refused is not the whole refused: through drains, up to the run's own rerun."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo import RecordedRequest

RUN, NAME = 7, "canonical/matrix"
JOB, FAILED_JOBS = {"rerun": "job"}, {"rerun": "failed-jobs"}
ALL = ["jobs/rerun", "runs/rerun-failed-jobs", "runs/rerun"]


def ask(lab: Lab, job: str | None) -> int:
    """Ask for a rerun a minute ago."""
    return lab.request(lab.github.link(RUN, job))[0]


def add_run(lab: Lab, conclusion: str = "failure") -> None:
    lab.github.add_run(NAME, RUN, jobs=("one", "two"), conclusion=conclusion, created_at=time.time() - 3600)


def posts(lab: Lab) -> list[str]:
    """Return what was POSTed, without the ids."""
    found = [each.path for each in lab.github.requests if each.method == "POST"]
    return [re.sub(r".*/actions/(runs|jobs)/[0-9]+/", r"\1/", path) for path in found]


def refuse(lab: Lab, path: str, message: str, status: int = 403) -> None:
    """Let GitHub refuse some triggers."""
    body = json.dumps({"message": message})
    lab.github.inject(Fault(method="POST", path=path, times=None, status=status, body=body))


def test_without_a_failed_job_the_whole_run_is_rerun(lab: Lab) -> None:
    add_run(lab, "success")
    number = ask(lab, None)
    assert lab.states("github", of=FAILED_JOBS) == {number: "triggered"}
    assert (posts(lab), lab.github.triggered(RUN)) == (ALL[1:], 1)
    assert lab.observer.ids() == []


def test_a_job_that_cannot_be_rerun_alone_is_rerun_with_the_failed_ones(lab: Lab) -> None:
    add_run(lab)
    lab.github.run(RUN).jobs_are_retryable = False
    number = ask(lab, "one")
    assert lab.states("github", of=JOB) == {number: "triggered"}
    assert (posts(lab), lab.github.triggered(RUN)) == (ALL[:2], 1)
    assert lab.observer.ids() == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        pytest.param(403, "Something new", id="unknown words"),
        pytest.param(403, "This workflow run cannot be retried", id="never"),
        pytest.param(404, "Not Found", id="not found"),
        pytest.param(400, "not done", id="not done"),
        pytest.param(409, "Conflict", id="conflict"),
    ],
)
def test_whatever_refuses_the_narrow_triggers_the_run_itself_is_asked(lab: Lab, status: int, message: str) -> None:
    add_run(lab)
    number = ask(lab, "one")
    refuse(lab, "/actions/jobs/|rerun-failed-jobs", message, status)
    outcome = lab.drain("github", of=JOB)[number]
    assert (outcome.state, posts(lab), lab.github.triggered(RUN)) == ("triggered", ALL, 1)
    looks = [each for each in lab.github.requests if each.method == "GET" and each.path.endswith(f"/runs/{RUN}")]
    assert len(looks) == 3, "each after a look of its own"


@pytest.mark.parametrize(
    ("message", "state"),
    [
        pytest.param("Something new", "failed", id="unknown words"),
        pytest.param("This workflow run cannot be retried", "refused", id="never"),
    ],
)
def test_only_what_refuses_the_run_itself_is_the_end(lab: Lab, message: str, state: str) -> None:
    add_run(lab)
    number = ask(lab, "one")
    refuse(lab, "", message)
    outcome = lab.drain("github", of=JOB)[number]
    assert (outcome.state, posts(lab)) == (state, ALL)
    assert message in outcome.reason
    assert lab.observer.ids() == [number]


@pytest.mark.parametrize("width", range(3), ids=ALL)
def test_a_run_that_somebody_starts_meanwhile_is_not_started_again(lab: Lab, width: int) -> None:
    """Each wider trigger, and each end, follows a look of its own."""
    add_run(lab)
    number = ask(lab, "one")
    refuse(lab, "", "Something new")

    def start(request: RecordedRequest) -> None:
        if request.method == "POST" and len(posts(lab)) == width + 1:
            lab.github.rerun_jobs(RUN, ["one", "two"])

    lab.github.on_request = start
    assert lab.states("github", of=JOB) == {number: "already-rerun"}
    assert (posts(lab), len(lab.github.run(RUN).attempts)) == (ALL[: width + 1], 2)
