"""A queue and a CI system as small as can be, for drains in one thread on a clock that only the test moves.

Every call of a drain arrives here; a test decides what befalls which of them. `World.broken` notes what must never be:
a request is deleted for which nothing was started, or a second rerun is started for one.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn
from unittest.mock import patch

import requests

from test_executions_rerunner import Rerunner
from test_executions_rerunner.calls.clocks import ServerClock
from test_executions_rerunner.calls.sending import NotInTimeError, Sending
from test_executions_rerunner.errors import RequestProcessingError, TestObserverError
from test_executions_rerunner.models import Look, Reading, Served, State, Target
from test_executions_rerunner.processors.base import RequestProcessor
from test_executions_rerunner.queues.base import RequestQueue
from test_executions_rerunner.rerun_request import RerunRequest
from waits import HandMoved

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import PostArguments

DELAY_SECONDS = 20.0
QUIET_SECONDS = 8.0
"""Nobody asks again sooner after a start-test: no rule of ours could tell (docs/promises.md)."""
KINDS = ("window", "permission", "look", "starts", "trigger", "second look", "part", "delete")
"""The calls of a drain."""
_EPOCH = 1_800_000_000.0


class Befalls(Enum):
    """What befalls a call."""

    LOST = "it is lost"
    ANSWER_LOST = "its answer is lost"
    NOT_SENT = "there is no connection"
    SLOW = "it takes 3 seconds to arrive"
    ANSWER_SLOW = "its answer takes 3 seconds"
    VERY_SLOW = "its connection takes 12 seconds"
    MUCH_HAPPENS = "its connection takes so long that all has started, reported and been asked for again"
    MUCH_HAPPENED = "its answer takes so long"
    STARTS = "what waits starts before it arrives"
    REPORTS = "what runs reports before it arrives"
    ASKED_ANEW = "everything that may be asked for is asked for before it arrives"
    SIGNALLED = "a signal has come before it arrives"
    KILLED = "the drain is killed before it"
    KILLED_AFTER = "the drain is killed after it has arrived"


class KilledError(Exception):
    """The process of the drain is gone: nothing that it does arrives any more."""


@dataclass(eq=False)
class Rerun:
    """A rerun of a target."""

    due_at: float
    asked_for: frozenset[int]
    """The numbers of the requests for which the trigger was sent that added it."""
    started_at: float | None = None
    has_reported: bool = False
    is_forgotten: bool = False
    """Jenkins crashed while it waited."""

    @property
    def waits(self) -> bool:
        """Whether it waits in the queue of the CI system."""
        return self.started_at is None and not self.is_forgotten


@dataclass
class Group:
    """A group of Test Observer: at most one request of it is queued."""

    number: int
    target: str
    row: RerunRequest | None = None
    asked: int = 0
    left_at: float = float("-inf")


@dataclass
class World:
    """The queue, the targets, and the calls of a drain."""

    is_started_mode: bool = False
    tells_times: bool = True
    """Whether requests say when they were made."""
    now: float = 1000.0
    groups: list[Group] = field(default_factory=lambda: [Group(1, "a"), Group(2, "a"), Group(3, "b")])
    reruns: dict[str, list[Rerun]] = field(default_factory=lambda: {"a": [], "b": []})
    befalls: dict[str, list[Befalls]] = field(default_factory=dict)
    """What befalls the calls of a kind, one after another."""
    log: list[tuple[str, float]] = field(default_factory=list)
    """The calls of the newest drain: of which kind, and when each was sent."""
    is_killed: bool = False
    is_dry_run: bool = False
    is_signalled: bool = False
    on_signal: Callable[[], None] = lambda: None
    made: dict[RerunRequest, int] = field(default_factory=dict)
    made_at: dict[RerunRequest, float] = field(default_factory=dict)
    snapshots: list[object] = field(default_factory=list)
    """What the looks of the newest drain were given."""
    broken: list[str] = field(default_factory=list)
    """Promises that were not kept."""

    def call(self, kind: str, effect: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call returns
        """Let a call arrive, as the plan says.

        Raises:
            KilledError: The drain does not live any more.
            requests.exceptions.ConnectionError: The call or its answer was lost.
        """
        planned = self.befalls.get(kind)
        befalls = planned.pop(0) if planned else None
        self.log.append((kind, self.now))
        self.now += 0.01
        if self.is_killed or befalls is Befalls.KILLED:
            self.is_killed = True
            raise KilledError
        if befalls is Befalls.NOT_SENT:
            raise requests.exceptions.ConnectTimeout("no connection")
        self._happens(befalls, {Befalls.VERY_SLOW: self.passing(12.0), Befalls.MUCH_HAPPENS: self.much_happens})
        Sending.begin()
        before = {Befalls.STARTS: self.start, Befalls.REPORTS: self.report, Befalls.ASKED_ANEW: self.ask_all}
        self._happens(befalls, {**before, Befalls.SLOW: self.passing(3.0), Befalls.SIGNALLED: self.on_signal})
        returned = None if befalls is Befalls.LOST else effect()
        if befalls is Befalls.KILLED_AFTER:
            self.is_killed = True
            raise KilledError
        if befalls in {Befalls.LOST, Befalls.ANSWER_LOST}:
            raise requests.exceptions.ConnectionError("reset")
        self._happens(befalls, {Befalls.ANSWER_SLOW: self.passing(3.0), Befalls.MUCH_HAPPENED: self.much_happens})
        return returned

    @staticmethod
    def _happens(befalls: Befalls | None, what: Mapping[Befalls, Callable[[], None]]) -> None:
        if befalls is not None and befalls in what:
            what[befalls]()

    def passing(self, seconds: float) -> Callable[[], None]:
        """Return what lets time pass."""

        def passing() -> None:
            self.now += seconds

        return passing

    # what happens outside of drains

    def ask(self, group: Group) -> None:
        """Have a group asked for, where it is not yet and nobody has just reported."""
        if group.row is None and self.now - group.left_at >= QUIET_SECONDS:
            group.asked += 1
            filters = {"environment": f"machine {group.number % 2}"}
            created_at = _EPOCH + self.now if self.tells_times else None
            row = RerunRequest(group.number, group.target, "snap", created_at, None, (group.number,), filters)
            self.made[row], self.made_at[row] = len(self.made), self.now
            group.row = row

    def ask_all(self) -> None:
        """Have all groups asked for."""
        for group in self.groups:
            self.ask(group)

    def start(self) -> None:
        """Let what has waited for its delay start."""
        for reruns in self.reruns.values():
            for rerun in reruns:
                if rerun.waits and rerun.due_at <= self.now:
                    rerun.started_at = self.now

    def start_by_hand(self) -> None:
        """Let somebody start each target."""
        for reruns in self.reruns.values():
            reruns.append(Rerun(self.now, frozenset(), started_at=self.now))

    def report(self) -> None:
        """Let what runs report: its groups' requests leave the queue, whenever they were made."""
        for target, reruns in self.reruns.items():
            for rerun in reruns:
                if rerun.started_at is not None and not rerun.has_reported:
                    rerun.has_reported = True
                    for group in self.groups:
                        if group.target == target and group.row:
                            group.row, group.left_at = None, self.now

    def much_happens(self) -> None:
        """Let what waits start and report, and all be asked for again as soon as that can be."""
        self.now += DELAY_SECONDS
        self.start()
        self.report()
        self.now += QUIET_SECONDS
        self.ask_all()

    def forget(self) -> None:
        """Let the CI system crash: what waits is gone."""
        for reruns in self.reruns.values():
            for rerun in reruns:
                rerun.is_forgotten = rerun.is_forgotten or rerun.waits

    # what calls do

    def trigger(self, target: str, wanted: Iterable[RerunRequest]) -> None:
        """Add a rerun, unless one waits: both are one then."""
        numbers = frozenset(self.made[request] for request in wanted)
        if any(rerun.waits for rerun in self.reruns[target]):
            return
        live = [rerun for rerun in self.reruns[target] if not rerun.is_forgotten]
        twice = {number for rerun in live for number in rerun.asked_for} & numbers
        if numbers and twice == numbers:
            self.broken.append(f"{target} is started again for requests that were served")
        self.reruns[target].append(Rerun(self.now + DELAY_SECONDS, numbers))

    def delete(self, number: int) -> None:
        """Take whatever is queued for a group out of the queue."""
        group = self.groups[number - 1]
        if self.is_dry_run:
            self.broken.append("a dry run deletes")
        if group.row:
            if not self.is_served(group.row):
                self.broken.append(f"a request of group {number} is lost")
            group.row = None

    def is_served(self, request: RerunRequest) -> bool:
        """Tell whether a request may leave the queue."""
        made_at = self.made_at[request]
        return any(
            (rerun.waits and not self.is_started_mode) or (rerun.started_at is not None and rerun.started_at > made_at)
            for rerun in self.reruns[str(request.ci_link)]
        )

    def note(self, clock: ServerClock) -> None:
        """Let a server tell its time."""
        clock.note(formatdate(int(_EPOCH + self.now), usegmt=True), self.now, self.now)


