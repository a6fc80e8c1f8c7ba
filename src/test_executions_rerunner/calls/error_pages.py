"""What a server says in a refusal, as one line of text."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from test_executions_rerunner.text import harmless, unescaped_html

if TYPE_CHECKING:
    import requests

_MOST_BYTES = 20_000
_REDIRECTS = 3
"""HTTP's class of them: the first digit of the status."""
_PAGE = re.compile(r"\s*(<!doctype html|<!--|<[a-z][a-z0-9]*[\s>/])", re.IGNORECASE)


def server_words(response: requests.Response) -> str:
    """Return what a person would read in an answer: a JSON message, or the sentence of a page that tells the problem.

    GitHub says ``{"message": …}``, Test Observer ``{"detail": …}``, Jenkins an HTML page or, for a missing
    permission, a header. A page without such a sentence says no more than its status.
    """
    permission = response.headers.get("X-Required-Permission")
    status = response.reason or ""
    if permission:
        return harmless(f"{status or 'Forbidden'}: needs the permission {permission}")
    if response.status_code // 100 == _REDIRECTS:
        return harmless(f"redirects to {response.headers.get('Location', 'nowhere')}; redirects are not followed")
    body = response.content[:_MOST_BYTES].decode("utf-8", "replace")
    body += "…" if len(response.content) > _MOST_BYTES else ""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        is_page = ("html" in response.headers.get("Content-Type", "") and "<" in body) or _PAGE.match(body)
        said = _sentence(body, response.status_code) if is_page else body
        return harmless(said) or harmless(status)
    if isinstance(said, dict):
        said = said.get("message", said.get("detail", said))
    return harmless(said if isinstance(said, str) else json.dumps(said))


def _sentence(page: str, status: int) -> str:
    """Return the sentence of a page that tells what is wrong; empty: there is none."""
    read = _Page(page)
    said = read.message or " ".join(read.told_in_panel or read.told) or read.title
    return re.sub(rf"^\s*(HTTP )?(ERROR )?{status}\b[\s:-]*", "", said, flags=re.IGNORECASE)


class _Page:
    """The headings and paragraphs of an error page.

    Read by hand: html.parser takes seconds for 20 kB of ``<a <a <a``, and an exception ends it at ``<![CD``.

    Attributes:
        message: What Jetty puts beside ``MESSAGE:``.
        title: The page's title.
        told: Its headings and paragraphs.
        told_in_panel: Those in Jenkins' main panel.
    """

    _TOKEN = re.compile(r"<!--|-->|<(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9]*)(?P<more>[^<>]*)>")
    _TOLD = frozenset({"h1", "h2", "p", "pre"})
    _RAW = frozenset({"script", "style"})
    _NOT_TOLD = _RAW | {"template", "header", "footer", "nav", "a", "button", "form"}
    _VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
    _NEAREST = 20
    """Elements around a text that count; an error page is never deeper."""

    def __init__(self, page: str) -> None:
        self.message = self.title = self._label = ""
        self.told: list[str] = []
        self.told_in_panel: list[str] = []
        self._open: list[str] = []
        self._panel_depth = 0
        is_comment, position = False, 0
        for token in self._TOKEN.finditer(page):
            if not is_comment:
                self._read_text(page[position : token.start()])
            if token["tag"] and not is_comment:
                self._read_tag(token["tag"].lower(), token["more"], is_end=bool(token["end"]))
            elif not token["tag"]:
                is_comment = token[0] == "<!--"
            position = token.end()
        if not is_comment:
            self._read_text(page[position:])

    def _read_tag(self, tag: str, more: str, *, is_end: bool) -> None:
        """Note where the text that follows stands."""
        if self._open and self._open[-1] in self._RAW and not (is_end and tag == self._open[-1]):
            return
        if not is_end and tag not in self._VOID:
            self._open.append(tag)
            if not self._panel_depth and re.search(r"\bid=[\"']?main-panel\b", more):
                self._panel_depth = len(self._open)
        elif is_end and tag in self._open[-self._NEAREST :]:
            while self._open.pop() != tag:
                pass
            if len(self._open) < self._panel_depth:
                self._panel_depth = 0

    def _read_text(self, text: str) -> None:
        """Keep a text where it may tell something."""
        around = self._open[-self._NEAREST :]
        text = _without_entities(text).strip()
        if not text or not around or self._NOT_TOLD.intersection(around):
            return
        if around[-1] == "th":
            self._label = text.upper()
        elif around[-1] == "td" and self._label == "MESSAGE:":
            self.message = self.message or text
        elif around[-1] == "title":
            self.title = self.title or text
        elif self._TOLD.intersection(around):
            (self.told_in_panel if self._panel_depth else self.told).append(text)


def _without_entities(text: str) -> str:
    try:
        return unescaped_html(text)
    except ValueError:  # a number of more digits than Python reads
        return text
