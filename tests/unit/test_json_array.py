"""What stands in an answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.calls.json_array import elements

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1, 2]))
def test_an_array_is_read_element_by_element(values: list[object], indent: int | None) -> None:
    assert list(elements(json.dumps(values, indent=indent))) == values


@given(st.text(alphabet='[]{},: "1a\n', max_size=12))
def test_whatever_is_no_array_is_refused_as_json_refuses_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    if isinstance(expected, list):
        assert list(elements(text)) == expected
    else:
        with pytest.raises(ValueError, match=r"\S"):
            list(elements(text))


@pytest.mark.parametrize("text", ["[1 2]", "[1,]", "[,1]", "[1,,2]", "[[1]", "[1]]", "[", "]", "", "{}", "[1 ,  ]"])
def test_what_json_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        list(elements(text))