class ToyWaiting(HandMoved):
    """Waits that move the clock of a world; the seconds are the program's."""

    def __init__(self, world: World) -> None:
        super().__init__(youngest_seconds=4.0, second_look_seconds=1.0, retry_seconds=(0.5, 1.0, 2.0))
        self._world = world
        self.clock = lambda: world.now

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self._world.now += max(0.01, seconds)


class ToyQueue(RequestQueue):
    """The queue of a world."""

    def __init__(self, world: World, waiting: ToyWaiting) -> None:
        self._world, self.waiting = world, waiting
        self.family, self.secrets, self.source = None, (), "a toy"
        self.clock = ServerClock(waiting.clock, "Test Observer")

    def get(self) -> list[dict[str, Any]]:
        """Not used."""
        raise NotImplementedError

    def window(self, limit: int, family: str | None = None) -> Reading:
        """Read the queue."""
        return self._read("window", limit, lambda row: family in {None, row.family})

    def part(self, request: RerunRequest, limit: int) -> Reading:
        """Read a part of it."""
        return self._read("part", limit, lambda row: row.part == request.part)

    def ask_whether_delete_is_allowed(self) -> None:
        """It is."""
        self._call("permission", lambda: None)

    def remove(self, request: RerunRequest, *, send_by: float) -> bool:
        """Delete what is queued for a group."""
        with Sending.by(self.waiting.clock, send_by):
            try:
                self._call("delete", lambda: self._world.delete(request.test_execution_id or 0))
            except NotInTimeError:
                return False
        return True

    def delete(self, test_execution_ids: Iterable[int]) -> None:
        """Not used."""
        raise NotImplementedError

    def add_link(self, request: RerunRequest, url: str) -> None:
        """Not used."""
        raise NotImplementedError

    def add_event(self, request: RerunRequest, detail: str) -> None:
        """Not used."""
        raise NotImplementedError

    def _read(self, kind: str, limit: int, is_wanted: Callable[[RerunRequest], bool]) -> Reading:
        def read() -> list[RerunRequest]:
            rows = [group.row for group in self._world.groups if group.row and is_wanted(group.row)]
            return rows[:limit]

        with Sending(self.waiting.clock) as sending:
            rows = self._call(kind, read)
        return Reading(rows, sending.sent_at, is_whole=len(rows) < limit)

    def _call(self, kind: str, effect: Callable[[], Any]) -> Any:  # noqa: ANN401 - as World.call
        try:
            returned = self._world.call(kind, effect)
        except requests.exceptions.RequestException as error:
            raise TestObserverError(str(error), "try again", may_pass=True) from error
        self._world.note(self.clock)
        return returned


