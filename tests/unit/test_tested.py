"""Which test a queue's entry is about, whatever shape it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.rerun_request import RerunRequest

VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=2))


@pytest.mark.parametrize(
    ("artefact", "told"),
    [
        pytest.param({"name": "core24", "stage": "beta", "version": "1"}, "core24 beta", id="stage"),
        pytest.param({"name": "noble", "stage": "", "version": "20261101"}, "noble 20261101", id="version"),
        pytest.param({"name": "core24"}, "core24", id="name alone"),
        pytest.param({"stage": "beta"}, None, id="no name"),
        pytest.param({"name": "a\n::error::b"}, "a ::error::b", id="hostile"),
        pytest.param({"name": "x" * 100_000}, "x" * 399 + "…", id="long"),
        pytest.param("core24", None, id="no object"),
    ],
)
def test_an_artefact_is_called_by_its_name_and_its_stage_or_version(artefact: object, told: str | None) -> None:
    assert RerunRequest.read({"artefact": artefact}).tested.artefact == told


@given(VALUES, VALUES, VALUES)
def test_whatever_stands_there_is_one_harmless_line_or_nothing(name: object, plan: object, artefact: object) -> None:
    execution = {"environment": {"name": name}, "test_plan": plan}
    tested = RerunRequest.read({"test_execution": execution, "artefact": {"name": artefact}}).tested
    for text in (tested.environment, tested.test_plan, tested.artefact):
        assert text is None or (text and text.isprintable() and "\n" not in text)
