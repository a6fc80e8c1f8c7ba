"""How many requests stay in the queue: a number that is true, or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from test_executions_rerunner import Rerunner
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.queues.file import RequestFile

if TYPE_CHECKING:
    from pathlib import Path

    from integration.conftest import Lab, System

MORE_THAN_A_WINDOW = 230


def test_a_queue_that_was_read_to_its_end_has_a_number(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"))
    lab.request("no link", 3)
    lab.drain(system)
    assert lab.last.remaining == 3


def test_an_empty_queue_has_none_left(lab: Lab, system: System) -> None:
    lab.drain(system)
    assert lab.last.remaining == 0


def test_a_limit_that_leaves_some_unread_has_no_number(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"), priority=1)
    lab.request("no link", MORE_THAN_A_WINDOW)
    lab.drain(system, limit=1)
    assert lab.last.remaining is None, "nobody knows how many more are queued"
    lab.request(lab.add_target(system, "t2"), priority=1)
    lab.drain(system)
    assert lab.last.remaining == MORE_THAN_A_WINDOW


def test_a_limit_on_a_queue_of_one_window_has_a_number_all_the_same(lab: Lab, system: System) -> None:
    for name in ("t1", "t2", "t3"):
        lab.request(lab.add_target(system, name))
    lab.drain(system, limit=1)
    assert lab.last.remaining == 2


def test_a_drain_that_stops_before_the_end_has_no_number(lab: Lab, system: System) -> None:
    lab.request(lab.add_target(system, "t1"), priority=1)
    lab.request("no link", MORE_THAN_A_WINDOW)
    lab.server(system).inject(Fault(times=None, status=401))
    lab.drain(system)
    assert lab.last.stopped is not None
    assert lab.last.remaining is None


def test_a_file_without_ids_is_no_queue(lab: Lab, system: System, tmp_path: Path) -> None:
    file = tmp_path / "requests.json"
    file.write_text(json.dumps([{"ci_link": lab.add_target(system, "t1"), "family": "snap"}]))
    rerunner = Rerunner(lab.processor(system), test_observer=RequestFile(str(file), lab.queue()))
    rerunner.run()
    assert rerunner.remaining is None
    assert lab.triggered(system, "t1") == 1