class ToyProcessor(RequestProcessor):
    """The CI system of a world: like Jenkins, identical triggers are one while they wait."""

    name = title = "toy"
    address = address_setting = credential_setting = "toy"

    def __init__(self, world: World, waiting: ToyWaiting) -> None:
        super().__init__(secrets=(), waiting=waiting)
        self._world = world

    @classmethod
    def with_defaults(cls) -> RequestProcessor:
        """Not used."""
        raise NotImplementedError

    def target(self, request: RerunRequest) -> Target:
        """Return the target that a link is the name of."""
        if request.ci_link not in self._world.reruns:
            raise RequestProcessingError("no target of this world")
        return Target(request.ci_link, str(request.ci_link), {"url": str(request.ci_link)})

    def snapshot(self) -> object:
        """Return something."""
        return "a snapshot"

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
        refused: Collection[str] = (),
    ) -> Look:
        """Read the queue, then the reruns that have started."""
        del refused
        self._world.snapshots.append(snapshot)
        since = self.waiting.clock()
        waits = self._get("look", lambda: [rerun for rerun in self._reruns(target) if rerun.waits])
        started = self._get("starts", lambda: [rerun.started_at for rerun in self._reruns(target) if rerun.started_at])
        served: dict[RerunRequest, Served] = {}
        for request, asked in asked_at.items():
            if waits:
                served[request] = Served("it waits", has_started=False)
            elif asked and any(self.calls.later(_EPOCH + at, asked) for at in started):
                served[request] = Served("it has started")
        before = (len(waits) + len(started), [request for request in asked_at if request not in served])
        return Look(target.post_arguments, served, before=before, since=since)

    def changed(self, target: Target, look: Look) -> Served | None:
        """Look whether there is one more."""
        count = self._get(
            "second look", lambda: sum(rerun.waits or bool(rerun.started_at) for rerun in self._reruns(target))
        )
        return Served("there is one more") if count > look.before[0] else None

    def submit(self, post_arguments: PostArguments) -> Served:
        """Not used: `trigger` knows for whom."""
        raise NotImplementedError

    def trigger(self, look: Look) -> Served:
        """Start a rerun."""
        url = look.post_arguments["url"]
        if self._world.is_dry_run or self._world.is_signalled:
            self._world.broken.append(f"{url} is started by a dry run, or after a signal")
        self._world.call("trigger", lambda: self._world.trigger(url, look.before[1]))
        self._world.note(self.calls.clock)
        return Served("accepted")

    def _reruns(self, target: Target) -> list[Rerun]:
        return self._world.reruns[target.name]

    def _get(self, kind: str, read: Callable[[], Any]) -> Any:  # noqa: ANN401 - as World.call
        def call() -> Any:  # noqa: ANN401 - likewise
            returned = self._world.call(kind, read)
            self._world.note(self.calls.clock)
            return returned

        return self.calls.repeated(call)


