"""Measure the speed of the command line beside a plain sequential client: ``make bench``.

Both run as processes of their own, start-up included, by turns, against loopback servers that run in a third one.
What is shown are medians, as a Markdown table. Words as arguments choose the measurements whose names hold one of
them. The exit code is 1 if a goal is missed.
"""

from __future__ import annotations

import statistics
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path[0] = str(Path(__file__).parents[1])  # the folder of tests: this file hides the package that it is part of
from bench.measure import Run, Servers, plain, product, program, run  # noqa: E402 - found only since the line above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TURNS = "-+-+-"
"""A minus: the plain client, which is slow; a plus: two drains. The first minus warms up."""
SMALL_ROUNDS = 15
OTHERS, SERVED = 10_000, 20
_WIDTHS = (41, 13, 36, 6, 14, 6)


class Row(NamedTuple):
    """One line of the table."""

    measured: str
    ours: str
    other: str
    ratio: str
    goal: str
    is_met: bool

    def __str__(self) -> str:
        return _line((*self[:-1], "met" if self.is_met else "MISSED"))


def main(words: Sequence[str]) -> int:
    """Measure and print, row by row; return the exit code."""
    _say(_line(("measured", "this program", "compared with", "ratio", "goal", "")))
    _say(_line(["-" * width for width in _WIDTHS]))
    missed = 0
    with Servers() as servers:
        for name, measure in MEASUREMENTS.items():
            for row in measure(name, servers) if not words or any(word in name for word in words) else ():
                missed += not row.is_met
                _say(str(row))
    _say(f"\nGoals missed: {missed}." if missed else "\nEvery goal is met.")
    return 1 if missed else 0


def reruns(
    name: str, servers: Servers, *, system: str, targets: int, post_seconds: float, goal: float
) -> Iterator[Row]:
    """Measure a drain of requests that each ask for another target."""
    ours, other = (
        statistics.median(each.seconds for each in runs)
        for runs in _by_turns(servers, system, targets=targets, post_seconds=post_seconds)
    )
    ratio = other / ours
    yield Row(name, f"{ours:.2f} s", f"one by one: {other:.2f} s", f"{ratio:.1f}", f"at least {goal:g}", ratio >= goal)


def cost(name: str, servers: Servers, *, system: str, targets: int) -> Iterator[Row]:
    """Measure what a drain costs where no server makes it wait: time of a processor, and time."""
    runs = _by_turns(servers, system, targets=targets)
    for measured, goal in (("cpu_seconds", 1.35), ("seconds", 1.0)):
        ours, other = (statistics.median(getattr(each, measured) for each in of_one) for of_one in runs)
        what = "processor" if measured == "cpu_seconds" else "time"
        compared, ratio = f"one by one: {other:.2f} s", ours / other
        yield Row(f"{name}, {what}", f"{ours:.2f} s", compared, f"{ratio:.2f}", f"at most {goal:g}", ratio <= goal)


def one_run(name: str, servers: Servers) -> Iterator[Row]:
    """Measure a drain of requests that all ask for one run: `_by_turns` holds it to one POST."""
    ours, other = (
        statistics.median(each.seconds for each in runs)
        for runs in _by_turns(servers, "github", targets=1, requests=1000)
    )
    compared = f"1,000 POSTs one by one: {other:.2f} s"
    yield Row(name, f"{ours:.2f} s", compared, f"{other / ours:.1f}", "one POST", is_met=True)


def empty_queue(name: str, servers: Servers, *, system: str) -> Iterator[Row]:
    """Measure a drain of nothing, and the import of the client that it is for."""
    addresses = servers.start(system=system)
    yield _small(name, partial(product, system, addresses), f"import {system}", goal=1.3)


def help_text(name: str, _: Servers) -> Iterator[Row]:
    """Measure ``--help``, and the import of requests."""
    yield _small(name, partial(run, *program(), "--help"), "import requests", goal=0.4)


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
    yield Row(name, f"{peak:.0f} MB", compared, "-", "at most 90 MB", peak <= 90)


def _by_turns(
    servers: Servers, system: str, *, targets: int, requests: int = 1, post_seconds: float = 0.0
) -> tuple[list[Run], list[Run]]:
    """Return drains and runs of the plain client, each with fresh servers."""
    ours: list[Run] = []
    other: list[Run] = []
    for turn in TURNS:
        for client in [plain] if turn == "-" else [product, product]:
            scene = {"targets": targets, "requests": requests, "post_seconds": post_seconds}
            run_of_one = client(system, servers.start(system=system, **scene))
            (other if turn == "-" else ours).append(run_of_one)
            _expect(servers.arrived(), posts=targets * (requests if turn == "-" else 1), left=0)
    return ours, other


def _small(name: str, ours: Callable[[], Run], statement: str, *, goal: float) -> Row:
    """Compare a short process with one that only carries out a statement, both warmed up."""
    pairs = [(ours().seconds, run("-c", statement).seconds) for _ in range(SMALL_ROUNDS + 1)][1:]
    mine, other = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    ratio, compared = mine / other, f"{statement}: {other:.2f} s"
    return Row(name, f"{mine:.2f} s", compared, f"{ratio:.2f}", f"at most {goal:g}", ratio <= goal)


def _expect(arrived: dict[str, float], **expected: int) -> None:
    """Refuse to measure a client that did not do the work."""
    found = {key: arrived[key] for key in expected}
    if found != expected:
        raise RuntimeError(f"the servers should have seen {expected}, not {found}")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(text.ljust(width) for text, width in zip(cells, _WIDTHS, strict=True))} |"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


MEASUREMENTS: dict[str, Callable[[str, Servers], Iterator[Row]]] = {
    "200 Jenkins reruns, 50 ms a POST": partial(reruns, system="jenkins", targets=200, post_seconds=0.05, goal=12),
    "50 GitHub reruns, 300 ms a POST": partial(reruns, system="github", targets=50, post_seconds=0.3, goal=8),
    "400 Jenkins reruns at once": partial(cost, system="jenkins", targets=400),
    "1,000 requests of one GitHub run": one_run,
    "empty queue, jenkins": partial(empty_queue, system="jenkins"),
    "empty queue, github": partial(empty_queue, system="github"),
    "--help": help_text,
    "20 Jenkins reruns behind 10,000 others": partial(behind_others, system="jenkins"),
    "20 GitHub reruns behind 10,000 others": partial(behind_others, system="github"),
}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
