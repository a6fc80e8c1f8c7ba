"""What a look at Jenkins proves: a rerun of ours, none, or a build of which nobody can tell whose it is."""

from __future__ import annotations

import itertools
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner.calls.clocks import Moment
from test_executions_rerunner.calls.failures import CallError
from test_executions_rerunner.demo import Fault
from test_executions_rerunner.models import State
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from integration.conftest import Lab
    from test_executions_rerunner.demo.jenkins.jobs import Build
    from test_executions_rerunner.models import Look, Served, Verdict
    from test_executions_rerunner.processors.base import RequestProcessor

MINUTE, DAY = 60.0, 86400.0
LINKED = 1
REPORTING = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False}
TEXT = "StringParameterDefinition"
OURS: dict[str, bool | str] = {"TEST_OBSERVER_REPORTING": True}


class Looking:
    """One job, and looks at it for requests whose link names its build 1.

    Attributes:
        lab: The servers.
        ages: How old each request is, in seconds; None: it does not say.
        settings: Those of the processor.
    """

    def __init__(self, lab: Lab, *definitions: dict[str, object], **settings: Any) -> None:  # noqa: ANN401 - as the processor takes them
        self.lab, self.settings = lab, settings
        self.ages: list[float | None] = [10 * MINUTE]
        self.requests: list[RerunRequest] = []
        self.processor: RequestProcessor
        lab.jenkins.add_job("job", [REPORTING, *definitions])

    def build(self, age: float, **more: Any) -> Build:  # noqa: ANN401 - as the server takes it
        """Add a build that is so old, by default one of ours that a drain started."""
        more = {"parameters": OURS, "user": "ADMIN", **more}
        return self.lab.jenkins.add_build("job", started_at=time.time() - age if age else 0.0, **more)

    def look(self, *ages: float | None) -> Look:
        """Look at the job for requests of these ages."""
        self.ages = list(ages) or self.ages
        self.processor = self.lab.processor("jenkins", **self.settings)
        link = f"{self.lab.jenkins.url}/job/job/{LINKED}/"
        self.requests = [RerunRequest.read({"ci_link": link, "family": "snap"}, needs_id=False) for _ in self.ages]
        target = self.processor.resolved(self.processor.target(self.requests[0]))
        clock, now = self.processor.calls.clock, time.time()
        asked_at = [None if age is None else Moment(now - age, clock) for age in self.ages]
        return self.processor.look(target, dict(zip(self.requests, asked_at, strict=True)), None)

    def found(self, age: float | None = 10 * MINUTE) -> str:
        """Look for one request and say in a word what is known of it."""
        look = self.look(age)
        (request,) = self.requests
        if request in look.served:
            return "served"
        if request in look.held:
            return f"held: {look.held[request].state.value}"
        return "doubtful" if request in look.doubtful else "nothing"

    def held(self, age: float | None = 10 * MINUTE) -> Verdict:
        """Look for one request and return what holds it."""
        look = self.look(age)
        return look.held[self.requests[0]]

    def doubtful(self) -> Served:
        """Look for one request and return what may have been its rerun."""
        look = self.look()
        return look.doubtful[self.requests[0]]


def moving() -> dict[str, object]:
    """Return a definition whose default is another each time."""
    numbers = itertools.count(1)
    return {"name": "STAMP", "type": TEXT, "default": lambda: f"build-{next(numbers)}"}


# values as Jenkins keeps them


@pytest.mark.parametrize(
    ("definition", "sent", "kept", "is_ours"),
    [
        pytest.param({"type": TEXT, "trim": True}, "  x ", "x", True, id="trimmed"),
        pytest.param({"type": TEXT}, "  x ", "  x ", True, id="kept with its blanks"),
        pytest.param({"type": TEXT}, "x y", "xy", False, id="without the blank inside"),
        pytest.param({"type": "BooleanParameterDefinition"}, "yes", False, True, id="yes is false"),
        pytest.param({"type": "BooleanParameterDefinition"}, "TRUE", True, True, id="true in capitals"),
        pytest.param({"type": "BooleanParameterDefinition"}, "yes", True, False, id="yes is not true"),
        pytest.param({"type": "BooleanParameterDefinition"}, "true", False, False, id="true is not false"),
    ],
)
def test_a_rerun_is_known_by_its_values_as_jenkins_keeps_them(
    lab: Lab, definition: dict[str, object], sent: str, *, kept: bool | str, is_ours: bool
) -> None:
    looking = Looking(lab, {"name": "V", **definition}, build_parameters=[f"V={sent}"])
    looking.build(MINUTE, parameters={**OURS, "V": kept})
    assert (looking.found() == "served") is is_ours


