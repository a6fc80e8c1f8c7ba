"""Just the job that was asked for: ``rerun="job"``, through drains."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault
from waits import HandMoved

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo import RecordedRequest

RUN, NAME = 7, "canonical/matrix"
JOB = {"rerun": "job"}
MACHINES = ("rpi4", "rpi5", "xps13")


@pytest.fixture
def matrix(lab: Lab) -> Lab:
    """A run with one job for each machine."""
    lab.github.add_run(NAME, RUN, jobs=MACHINES, run_started_at=time.time() - 3600)
    return lab


def posts(lab: Lab) -> list[str]:
    """Return the POSTs, below the actions of the repository."""
    return [re.sub(r".*/actions/", "", each.path) for each in lab.github.requests if each.method == "POST"]


def machines_of(lab: Lab, attempt: int) -> list[str]:
    """Return which machines an attempt occupies."""
    return [job.name for job in lab.github.run(RUN).attempts[attempt - 1].jobs]


def test_one_machine_of_a_matrix_is_rerun_alone_for_both_its_executions(matrix: Lab) -> None:
    link = matrix.github.link(RUN, "rpi5")
    ids = [matrix.request(f"{link}#{part}")[0] for part in ("pre-upgrade", "post-upgrade")]
    outcomes = matrix.drain("github", of=JOB)
    assert [outcomes[number].state for number in ids] == ["triggered", "triggered"]
    assert outcomes[ids[0]].link == f"https://github.com/{NAME}/actions/runs/{RUN}/attempts/2"
    assert posts(matrix) == [f"jobs/{matrix.github.job_id(RUN, 'rpi5')}/rerun"]
    assert machines_of(matrix, 2) == ["rpi5"]
    assert matrix.observer.ids() == []


def test_a_list_of_jobs_that_takes_long_keeps_no_request_waiting_for_ever(matrix: Lab) -> None:
    """A look that has grown old while the jobs were read is taken again, without them."""
    matrix.waiting = waiting = HandMoved()

    def work(request: RecordedRequest) -> None:
        if request.path.endswith("/jobs"):
            waiting.now += 8.0

    matrix.github.on_request = work
    number = matrix.request(matrix.github.link(RUN, "rpi5"), created_at=time.time() - 60)[0]
    assert matrix.states("github", of=JOB) == {number: "triggered"}
    assert matrix.github.count("GET", "/jobs") == 1


def test_two_machines_are_the_failed_jobs_and_nothing_is_started_twice(matrix: Lab) -> None:
    for name in ("rpi4", "rpi5"):
        matrix.request(matrix.github.link(RUN, name))
    assert set(matrix.states("github", of=JOB).values()) == {"triggered"}
    assert posts(matrix) == [f"runs/{RUN}/rerun-failed-jobs"]


def test_a_drain_that_was_killed_before_its_delete_leaves_nothing_to_start_again(matrix: Lab) -> None:
    matrix.request(matrix.github.link(RUN, "rpi4"), created_at=time.time() - 60)
    matrix.observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    matrix.drain("github", of=JOB)
    assert len(posts(matrix)) == 1
    matrix.observer.clear_faults()
    other = matrix.request(matrix.github.link(RUN, "rpi5"), created_at=time.time() - 60)[0]
    states = matrix.states("github", of=JOB)
    assert states.pop(other) == "deferred", "the other machine was not started, and the run is still going"
    assert set(states.values()) == {"already-rerun"}
    assert len(posts(matrix)) == 1
    matrix.github.finish(RUN, "failure")
    matrix.states("github", of=JOB)
    assert posts(matrix)[1:] == [f"runs/{RUN}/rerun-failed-jobs"], "the newest attempt has no entry of that job"
    assert matrix.observer.ids() == []


def test_a_doubtful_rerun_of_a_job_is_recognised_by_its_new_attempt(matrix: Lab) -> None:
    number = matrix.request(matrix.github.link(RUN, "rpi4"))[0]
    matrix.github.inject(Fault(method="POST", action="reset", effect=True))
    outcome = matrix.drain("github", of=JOB)[number]
    assert (outcome.state, len(posts(matrix))) == ("triggered", 1)
    assert "after a doubtful answer" in outcome.reason


def refuse(lab: Lab, message: str, *, effect: bool = False, times: int = 1) -> None:
    """Let GitHub refuse the next triggers with these words."""
    body = f'{{"message": "{message}", "status": "403"}}'
    lab.github.inject(Fault(method="POST", status=403, body=body, effect=effect, times=times))


@pytest.mark.parametrize(
    "message",
    ["The workflow run containing this job is already running", "Only jobs from the current attempt can be re-run"],
)
@pytest.mark.parametrize(
    ("effect", "state"),
    [
        pytest.param(True, "already-rerun", id="somebody was faster"),
        pytest.param(False, "deferred", id="and nothing started since"),
    ],
)
def test_where_somebody_was_faster_the_run_is_looked_at_again(
    matrix: Lab,
    message: str,
    effect: bool,  # noqa: FBT001 - a parameter of the test
    state: str,
) -> None:
    number = matrix.request(matrix.github.link(RUN, "rpi4"))[0]
    refuse(matrix, message, effect=effect)
    assert matrix.states("github", of=JOB) == {number: state}
    assert len(posts(matrix)) == 1
    looks = [each for each in matrix.github.requests if each.method == "GET" and each.path.endswith(f"/runs/{RUN}")]
    assert len(looks) >= 2


@pytest.mark.parametrize(
    ("message", "state"),
    [
        pytest.param("Jobs in this workflow run cannot be re-run", "refused", id="never"),
        pytest.param("Unable to re-run this job, disabled workflow", "deferred", id="disabled for now"),
        pytest.param("Something new", "failed", id="unknown"),
    ],
)
def test_what_refuses_every_trigger_is_told_in_the_words_of_the_server(matrix: Lab, message: str, state: str) -> None:
    number = matrix.request(matrix.github.link(RUN, "rpi4"))[0]
    refuse(matrix, message, times=10)
    outcome = matrix.drain("github", of=JOB)[number]
    assert (outcome.state, message in outcome.reason) == (state, True)
    assert matrix.observer.ids() == [number]
    asked = [path.rpartition("/actions/")[2].split("/")[::2] for path in posts(matrix)]
    whole = ["runs", "rerun"]
    assert asked[-1] == (whole if state != "deferred" else ["jobs", "rerun"]), "only the run's own refusal is one"


@pytest.mark.parametrize("message", ["Jobs in this workflow run cannot be re-run", "Something new"])
def test_a_job_that_cannot_be_rerun_alone_is_rerun_with_more(matrix: Lab, message: str) -> None:
    number = matrix.request(matrix.github.link(RUN, "rpi4"))[0]
    refuse(matrix, message)
    assert matrix.states("github", of=JOB) == {number: "triggered"}
    assert len(posts(matrix)) == 2
    assert matrix.observer.ids() == []


def test_a_later_request_for_another_machine_waits_for_the_next_drain(matrix: Lab) -> None:
    matrix.request(matrix.github.link(RUN, "rpi4"), 200, created_at=time.time() - 120)
    other = matrix.request(matrix.github.link(RUN, "rpi5"), created_at=time.time() - 60)[0]
    outcomes = matrix.drain("github", of=JOB)
    assert outcomes.pop(other).state == "deferred"
    assert {outcome.state.value for outcome in outcomes.values()} == {"triggered"}
    assert matrix.observer.ids() == [other]


def test_a_dry_run_plans_the_job_and_starts_nothing(matrix: Lab) -> None:
    number = matrix.request(matrix.github.link(RUN, "rpi4"))[0]
    outcome = matrix.drain("github", of=JOB, dry_run=True)[number]
    assert outcome.state == "planned"
    assert f"/actions/jobs/{matrix.github.job_id(RUN, 'rpi4')}/rerun" in outcome.reason
    assert posts(matrix) == []
