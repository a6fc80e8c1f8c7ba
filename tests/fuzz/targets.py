"""What strangers and servers write, as bytes, through all that reads it; an assertion or an exception is a bug.

`tests/fuzz/search.py` searches with the coverage of the code as its guide, `tests/unit/test_fuzz_targets.py` holds
every target to some bytes on each run of the tests.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests

from test_executions_rerunner import GithubProcessor, JenkinsProcessor, RequestProcessingError
from test_executions_rerunner.calls.error_pages import server_words
from test_executions_rerunner.calls.headers import http_date_seconds, retry_after_seconds
from test_executions_rerunner.calls.json_array import elements
from test_executions_rerunner.cli.telling import github_actions, summary
from test_executions_rerunner.cli.telling.report import Report, as_json
from test_executions_rerunner.drain.selection import Selection
from test_executions_rerunner.models import Outcome, State
from test_executions_rerunner.rerun_request import RerunRequest
from test_executions_rerunner.text import MOST_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from test_executions_rerunner.processors.base import RequestProcessor

JENKINS = "http://jenkins.example:8080/ci"
PROCESSORS: tuple[tuple[RequestProcessor, re.Pattern[str]], ...] = (
    (
        JenkinsProcessor("admin", "token", jenkins_url=JENKINS, build_parameters=["charm:A=1"]),
        re.compile(r"http://jenkins\.example:8080/ci(?:/job/[^/?#]+)+/buildWithParameters"),
    ),
    (
        GithubProcessor("token"),
        re.compile(r"https://api\.github\.com/repos/[^/?#]+/[^/?#]+/actions/runs/[1-9][0-9]*/rerun"),
    ),
)
"""Each with the shape of all that it may trigger."""
SELECTION = Selection(skip_archived=True, skip_decided=True, min_priority=0)
_COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)


def assert_is_trigger(url: str, shape: re.Pattern[str]) -> None:
    """Hold a URL against the shape of a processor's triggers, segment by segment."""
    assert url.isascii()
    assert url.isprintable()
    assert shape.fullmatch(url)
    for segment in urlsplit(url).path.split("/")[1:]:
        assert unquote(segment) not in {"", ".", ".."}
        assert "/" not in unquote(segment)


def assert_is_harmless(line: str) -> None:
    """Hold a text against what a log, a runner and a terminal may be given."""
    assert line.isprintable() or not line
    assert len(line) <= MOST_CHARACTERS + len("'")
    assert not _COMMAND.search(line)


def links(data: bytes) -> None:
    """Take the bytes for a request's link: a trigger below the configured origin, or one kind of error."""
    request = {"ci_link": data.decode("utf-8", "surrogateescape"), "family": "snap"}
    for processor, shape in PROCESSORS:
        assert (_refusal(partial(_processed, processor, request), shape) or "none").isprintable()


def _processed(processor: RequestProcessor, request: dict[str, str]) -> str:
    return processor.process(request)["url"]


def entries(data: bytes) -> None:
    """Take the bytes for the queue's answer: whatever its entries are, each has an outcome that can be told."""
    raw: list[Any] = []
    with contextlib.suppress(ValueError, RecursionError):
        raw.extend(elements([data]))
    report = Report("github")
    for each in raw:
        request = RerunRequest.read(each)
        assert request.is_of_same_group(request) or request.test_execution_id is None
        report.outcomes.append(Outcome(request, State.FAILED, _reason(request)))
    json.loads(as_json(report))
    assert "<" not in summary.as_markdown(report, most_bytes=1 << 20)
    for line in github_actions.annotate(report):
        assert len(line.splitlines()) == 1
        assert line.startswith("::error") or line.endswith("more failures are in the log and in the summary")
        assert "##[" not in line


def _reason(request: RerunRequest) -> str:
    reasons = [request.time_problem or "none"]
    reasons += [_refusal(partial(_selected, processor, request), shape) or "" for processor, shape in PROCESSORS]
    assert all(reason.isprintable() for reason in reasons)
    return max(reasons, key=len)


def _selected(processor: RequestProcessor, request: RerunRequest) -> str:
    SELECTION.check(request)
    return str(processor.target(request).post_arguments["url"])


def _refusal(url: Callable[[], str], shape: re.Pattern[str]) -> str | None:
    """Return why a request is refused; one that is not is a trigger of the right shape."""
    try:
        trigger = url()
    except RequestProcessingError as error:
        return str(error)
    assert_is_trigger(trigger, shape)
    return None


def pages(data: bytes) -> None:
    """Take the bytes for a refusal: its status, its headers, its body; one harmless line tells it."""
    head, _, body = data.partition(b"\n\n")
    answer = requests.Response()
    answer.status_code = 200 + 100 * (data[0] % 4) + len(head) % 30 if data else 500
    answer.reason = head[:20].decode("latin-1")
    for line in head.decode("latin-1").split("\n")[:20]:
        name, _, value = line.partition(":")
        answer.headers[name] = value.strip()
    answer.raw = io.BytesIO(body)
    assert_is_harmless(server_words(answer))
    seconds = retry_after_seconds(answer.headers)
    assert seconds is None or seconds >= 0
    http_date_seconds(answer.headers.get("Date"))


TARGETS: dict[str, Callable[[bytes], None]] = {"links": links, "entries": entries, "pages": pages}
_ENTRY = {
    "test_execution_id": 1,
    "ci_link": "https://github.com/canonical/lab/actions/runs/1",
    "family": "snap",
    "created_at": "2026-11-27T10:00:00.5",
    "priority": 3,
    "test_execution": {
        "test_plan": "p",
        "status": "PASSED",
        "environment": {"id": 1, "name": "e"},
        "relevant_links": [],
    },
    "artefact": {"archived": False, "status": "UNDECIDED", "name": "core22"},
    "artefact_build": {"id": 1, "architecture": "arm64"},
}
SEEDS: dict[str, tuple[bytes, ...]] = {
    "links": (
        f"{JENKINS}/job/a/job/b%252Fc/view/V/30/console?x#y".encode(),
        b"https://github.com/canonical/lab/actions/runs/1332/attempts/2/job/37",
        b"http://user:pw@jenkins.example:8080/ci/job/..%2F/lastBuild/",
    ),
    "entries": (json.dumps([_ENTRY]).encode(), json.dumps([_ENTRY | {"ci_link": f"{JENKINS}/job/a/1/"}, 7]).encode()),
    "pages": (
        b"x\nContent-Type: text/html\n\n<!doctype html><h2>HTTP ERROR 403 No</h2><tr><th>MESSAGE:</th><td>a</td>",
        b'Retry-After: 3\nDate: Fri, 27 Nov 2026 10:00:00 GMT\n\n{"message": "Not Found", "detail": [{"msg": "x"}]}',
        b"x\n\n ::set-output name=a::b \r\n ##[error] \x1b[31m",
        b"X-Required-Permission: hudson.model.Item.Build\nLocation: /login\n\n##[error]::set-output name=a::b",
    ),
}
"""What each search begins with."""
