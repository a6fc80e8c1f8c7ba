"""Texts of strangers, made harmless for a log, for Markdown and for a URL."""

from __future__ import annotations

import base64
import html
import json
import re
import timeit
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner_rules import Command, commands
from test_executions_rerunner.text import MOST_CHARACTERS, Mask, clean, harmless, markdown, shown, url_text, without

if TYPE_CHECKING:
    from collections.abc import Callable

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


# what a server may make of a secret before it sends it back


def hex_cased(text: str) -> list[str]:
    return [text, re.sub(r"%..|\\u....|&#x[^;]+", lambda found: found[0].lower(), text)]


def every_character(text: str, escaped: str) -> str:
    return "".join(escaped.format(ord(character)) for character in text)


def in_base64(secret: str, before: str, after: str) -> list[str]:
    made = base64.b64encode(f"{before}{secret}{after}".encode())
    web = base64.urlsafe_b64encode(f"{before}{secret}{after}".encode())
    return [made.decode(), made.decode().rstrip("="), web.decode(), quote(made.decode(), safe="")]


ENCODINGS: dict[str, Callable[[str], list[str]]] = {
    "as it is": lambda secret: [secret],
    "base64 of a user and it": lambda secret: in_base64(secret, "admin:", ""),
    "base64 of it": lambda secret: in_base64(secret, "", ""),
    "base64 at another place": lambda secret: in_base64(secret, "x", "y") + in_base64(secret, "xy", "zz"),
    "for a URL": lambda secret: hex_cased(quote(secret, safe="")) + hex_cased(quote_plus(secret)) + [quote(secret)],
    "for a URL, every character": lambda secret: hex_cased(every_character(secret, "%{:02X}")),
    "for a URL twice": lambda secret: [quote(made, safe="") for made in hex_cased(quote(secret, safe=""))],
    "as JSON": lambda secret: [json.dumps(secret), json.dumps(secret).replace("/", "\\/")],
    "as JSON, every character": lambda secret: hex_cased(every_character(secret, "\\u{:04X}")),
    "as JSON twice": lambda secret: [json.dumps(json.dumps(secret))],
    "as Python writes it": lambda secret: [repr(secret), repr(repr(secret))],
    "for HTML": lambda secret: [
        html.escape(secret),
        html.escape(secret).replace("/", "&sol;").replace("=", "&equals;"),
    ],
    "for HTML, decimal": lambda secret: [every_character(secret, "&#{};"), every_character(secret, "&#0{};")],
    "for HTML, hexadecimal": lambda secret: hex_cased(every_character(secret, "&#x{:X};")),
    "as JSON in a page": lambda secret: [html.escape(json.dumps(secret))],
}
ANY_SECRET = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=4, max_size=60) | st.lists(
    st.sampled_from(("##[", "::", "%41", "\\u0041", "&amp;", '"', "\\", "/", "+", "=", "#", "[", "abcd", "Q9z")),
    min_size=4,
    max_size=12,
).map("".join)
"""What `parsing.secret` takes."""


@RARELY_SLOW
@given(secret=ANY_SECRET, name=st.sampled_from(sorted(ENCODINGS)), at=st.integers(0, 30))
@example(secret="sesame##[open", name="as it is", at=0)
@example(secret="::sesame::", name="as it is", at=0)
@example(secret="sesame##", name="as it is", at=0)
@example(secret="to/ken+==", name="base64 of a user and it", at=3)
def test_a_secret_is_hidden_however_a_server_escapes_it(secret: str, name: str, at: int) -> None:
    mask = Mask([secret])
    for encoded in ENCODINGS[name](secret):
        text = f"{'.' * at} {encoded} ;"
        hidden = f"{'.' * at} *** ;".strip()
        for made in (clean(text, mask), mask(harmless(text))):
            assert re.sub(r"[\"'\\]|&quot;", "", made).replace("***=", "***").replace("***%3D", "***") in {
                hidden,
                hidden.replace("***", "******"),
            }, encoded


@RARELY_SLOW
@given(
    secret=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=60),
    name=st.sampled_from(sorted(ENCODINGS)),
    kept=st.integers(0, 400),
)
def test_no_beginning_of_an_escaped_secret_is_left_where_a_text_was_cut(secret: str, name: str, kept: int) -> None:
    mask = Mask([secret])
    for encoded in ENCODINGS[name](secret):
        cut = harmless("x" * max(0, MOST_CHARACTERS - 1 - kept - 1) + " " + encoded + "y" * 500)
        made = mask(cut).lstrip("x ")
        told = made if "***" in made else unescaped(made)
        assert secret[:5] not in told
        assert not any(form[:8] in told for form in in_base64(secret, "", ""))
        assert not any(form[8:16] in told for form in in_base64(secret, "admin:", ""))


def unescaped(text: str) -> str:
    for _ in range(2):
        text = unquote(text)
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r"\\(.)", r"\1", html.unescape(text))
    return text


def test_a_text_without_secrets_is_left_as_it_is() -> None:
    mask = Mask(["sesame-open-123456"])
    for text in ("100% & more…", "a\\u0041", "%73esame", "&#115;esame-open", "sesame-close", "c2VzYW1lLW9wZ"):
        assert mask(text) == text


@pytest.mark.parametrize("unit", ["…", "%&\\", "&", "sesa", "sesa…", "\\u", "%2", "sesame-open", "%73esa…"])
def test_a_long_text_is_masked_in_linear_time(unit: str) -> None:
    mask = Mask(["sesame-open-123456", "another-one-of-them"])
    seconds = min(timeit.repeat(lambda: mask(unit * (20_000 // len(unit))), number=1, repeat=3))
    assert seconds < 2


def test_a_text_that_is_cut_before_it_is_masked_says_so_and_keeps_no_beginning() -> None:
    made = Mask(["sesame-open"])("x" * 19_993 + "sesame-open")
    assert made.endswith("x***…")


def test_a_mask_can_be_handed_on_in_the_place_of_secrets() -> None:
    assert without(Mask(["sesame"]), "a sesame b") == without(["sesame"], "a sesame b") == "a *** b"


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
