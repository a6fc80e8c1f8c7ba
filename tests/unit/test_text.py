"""Texts of strangers, made harmless for a log, for Markdown and for a URL."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner_rules import Command, commands
from test_executions_rerunner.text import MOST_CHARACTERS, harmless, markdown, shown, url_text, without

HOSTILE = (
    *("::error::", "::set-output name=a::", "::add-mask::x", " ::stop-commands::t", "##[error]", "##[set-env name=a]"),
    *("#", "##", "[", "]", ":", "%0A", "%0D", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"),
    *("\t", " ", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u202e", "\u2066", "\x1b[31m", "\x1b]0;t\x07", "\x9b31m"),
    *("\x00", "\ud800", "\U000e0001", "|", "||", "\\", "\\|", "`", "```", "<b>", "</td>", "<!--", "-->", "&lt;", "&"),
    *("[a](b)", "![a](b)", "<http://evil.example>", "http://evil.example", "www.evil.example", "a@evil.example"),
    *(
        "@octocat",
        "#1",
        "~~a~~",
        "**a**",
        "_a_",
        "$x$",
        "^[a]",
        ":smile:",
        "a",
        "\u00e4",
        "\u6f22",
        "\u0627",
        "\U0001f600",
    ),
)
TEXTS = st.one_of(st.lists(st.sampled_from(HOSTILE), max_size=12).map("".join), st.text(st.characters(), max_size=40))
RARELY_SLOW = settings(deadline=None)


@RARELY_SLOW
@given(TEXTS)
@example("##[error]x")
@example("a ##[error]x")
@example("###[error]x")
@example("\ufeff::error::x")
@example(" \u3000::error::x")
def test_no_text_is_a_command_alone_or_behind_other_text(text: str) -> None:
    made = harmless(text)
    assert commands(made) == []
    assert commands(f"INFO    {made}") == []
    assert commands(f"{harmless(text)} {harmless(text)}") == []


@RARELY_SLOW
@given(TEXTS)
def test_every_text_becomes_one_printable_line(text: str) -> None:
    made = harmless(text)
    assert made.isprintable()
    assert len(made) <= MOST_CHARACTERS + len("'# ")
    made.encode()


@RARELY_SLOW
@given(TEXTS)
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    made = harmless(text)
    assert harmless(made) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        pytest.param("plain words", "plain words", id="plain"),
        pytest.param("Grüße, 漢字 😀", "Grüße, 漢字 😀", id="letters of any script"),
        pytest.param("a\r\n\tb", "a b", id="white space"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="terminal escape"),
        pytest.param("a\u202eb", "a\\u202eb", id="bidi mark"),
        pytest.param("a\u2066b", "a\\u2066b", id="bidi isolate"),
        pytest.param("a\u200bb", "a\\u200bb", id="zero width"),
        pytest.param("\ud800", "\\ud800", id="lone surrogate"),
        pytest.param("::error::x", "'::error::x", id="command"),
        pytest.param("##[error]x", "# #[error]x", id="other command"),
        pytest.param(None, "None", id="no text"),
    ],
)
def test_what_is_shown_of_a_text(text: object, made: str) -> None:
    assert harmless(text) == made


def test_a_long_text_is_cut_and_says_so() -> None:
    assert harmless("x" * 1000) == "x" * (MOST_CHARACTERS - 1) + "…"
    assert harmless("x" * MOST_CHARACTERS) == "x" * MOST_CHARACTERS
    assert harmless("abc", most=2) == "a…"


@pytest.mark.parametrize(
    ("value", "made"),
    [
        pytest.param("a\n", "'a\\n'", id="text"),
        pytest.param(None, "None", id="none"),
        pytest.param(10**5000, "a int that cannot be shown", id="number of too many digits"),
    ],
)
def test_any_value_is_shown(value: object, made: str) -> None:
    assert shown(value) == made


def test_a_list_too_deep_to_be_shown_is_named() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "a list that cannot be shown"
    while deep:  # freed level by level: at once it would take a stack of that depth
        deep = deep.pop()  # type: ignore[assignment] # a list in a list


SECRETS = ("sesame-open-123456", "to_another-key", "sesame-open")


@RARELY_SLOW
@given(st.lists(st.sampled_from((*HOSTILE, *SECRETS, "x" * 190)), max_size=8).map("".join))
def test_no_secret_is_left_in_a_text(text: str) -> None:
    for made in (without(SECRETS, harmless(text)), harmless(without(SECRETS, text))):
        assert not any(secret in made for secret in SECRETS)


@pytest.mark.parametrize("kept", range(1, len(SECRETS[0]) + 1))
def test_no_beginning_of_a_secret_is_left_where_a_text_was_cut(kept: int) -> None:
    cut = harmless("x" * (MOST_CHARACTERS - kept - 1) + SECRETS[0] + "y" * 50)
    made = without(SECRETS[:1], f"before {cut} behind")
    assert SECRETS[0][:4] not in made
    assert made.endswith("… behind")


def test_an_empty_secret_hides_nothing() -> None:
    assert without(("",), "a b") == "a b"


ENTITY = re.compile(r"&#\d+;")


@RARELY_SLOW
@given(TEXTS)
def test_nothing_of_a_text_means_anything_to_markdown(text: str) -> None:
    made = markdown(text)
    assert not set(ENTITY.sub("", made)) & set("\\`*_{}[]<>()#.|~&:@/$^\n\r")
    assert html.unescape(made).replace("\u2060", "") == harmless(text).replace("\u2060", "")


@pytest.mark.parametrize("text", ["me@evil.example", "@octocat", "mailto:me@evil.example", "xmpp:me@evil.example/x"])
def test_no_address_is_linked_though_its_at_is_an_entity(text: str) -> None:
    """GitHub links addresses in the text that is left when entities are decoded (cmark-gfm's autolink.c)."""
    assert re.search(r"@(?!\u2060)", html.unescape(markdown(text))) is None


@RARELY_SLOW
@given(TEXTS)
def test_no_link_ends_before_its_end(text: str) -> None:
    made = url_text(f"https://github.com/{text}")
    assert made.isascii()
    assert made.startswith("https://github.com/")
    assert not set(made) & set("()<>[]|\\`\"'{}^ \n\r")


def test_the_runner_of_these_tests_reads_real_commands() -> None:
    printed = "x\r  ::error file=a,line=1::b%0Ac\n##[Group]d\ny ##[warning f]z\n::nothing\n:: ::\n"
    assert commands(printed) == [
        Command("error", "file=a,line=1", "b\nc"),
        Command("group", "", "d"),
        Command("warning", "f", "z"),
        Command("", "", ""),
    ]
