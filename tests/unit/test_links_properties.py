"""Whatever a stranger writes into a request: the right POST to a configured origin, or one kind of error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from test_executions_rerunner import GithubProcessor, JenkinsProcessor, RequestProcessingError

if TYPE_CHECKING:
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.rerun_request import RawRequest

JENKINS = "http://jenkins.example:8080/ci"
PIECES = (
    *(
        "http://",
        "https://",
        "HTTP://",
        "//",
        "/",
        "\\",
        "@",
        ":",
        ":8080",
        ":80",
        "?",
        "#",
        "%",
        "%2F",
        "%2f",
        "%252F",
    ),
    *(
        "%00",
        "%0A",
        "%5C",
        "%2e%2e",
        "..",
        ".",
        ";",
        "&",
        "+",
        "%20",
        " ",
        "\t",
        "\r\n",
        "\u2028",
        "\u202e",
        "\x1b[31m",
    ),
    *(
        "jenkins.example:8080",
        "JENKINS.example:8080",
        "jenkins.example",
        "evil.example",
        "[::1]",
        "user:pw@",
        "/ci",
        "/CI",
    ),
    *("/job/", "job", "/view/", "a", "30", "/30/", "\u0663", "\uff13", "\u00e4", "\ud800", "lastBuild", "console"),
    *("github.com", "GitHub.com", "api.github.com", "/canonical/", "lab", "/actions/runs/", "1332", "/attempts/", "2"),
    *("/rerun", "/buildWithParameters", "::error::", "##[error]", "|", "<b>", "`", "$(id)", "'", '"'),
)
JENKINS_LINKS = st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: f"{JENKINS}/job/{''.join(parts)}")
GITHUB_LINKS = st.lists(st.sampled_from(PIECES), max_size=6).map(
    lambda parts: f"https://github.com/canonical/lab/actions/runs/1{''.join(parts)}"
)
TEXTS = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    JENKINS_LINKS,
    GITHUB_LINKS,
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
FIELDS = ("ci_link", "family", "test_execution_id", "created_at", "environment")
PROCESSORS = (
    pytest.param(
        JenkinsProcessor("admin", "token", jenkins_url=JENKINS, build_parameters=["charm:A=1"]),
        re.compile(r"http://jenkins\.example:8080/ci(?:/job/[^/?#]+)+/buildWithParameters"),
        id="jenkins",
    ),
    pytest.param(
        GithubProcessor("token"),
        re.compile(r"https://api\.github\.com/repos/[^/?#]+/[^/?#]+/actions/runs/[1-9][0-9]*/rerun"),
        id="github",
    ),
)


def post_of(processor: RequestProcessor, request: dict[str, object]) -> str | None:
    """Return the URL of the POST; None: refused, in the one way that is allowed."""
    try:
        post = processor.process(request)
    except RequestProcessingError as error:
        refusal = str(error)
    else:
        json.dumps(post)
        return post["url"]
    assert refusal.isprintable()
    return None


def assert_is_trigger(url: str, shape: re.Pattern[str]) -> None:
    assert url.isascii()
    assert url.isprintable()
    assert shape.fullmatch(url)
    for segment in urlsplit(url).path.split("/")[1:]:
        assert unquote(segment) not in {"", ".", ".."}
        assert "/" not in unquote(segment)


@pytest.mark.parametrize(("processor", "shape"), PROCESSORS)
@settings(deadline=None)
@given(link=TEXTS, family=st.sampled_from(["snap", "deb", "charm"]))
@example(link=f"{JENKINS}/job/..%2F/1/", family="snap")
@example(link="https://github.com/canonical/..%2F..%2Fuser/actions/runs/1", family="snap")
def test_any_text_as_link_is_a_trigger_below_the_origin_or_refused(
    processor: RequestProcessor, shape: re.Pattern[str], link: str, family: str
) -> None:
    url = post_of(processor, {"ci_link": link, "family": family})
    if url is not None:
        assert_is_trigger(url, shape)


@pytest.mark.parametrize(("processor", "shape"), PROCESSORS)
@settings(deadline=None)
@given(request=st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_value_in_any_field_is_a_trigger_below_the_origin_or_refused(
    processor: RequestProcessor, shape: re.Pattern[str], request: dict[str, object]
) -> None:
    url = post_of(processor, request)
    if url is not None:
        assert_is_trigger(url, shape)


@pytest.mark.parametrize(("processor", "shape"), PROCESSORS)
@settings(deadline=None)
@given(field=st.sampled_from(FIELDS), value=VALUES)
def test_any_value_in_one_field_of_a_good_request_is_a_trigger_or_refused(
    processor: RequestProcessor, shape: re.Pattern[str], field: str, value: object
) -> None:
    link = "https://github.com/canonical/lab/actions/runs/1" if processor.name == "github" else f"{JENKINS}/job/a/1/"
    url = post_of(processor, {"ci_link": link, "family": "snap", "test_execution_id": 1, field: value})
    if url is not None:
        assert_is_trigger(url, shape)


@pytest.mark.parametrize(("processor", "shape"), PROCESSORS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5000, id="more digits than Python writes out"),
        pytest.param([10**5000], id="list of such a number"),
        pytest.param(float("nan"), id="not a number"),
        pytest.param("x" * 100_000, id="long text"),
    ],
)
@pytest.mark.parametrize("field", FIELDS)
def test_a_value_that_cannot_be_shown_is_refused_all_the_same(
    processor: RequestProcessor, shape: re.Pattern[str], value: object, field: str
) -> None:
    url = post_of(processor, {"ci_link": None, "family": "snap", field: value})
    assert url is None or shape.fullmatch(url)


@settings(deadline=None)
@given(name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"), min_size=1))
def test_a_jenkins_job_keeps_its_name_through_a_link(name: str) -> None:
    link = f"{JENKINS}/job/{quote(name, safe='')}/7/"
    processor = JenkinsProcessor("admin", "token", jenkins_url=JENKINS)
    url = post_of(processor, {"ci_link": link, "family": "snap"})
    if name in {".", ".."} or len(link) > 2000:
        assert url is None
        return
    assert url is not None
    assert unquote(url) == f"{JENKINS}/job/{name}/buildWithParameters"


@pytest.mark.parametrize(("processor", "shape"), PROCESSORS)
@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(None, id="none"),
        pytest.param("x", id="text"),
        pytest.param(5, id="number"),
        pytest.param([], id="list"),
        pytest.param({}, id="empty object"),
    ],
)
def test_a_request_that_is_no_object_is_refused(
    processor: RequestProcessor, shape: re.Pattern[str], request_: object
) -> None:
    del shape
    with pytest.raises(RequestProcessingError):
        processor.process(cast("RawRequest", request_))
