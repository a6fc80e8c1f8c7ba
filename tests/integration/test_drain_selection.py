"""Requests that a drain leaves alone: of what was decided, of what passed, of a low priority."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import Rerunner
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.queues.file import RequestFile

if TYPE_CHECKING:
    from pathlib import Path

    from integration.conftest import Lab, System

DECIDED = [
    pytest.param({"artefact_status": "APPROVED"}, "artefact is APPROVED", id="approved"),
    pytest.param({"artefact_status": "MARKED_AS_FAILED"}, "artefact is MARKED_AS_FAILED", id="marked as failed"),
    pytest.param({"status": "PASSED"}, "test execution is PASSED", id="passed"),
]
NOT_TOLD: list[dict[str, Any]] = [
    {"artefact": None},
    {"artefact": {"archived": False}},
    {"artefact": {"status": None}},
    {"artefact": {"status": ["APPROVED"]}},
    {"artefact": {"status": "approved"}},
    {"test_execution": "PASSED"},
    {"test_execution": {"id": 1}},
    {"test_execution": {"status": {"PASSED": True}}},
    {"without": ("artefact", "test_execution", "artefact_build", "priority")},
]


@pytest.mark.parametrize(("state", "reason"), DECIDED)
def test_what_was_decided_or_has_passed_is_left_alone_where_asked_for(
    lab: Lab, system: System, state: dict[str, Any], reason: str
) -> None:
    (kept,) = lab.request(lab.add_target(system, "t1"), **state)
    (served,) = lab.request(lab.add_target(system, "t2"))
    outcomes = lab.drain(system, skip_decided=True)
    assert [outcomes[number].state.value for number in (kept, served)] == ["unsupported", "triggered"]
    assert outcomes[kept].reason == f"its {reason}, and --skip-decided leaves it alone"
    assert (lab.observer.ids(), lab.triggered(system, "t1")) == ([kept], 0)
    assert lab.states(system)[kept] == "triggered", "it is served where nobody asks to leave it alone"


@pytest.mark.parametrize("status", ["NOT_STARTED", "IN_PROGRESS", "FAILED", "NOT_TESTED", "ENDED_PREMATURELY"])
def test_a_test_that_stands_at_anything_else_is_undecided(lab: Lab, status: str) -> None:
    (number,) = lab.request(lab.add_target("github", "t1"), status=status)
    assert lab.states("github", skip_decided=True) == {number: "triggered"}


@pytest.mark.parametrize("told", NOT_TOLD, ids=str)
def test_what_is_not_told_is_undecided_and_of_priority_0(lab: Lab, told: dict[str, Any]) -> None:
    (number,) = lab.request(lab.add_target("github", "t1"), **told)
    assert lab.states("github", skip_decided=True, min_priority=0) == {number: "triggered"}


def test_of_one_group_the_newest_execution_counts(lab: Lab) -> None:
    link = lab.add_target("github", "t1")
    lab.request(link, group="g", status="PASSED")
    (newest,) = lab.request(link, group="g", status="FAILED")
    assert lab.states("github", skip_decided=True) == {newest: "triggered"}


@pytest.mark.parametrize(("least", "served"), [(-5, 3), (-4, 2), (0, 2), (1, 1), (7, 1), (8, 0)])
def test_a_lower_priority_is_left_alone(lab: Lab, system: System, least: int, served: int) -> None:
    ids = [lab.request(lab.add_target(system, f"t{n}"), priority=n)[0] for n in (7, 0)]
    ids += lab.request(lab.add_target(system, "t9"), priority=-5)
    outcomes = lab.drain(system, min_priority=least)
    states = [outcomes[number].state.value for number in ids]
    assert states == ["triggered"] * served + ["unsupported"] * (3 - served)
    assert lab.observer.ids() == ids[served:]
    for number, priority in list(zip(ids, (7, 0, -5), strict=True))[served:]:
        assert outcomes[number].reason == f"its priority is {priority}, and --min-priority {least} leaves it alone"


@pytest.mark.parametrize("priority", [None, True, "9", 9.5, [9]], ids=str)
def test_a_priority_that_is_no_whole_number_is_0(lab: Lab, priority: object) -> None:
    (number,) = lab.request(lab.add_target("github", "t1"), priority=priority)
    assert lab.states("github", min_priority=1) == {number: "unsupported"}
    assert lab.states("github", min_priority=0) == {number: "triggered"}


def test_a_request_that_is_left_alone_joins_no_trigger_of_its_target(lab: Lab, system: System) -> None:
    link = lab.add_target(system, "t1")
    (kept,) = lab.request(link, priority=-1)
    (served,) = lab.request(link)
    assert lab.states(system, min_priority=0) == {served: "triggered", kept: "unsupported"}
    assert lab.observer.ids() == [kept]


def test_a_dry_run_says_the_same(lab: Lab, system: System) -> None:
    (decided,) = lab.request(lab.add_target(system, "t1"), artefact_status="APPROVED")
    (low,) = lab.request(lab.add_target(system, "t2"), priority=-1)
    (served,) = lab.request(lab.add_target(system, "t3"))
    outcomes = lab.drain(system, skip_decided=True, min_priority=0, dry_run=True)
    assert {number: outcome.state.value for number, outcome in outcomes.items()} == {
        decided: "unsupported", low: "unsupported", served: "planned",
    }  # fmt: skip
    assert "--skip-decided" in outcomes[decided].reason
    assert "--min-priority 0" in outcomes[low].reason


def test_the_four_steps_leave_them_alone_too(lab: Lab) -> None:
    lab.request(lab.add_target("github", "t1"), status="PASSED")
    lab.request(lab.add_target("github", "t2"), priority=-1)
    (served,) = lab.request(lab.add_target("github", "t3"))
    rerunner = Rerunner(
        lab.processor("github"), test_observer=lab.queue(), skip_decided=True, min_priority=0, concurrency=1
    )
    assert list(rerunner.process_rerun_requests(rerunner.load_rerun_requests())) == [served]


def test_the_requests_of_a_file_are_chosen_by_the_same_settings(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "requests.json"
    rows = [
        {"ci_link": lab.add_target("github", "t1"), "family": "snap", "artefact": {"status": "APPROVED"}},
        {"ci_link": lab.add_target("github", "t2"), "family": "snap", "priority": -1},
        {"ci_link": lab.add_target("github", "t3"), "family": "snap"},
    ]
    file.write_text(json.dumps(rows))
    queue = RequestFile(str(file), lab.queue())
    rerunner = Rerunner(lab.processor("github"), test_observer=queue, skip_decided=True, min_priority=0)
    assert [outcome.state.value for outcome in rerunner.run()] == ["unsupported", "unsupported", "triggered"]


@pytest.mark.parametrize("wrong", [1_000_001, -1_000_001, 1.5, True, "1"], ids=str)
def test_a_priority_that_test_observer_does_not_take_is_refused(lab: Lab, wrong: Any) -> None:  # noqa: ANN401 - whatever a caller passes
    with pytest.raises(SettingsError, match=r"min_priority: .*: a whole number from -1000000 to 1000000 is"):
        Rerunner(lab.processor("github"), test_observer=lab.queue(), min_priority=wrong)