@pytest.mark.parametrize("is_started", [False, True], ids=["waits", "started"])
def test_a_drain_that_could_not_delete_does_not_start_a_trimmed_value_again(lab: Lab, *, is_started: bool) -> None:
    looking = Looking(lab, {"name": "V", "type": TEXT, "trim": True}, build_parameters=["V=  x "])
    assert looking.found() == "nothing"
    looking.processor.trigger(looking.look())
    if is_started:
        lab.jenkins.start_items()
    assert looking.found() == "served"
    assert looking.look().served[looking.requests[0]].has_started is is_started


def test_a_rerun_that_waits_says_since_when_and_what_for(lab: Lab) -> None:
    looking = Looking(lab)
    lab.jenkins.add_item("job", OURS).since = 1795352766
    look = looking.look()
    reason = "an identical item waits in the queue since 2026-11-22 13:06 UTC (Waiting for next available executor)"
    assert look.served[looking.requests[0]].reason == reason


@pytest.mark.parametrize("why", ["::error::x\n##[command]", None, "x" * 5000], ids=["hostile", "none", "endless"])
def test_what_an_item_waits_for_is_told_harmlessly(lab: Lab, monkeypatch: pytest.MonkeyPatch, why: str | None) -> None:
    looking = Looking(lab)
    lab.jenkins.add_item("job", OURS)
    monkeypatch.setattr("test_executions_rerunner.demo.jenkins.jobs.Item.why", lambda *_: why)
    reason = looking.look().served[looking.requests[0]].reason
    assert reason.isprintable()
    assert "##[" not in reason
    assert len(reason) < 250


# what a link names


def test_the_build_that_a_link_names_is_never_its_own_rerun(lab: Lab) -> None:
    """A database that does not run in UTC, a clock that is behind: the link's build seems to be younger."""
    looking = Looking(lab)
    looking.build(MINUTE, number=LINKED)
    assert looking.found() == "nothing"
    looking.build(MINUTE / 2, number=LINKED + 1)
    assert looking.found() == "served"


# defaults that move, and who started a build


@pytest.mark.parametrize(
    ("user", "result", "found"),
    [
        pytest.param("admin", "SUCCESS", "doubtful", id="ours, ended"),
        pytest.param("ADMIN", None, "held: deferred", id="ours in another case, runs"),
        pytest.param("someone", "SUCCESS", "nothing", id="another's"),
        pytest.param("administrator", "SUCCESS", "nothing", id="a name that begins alike"),
    ],
)
def test_a_build_of_our_user_with_another_default_may_be_ours(
    lab: Lab, user: str, result: str | None, found: str
) -> None:
    looking = Looking(lab, moving())
    looking.build(MINUTE, user=user, result=result)
    assert looking.found() == found


def test_a_build_with_another_value_of_ours_is_never_ours(lab: Lab) -> None:
    looking = Looking(lab, moving())
    looking.build(MINUTE, parameters={"TEST_OBSERVER_REPORTING": False})
    assert looking.found() == "nothing"


def test_a_build_of_our_user_that_surely_started_before_is_none(lab: Lab) -> None:
    looking = Looking(lab, moving())
    looking.build(20 * MINUTE)
    assert looking.found() == "nothing"


def test_a_proven_rerun_counts_whatever_else_is_in_doubt(lab: Lab) -> None:
    looking = Looking(lab, {"name": "STAMP", "type": TEXT, "default": "today"})
    looking.build(2 * MINUTE)
    looking.build(MINUTE, parameters={**OURS, "STAMP": "yesterday"}, result=None)
    assert looking.found() == "served"


