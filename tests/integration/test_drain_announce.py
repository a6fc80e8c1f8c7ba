"""Whoever asked for a rerun learns what came of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from integration.conftest import REPOSITORY
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.drain import announcer

if TYPE_CHECKING:
    from integration.conftest import Lab, System
    from test_executions_rerunner.demo import RecordedRequest


@pytest.fixture(autouse=True)
def key_with_change_test(lab: Lab) -> None:
    """Let the key tell requesters."""
    lab.observer.api_keys["to_demo"] |= {"change_test", "view_test"}


def urls(lab: Lab, number: int) -> list[object]:
    """Return the links that a requester sees."""
    return [link["url"] for link in lab.observer.links(number)]


def ask_for_an_old_run(lab: Lab) -> int:
    """Ask for a run that GitHub reruns no more."""
    lab.github.add_run(REPOSITORY, 7, retryable=False)
    return lab.request(f"https://github.com/{REPOSITORY}/actions/runs/7")[0]


def test_each_request_that_was_served_gets_the_link_of_its_rerun_once(lab: Lab, system: System) -> None:
    link = lab.add_target(system, "t1")
    ids = lab.request(link, 3)
    outcomes = lab.drain(system, announce=True)
    for number in ids:
        page = f"{lab.jenkins.url}/job/t1/" if system == "jenkins" else outcomes[number].link
        assert urls(lab, number) == [page], "that of an item is forgotten after five minutes"
        assert {each["label"] for each in lab.observer.links(number)} == {"Rerun"}
    assert lab.observer.count("POST", "/links") == 3


def test_nobody_is_told_where_nobody_asked_for_it(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"))
    lab.drain(system)
    assert lab.observer.count("POST") == 0


def test_a_dry_run_tells_nobody(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"))
    ask_for_an_old_run(lab)
    lab.drain(system, announce=True, dry_run=True)
    assert lab.observer.count("POST") == 0


def test_a_link_that_is_there_already_is_not_added_again(lab: Lab, system: System) -> None:
    (number,) = lab.request(lab.add_target(system, "t1"))
    lab.observer.inject(Fault(method="DELETE", skip=1, times=None, status=500))
    first = lab.drain(system, announce=True)[number]
    assert urls(lab, number) == [], "a request that is not deleted yet is told of by the next drain"
    assert first.delete_error
    lab.observer.clear_faults()
    again = lab.drain(system, announce=True)[number]
    assert again.state.value == "already-rerun"
    page = f"{lab.jenkins.url}/job/t1/" if system == "jenkins" else again.link
    assert urls(lab, number) == [page]
    lab.observer.ask_again(number, time.time() - 3000)
    lab.drain(system, announce=True)
    assert len(urls(lab, number)) == 1


def test_a_refused_requester_learns_the_reason_once(lab: Lab) -> None:
    number = ask_for_an_old_run(lab)
    for _ in range(3):
        assert lab.states("github", announce=True)[number] == "refused"
    (event,) = lab.observer.events(number)
    assert "cannot be" in str(event["detail"])


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 403, "body": '{"detail": "Insufficient permissions"}'}, id="refused"),
        pytest.param({"action": "reset"}, id="a reset"),
        pytest.param({"status": 500}, id="a server error"),
    ],
)
def test_a_failure_to_tell_is_a_note_and_no_outcome(lab: Lab, system: System, fault: dict[str, Any]) -> None:
    ids = [number for n in range(3) for number in lab.request(lab.add_target(system, f"t{n}"))]
    lab.observer.inject(Fault(method="POST", path="/links", times=None, **fault))
    outcomes = lab.drain(system, announce=True)
    assert {outcome.state.value for outcome in outcomes.values()} == {"triggered"}
    assert all("the requester could not be told" in outcomes[number].reason for number in ids)
    assert lab.observer.ids() == []
    told = [request.path for request in lab.observer.requests if request.path.endswith("/links")]
    assert len(told) == len(set(told)), "none is told twice"
    assert len(told) == 1 or fault.get("status") != 403, "a refusal is the same for all"


def test_telling_delays_no_trigger_and_no_delete(lab: Lab, system: System) -> None:
    for n in range(5):
        lab.request(lab.add_target(system, f"t{n}"))
    before: list[int] = []

    def hook(request: Any) -> None:  # noqa: ANN401 - a recorded request
        if request.path.endswith("/links"):
            # the first one is not answered before all else is done
            lab.server(system).wait_for("POST", count=5)
            lab.observer.wait_for("DELETE", count=6)
            before.append(lab.observer.count("DELETE"))

    lab.observer.on_request = hook
    lab.drain(system, announce=True, concurrency=1)
    assert before == [6] * 5


def test_archived_artefacts_are_left_alone_where_asked_for(lab: Lab, system: System) -> None:
    (kept,) = lab.request(lab.add_target(system, "t1"), archived=True)
    (served,) = lab.request(lab.add_target(system, "t2"), archived=False)
    outcomes = lab.drain(system, skip_archived=True)
    assert [outcomes[number].state.value for number in (kept, served)] == ["unsupported", "triggered"]
    assert "archived" in outcomes[kept].reason
    assert lab.observer.ids() == [kept]
    assert lab.states(system)[kept] == "triggered"


def test_a_secret_that_a_refusal_sends_back_is_never_stored_in_test_observer(lab: Lab) -> None:
    number = ask_for_an_old_run(lab)
    said = {"message": f"This workflow run cannot be retried, Bearer {lab.github.token}"}
    lab.github.inject(Fault("POST", status=403, body=json.dumps(said), times=None))
    assert lab.states("github", announce=True)[number] == "refused"
    (event,) = lab.observer.events(number)
    assert "cannot be retried, Bearer ***" in str(event["detail"])
    assert lab.github.token not in str(event)


def test_requesters_who_cannot_be_told_cost_one_bound_of_time_together(
    lab: Lab, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcer.Announcer.__init__, "__defaults__", (0.5,))
    ids = [number for n in range(20) for number in lab.request(lab.add_target(system, f"t{n}"))]
    lab.observer.inject(Fault("POST", path="/links", action="hang", times=None))
    outcomes = lab.drain(system, announce=True)
    assert {outcomes[number].state.value for number in ids} == {"triggered"}
    assert all("the requester could not be told" in outcomes[number].reason for number in ids)
    assert lab.observer.ids() == []
    assert lab.observer.count("POST", "/links") == 1, "the first one hangs still"


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 503}], ids=["429", "503"])
def test_no_delete_waits_since_telling_is_to_wait(lab: Lab, system: System, fault: dict[str, Any]) -> None:
    ids = [number for n in range(3) for number in lab.request(lab.add_target(system, f"t{n}"))]
    headers = {"Retry-After": "3600"}
    lab.observer.inject(Fault("POST", path="/links", headers=headers, times=None, **fault))
    outcomes = lab.drain(system, announce=True, concurrency=1)
    assert all(outcomes[number].deleted for number in ids)
    assert lab.reason_to_stop == ""


def test_a_call_that_tells_takes_no_connection_from_a_delete(lab: Lab, system: System) -> None:
    ids = [number for n in range(3) for number in lab.request(lab.add_target(system, f"t{n}"))]
    deletes_at_tellings: list[int] = []

    def hook(request: RecordedRequest) -> None:
        if request.path.endswith("/links") and not deletes_at_tellings:
            lab.observer.wait_for("DELETE", count=1 + len(ids))  # and the one that removes nothing
            deletes_at_tellings.append(lab.observer.count("DELETE"))

    lab.observer.on_request = hook
    lab.drain(system, announce=True, concurrency=1, queue={"connections": 1})
    assert deletes_at_tellings == [1 + len(ids)]
