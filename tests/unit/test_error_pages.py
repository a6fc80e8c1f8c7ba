"""What is read in a server's refusal, and when it wants to be called again."""

from __future__ import annotations

import email.utils
import http.client
import io
import time
import timeit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from test_executions_rerunner.calls.error_pages import server_words
from test_executions_rerunner.calls.headers import http_date_seconds, retry_after_seconds


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
        pytest.param("<p>&lt;b&gt; &amp; more</p>", "<b> & more", id="entities"),
        pytest.param("5 &lt; 6 <b>", "5 &lt; 6 <b>", id="plain text with a tag in it"),
        pytest.param("<p>&#" + "9" * 9000, "&#" + "9" * 397 + "…", id="entity of too many digits"),
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
    assert server_words(response(f"<p>{'<i></i>' * 2856}xysecret")) == "xysec…"


def head(title: str) -> str:
    """Return how every page of Jenkins begins, as measured on 2.579."""
    return (
        f'<!DOCTYPE html><html><head resURL="/static/1"><title>{title} - Jenkins</title><script>var a = "<p>b</p>";'
        '</script></head><body id="jenkins"><a href="#skip2content" class="skip-content">Skip to content</a>'
        '<header id="page-header"><a href="/">Jenkins</a><button>Search</button><p>not told</p></header>'
    )


FOOT = '<footer class="page-footer"><p><a rel="help" href="https://www.jenkins.io/">Jenkins 2.579</a></p></footer>'
JETTY = (
    '<html><head><meta http-equiv="Content-Type" content="text/html;charset=utf-8"/><title>Error 404 Not Found</title>'
    "</head><body><h2>HTTP ERROR 404 Not Found</h2><table><tr><th>URI:</th><td>/job/lab</td></tr><tr><th>STATUS:</th>"
    "<td>404</td></tr><tr><th>MESSAGE:</th><td>{}</td></tr><tr><th>SERVLET:</th><td>Stapler</td></tr></table>"
    '<hr/><a href="https://jetty.org/">Powered by Jetty:// 12.0.22</a><hr/></body></html>'
)


@pytest.mark.parametrize(
    ("page", "status", "words"),
    [
        pytest.param(
            f'{head("Oops!")}<div id="page-body"><div id="main-panel"><h1>Oops!</h1><p>A problem occurred while '
            f"processing the request.</p><p>Logging ID=0f1e</p></div></div>{FOOT}</body></html>",
            500,
            "Oops! A problem occurred while processing the request. Logging ID=0f1e",
            id="Jenkins",
        ),
        pytest.param(JETTY.format("Nothing is submitted"), 404, "Nothing is submitted", id="Jetty"),
        pytest.param(
            "<html><head><title>Error 503 Service Unavailable</title></head><body><h2>HTTP ERROR 503 Service "
            "Unavailable</h2><hr/><a href='https://jetty.org/'>Powered by Jetty://</a></body></html>",
            503,
            "Service Unavailable",
            id="Jetty without a message",
        ),
        pytest.param(
            "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center>"
            "<hr><center>nginx/1.24.0</center></body></html>",
            502,
            "Bad Gateway",
            id="nginx",
        ),
        pytest.param(f"{head('x')}<div>menu</div>{FOOT}</body></html>", 403, "x - Jenkins", id="only a title"),
        pytest.param("<html><body><div>menu</div><!-- <p>no</p>", 403, "Forbidden", id="no sentence"),
        pytest.param("<html><p>a<p>b<script>c</p><p>d</script>e</p></b></html>", 403, "a b e", id="tags left open"),
    ],
)
def test_of_a_page_the_sentence_that_is_a_reason_is_taken(page: str, status: int, words: str) -> None:
    assert server_words(response(page, status)) == words


@pytest.mark.parametrize(
    "unit",
    ["<", "<a ", "<!--", "</", "&", "<![CDATA[", '<a "', "<p>", "<?", "<!", "&#", "<script>", "</p", "<title>", "-->"],
)
def test_a_page_is_read_in_linear_time(unit: str) -> None:
    page = response("<html>" + unit * (20_000 // len(unit)))
    assert min(timeit.repeat(lambda: server_words(page), number=1, repeat=3)) < 0.25


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
        pytest.param("9" * 5000, 1e9, id="more digits than Python reads"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", 1e9, id="last year"),
        pytest.param("Sun, 22 Nov 2026 12:00:30 +9999999999", None, id="absurd zone"),
        pytest.param("Sun, 22 Nov 2026 14:00:30 +0200", 30.0, id="another zone"),
        pytest.param("Sun, 22 Nov 2026 12:00:30 -0000", 30.0, id="zone not known"),
        pytest.param("Mon, 01 Jan 0001 00:00:00 +1400", 0.0, id="first year"),
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
        pytest.param("Thu, 01 Jan 1970 00:01:00 -0000", 60.0, id="zone not known"),
        pytest.param("Thu, 01 Jan 1970 00:01:00 +99999999999", None, id="absurd zone"),
    ],
)
def test_a_date_header_is_read_as_seconds(date: str | None, seconds: float | None) -> None:
    assert http_date_seconds(date) == seconds


@settings(deadline=None)
@given(
    st.one_of(st.text(), st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,9} (Jan|Dec) \d{1,9} \d{1,9}:\d\d:\d\d [+-]?\d{0,12}\Z"))
)
def test_whatever_a_header_says_is_read_without_an_exception_and_can_be_added_to_a_clock(said: str) -> None:
    seconds = retry_after_seconds({"Retry-After": said, "Date": said})
    assert seconds is None or 0 <= time.monotonic() + seconds < 1e12
    date = http_date_seconds(said)
    assert date is None or abs(date) < 1e12
