"""Requests from a file, and the four steps one by one."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import Rerunner, TestObserverError
from test_executions_rerunner.queues.file import RequestFile

if TYPE_CHECKING:
    from pathlib import Path

    from integration.conftest import Lab, System
    from test_executions_rerunner.models import Outcome


def drain_file(lab: Lab, system: System, path: str, **more: Any) -> list[Outcome]:  # noqa: ANN401 - settings of the queue
    """Drain a file of requests."""
    queue = RequestFile(path, lab.queue(**more))
    return Rerunner(lab.processor(system), test_observer=queue).run()


def test_a_file_without_ids_involves_no_test_observer(lab: Lab, system: System, tmp_path: Path) -> None:
    links = [lab.add_target(system, f"t{n}") for n in range(3)]
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": link, "family": "snap"} for link in [*links, *links]]))
    assert [outcome.state.value for outcome in drain_file(lab, system, str(file))] == ["triggered"] * 6
    assert lab.server(system).count("POST") == 3
    assert not lab.observer.requests


def test_entries_with_an_id_are_deleted_like_any_other(lab: Lab, system: System, tmp_path: Path) -> None:
    link = lab.add_target(system, "t1")
    kept, deleted = lab.request(link, 2)
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": link, "family": "snap", "test_execution_id": deleted}, {"ci_link": link}]))
    outcomes = drain_file(lab, system, str(file))
    assert outcomes[0].state == "triggered"
    assert outcomes[0].deleted
    assert lab.observer.ids() == [kept]
    assert lab.observer.count("GET") == 1, "a file does not say what is queued now"


def test_a_file_is_filtered_by_family_as_well(lab: Lab, system: System, tmp_path: Path) -> None:
    link = lab.add_target(system, "t1")
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": link, "family": family} for family in ("snap", "deb")]))
    outcomes = drain_file(lab, system, str(file), family="deb")
    assert [outcome.state.value for outcome in outcomes] == ["unsupported", "triggered"]


def test_requests_may_come_from_standard_input(lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [{"ci_link": lab.add_target(system, "t1"), "family": "snap"}]
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(entries)))
    assert [outcome.state.value for outcome in drain_file(lab, system, "-")] == ["triggered"]


def test_a_file_of_many_requests_is_drained_whole(lab: Lab, tmp_path: Path) -> None:
    links = [lab.add_target("jenkins", f"t{n}") for n in range(250)]
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": link, "family": "snap"} for link in links]))
    assert {outcome.state.value for outcome in drain_file(lab, "jenkins", str(file))} == {"triggered"}
    assert lab.jenkins.count("POST") == 250


@pytest.mark.parametrize("bad", [0, -1, True, "7", 2**31, 1.5])
def test_an_id_that_is_none_is_never_triggered(lab: Lab, system: System, tmp_path: Path, bad: object) -> None:
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": lab.add_target(system, "t1"), "family": "snap", "test_execution_id": bad}]))
    assert [outcome.state.value for outcome in drain_file(lab, system, str(file))] == ["unsupported"]
    assert lab.server(system).count("POST") == 0


def test_the_four_steps_do_what_a_drain_does(lab: Lab, system: System) -> None:
    first, second = lab.add_target(system, "t1"), lab.add_target(system, "t2")
    ids = [*lab.request(first, 3), *lab.request(second)]
    other = lab.request("https://elsewhere.example.org/job/x/1/")[0]
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue())
    loaded = rerunner.load_rerun_requests()
    assert [request["test_execution_id"] for request in loaded] == [*ids, other]
    processed = rerunner.process_rerun_requests(loaded)
    assert list(processed) == ids
    submitted = rerunner.submit_processed_requests(processed)
    assert submitted == ids
    assert lab.server(system).count("POST") == 2
    assert lab.observer.ids() == [*ids, other]
    rerunner.delete_processed_requests(submitted)
    assert lab.observer.ids() == [other]


def test_the_steps_remember_when_a_request_was_made(lab: Lab) -> None:
    lab.jenkins.add_job("job")
    lab.jenkins.add_build("job", started_at=time.time() - 300, parameters={"TEST_OBSERVER_REPORTING": True})
    before = lab.request(f"{lab.jenkins.url}/job/job/1/", created_at=time.time() - 600)
    rerunner = Rerunner(lab.processor("jenkins"), test_observer=lab.queue())
    processed = rerunner.process_rerun_requests(rerunner.load_rerun_requests())
    assert rerunner.submit_processed_requests(processed) == before
    assert lab.jenkins.count("POST") == 0


def test_posts_of_another_process_are_submitted_without_a_look_by_time(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"))
    first = Rerunner(lab.processor(system), test_observer=lab.queue())
    processed = first.process_rerun_requests(first.load_rerun_requests())
    second = Rerunner(lab.processor(system), test_observer=lab.queue())
    assert second.submit_processed_requests(processed) == list(processed)
    assert lab.triggered(system, "t1") == 1


def test_a_changed_post_is_sent_as_it_was_changed(lab: Lab) -> None:
    lab.request(lab.add_target("jenkins", "t1"))
    rerunner = Rerunner(lab.processor("jenkins"), test_observer=lab.queue())
    processed = rerunner.process_rerun_requests(rerunner.load_rerun_requests())
    for post in processed.values():
        post["json"] = {**post["json"], "TESTPLAN": "mine"}
    rerunner.submit_processed_requests(processed)
    lab.jenkins.start_items()
    assert lab.jenkins.builds("t1")[0].parameters["TESTPLAN"] == "mine"


def test_the_steps_start_nothing_that_could_not_be_deleted(lab: Lab, system: System) -> None:
    lab.observer.api_keys["to_view"] = {"view_rerun"}
    lab.request(lab.add_target(system, "t1"))
    rerunner = Rerunner(lab.processor(system), test_observer=lab.queue(test_observer_api_key="to_view"))
    processed = rerunner.process_rerun_requests(rerunner.load_rerun_requests())
    with pytest.raises(TestObserverError):
        rerunner.submit_processed_requests(processed)
    assert lab.server(system).count("POST") == 0


def test_the_whole_queue_is_loaded_however_long_it_is(lab: Lab) -> None:
    lab.request("https://elsewhere.example.org/", 1200)
    assert len(lab.queue().get()) == 1200
    assert len(lab.queue(limit=7).get()) == 7
