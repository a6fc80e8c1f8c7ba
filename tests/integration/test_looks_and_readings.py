"""As of when a reading holds, and whose an item is: what a look or a DELETE rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from integration.conftest import Lab

SLOW_SECONDS = 0.4


def test_a_reading_of_the_queue_holds_as_of_when_it_was_asked_for(lab: Lab) -> None:
    lab.request("https://ci.example.org/job/other/1/")
    lab.observer.latency_seconds["GET"] = SLOW_SECONDS
    queue = lab.queue()

    reading = queue.window(10)

    assert len(reading.requests) == 1
    assert queue.waiting.clock() - reading.as_of >= SLOW_SECONDS


def test_a_look_at_jenkins_is_as_old_as_its_reading_of_the_queue(lab: Lab) -> None:
    lab.add_target("jenkins", "t1")
    lab.jenkins.latency_seconds["GET"] = SLOW_SECONDS
    processor = lab.processor("jenkins")
    target = processor.target(RerunRequest(1, f"{lab.jenkins.url}/job/t1/1/", "snap", None))

    look = processor.look(target, {}, None)

    assert look.since is not None
    assert processor.waiting.clock() - look.since >= 2 * SLOW_SECONDS, "the queue, and then the job"


def test_an_item_of_another_folder_s_job_of_the_same_name_serves_nobody(lab: Lab) -> None:
    lab.jenkins.add_job("ours/t1")
    lab.jenkins.add_job("theirs/t1")
    lab.jenkins.add_item("theirs/t1", {"TEST_OBSERVER_REPORTING": True}, user="admin")
    (number,) = lab.request(f"{lab.jenkins.url}/job/ours/job/t1/1/")

    assert lab.states("jenkins") == {number: "triggered"}
    assert lab.jenkins.triggered("ours/t1") == 1
