"""Which contract tests are about what is here."""

from __future__ import annotations

from pathlib import Path

# What the tests' own lists of facts were made from lies beside the project where it is developed, nowhere else.
# Elsewhere there is nothing to compare, and so no test that could be skipped.
collect_ignore = [] if (Path(__file__).parents[3] / "shared" / "data").is_dir() else ["test_sources.py"]
