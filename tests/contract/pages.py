"""The documents that users read: README.md and what it leads to in ``docs/``."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
"""Each page's text, by its path from the root."""
EVERYTHING = "\n".join(PAGES.values())


def marked(marker: str, language: str = "yaml") -> list[str]:
    """Return the blocks of code behind ``<!-- test: MARKER -->``, of all pages."""
    pattern = rf"^<!-- test: {re.escape(marker)} -->\n```{language}\n(.+?)^```"
    return re.findall(pattern, EVERYTHING, re.DOTALL | re.MULTILINE)


def only(marker: str, language: str = "yaml") -> str:
    """Return the one block of code behind a marker."""
    (block,) = marked(marker, language)
    return block


def table(marker: str) -> list[list[str]]:
    """Return the rows of the table behind ``<!-- MARKER -->``, without its head."""
    (found,) = re.findall(rf"<!-- {re.escape(marker)} -->\n((?:\|.+\n)+)", EVERYTHING)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found.splitlines()[2:]]


def code(cell: str) -> list[str]:
    """Return what stands as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)
