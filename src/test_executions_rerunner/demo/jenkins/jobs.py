"""What the loopback Jenkins keeps: jobs, their builds, and the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Permission = Literal["build", "read", "discover", "none"]
Concurrency = Literal["free", "waits", "aborts"]
"""What a new build of a job does beside a running one: both run, it waits in the queue, or it ends the other."""
Value = bool | str
UNTOLD = ("PasswordParameterDefinition", "FileParameterDefinition", "CredentialsParameterDefinition")
"""The kinds whose values are not told."""
OTHER_KEYS = {
    "RunParameterDefinition": ("jobName", "number"),
    "ListSubversionTagsParameterDefinition": ("tag",),
    "LabelParameterDefinition": ("label",),
}
"""The kinds whose values are told under other keys than ``value``, and those; a run is sent as ``jobName#number``."""
DEFAULT_PARAMETERS: tuple[Mapping[str, object], ...] = (
    {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False},
    {"name": "TESTPLAN", "type": "StringParameterDefinition", "default": "smoke"},
)


class ParameterError(ValueError):
    """A parameter's value cannot be taken: Jenkins answers 500."""


@dataclass(slots=True, eq=False)
class Build:
    """A build.

    Attributes:
        number: Its number in the job.
        queue_id: The id of the item that it was.
        started_at: When it started, in true seconds; 0: it tells ``timestamp: 0``.
        parameters: The values of all parameters of the job.
        users: Who asked for it, once for each request merged into it.
        visible_at: Since when the job's JSON shows it, in true seconds.
        result: How it ended; ``None``: it runs.
        ended_at: When it ended, in true seconds.
    """

    number: int
    queue_id: int
    started_at: float
    parameters: dict[str, Value]
    users: list[str]
    visible_at: float = 0.0
    result: str | None = None
    ended_at: float = 0.0

    def end(self, result: str, at: float) -> None:
        """Let it end; one that has ended stays as it is."""
        if self.result is None:
            self.result, self.ended_at = result, at


