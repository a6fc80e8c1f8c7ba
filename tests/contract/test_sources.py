"""The tests' own lists of facts say what the documents say that they were made from; only where these are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contract.document import Document
from contract.make_schemas import made_from

ROOT = Path(__file__).parents[2]
SOURCES = ROOT.parent / "shared" / "data"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param("github", "github-rerun.openapi.json", id="github"),
        pytest.param("test-observer", "test-observer-reruns.openapi.json", id="test-observer"),
    ],
)
@pytest.mark.parametrize("part", ["calls", "$defs"])
def test_the_schemas_say_what_the_services_own_document_says(name: str, source: str, part: str) -> None:
    made = made_from(json.loads((SOURCES / source).read_text(encoding="utf-8")))[part]
    ours = Document(name).whole[part]

    # More may stand there: calls that the document leaves out.
    assert {key: ours.get(key) for key in made} == made
