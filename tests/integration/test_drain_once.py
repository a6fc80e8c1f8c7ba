"""One trigger per target, in the order of the queue, at most as many as allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from integration.conftest import Lab, System


def test_requests_of_one_target_are_one_trigger_and_all_are_deleted(lab: Lab, system: System) -> None:
    link = lab.add_target(system, "t1")
    ids = lab.request(link, 5)
    assert set(lab.states(system).values()) == {"triggered"}
    assert lab.server(system).count("POST") == 1
    assert lab.observer.ids() == []
    assert sorted(lab.observer.deleted) == ids


def test_jobs_that_differ_only_in_case_are_one_target(lab: Lab) -> None:
    lab.jenkins.add_job("Race")
    lab.request(f"{lab.jenkins.url}/job/Race/1/")
    lab.request(f"{lab.jenkins.url}/job/race/2/")
    assert set(lab.states("jenkins").values()) == {"triggered"}
    assert lab.jenkins.count("POST") == 1


def test_repositories_that_differ_only_in_case_are_one_target(lab: Lab) -> None:
    lab.github.add_run("canonical/ci", 7)
    lab.request("https://github.com/canonical/ci/actions/runs/7")
    lab.request("https://GitHub.com/Canonical/CI/actions/runs/7/job/1")
    assert set(lab.states("github").values()) == {"triggered"}
    assert lab.github.count("POST") == 1


def test_one_job_with_other_parameters_is_another_target(lab: Lab) -> None:
    link = lab.add_target("jenkins", "t1")
    lab.request(link, family="snap")
    lab.request(link, family="deb")
    assert set(lab.states("jenkins").values()) == {"triggered"}
    assert lab.jenkins.triggered("t1") == 2


def test_each_rerun_takes_one_look_one_trigger_and_one_delete(lab: Lab, system: System) -> None:
    ids = [number for n in range(40) for number in lab.request(lab.add_target(system, f"t{n}"))]
    assert set(lab.states(system).values()) == {"triggered"}
    server = lab.server(system)
    besides = ("/queue/api/json", "/concurrency_groups")
    looks = [r for r in server.requests if r.method == "GET" and not r.path.endswith(besides)]
    assert len(looks) == server.count("POST") == len(ids)
    assert server.count("GET", "/concurrency_groups") == (len(ids) if system == "github" else 0)
    assert lab.observer.count("DELETE") == len(ids) + 1, "and one that asks whether deleting is allowed"
    assert lab.observer.count("GET") == 1


def test_the_limit_starts_the_first_of_the_queue_and_no_more(lab: Lab, system: System) -> None:
    ids = [number for n in range(12) for number in lab.request(lab.add_target(system, f"t{n}"))]
    states = lab.states(system, limit=5)
    assert [number for number in ids if states[number] == "triggered"] == ids[:5]
    assert [number for number in ids if states[number] == "deferred"] == ids[5:]
    assert lab.server(system).count("POST") == 5


def test_a_refused_trigger_gives_its_slot_to_the_next_request(lab: Lab) -> None:
    lab.jenkins.add_job("forbidden", permission="read")
    links = [f"{lab.jenkins.url}/job/forbidden/1/", *(lab.add_target("jenkins", name) for name in ("t1", "t2", "t3"))]
    ids = [number for link in links for number in lab.request(link)]
    states = lab.states("jenkins", limit=2)
    assert [states[number] for number in ids] == ["failed", "triggered", "triggered", "deferred"]


def test_a_dry_run_plans_within_the_limit_and_sends_neither_post_nor_delete(lab: Lab, system: System) -> None:
    ids = [number for n in range(4) for number in lab.request(lab.add_target(system, f"t{n}"))]
    states = lab.states(system, limit=2, dry_run=True)
    assert [states[number] for number in ids] == ["planned", "planned", "deferred", "deferred"]
    assert lab.server(system).count("POST") == lab.observer.count("DELETE") == 0


def test_300_requests_of_others_at_the_head_do_not_starve_ours(lab: Lab, system: System) -> None:
    for n in range(300):
        lab.request(f"https://ci.example.org/job/other/{n}/")
    number = lab.request(lab.add_target(system, "t1"))[0]
    states = lab.states(system)
    assert states.pop(number) == "triggered"
    assert set(states.values()) == {"unsupported"}
    rest = [20000] if system == "github" else [20000, 20000]  # one for each family
    assert [int(r.parameters["limit"]) for r in lab.observer.requests if r.method == "GET"] == [200, *rest]


def test_requests_of_a_later_window_join_the_trigger(lab: Lab) -> None:
    link = lab.add_target("github", "t1")
    lab.request(link, 450)
    lab.states("github")
    assert lab.github.count("POST") == 1, "requests of later windows join the trigger"
    assert lab.observer.ids() == []


BAD = {
    "an unparsable link": {"ci_link": "http://[bad"},
    "no link": {"ci_link": None},
    "a link of another type": {"ci_link": ["x"]},
    "no object": 5,
    "a list": [],
    "an id over 2^31-1": {"test_execution_id": 2**31},
    "a boolean id": {"test_execution_id": True},
    "a text as id": {"test_execution_id": "7"},
    "no id": {"test_execution_id": None},
    "an unhashable family": {"family": {"a": 1}},
    "a time that is none": {"created_at": "yesterday"},
    "a number as time": {"created_at": 7},
}


@pytest.mark.parametrize("bad", [pytest.param(value, id=name) for name, value in BAD.items()])
def test_a_bad_entry_holds_nobody_up_and_is_never_triggered(lab: Lab, system: System, bad: object) -> None:
    link = lab.add_target(system, "t1")
    entry = {"test_execution_id": 999, "ci_link": lab.add_target(system, "t2"), "family": "snap"}
    lab.observer.add_raw({**entry, **bad} if isinstance(bad, dict) else bad)
    number = lab.request(link)[0]
    states = lab.states(system)
    assert states.pop(number) == "triggered"
    if system == "github" and isinstance(bad, dict) and "family" in bad:
        assert set(states.values()) == {"triggered"}, "GitHub asks for no family"
    else:
        assert set(states.values()) <= {"unsupported", "failed"}
        assert lab.triggered(system, "t2") == 0


@pytest.mark.parametrize("without", ["created_at", "family", "test_execution", "artefact", "priority"])
def test_an_entry_that_lacks_a_field_holds_nobody_up(lab: Lab, system: System, without: str) -> None:
    lacking = lab.request(lab.add_target(system, "t1"), without=(without,))[0]
    number = lab.request(lab.add_target(system, "t2"))[0]
    states = lab.states(system)
    assert states[number] == "triggered"
    assert states[lacking] == ("unsupported" if without == "family" and system == "jenkins" else "triggered")
