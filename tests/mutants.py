"""Breaks each promise in a copy of the tree, and finds out whether a test of `make quick` notices.

Run it by hand: ``python tests/mutants.py [WORD]``; with a word, only the mutants whose name has it. `mutant_table.py`
lists them, each with the tests that should notice; only those are run, and `make quick` has them all.
"""

from __future__ import annotations

import functools
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutant_table import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]
PACKAGE = "src/test_executions_rerunner"
PASSED, FAILED = 0, 1
"""What pytest ends with when it ran the tests; anything else is a mistake in the table."""
AT_A_TIME = 2


def main(word: str = "") -> int:
    """Try the mutants whose name has a word; return the exit code."""
    chosen = [mutant for mutant in MUTANTS if word in mutant.name]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_A_TIME) as pool:
        trees: queue.Queue[Path] = queue.Queue()
        for number in range(AT_A_TIME):
            trees.put(_copy(Path(folder) / str(number)))
        for mutant, is_killed in zip(chosen, pool.map(functools.partial(_is_killed, trees), chosen), strict=True):
            _tell(f"{'killed  ' if is_killed else 'SURVIVED'} {mutant.name}")
            survivors += not is_killed
    _tell(f"{len(chosen) - survivors} of {len(chosen)} killed")
    return 1 if survivors or not chosen else 0


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a program


def _copy(tree: Path) -> Path:
    tree.mkdir()
    for name in ("src", "tests", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    return tree


def _is_killed(trees: queue.Queue[Path], mutant: Mutant) -> bool:
    """Tell whether a test fails with the mutant that passes without it."""
    tree = trees.get()
    path = tree / PACKAGE / mutant.file
    text = path.read_text(encoding="utf-8")
    try:
        if text.count(mutant.old) != 1:
            raise SystemExit(f"{mutant.file} has {text.count(mutant.old)} times, and should once: {mutant.old}")
        if _ended(mutant, tree) != PASSED:
            raise SystemExit(f"without the mutant too the tests fail: {mutant.tests} -k {mutant.words!r}")
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return _ended(mutant, tree) == FAILED
    finally:
        path.write_text(text, encoding="utf-8")
        trees.put(tree)


def _ended(mutant: Mutant, tree: Path) -> int:
    words = ["-k", mutant.words] if mutant.words else []
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    ours = {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **ours}  # noqa: TID251 - this is a program
    ended = subprocess.run(  # noqa: S603 - our own tests
        [*command, *mutant.tests.split(), *words],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode not in {PASSED, FAILED}:
        raise SystemExit(f"pytest ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))  # noqa: TID251 - this is a program