class NoThread(threading.Thread):
    """A thread that cannot be had: whoever wants one does the work itself, so that each drain repeats exactly."""

    def start(self) -> NoReturn:
        """Raise what Python raises where the system gives no more threads."""
        raise RuntimeError("can't start new thread")


def drain(
    world: World,
    *,
    dry_run: bool = False,
    processor: type[ToyProcessor] = ToyProcessor,
) -> dict[int | None, str]:
    """Drain a world once, in windows of one row, two, and all; return the states by group."""
    world.log, world.snapshots, world.is_killed = [], [], False
    world.is_dry_run, world.is_signalled = dry_run, False
    waiting = ToyWaiting(world)
    rerunner = Rerunner(
        processor(world, waiting),
        test_observer=ToyQueue(world, waiting),
        acknowledge="started" if world.is_started_mode else "accepted",
        discard_refused=True,
        dry_run=dry_run,
    )

    def stop() -> None:
        world.is_signalled = True
        rerunner._ledger.stop(State.DEFERRED, "a signal")  # noqa: SLF001 - as `Rerunner.end` begins
        waiting.interrupt()

    world.on_signal = stop
    with (
        patch.multiple("test_executions_rerunner.drain.windows", LEAST_STEP=1, _REST=2, _MORE=2),
        patch("threading.Thread", NoThread),
        contextlib.suppress(KilledError, TestObserverError),
    ):
        rerunner.run()
    return {outcome.request.test_execution_id: outcome.state.value for outcome in rerunner.outcomes}
