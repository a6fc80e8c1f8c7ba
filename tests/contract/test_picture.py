"""The picture of the README is of what the program shows: the same targets end in the same way."""

from __future__ import annotations

import re
from html import unescape

import picture
from contract.pages import PAGES

ENDED = re.compile(r"(requests? [\d, ]+) \(([a-z0-9-]+), [^()]+ ago\) (\S+):")


def ended(text: str) -> list[tuple[str, ...]]:
    """Return the requests, the target and the outcome of each line about a target."""
    plain = " ".join(re.sub(r"\x1b\[\d+m", "", text).split())
    return ENDED.findall(plain)


def test_it_shows_what_a_drain_of_the_demo_shows() -> None:
    told = picture.PICTURE.read_text(encoding="utf-8")
    fresh = picture.shown()
    drawn = " ".join(unescape(re.sub(r"<[^>]+>", "", row)) for row in told.splitlines() if row.startswith("<text"))
    assert len(ended(" ".join(fresh))) == 5
    assert ended(drawn) == ended(" ".join(fresh)), "make picture makes it anew"


def test_nothing_in_it_runs_or_is_loaded_and_the_readme_shows_it() -> None:
    told = picture.PICTURE.read_text(encoding="utf-8")
    assert not re.search(r"<(script|image|a|foreignObject|style)\b|href|127\.0\.0\.1", told)
    assert "docs/demo.svg" in PAGES["README.md"]
