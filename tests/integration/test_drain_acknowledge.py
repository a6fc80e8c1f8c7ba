"""``--acknowledge started``: a request stays until a look finds its rerun started, so that a lost one starts again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from integration.conftest import run_number
from test_executions_rerunner import Rerunner, SettingsError
from test_executions_rerunner.queues.file import RequestFile

if TYPE_CHECKING:
    from pathlib import Path

    from integration.conftest import Lab, System

STAYS = "it stays in the queue until its rerun has started (--acknowledge started)"


@pytest.fixture(autouse=True)
def runners_are_busy(lab: Lab) -> None:
    """Let what GitHub accepted wait for a runner, as an item waits in Jenkins' queue."""
    lab.github.runners_are_free = False


def drain(lab: Lab, system: System, number: int) -> tuple[str, bool]:
    """Drain once; return the outcome of a request, and whether it was deleted."""
    outcome = lab.drain(system, acknowledge="started")[number]
    return outcome.state.value, outcome.deleted


def start(lab: Lab, system: System, name: str = "t1") -> None:
    """Let what was triggered run."""
    if system == "jenkins":
        lab.jenkins.start_items()
    else:
        lab.github.run(run_number(name)).latest.start()


def lose(lab: Lab, system: System, name: str = "t1") -> None:
    """Lose what was triggered: a crash of Jenkins, or an attempt that was cancelled before it had a runner."""
    if system == "jenkins":
        lab.jenkins.crash()
    else:
        lab.github.finish(run_number(name), "cancelled")


def test_a_request_leaves_once_a_later_drain_finds_its_rerun_started(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    outcome = lab.drain(system, acknowledge="started")[number]
    assert (outcome.state.value, outcome.deleted) == ("triggered", False)
    assert STAYS in outcome.reason
    assert lab.last.remaining == 1
    assert lab.observer.deleted == []
    assert drain(lab, system, number) == ("deferred", False), "its item waits, or its attempt has no runner yet"
    assert lab.observer.ids() == [number]
    start(lab, system)
    if system == "github":
        lab.github.finish(run_number("t1"))
    assert drain(lab, system, number) == ("already-rerun", True)
    assert lab.observer.ids() == []
    assert lab.triggered(system, "t1") == 1


def test_a_rerun_that_runs_acknowledges(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    drain(lab, system, number)
    start(lab, system)
    assert drain(lab, system, number) == ("already-rerun", True)


def test_a_rerun_that_was_lost_is_started_again(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    assert drain(lab, system, number) == ("triggered", False)
    lose(lab, system)
    assert drain(lab, system, number) == ("triggered", False)
    start(lab, system)
    assert drain(lab, system, number) == ("already-rerun", True)
    assert lab.server(system).count("POST") == 2


def test_what_is_accepted_is_deleted_and_what_is_lost_then_is_lost(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    assert lab.states(system) == {number: "triggered"}
    lose(lab, system)
    assert lab.observer.ids() == []
    assert lab.states(system) == {}, "which is why there is --acknowledge started"


def test_two_reruns_that_did_not_count_end_a_request(lab: Lab) -> None:
    (number,) = lab.request(lab.add_target("github", "t1"))
    for _ in range(2):
        assert drain(lab, "github", number) == ("triggered", False)
        lose(lab, "github")
    outcome = lab.drain("github", acknowledge="started")[number]
    assert outcome.state.value == "failed"
    assert "a person must look" in outcome.reason
    assert lab.github.count("POST") == 2
    assert lab.observer.ids() == [number]


def test_where_requests_leave_with_their_trigger_nobody_counts_what_did_not_run(lab: Lab) -> None:
    (number,) = lab.request(lab.add_target("github", "t1"))
    for ago in (120, 60):
        lab.github.rerun_jobs(1001, ["test"], started_at=time.time() - ago, conclusion="cancelled", has_runners=False)
    assert lab.states("github") == {number: "triggered"}


def test_a_request_without_its_time_leaves_at_once(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"), without=("created_at",))
    outcome = lab.drain(system, acknowledge="started")[number]
    assert (outcome.state.value, outcome.deleted) == ("triggered", True)
    assert "it does not say when it was made" in outcome.reason


def test_the_limit_counts_each_trigger(lab: Lab, system: System) -> None:
    ids = [number for n in range(3) for number in lab.request(lab.add_target(system, f"t{n}"))]
    states = lab.states(system, acknowledge="started", limit=1)
    assert [states[number] for number in ids] == ["triggered", "deferred", "deferred"]
    assert lab.last.remaining in {3, None}


def test_what_can_never_be_rerun_is_discarded_all_the_same(lab: Lab) -> None:
    lab.github.add_run("canonical/certification-lab-ci", 1001, retryable=False)
    (number,) = lab.request("https://github.com/canonical/certification-lab-ci/actions/runs/1001")
    outcome = lab.drain("github", acknowledge="started", discard_refused=True)[number]
    assert (outcome.state.value, outcome.deleted) == ("refused", True)


def test_a_dry_run_says_what_would_stay(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    outcome = lab.drain(system, acknowledge="started", dry_run=True)[number]
    assert outcome.state.value == "planned"
    assert STAYS in outcome.reason


def test_the_requester_is_told_with_the_trigger(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.observer.api_keys["to_demo"] |= {"change_test", "view_test"}
    lab.drain(system, acknowledge="started", announce=True)
    assert [link["label"] for link in lab.observer.links(number)] == ["Rerun"]
    lab.drain(system, acknowledge="started", announce=True)
    assert len(lab.observer.links(number)) == 1, "once a trigger"


@pytest.mark.parametrize("more", ["", ', "created_at": "2026-01-01T00:00:01"'], ids=["without a time", "with a time"])
def test_what_is_in_no_queue_is_not_said_to_stay_there(lab: Lab, system: System, tmp_path: Path, more: str) -> None:
    link = lab.add_target(system, "t1")
    file = tmp_path / "requests.json"
    file.write_text(f'[{{"ci_link": "{link}", "family": "snap"{more}}}]')
    queue = RequestFile(str(file), lab.queue())
    (outcome,) = Rerunner(lab.processor(system), test_observer=queue, acknowledge="started").run()
    assert outcome.state.value == "triggered"
    assert "the queue" not in outcome.reason


def test_a_request_that_reports_by_itself_leaves_by_itself(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    assert drain(lab, system, number) == ("triggered", False)
    lab.observer.start_test(number, "https://ci.example.org/job/new/1/")
    assert lab.states(system, acknowledge="started") == {}
    assert lab.triggered(system, "t1") == 1


def test_another_word_is_refused(lab: Lab, system: System) -> None:
    with pytest.raises(SettingsError, match=r"acknowledge: 'later' is not allowed: one of accepted, started is"):
        Rerunner(lab.processor(system), acknowledge="later")


@pytest.mark.parametrize(("user", "ends"), [("someone", "triggered"), ("admin", "already-rerun")])
def test_a_build_of_the_very_seconds_of_a_request_is_its_rerun_only_if_a_drain_can_have_started_it(
    lab: Lab, user: str, ends: str
) -> None:
    """It began before a newer request of its test: taken for that one's rerun, it would be the end of it."""
    (number,) = lab.request(lab.add_target("jenkins", "t1"), created_at=time.time() - 60.0)
    ours: dict[str, bool | str] = {"TEST_OBSERVER_REPORTING": True}
    lab.jenkins.add_build("t1", started_at=time.time() - 60.5, parameters=ours, user=user)
    assert lab.drain("jenkins", acknowledge="started")[number].state.value == ends
    assert lab.observer.deleted == ([] if user == "someone" else [number])
