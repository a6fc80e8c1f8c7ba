"""The mutants break what stands in the code today, each by one change, and tests of `make quick` are to notice."""

from __future__ import annotations

from pathlib import Path

import pytest

import test_executions_rerunner
from mutant_table import MUTANTS, Mutant

PACKAGE = Path(test_executions_rerunner.__file__).parent
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place(mutant: Mutant) -> None:
    text = (PACKAGE / mutant.file).read_text(encoding="utf-8")

    assert text.count(mutant.old) == 1
    assert mutant.old != mutant.new


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_noticed_by_quick_tests(mutant: Mutant) -> None:
    for path in mutant.tests.split():
        assert (ROOT / path).exists()
        assert path.startswith(("tests/unit/", "tests/integration/"))
        assert not path.startswith(("tests/unit/test_demo_", "tests/integration/people"))


def test_no_two_mutants_have_one_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
