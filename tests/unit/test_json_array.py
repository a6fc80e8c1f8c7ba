"""What stands in an answer."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.calls.json_array import elements, first_elements

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def pieces(text: str, size: int) -> list[bytes]:
    """Cut a text, also inside its letters."""
    whole = text.encode()
    return [whole[start : start + size] for start in range(0, len(whole), size)]


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1, 2]), st.integers(1, 9), st.booleans())
def test_an_array_is_read_element_by_element_however_it_is_cut(
    values: list[object],
    indent: int | None,
    size: int,
    ascii_only: bool,  # noqa: FBT001 - an example's
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    assert list(elements(pieces(text, size))) == values


def test_an_element_is_there_as_soon_as_it_has_come() -> None:
    def come() -> Iterator[bytes]:
        yield b'[{"a": 1}, {"b"'
        raise TimeoutError

    found = elements(come())
    assert next(found) == {"a": 1}
    with pytest.raises(TimeoutError):
        next(found)


def test_an_element_without_an_end_is_refused_and_not_kept() -> None:
    def come() -> Iterator[bytes]:
        yield b'["'
        while True:
            yield b"x" * 100_000

    with pytest.raises(ValueError, match="more than 1,048,576 characters"):
        list(elements(come()))


@given(st.text(alphabet='[]{},: "1a\n', max_size=12), st.integers(1, 5))
def test_whatever_is_no_array_is_refused_as_json_refuses_it(text: str, size: int) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    if isinstance(expected, list):
        assert list(elements(pieces(text, size))) == expected
    else:
        with pytest.raises(ValueError, match=r"\S"):
            list(elements(pieces(text, size)))


@pytest.mark.parametrize("text", ["[1 2]", "[1,]", "[,1]", "[1,,2]", "[[1]", "[1]]", "[", "]", "", "{}", "[1 ,  ]"])
def test_what_json_does_not_allow_is_refused(text: str) -> None:
    for size in (1, 2, 100):
        with pytest.raises(ValueError, match=r"\S"):
            list(elements(pieces(text, size)))


def test_what_was_not_asked_for_is_not_kept_but_read_to_its_end() -> None:
    assert first_elements([b"[1,2,3]"], most=2, keep=str) == ["1", "2"]
    with pytest.raises(requests.exceptions.InvalidJSONError, match="no JSON array"):
        first_elements([b"[1,2,3"], most=2, keep=str)


def test_far_more_than_was_asked_for_is_no_answer() -> None:
    with pytest.raises(requests.exceptions.InvalidJSONError, match="2 elements were asked for, and more than 10,002"):
        first_elements(itertools.chain([b"[{}"], itertools.repeat(b",{}" * 1000)), most=2, keep=str)
