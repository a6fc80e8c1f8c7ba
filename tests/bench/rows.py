"""What is measured, each as the rows of a table: our own program beside something that is measured in the same run."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.measure import Run, Servers, before, plain, product, program, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

TURNS = "-+-+-"
"""A minus: what is compared with, which is slow; a plus: two drains. The first minus warms up."""
SMALL_ROUNDS = 15
SHORT_ROUNDS = 7
OTHERS, SERVED = 10_000, 20
MOST_MEGABYTES = 75
ROW_SECONDS = 0.007
"""What Test Observer takes for each row of its queue."""


class Row(NamedTuple):
    """One line of the table."""

    measured: str
    ours: str
    other: str
    ratio: str
    goal: str
    is_met: bool | None
    """None: it could not be measured here."""


def at_most(name: str, ours: float, other: float, *, goal: float, compared: str) -> Row:
    """Return the row of a measurement of seconds that is to be at most so many times another."""
    ratio = ours / other
    text = f"{compared}: {other:.2f} s"
    return Row(name, f"{ours:.2f} s", text, f"{ratio:.2f}", f"at most {goal:g}", ratio <= goal)


def reruns(
    name: str, servers: Servers, *, system: str, targets: int, post_seconds: float, goal: float
) -> Iterator[Row]:
    """Measure a drain of requests that each ask for another target."""
    ours, other = map(_seconds, _by_turns(servers, plain, system=system, targets=targets, post_seconds=post_seconds))
    ratio = other / ours
    yield Row(name, f"{ours:.2f} s", f"one by one: {other:.2f} s", f"{ratio:.1f}", f"at least {goal:g}", ratio >= goal)


def cost(name: str, servers: Servers, *, system: str, targets: int, time_goal: float, tls: bool) -> Iterator[Row]:
    """Measure what a drain costs where no server makes it wait: time of a processor, and time."""
    ours, other = _by_turns(servers, plain, system=system, targets=targets, tls=tls)
    yield at_most(f"{name}, processor", _cpu(ours), _cpu(other), goal=1.35, compared="one by one")
    yield at_most(f"{name}, time", _seconds(ours), _seconds(other), goal=time_goal, compared="one by one")


def tls_cost(name: str, servers: Servers, *, system: str, targets: int) -> Iterator[Row]:
    """Measure what TLS to all servers costs a drain."""
    runs: dict[bool, list[Run]] = {True: [], False: []}
    for _ in range(SHORT_ROUNDS):
        for tls, of_one in runs.items():
            of_one.append(product(system, servers.start(system=system, targets=targets, tls=tls)))
            _expect(servers.arrived(), posts=targets, left=0)
    yield at_most(f"{name}, processor", _cpu(runs[True]), _cpu(runs[False]), goal=1.25, compared="without TLS")


def against_before(name: str, servers: Servers, *, system: str, targets: int, goal: float) -> Iterator[Row]:
    """Measure a drain beside the same of an older version, the start-up of both apart."""
    with before() as older:
        if older is None:
            yield Row(name, "-", "the older version is not here", "-", f"at most {goal:g}", None)
            return
        clients: tuple[Callable[..., Run], ...] = (product, partial(product, sources=older))
        spent: list[list[float]] = [[], []]
        for _ in range(SHORT_ROUNDS):
            for client, of_one in zip(clients, spent, strict=True):
                empty = client(system, servers.start(system=system))
                full = client(system, servers.start(system=system, targets=targets))
                _expect(servers.arrived(), posts=targets, left=0)
                of_one.append(full.cpu_seconds - empty.cpu_seconds)
    ours, other = map(statistics.median, spent)
    yield at_most(name, ours, other, goal=goal, compared="before")


def one_run(name: str, servers: Servers) -> Iterator[Row]:
    """Measure a drain of requests that all ask for one run: `_by_turns` holds it to one POST."""
    ours, other = map(_seconds, _by_turns(servers, plain, system="github", targets=1, requests=1000))
    compared = f"1,000 POSTs one by one: {other:.2f} s"
    yield Row(name, f"{ours:.2f} s", compared, f"{other / ours:.1f}", "one POST", is_met=True)


def empty_queue(name: str, servers: Servers, *, system: str) -> Iterator[Row]:
    """Measure a drain of nothing, and the import of the client that it is for."""
    addresses = servers.start(system=system)
    yield _small(name, partial(product, system, addresses), f"import {system}", goal=1.15)


def help_text(name: str, _: Servers) -> Iterator[Row]:
    """Measure ``--help``, and the import of requests."""
    yield _small(name, partial(run, *program(), "--help"), "import requests", goal=0.3)


def behind_others(name: str, servers: Servers, *, system: str) -> Iterator[Row]:
    """Measure how soon the first trigger arrives behind requests that are not served, and the memory that it takes."""
    firsts: list[float] = []
    runs: list[Run] = []
    for _ in range(3):
        addresses = servers.start(system=system, targets=SERVED, others=OTHERS)
        runs.append(product(system, addresses))
        arrived = servers.arrived()
        _expect(arrived, posts=SERVED, left=OTHERS)
        firsts.append(arrived["first_post_at"] - runs[-1].started_at)
    first, peak = statistics.median(firsts), max(each.peak_megabytes for each in runs)
    compared = f"first trigger after {first:.2f} s"
    yield Row(name, f"{peak:.0f} MB", compared, "-", f"at most {MOST_MEGABYTES} MB", peak <= MOST_MEGABYTES)


def rows_read(name: str, servers: Servers, *, queued: int, of_family: str = "snap") -> Iterator[Row]:
    """Count the rows that the windows of a drain read of a queue, every tenth of which it serves.

    Args:
        name: The measurement.
        servers: The servers.
        queued: How many requests there are.
        of_family: Of what family those are that are not served; rows of one that Jenkins serves none of are to be
            left out.
    """
    targets = queued // 10
    product("jenkins", servers.start(targets=targets, others=queued - targets, is_mixed=True, other_family=of_family))
    arrived = servers.arrived()
    _expect(arrived, posts=targets)
    rows, could = arrived["rows"], queued if of_family == "snap" else targets
    ratio, compared = rows / could, f"{could:,} rows that can be served"
    yield Row(name, f"{rows:,} rows", compared, f"{ratio:.2f}", "at most 1.5", ratio <= 1.5)


def long_queue(name: str, servers: Servers) -> Iterator[Row]:
    """Measure a drain behind a queue that takes its time, and one plain GET of all of it."""
    scene: dict[str, Any] = {"targets": 100, "others": 2900, "row_seconds": ROW_SECONDS}
    ours = product("jenkins", servers.start(**scene))
    _expect(servers.arrived(), posts=100, left=2900)
    yield at_most(name, ours.seconds, _one_reading(servers, scene), goal=1.4, compared="one GET of all")


def reading_beside(name: str, servers: Servers) -> Iterator[Row]:
    """Measure a drain that reads and triggers, and each of the two alone."""
    scene: dict[str, Any] = {"targets": 500, "post_seconds": 0.05}
    queue: dict[str, Any] = {"others": 500, "is_mixed": True, "row_seconds": ROW_SECONDS}
    ours = product("jenkins", servers.start(**scene, **queue))
    _expect(servers.arrived(), posts=500, left=500)
    alone = product("jenkins", servers.start(**scene))
    longer = max(_one_reading(servers, {**scene, **queue}), alone.seconds)
    most = 1.15 * longer + 3
    compared = f"reading or triggering: {longer:.2f} s"
    goal, is_met = "at most 1.15, + 3 s", ours.seconds <= most
    yield Row(name, f"{ours.seconds:.2f} s", compared, f"{ours.seconds / longer:.2f}", goal, is_met)


def _one_reading(servers: Servers, scene: Mapping[str, Any]) -> float:
    """Return how long it takes to ask for the whole queue once."""
    url = f"{servers.start(**scene)['observer']}/v1/test-executions/reruns"
    get = f"requests.get('{url}', headers={{'Authorization': 'Bearer to_demo'}}, timeout=99)"
    return run("-c", f"import requests; {get}.json()[0]").seconds


def _by_turns(servers: Servers, compared: Callable[..., Run], **scene: Any) -> tuple[list[Run], list[Run]]:  # noqa: ANN401 - of `Servers.start`
    """Return drains and runs of what they are compared with, each with fresh servers."""
    ours: list[Run] = []
    other: list[Run] = []
    system, targets, requests = scene["system"], scene["targets"], scene.get("requests", 1)
    for turn in TURNS:
        for client in [compared] if turn == "-" else [product, product]:
            run_of_one = client(system, servers.start(**scene))
            (other if turn == "-" else ours).append(run_of_one)
            _expect(servers.arrived(), posts=targets * (requests if turn == "-" else 1), left=0)
    return ours, other


def _small(name: str, ours: Callable[[], Run], statement: str, *, goal: float) -> Row:
    """Compare a short process with one that only carries out a statement, both warmed up."""
    pairs = [(ours().seconds, run("-c", statement).seconds) for _ in range(SMALL_ROUNDS + 1)][1:]
    mine, other = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    return at_most(name, mine, other, goal=goal, compared=statement)


def _seconds(runs: Sequence[Run]) -> float:
    return statistics.median(each.seconds for each in runs)


def _cpu(runs: Sequence[Run]) -> float:
    return statistics.median(each.cpu_seconds for each in runs)


def _expect(arrived: dict[str, float], **expected: int) -> None:
    """Refuse to measure a client that did not do the work."""
    found = {key: arrived[key] for key in expected}
    if found != expected:
        raise RuntimeError(f"the servers should have seen {expected}, not {found}")


MEASUREMENTS: dict[str, Callable[[str, Servers], Iterator[Row]]] = {
    "200 Jenkins reruns, 50 ms a POST": partial(reruns, system="jenkins", targets=200, post_seconds=0.05, goal=12),
    "50 GitHub reruns, 300 ms a POST": partial(reruns, system="github", targets=50, post_seconds=0.3, goal=8),
    "200 Jenkins reruns over TLS": partial(tls_cost, system="jenkins", targets=200),
    "50 GitHub reruns over TLS": partial(tls_cost, system="github", targets=50),
    "400 Jenkins reruns at once": partial(cost, system="jenkins", targets=400, time_goal=1.0, tls=False),
    "400 Jenkins reruns at once, TLS": partial(cost, system="jenkins", targets=400, time_goal=0.9, tls=True),
    "200 Jenkins reruns, start-up apart": partial(against_before, system="jenkins", targets=200, goal=0.7),
    "1,000 requests of one GitHub run": one_run,
    "empty queue, jenkins": partial(empty_queue, system="jenkins"),
    "empty queue, github": partial(empty_queue, system="github"),
    "--help": help_text,
    "20 Jenkins reruns behind 10,000 others": partial(behind_others, system="jenkins"),
    "20 GitHub reruns behind 10,000 others": partial(behind_others, system="github"),
    "a mixed queue of 1,000": partial(rows_read, queued=1_000),
    "a mixed queue of 3,000": partial(rows_read, queued=3_000),
    "a mixed queue of 10,000": partial(rows_read, queued=10_000),
    "10,000, most of families not served": partial(rows_read, queued=10_000, of_family="charm"),
    "3,000 queued, the last 100 ours": long_queue,
    "1,000 queued, half ours, 50 ms a POST": reading_beside,
}
