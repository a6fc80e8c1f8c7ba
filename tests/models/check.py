"""Checks the models of the protocol with spin; see CONTRIBUTING.md.

    python3 -m models.check [--large] [--trace] [WORD]

Run it in the folder ``tests``. It takes the checks whose model and name have the word; with ``--large`` those too that
take minutes. ``--trace`` tells the shortest way to each assertion that fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from models.table import CHECKS, FOLDER, Check

_COMPILE = (
    "gcc",
    "-O2",
    "-w",
    "-DSAFETY",
    "-DNOFAIR",
    "-DCOLLAPSE",
    "-DMEMLIM=6000",
    "-DVECTORSZ=2048",
    "-o",
    "pan",
    "pan.c",
)
_MOST_SECONDS = {False: 240, True: 3600}
_INCOMPLETE = ("max search depth too small", "out of memory", "Search not completed")


@dataclass(frozen=True)
class Result:
    """What spin found."""

    broke: str
    """The word of the assertion that failed; empty: none did."""
    states: int
    seconds: float
    trace: str
    problem: str = ""
    """Why the search says nothing."""

    def is_as_expected(self, check: Check) -> bool:
        """Tell whether the check passes."""
        return not self.problem and self.broke == check.breaks


def main() -> int:
    """Run the checks; return the exit code."""
    options = _options()
    chosen = [
        check
        for check in CHECKS
        if options.word in f"{check.model}: {check.name}" and (options.large or not check.is_large)
    ]
    _install()
    failed = 0
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        results = pool.map(lambda check: _run(check, is_shortest=options.trace), chosen)
        for check, result in zip(chosen, results, strict=True):
            failed += not result.is_as_expected(check)
            _tell(_line(check, result))
            if options.trace and result.trace:
                _tell(result.trace)
    _tell(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Check the models of the protocol with spin.")
    parser.add_argument("--large", action="store_true", help="those too that take minutes")
    parser.add_argument("--trace", action="store_true", help="tell the shortest way to each failing assertion")
    parser.add_argument("word", nargs="?", default="", help="only the checks that have it in their line")
    return parser.parse_args()


def _install() -> None:
    """Install spin and gcc on a Debian machine, as root."""
    missing = [name for name in ("spin", "gcc") if not shutil.which(name)]
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        _tell(f"installing {' '.join(missing)}")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}  # noqa: TID251 - this is a program
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *missing, "libc6-dev"]):
            subprocess.run(["apt-get", "-qq", *words], env=quiet, check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607 - as above
        missing = [name for name in missing if not shutil.which(name)]
    if missing:
        raise SystemExit(f"needed and not here: {', '.join(missing)} (Debian: apt-get install spin gcc libc6-dev)")


def _run(check: Check, *, is_shortest: bool) -> Result:
    """Ask spin in a folder of its own."""
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in FOLDER.glob("*.pml"):
            shutil.copy(path, folder)
        knobs = [f"-D{knob}={value}" for knob, value in check.knobs.items()]
        main_file = f"{check.model}.pml"
        made = _call(folder, ["spin", "-a", *knobs, main_file]) + _call(
            folder, [*_COMPILE, *(["-DBFS"] if is_shortest else [])]
        )
        if not (folder / "pan").exists():
            return Result("", 0, 0.0, "", made)
        try:
            told = _call(folder, ["./pan", "-m2000000", "-E"], _MOST_SECONDS[check.is_large])
        except subprocess.TimeoutExpired as error:
            return Result("", 0, time.monotonic() - began_at, "", f"not ended after {error.timeout} s")
        trace, broke = "", ""
        if (folder / f"{main_file}.trail").exists():
            broke, trace = _told(_call(folder, ["spin", "-t", *knobs, main_file]), folder)
    states = re.search(r"(\d+) states, stored", told)
    problem = next((words for words in _INCOMPLETE if words in told), "") if not broke else ""
    problem = problem or ("" if broke or "errors: 0" in told else told)
    return Result(broke, int(states[1]) if states else 0, time.monotonic() - began_at, trace, problem)


def _call(folder: Path, command: list[str], most_seconds: float | None = None) -> str:
    ended = subprocess.run(  # noqa: S603 - our own models
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=most_seconds
    )
    return ended.stdout + ended.stderr


def _told(replay: str, folder: Path) -> tuple[str, str]:
    """Return the word of the assertion that failed, and what led to it in words."""
    lines, second, word = [], 0, "?"
    for line in replay.splitlines():
        if line.strip() == "SECOND":
            second += 1
        elif said := re.match(r"\s*SAY (.*)", line):
            lines.append(f"{second:7d} s  {said[1]}")
        elif failed := re.search(r"(\w+\.pml):(\d+), Error: assertion violated", line):
            source = (folder / failed[1]).read_text(encoding="utf-8").splitlines()[int(failed[2]) - 1]
            found = re.search(r"assert\(.*/\* (\w+) \*/", source)
            word = found[1] if found else source
            lines.append(f"{second:7d} s  {word}: {failed[1]}, line {failed[2]}")
    return word, "\n".join(lines)


def _line(check: Check, result: Result) -> str:
    wanted = f"breaks: {check.breaks}" if check.breaks else "holds"
    found = result.problem or (f"breaks: {result.broke}" if result.broke else "holds")
    state = "ok    " if result.is_as_expected(check) else "FAILED"
    instead = "" if found == wanted else f", and should: {wanted}"
    return f"{state} {result.states:>11,} states {result.seconds:6.1f} s  {check.model}: {check.name}: {found}{instead}"


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a program


if __name__ == "__main__":
    sys.exit(main())  # noqa: TID251 - this is a program
