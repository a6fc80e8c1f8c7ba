"""The targets of `make fuzz` hold for what the tests give them, and fail where something is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import targets
from test_executions_rerunner.processors.github.processor import GithubProcessor

if TYPE_CHECKING:
    from test_executions_rerunner.models import PostArguments

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_target_holds_for_what_its_search_begins_with(name: str) -> None:
    for seed in targets.SEEDS[name]:
        targets.TARGETS[name](seed)


@pytest.mark.parametrize("name", targets.TARGETS)
@settings(deadline=None)
@given(data=st.binary())
def test_a_target_holds_for_any_bytes(name: str, data: bytes) -> None:
    targets.TARGETS[name](data)


@settings(deadline=None)
@given(value=st.lists(JSON, max_size=3))
def test_the_queue_may_hold_any_json(value: list[object]) -> None:
    targets.entries(json.dumps(value).encode())


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://api.github.com/repos/a/b/../c/actions/runs/1/rerun", id="another path"),
        pytest.param("https://evil.example/repos/a/b/actions/runs/1/rerun", id="another host"),
    ],
)
def test_a_trigger_that_points_elsewhere_breaks_the_target(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    def wrong(_: object, request: object) -> PostArguments:
        del request
        return {"url": url, "json": {}}

    monkeypatch.setattr(GithubProcessor, "process", wrong)
    with pytest.raises(AssertionError):
        targets.links(b"anything")


@pytest.mark.parametrize("line", ["::error::x", "a ##[error]b", "a\nb", "\x1b[31m", "x" * 10_000])
def test_a_line_with_an_effect_breaks_the_target(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(targets, "server_words", lambda _: line)
    with pytest.raises(AssertionError):
        targets.pages(b"x")
