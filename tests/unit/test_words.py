"""What is read in a server's refusal, and when it wants to be called again."""

from __future__ import annotations

import email.utils
import http.client
import io

import pytest
import requests

from test_executions_rerunner.words import http_date_seconds, retry_after_seconds, server_words


def response(body: str | bytes = b"", status: int = 403, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code, made.reason = status, http.client.responses[status]
    made.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    made.raw = io.BytesIO(body.encode() if isinstance(body, str) else body)
    return made


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param('{"message": "Not Found", "status": "404"}', "Not Found", id="GitHub"),
        pytest.param('{"detail": "Insufficient permissions"}', "Insufficient permissions", id="Test Observer"),
        pytest.param('{"detail": [{"msg": "x"}]}', '[{"msg": "x"}]', id="list of errors"),
        pytest.param('{"a": 1}', '{"a": 1}', id="another object"),
        pytest.param("[1]", "[1]", id="list"),
        pytest.param("null", "null", id="null"),
        pytest.param('"said"', "said", id="text as JSON"),
        pytest.param("said", "said", id="plain text"),
        pytest.param("", "Forbidden", id="nothing"),
        pytest.param("  \n ", "Forbidden", id="blanks"),
        pytest.param("<h1>Oops</h1><p>a  b</p>", "Oops a b", id="page"),
        pytest.param("<head><title>x</title></head><style>p{}</style><p>seen</p>", "seen", id="head and style"),
        pytest.param("<SCRIPT>x</script ><p>seen</p><!-- not -->", "seen", id="script and comment"),
        pytest.param("&lt;b&gt; &amp; more", "<b> & more", id="entities"),
        pytest.param("##[error]x", "# #[error]x", id="command of a runner"),
        pytest.param('{"message": "a\\n::error::b\\u001b[31m"}', "a ::error::b\\x1b[31m", id="hostile message"),
        pytest.param("<p>&#35;&#35;[error]x &#10;::error::</p>", "# #[error]x ::error::", id="command in entities"),
        pytest.param("[" * 100_000, "[" * 399 + "…", id="JSON too deep"),
    ],
)
def test_a_message_or_a_page_is_read_as_one_line(body: str, words: str) -> None:
    assert server_words(response(body)) == words


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert server_words(response(b"\xff\xfe\x00x")) == "\ufffd\ufffd\\x00x"


def test_jenkins_names_the_missing_permission_in_a_header() -> None:
    answer = response("<p>long page</p>", X_Required_Permission="hudson.model.Item.Build")
    assert server_words(answer) == "Forbidden: needs the permission hudson.model.Item.Build"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_with_its_address(status: int) -> None:
    words = server_words(response("<p>moved</p>", status, Location="https://sso.example/\x1b[31m"))
    assert words == "redirects to https://sso.example/\\x1b[31m; redirects are not followed"


def test_a_redirect_to_nowhere_is_told() -> None:
    assert server_words(response(status=302)) == "redirects to nowhere; redirects are not followed"


def test_a_page_cut_in_a_secret_says_that_it_was_cut() -> None:
    assert server_words(response(f"{'<b>' * 6666}xysecret")).endswith("…")


NOW = "Sun, 22 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param("0", 0.0, id="zero"),
        pytest.param("7", 7.0, id="seconds"),
        pytest.param(" 7 ", 7.0, id="blanks around"),
        pytest.param("Sun, 22 Nov 2026 12:00:30 GMT", 30.0, id="date"),
        pytest.param("Sun, 22 Nov 2026 11:00:00 GMT", 0.0, id="date that has passed"),
        pytest.param("", None, id="empty"),
        pytest.param("soon", None, id="word"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("\u0663", None, id="arabic digit"),
        pytest.param("\u00b2", None, id="superscript digit"),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, seconds: float | None) -> None:
    assert retry_after_seconds({"Retry-After": said, "Date": NOW}) == seconds


def test_retry_after_as_a_date_is_compared_with_our_clock_where_the_server_tells_none() -> None:
    at = email.utils.formatdate(email.utils.localtime().timestamp() + 100, usegmt=True)
    seconds = retry_after_seconds({"Retry-After": at})
    assert seconds is not None
    assert 90 < seconds <= 100


def test_no_retry_after_asks_for_nothing() -> None:
    assert retry_after_seconds({}) is None


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        pytest.param("Thu, 01 Jan 1970 00:01:00 GMT", 60.0, id="date"),
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("x", None, id="no date"),
        pytest.param("Thu, 99 Jan 1970 00:01:00 GMT", None, id="no such day"),
    ],
)
def test_a_date_header_is_read_as_seconds(date: str | None, seconds: float | None) -> None:
    assert http_date_seconds(date) == seconds
