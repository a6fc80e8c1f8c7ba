"""Rules of the drain that few tests would miss, in a world as small as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from test_executions_rerunner.calls.calls import Calls
from test_executions_rerunner.calls.failures import CallError, Failure, Kind, explain
from test_executions_rerunner.drain.selection import Ages
from test_executions_rerunner.models import Claim, Look, Served
from toy_world import (
    DELAY_SECONDS,
    KINDS,
    QUIET_SECONDS,
    Befalls,
    Rerun,
    ToyProcessor,
    ToyQueue,
    ToyWaiting,
    World,
    drain,
)
from waits import HandMoved

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import Target
    from test_executions_rerunner.rerun_request import RerunRequest


@pytest.fixture
def world() -> World:
    """A world in which the first group has been asked for."""
    world = World()
    world.ask(world.groups[0])
    world.now += 60.0
    return world


def started(world: World, target: str = "a") -> Rerun:
    """Let somebody start a target by hand."""
    rerun = Rerun(world.now, frozenset(), started_at=world.now)
    world.reruns[target].append(rerun)
    return rerun


def kinds(world: World) -> list[str]:
    return [kind for kind, _ in world.log]


def way_out(world: World) -> list[str]:
    """Return the calls by which requests left the queue."""
    return [kind for kind in kinds(world) if kind in {"part", "delete"}]


def moment(world: World, kind: str) -> float:
    return next(at for one, at in world.log if one == kind)


def test_what_served_an_earlier_request_does_not_serve_a_newer_one_of_a_later_window(world: World) -> None:
    started(world)
    world.now += 60.0
    world.ask(world.groups[1])

    states = drain(world)

    assert states == {1: "already-rerun", 2: "triggered"}
    assert not world.broken


def test_a_request_that_says_no_time_is_another_once_its_id_was_deleted() -> None:
    world = World(tells_times=False)
    world.ask_all()
    world.befalls["window"] = [Befalls.SLOW, Befalls.SLOW, Befalls.ASKED_ANEW]

    assert drain(world)[1] == "deferred"
    assert world.groups[0].row


def test_what_ended_in_doubt_is_not_discarded_with_what_is_refused(world: World) -> None:
    world.befalls["trigger"] = [Befalls.LOST]

    assert drain(world) == {1: "unknown"}
    assert world.groups[0].row
    assert not world.broken


def test_the_second_look_comes_a_second_after_a_doubtful_trigger(world: World) -> None:
    world.befalls["trigger"] = [Befalls.ANSWER_LOST]

    assert drain(world) == {1: "triggered"}
    assert moment(world, "second look") - moment(world, "trigger") >= 1.0


def test_nothing_is_started_after_a_signal_that_came_during_the_look(world: World) -> None:
    world.befalls["starts"] = [Befalls.SIGNALLED]

    assert drain(world) == {1: "deferred"}
    assert "trigger" not in kinds(world)


def test_only_the_first_look_of_a_target_takes_what_was_read_for_the_window(world: World) -> None:
    world.befalls["trigger"] = [Befalls.NOT_SENT]

    assert drain(world) == {1: "triggered"}
    assert world.snapshots == ["a snapshot", None]


def test_a_dry_run_deletes_nothing_that_has_been_rerun(world: World) -> None:
    started(world)

    assert drain(world, dry_run=True) == {1: "already-rerun"}
    assert "delete" not in kinds(world)
    assert world.groups[0].row


def test_what_has_been_rerun_is_deleted_only_as_a_reading_shows_it(world: World) -> None:
    started(world)

    drain(world)

    assert way_out(world) == ["part", "delete"]
    assert not world.groups[0].row


def test_a_slow_connection_to_a_delete_needs_a_reading_of_its_own(world: World) -> None:
    world.befalls["delete"] = [Befalls.VERY_SLOW]

    drain(world)

    assert way_out(world) == ["delete", "part", "delete"]
    assert not world.groups[0].row


def test_a_delete_is_not_sent_on_a_reading_that_has_grown_too_old_meanwhile(world: World) -> None:
    started(world)
    world.befalls["delete"] = [Befalls.VERY_SLOW]

    drain(world)

    assert way_out(world) == ["part", "delete", "part", "delete"]


def test_a_request_that_was_read_long_before_its_trigger_is_looked_for_before_its_delete(world: World) -> None:
    world.befalls["look"] = [Befalls.ANSWER_SLOW]
    world.befalls["starts"] = [Befalls.ANSWER_SLOW]

    assert drain(world) == {1: "triggered"}
    assert way_out(world) == ["part", "delete"]


def test_a_doubtful_trigger_that_is_found_is_no_reason_to_delete_at_once(world: World) -> None:
    world.befalls["trigger"] = [Befalls.ANSWER_LOST]

    drain(world)

    assert way_out(world) == ["part", "delete"]


class Announcing(ToyProcessor):
    """A CI system that asks for a pause with the answer to each look."""

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
        refused: Collection[str] = (),
    ) -> Look:
        """Look, and ask for two seconds."""
        look = super().look(target, asked_at, snapshot, refused)
        self.calls.throttle.announce(2.0, "busy")
        return look


def test_a_trigger_waits_as_long_as_the_server_asked_for_and_then_needs_no_other_look(world: World) -> None:
    assert drain(world, processor=Announcing) == {1: "triggered"}
    assert moment(world, "trigger") - moment(world, "starts") >= 2.0
    assert kinds(world).count("look") == 1


class Claiming(ToyProcessor):
    """A CI system whose targets take the same, and whose first trigger breaks this program after it was sent."""

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
        refused: Collection[str] = (),
    ) -> Look:
        """Look; the trigger takes the group."""
        look = super().look(target, asked_at, snapshot, refused)
        return Look(look.post_arguments, before=look.before, claims=(Claim("group", "taken"),), since=look.since)

    def rerun_link(self, target: Target, look: Look) -> str | None:
        """Break."""
        del look
        raise LookupError(target.name)


def test_what_breaks_after_its_trigger_keeps_what_it_took(world: World) -> None:
    world.ask(world.groups[2])
    world.now += 60.0

    assert drain(world, processor=Claiming) == {1: "unknown", 3: "deferred"}
    assert kinds(world).count("trigger") == 1


class Running(Claiming):
    """A CI system that answers each trigger that its target is running already."""

    tried = 0

    def trigger(self, look: Look) -> Served:
        """Refuse it."""
        del look
        type(self).tried += 1
        raise LookupError

    def explain(self, error: BaseException) -> Failure:
        """Understand that refusal."""
        return Failure(Kind.RUNNING, "already running") if isinstance(error, LookupError) else super().explain(error)


def test_what_is_running_already_keeps_what_it_takes(world: World) -> None:
    world.ask(world.groups[2])
    world.now += 60.0
    Running.tried = 0

    assert drain(world, processor=Running) == {1: "deferred", 3: "deferred"}
    assert Running.tried == 1


class Doubting(ToyProcessor):
    """A CI system in which something has ended that may have been the rerun of each request."""

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
        refused: Collection[str] = (),
    ) -> Look:
        """Look, and be in doubt."""
        look = super().look(target, asked_at, snapshot, refused)
        return Look(
            look.post_arguments,
            before=look.before,
            since=look.since,
            doubtful={request: Served("it has ended") for request in asked_at},
        )


def test_after_doubt_the_queue_is_read_again_after_the_look() -> None:
    world = World()
    world.ask_all()
    world.now += 15.0
    started(world, "b")
    world.now += 10.0
    world.befalls["starts"] = [Befalls.SLOW, Befalls.REPORTS]  # the part was read for the first target, before that

    assert drain(world, processor=Doubting)[3] == "deferred"
    assert kinds(world).count("trigger") == 1


@pytest.mark.parametrize("clock", ["queue", "processor"])
def test_a_request_is_older_when_it_is_looked_at_by_what_each_clock_leaves_open(world: World, clock: str) -> None:
    waiting = ToyWaiting(world)
    queue, processor = ToyQueue(world, waiting), ToyProcessor(world, waiting)
    request = world.groups[0].row
    assert request
    world.note(queue.clock)
    world.note(processor.calls.clock)
    world.now = queue.clock.own() - 58.0  # it is two seconds old
    ages = Ages(processor, queue, dry_run=False)
    least = ages.seconds_too_young([request])
    (queue if clock == "queue" else processor.calls).clock._lower -= 3.0  # noqa: SLF001 - an answer that took longer
    # what the queue's clock leaves open moves the request itself too
    assert ages.seconds_too_young([request]) == pytest.approx(least + (6.0 if clock == "queue" else 3.0))


# calls


@pytest.fixture
def calls() -> Calls:
    """The calls to a server, on a clock that only the test moves."""
    return Calls(HandMoved(patience_seconds=45.0, retry_seconds=(0.5, 1.0, 2.0)), explain)


def test_a_call_that_cannot_wait_is_not_made_while_the_server_wants_none(calls: Calls) -> None:
    calls.throttle.announce(30.0, "busy")

    with pytest.raises(CallError) as raised:
        calls.at_once(lambda: pytest.fail("it was made"))

    assert raised.value.failure == Failure(Kind.BUSY, "the server wants no call now")


@pytest.mark.parametrize(("seconds", "made"), [(50.0, 1), (20.0, 3), (1.0, 4)], ids=["slow", "slower", "fast"])
def test_patience_with_a_server_has_an_end(calls: Calls, seconds: float, made: int) -> None:
    count = 0
    waiting = calls.waiting
    assert isinstance(waiting, HandMoved)

    def fail() -> None:
        nonlocal count
        count += 1
        waiting.now += seconds
        raise requests.exceptions.ReadTimeout

    with pytest.raises(CallError):
        calls.repeated(fail)

    assert count == made


def test_no_call_is_repeated_after_a_signal(calls: Calls) -> None:
    count = 0

    def fail() -> None:
        nonlocal count
        count += 1
        calls.waiting.interrupt()
        raise requests.exceptions.ReadTimeout

    with pytest.raises(CallError):
        calls.repeated(fail)

    assert count == 1


# whatever befalls one call of a drain


@pytest.mark.parametrize("is_started_mode", [False, True], ids=["accepted", "started"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("was_rerun", [False, True], ids=["nothing was rerun", "all was rerun by hand"])
def test_whatever_befalls_one_call_nothing_is_lost_or_started_twice(
    kind: str, *, was_rerun: bool, is_started_mode: bool
) -> None:
    for befalls in Befalls:
        world = World(is_started_mode)
        world.ask_all()
        world.now += 15.0
        if was_rerun:
            world.start_by_hand()
            world.now += 10.0

        world.befalls = {kind: [befalls]}
        drain(world)
        serve_all(world)

        assert not world.broken, befalls


def serve_all(world: World) -> None:
    """Drain with nothing in the way until nothing is queued any more."""
    for _ in range(4):
        world.now += DELAY_SECONDS + QUIET_SECONDS
        world.start()
        drain(world)
    assert not [group for group in world.groups if group.row], "it is never served"