@pytest.mark.parametrize(("result", "found"), [("SUCCESS", "doubtful"), (None, "held: deferred")])
def test_a_build_of_ours_in_the_very_seconds_of_the_request_is_doubt(lab: Lab, result: str | None, found: str) -> None:
    looking = Looking(lab)
    looking.build(10 * MINUTE, result=result, user="someone")
    assert looking.found() == found


@pytest.mark.parametrize(
    ("age", "state"),
    [(23.9 * 3600, State.DEFERRED), (24.1 * 3600, State.FAILED), (None, State.DEFERRED)],
    ids=["nearly a day", "a day", "unknown"],
)
def test_an_item_in_doubt_holds_requests_for_a_day_and_then_a_person_must_look(
    lab: Lab, age: float | None, state: State
) -> None:
    looking = Looking(lab, moving())
    item = lab.jenkins.add_item("job", OURS, user="admin")
    held = looking.held(age)
    assert held.state is state
    assert held.link == f"{lab.jenkins.url}/queue/item/{item.id}/"
    assert f"item {item.id}, which waits in the queue since 20" in held.reason
    assert "its STAMP differs from today's default" in held.reason
    assert ("a person must look" in held.reason) is (state is State.FAILED)


def test_an_item_in_doubt_does_not_hold_requests_that_are_younger(lab: Lab) -> None:
    looking = Looking(lab, moving())
    lab.jenkins.add_item("job", OURS, user="admin").since -= 5 * MINUTE
    look = looking.look(10 * MINUTE, MINUTE)
    assert [request in look.held for request in looking.requests] == [True, False]


