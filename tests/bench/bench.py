"""Measure the speed of the command line beside a plain sequential client: ``make bench``.

Both run as processes of their own, start-up included, by turns, against loopback servers that run in a third one.
What is shown are medians, as a Markdown table; a queue takes 7 ms a row where its name says how many are ours. Words
as arguments choose the measurements whose names hold one of them. The exit code is 1 if a goal is missed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).parents[1])  # the folder of tests: this file hides the package that it is part of
from bench.measure import Servers  # noqa: E402 - found only since the line above
from bench.rows import MEASUREMENTS, Row  # noqa: E402 - the same

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTHS = (42, 13, 38, 6, 19, 12)
_ENDS = {True: "met", False: "MISSED", None: "not measured"}


def main(words: Sequence[str]) -> int:
    """Measure and print, row by row; return the exit code."""
    _say(_line(("measured", "this program", "compared with", "ratio", "goal", "")))
    _say(_line(["-" * width for width in _WIDTHS]))
    rows: list[Row] = []
    with Servers() as servers:
        for name, measure in MEASUREMENTS.items():
            for row in measure(name, servers) if not words or any(word in name for word in words) else ():
                rows.append(row)
                _say(_line((*row[:-1], _ENDS[row.is_met])))
    missed = sum(row.is_met is False for row in rows)
    left_out = sum(row.is_met is None for row in rows)
    _say(f"\nGoals missed: {missed}." if missed else "\nEvery goal that was measured is met.")
    if left_out:
        _say(f"Not measured: {left_out}.")
    return 1 if missed else 0


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(text.ljust(width) for text, width in zip(cells, _WIDTHS, strict=True))} |"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