@dataclass(slots=True, eq=False)
class Job:
    """A job.

    Attributes:
        full_name: Names of its folders and its own, joined by ``/``; that of a branch encoded (``a%2Fb``).
        parameters: The definitions (``name``, ``type``, ``default``, ``choices``); ``None``: it has none.
        buildable: False: disabled.
        permission: What the one user may do with it.
        kind: A freestyle job waits in the queue for its device; a Pipeline waits for it as a running build.
        quiet_seconds: How long an item waits that named no delay; ``None``: as long as the server says.
        builds: In the order of their start.
        triggered: How many queue items POSTs made; identical ones are one.
        vetoed: Whether a QueueDecisionHandler refuses its items.
        last_number: The highest number that a build ever had; none is given twice.
        concurrency: What a new build does beside a running one.
    """

    full_name: str
    parameters: Sequence[Mapping[str, object]] | None = DEFAULT_PARAMETERS
    buildable: bool = True
    permission: Permission = "build"
    kind: Literal["freestyle", "pipeline"] = "freestyle"
    quiet_seconds: float | None = None
    builds: list[Build] = field(default_factory=list)
    triggered: int = 0
    vetoed: bool = False
    last_number: int = 0
    concurrency: Concurrency = "free"

    @property
    def name(self) -> str:
        """Its own name, without the folders."""
        return self.full_name.rpartition("/")[2]

    @property
    def defaults(self) -> dict[str, Value]:
        """The values of a build that nobody gave parameters."""
        return self.values_from({})

    @property
    def running(self) -> list[Build]:
        """Those of its builds that run."""
        return [build for build in self.builds if build.result is None]

    def values_from(self, sent: Mapping[str, list[str]]) -> dict[str, Value]:
        """Return the values of all parameters for what a request sent.

        Those not sent take their default; what the job does not define is dropped, visible nowhere.

        Raises:
            ParameterError: A parameter was sent twice, or a choice has no such value.
        """
        values: dict[str, Value] = {}
        for definition in self.parameters or ():
            name, kind, given = str(definition["name"]), definition["type"], sent.get(str(definition["name"]))
            if given is not None and len(given) > 1:
                raise ParameterError(name)
            choices = definition.get("choices", ())
            if kind == "ChoiceParameterDefinition" and given and isinstance(choices, Sequence):
                if given[0] not in choices:
                    raise ParameterError(name)
                values[name] = given[0]
            elif kind == "BooleanParameterDefinition":
                # "1", "yes" and " true" are false.
                values[name] = given[0].lower() == "true" if given else bool(definition.get("default", False))
            else:
                value = given[0] if given else str(default_of(definition) or "")
                values[name] = value.strip() if definition.get("trim") else value
        return values

    def identity_of(self, values: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
        """Return what makes two waiting items the same: all values but those of secrets."""
        secret = {
            definition["name"]
            for definition in self.parameters or ()
            if definition["type"] in UNTOLD and definition["type"] != "FileParameterDefinition"
        }
        return tuple((name, value) for name, value in values.items() if name not in secret)

    def add_build(self, build: Build) -> None:
        """Add a build; one with a lower number than the newest is put in its place."""
        self.builds.append(build)
        self.builds.sort(key=lambda each: each.number)
        self.last_number = max(self.last_number, build.number)

    def next_number(self) -> int:
        """Return the number of the next build."""
        return self.last_number + 1

    def is_held(self) -> bool:
        """Tell whether its items wait for a build that runs."""
        return self.concurrency == "waits" and bool(self.running)


@dataclass(slots=True, eq=False)
class Item:
    """An item that waits in the queue.

    Attributes:
        id: The N of ``/queue/item/N/``.
        job: Its job; ``None``: a Pipeline's wait for a node, which is no item of a job.
        parameters: The values of all parameters of the job.
        users: Who asked for it, once for each request merged into it.
        since: When it came, in true seconds.
        ready_at: When its wait is over, in true seconds.
    """

    id: int
    job: Job | None
    parameters: dict[str, Value]
    users: list[str]
    since: float
    ready_at: float

    def why(self, now: float) -> str:
        """Return what it waits for."""
        if now < self.ready_at < float("inf"):
            return f"In the quiet period. Expires in {self.ready_at - now:.0f} sec"
        if self.job is not None and self.job.is_held():
            return f"Build #{self.job.running[0].number} is already in progress"
        return "Waiting for next available executor"


def default_of(definition: Mapping[str, object]) -> object:
    """Return a definition's default, called where it moves; ``None`` where it has none."""
    if definition["type"] in UNTOLD:
        return None
    choices = definition.get("choices")
    if "default" not in definition and isinstance(choices, Sequence) and choices:
        return choices[0]
    default = definition.get("default", False if definition["type"] == "BooleanParameterDefinition" else "")
    return default() if callable(default) else default


class Queue:
    """The queue of one Jenkins and the numbers of its items."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.next_id = 1

    def find(self, job: Job, values: Mapping[str, Value]) -> Item | None:
        """Return the waiting item of this job with the same parameters."""
        identity = job.identity_of(values)
        for item in self.items:
            if item.job is job and job.identity_of(item.parameters) == identity:
                return item
        return None

    def add(self, job: Job | None, values: dict[str, Value], user: str, now: float, wait: float) -> Item:
        """Add an item that waits ``wait`` seconds from ``now`` on."""
        item = Item(self.next_id, job, values, [user], now, now + wait)
        self.next_id += 1
        self.items.append(item)
        return item

    def start(self, item: Item, at: float, gap_seconds: float) -> Build | None:
        """Make a build of an item; it shows among its job's builds ``gap_seconds`` later."""
        self.items.remove(item)
        if item.job is None:
            return None
        number = item.job.next_number()
        build = Build(number, item.id, at, item.parameters, item.users, visible_at=at + gap_seconds)
        if item.job.concurrency == "aborts":  # at this moment, not before: superseded
            for other in item.job.running:
                other.end("NOT_BUILT", at)
        item.job.add_build(build)
        return build

    def forget(self) -> None:
        """Lose all items, as a crash does; their ids are given again."""
        self.next_id = min((item.id for item in self.items), default=self.next_id)
        self.items.clear()