def test_people_are_warned_once_of_each_thing_in_doubt(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    looking = Looking(lab, moving())
    looking.build(MINUTE, result=None)
    with caplog.at_level(logging.WARNING):
        look = looking.look()
        processor, request = looking.processor, looking.requests[0]
        asked = Moment(time.time() - 10 * MINUTE, processor.calls.clock)
        again = processor.look(processor.target(request), {request: asked}, None)
    assert look.held
    assert again.held
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "build 2" in warning
    assert "a Jenkins user for the drain alone avoids most of this" in warning


def test_what_has_ended_in_doubt_is_named_with_its_reason(lab: Lab) -> None:
    looking = Looking(lab, moving())
    looking.build(MINUTE)
    doubtful = looking.doubtful()
    assert doubtful.link == f"{lab.jenkins.url}/job/job/2/"
    assert (
        "build 2 since the request may have been its rerun: its STAMP differs from today's default" in doubtful.reason
    )


# builds that do not count


def superseded(looking: Looking, *, ended_after: float, started: float = 5 * MINUTE) -> None:
    """Add a build of ours that was not built, and one of others a minute later."""
    build = looking.build(started, result="NOT_BUILT")
    build.ended_at = build.started_at + ended_after
    looking.build(started - MINUTE, parameters={}, user="someone").started_at = build.started_at + MINUTE


@pytest.mark.parametrize(
    ("ended_after", "found", "misses"),
    [
        pytest.param(MINUTE, "nothing", 1, id="when the newer one had started"),
        pytest.param(2 * MINUTE, "nothing", 1, id="a while after the newer one had started"),
        pytest.param(MINUTE / 2, "served", 0, id="before there was a newer one"),
    ],
)
def test_a_build_that_a_newer_one_superseded_is_no_rerun(lab: Lab, ended_after: float, found: str, misses: int) -> None:
    looking = Looking(lab)
    superseded(looking, ended_after=ended_after)
    assert looking.found() == found
    look = looking.look()
    assert sum(look.misses.values()) == misses


def test_a_build_is_superseded_in_the_very_millisecond_in_which_a_newer_one_starts(lab: Lab) -> None:
    looking = Looking(lab)
    ago = round(time.time() * 1000) - 300_000
    times = ((began, lasted) for began in range(ago, ago + 100) for lasted in range(60_000, 60_100))
    # Of seconds, which are no whole numbers, the sum is too small for one in eight.
    began, lasted = next((b, last) for b, last in times if b / 1000 + last / 1000 < (b + last) / 1000)
    build = looking.build(5 * MINUTE, result="NOT_BUILT")
    build.started_at, build.ended_at = began / 1000, (began + lasted) / 1000
    looking.build(4 * MINUTE, parameters={}, user="someone").started_at = build.ended_at
    assert looking.found() == "nothing"


@pytest.mark.parametrize("result", ["ABORTED", "FAILURE", "UNSTABLE", "SUCCESS"])
def test_a_build_that_ended_otherwise_is_a_rerun(lab: Lab, result: str) -> None:
    looking = Looking(lab)
    looking.build(5 * MINUTE, result=result).ended_at = time.time()
    looking.build(MINUTE, parameters={}, user="someone")
    assert looking.found() == "served"


def test_reruns_that_did_not_count_are_counted_since_each_request(lab: Lab) -> None:
    looking = Looking(lab)
    superseded(looking, ended_after=2 * MINUTE, started=20 * MINUTE)
    superseded(looking, ended_after=2 * MINUTE, started=5 * MINUTE)
    look = looking.look(30 * MINUTE, 10 * MINUTE, MINUTE)
    assert [look.misses.get(request, 0) for request in looking.requests] == [2, 1, 0]


# impossible starts


@pytest.mark.parametrize(
    ("age", "words"),
    [(0.0, "says no start"), (3 * DAY, "says that it started at 20"), (-3 * DAY, "says that it started at 20")],
    ids=["none", "days before", "days ahead"],
)
def test_a_build_of_ours_with_an_impossible_start_is_left_to_a_person(lab: Lab, age: float, words: str) -> None:
    looking = Looking(lab)
    looking.build(DAY, parameters={}, user="someone")
    looking.build(age)
    held = looking.held()
    assert held.state is State.FAILED
    assert words in held.reason
    assert held.link == f"{lab.jenkins.url}/job/job/3/"


def test_the_only_build_that_says_no_start_is_left_to_a_person_too(lab: Lab) -> None:
    looking = Looking(lab)
    looking.build(0.0)
    assert looking.found() == "held: failed"


def test_an_impossible_start_of_others_is_no_doubt_and_ends_no_search(lab: Lab) -> None:
    looking = Looking(lab)
    looking.build(2 * MINUTE)
    looking.build(0.0, parameters={}, user="someone")
    assert looking.found() == "served"


def test_a_build_of_others_in_the_future_makes_no_newer_one_impossible(lab: Lab) -> None:
    looking = Looking(lab)
    looking.build(-9 * DAY, parameters={}, user="someone")
    looking.build(2 * MINUTE)
    assert looking.found() == "served"


def test_a_newer_build_that_surely_started_before_the_request_settles_an_impossible_start(lab: Lab) -> None:
    looking = Looking(lab)
    looking.build(0.0)
    looking.build(20 * MINUTE, parameters={}, user="someone")
    assert looking.found() == "nothing"


def test_a_start_some_hours_before_an_older_build_is_possible(lab: Lab) -> None:
    """As on the night in which the clocks are put back, or after a correction of a clock."""
    looking = Looking(lab)
    looking.build(3 * 3600, parameters={}, user="someone")
    looking.build(4 * 3600)
    assert looking.found() == "nothing"


# reading on


def test_older_builds_are_read_in_ranges_until_one_is_surely_older(lab: Lab) -> None:
    looking = Looking(lab)
    looking.build(20 * MINUTE, parameters={}, user="someone")
    looking.build(9 * MINUTE)
    for n in range(400):
        looking.build(8 * MINUTE - n, parameters={}, user="someone")
    assert looking.found() == "served"
    trees = [request.query for request in lab.jenkins.requests if "allBuilds" in request.query]
    assert [tree.rpartition("%7B")[2].removesuffix("%7D").replace("%2C", ",") for tree in trees] == [
        "49,200",
        "199,800",
    ]


def test_builds_that_are_deleted_meanwhile_hide_none(lab: Lab) -> None:
    looking = Looking(lab)
    looking.build(20 * MINUTE, parameters={}, user="someone")
    looking.build(9 * MINUTE)
    numbers = [looking.build(8 * MINUTE, parameters={}, user="someone").number for _ in range(50)]

    def delete(request: Any) -> None:  # noqa: ANN401 - as the server gives it
        if "allBuilds" in request.query and numbers:
            for number in numbers[-5:]:
                lab.jenkins.discard_build("job", number)
            numbers.clear()

    lab.jenkins.on_request = delete
    assert looking.found() == "served"


@pytest.mark.parametrize("name", ["other", "folder/job", ""])
def test_older_builds_of_another_job_are_no_answer(lab: Lab, name: str) -> None:
    looking = Looking(lab)
    for _ in range(60):
        looking.build(8 * MINUTE, parameters={}, user="someone")
    parameters = [{"name": "TEST_OBSERVER_REPORTING", "value": True}]
    build = {"number": 2, "timestamp": (time.time() - 60) * 1000, "actions": [{"parameters": parameters}]}
    told = json.dumps({"fullName": name, "allBuilds": [build]})
    fault = lab.jenkins.inject(Fault(path="allBuilds", times=None, action="garbage", body=told))
    with pytest.raises(CallError, match="about another job"):
        looking.found()
    fault.times = 0
    assert looking.found() == "nothing"


def test_more_builds_than_are_read_leave_a_request_to_a_person(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 of them, here 100."""
    monkeypatch.setattr("test_executions_rerunner.processors.jenkins.looks.history.MOST_BUILDS", 100)
    looking = Looking(lab)
    for _ in range(150):
        looking.build(5 * MINUTE, parameters={}, user="someone")
    assert looking.found() == "held: failed"
    assert looking.found(MINUTE) == "nothing", "all of them surely started before"


# others' jobs, and another's item


@pytest.mark.parametrize("name", ["folder/job", "folder/sub/job"])
def test_an_item_of_another_folders_job_of_the_same_last_name_serves_nothing(lab: Lab, name: str) -> None:
    looking = Looking(lab)
    lab.jenkins.add_job(name, [REPORTING])
    lab.jenkins.add_item(name, OURS)
    assert looking.found() == "nothing"
    lab.jenkins.add_item("job", OURS)
    assert looking.found() == "served"


# a day


def test_builds_of_ours_count_for_a_day_also_where_a_default_has_moved(lab: Lab) -> None:
    looking = Looking(lab, moving(), max_per_day=2)
    for age in (5 * 3600, 3600):
        looking.build(age)
    looking.build(1800, parameters={"TEST_OBSERVER_REPORTING": False})
    looking.build(1200, user="someone")
    verdict = looking.look().verdict
    assert verdict is not None
    assert verdict.state is State.DEFERRED
    assert "started 2 times in the last 24 hours" in verdict.reason


def test_builds_of_others_with_other_defaults_do_not_count_for_a_day(lab: Lab) -> None:
    looking = Looking(lab, moving(), max_per_day=1)
    looking.build(3600, user="someone")
    assert looking.look().verdict is None


# a doubtful trigger


@pytest.mark.parametrize("is_started", [False, True], ids=["item", "build"])
@pytest.mark.parametrize(
    ("user", "value", "is_ours"),
    [
        pytest.param("admin", "before", True, id="the default of before"),
        pytest.param("ADMIN", "after", True, id="the default of after"),
        pytest.param("admin", "another", False, id="no default"),
        pytest.param("someone", "before", False, id="another user"),
    ],
)
def test_after_a_doubtful_trigger_a_new_one_by_our_user_is_ours_with_either_default(
    lab: Lab, user: str, value: str, *, is_started: bool, is_ours: bool
) -> None:
    stamp: dict[str, object] = {"name": "STAMP", "type": TEXT, "default": "before"}
    looking = Looking(lab, stamp)
    look = looking.look()
    lab.jenkins.job("job").parameters = [REPORTING, {**stamp, "default": "after"}]
    (lab.jenkins.add_build if is_started else lab.jenkins.add_item)(
        "job", parameters={**OURS, "STAMP": value}, user=user
    )
    changed = looking.processor.changed(looking.processor.target(looking.requests[0]), look)
    assert (changed is not None) is is_ours
    assert changed is None or changed.has_started is is_started
