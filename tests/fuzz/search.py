"""Searches for bytes that break a target: `make fuzz`, or `search.py TARGET [libFuzzer's options] [FILES]`.

What breaks it is kept below build/fuzz; with that file as the last argument it is tried again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "build" / "fuzz"
OPTIONS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=20000", "-print_final_stats=1", "-verbosity=0")
"""Ten seconds for one input would be a bug too."""

sys.path.insert(0, str(ROOT / "tests"))
with atheris.instrument_imports(include=["test_executions_rerunner", "fuzz"]):
    from fuzz.targets import SEEDS, TARGETS


def main(name: str, *more: str) -> None:
    """Search until libFuzzer's options say that it is enough; it ends the process."""
    FOUND.mkdir(parents=True, exist_ok=True)
    has_files = any(not each.startswith("-") for each in more)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            Path(corpus, str(number)).write_bytes(seed)
        begin = [] if has_files else [corpus]
        atheris.Setup([sys.argv[0], *OPTIONS, f"-artifact_prefix={FOUND}/{name}-", *more, *begin], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
