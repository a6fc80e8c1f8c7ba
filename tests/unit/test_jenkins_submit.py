"""What counts as an acceptance of Jenkins, whatever else stands in the answer; and which processors can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import JenkinsProcessor
from test_executions_rerunner.calls.failures import Kind, TriggerDoubtfulError, TriggerRefusedError
from test_executions_rerunner.demo import Fault, JenkinsServer
from test_executions_rerunner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.models import Served

ITEM = "/queue/item/7/"
ABSURD_HEADERS = {
    "Date": "Fri, 31 Dec 9999 23:59:59 -2359",
    "Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359",
    "Content-Type": "image/png; charset=\xff",
    "Set-Cookie": "a=b; expires=never; domain=..",
    "X-Jenkins": "²",
    "Link": "<",
}


@pytest.fixture(scope="module")
def jenkins() -> Iterator[JenkinsServer]:
    with JenkinsServer(context_path="/ci") as server:
        server.add_job("lab")
        yield server


def submitted(jenkins: JenkinsServer, status: int, location: str, **headers: str) -> Served:
    """Return what becomes of a trigger that is answered like this."""
    jenkins.inject(Fault("POST", status=status, headers={**headers, "Location": location}))
    processor = JenkinsProcessor("admin", jenkins.token, jenkins_url=jenkins.url)
    return processor.submit({"url": f"{jenkins.url}/job/lab/buildWithParameters"})


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("{url}/queue/item/7/", id="as Jenkins writes it"),
        pytest.param("/ci/queue/item/7/", id="without a host"),
        pytest.param("{url}/queue/item/7/?x=1", id="with a query"),
        pytest.param("/ci/queue/item/7/?x=/y/#z", id="with a query and a fragment"),
    ],
)
@pytest.mark.parametrize("status", [201, 303])
def test_a_queue_item_of_this_controller_is_an_acceptance(jenkins: JenkinsServer, status: int, location: str) -> None:
    served = submitted(jenkins, status, location.format(url=jenkins.url))
    assert served.link == f"{jenkins.url}/queue/item/7/"


@pytest.mark.parametrize(("name", "value"), ABSURD_HEADERS.items(), ids=ABSURD_HEADERS.keys())
@pytest.mark.parametrize("status", [201, 303])
def test_nothing_else_in_the_answer_makes_an_acceptance_doubtful(
    jenkins: JenkinsServer, status: int, name: str, value: str
) -> None:
    assert submitted(jenkins, status, f"{jenkins.url}{ITEM}", **{name: value}).link == f"{jenkins.url}{ITEM}"


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("http://elsewhere.example/ci/queue/item/7/", id="another host"),
        pytest.param("/queue/item/7/", id="another context path"),
        pytest.param("/ci/job/lab/queue/item/7/", id="below a job"),
        pytest.param("http://[::1/ci/queue/item/7/", id="no host that can be read"),
        pytest.param("http://h:99999999/ci/queue/item/7/", id="no port"),
        pytest.param(f"/{'a' * 3000}/queue/item/7/", id="endless"),
        pytest.param("ftp://h/ci/queue/item/7/", id="another scheme"),
    ],
)
def test_a_queue_item_elsewhere_is_doubtful(jenkins: JenkinsServer, location: str) -> None:
    with pytest.raises(TriggerDoubtfulError, match="its queue item is elsewhere") as doubtful:
        submitted(jenkins, 201, location)
    assert doubtful.value.response.status_code == 201
    processor = JenkinsProcessor("admin", jenkins.token, jenkins_url=jenkins.url)
    assert processor.explain(doubtful.value).kind is Kind.BROKEN


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        pytest.param("https://admin:{token}@e.example{item}", "https://e.example/queue/item/7/", id="user and token"),
        pytest.param("https://x:other-secret@e.example{item}", "https://e.example/queue/item/7/", id="another's"),
        pytest.param("https://e.example{item}?key=other-secret", "https://e.example/queue/item/7/", id="query"),
        pytest.param("https://e.example/{token}{item}", "https://e.example/***/queue/item/7/", id="in the path"),
    ],
)
def test_a_queue_item_elsewhere_is_told_without_secrets(jenkins: JenkinsServer, location: str, shown: str) -> None:
    with pytest.raises(TriggerDoubtfulError) as doubtful:
        submitted(jenkins, 201, location.format(token=jenkins.token, item=ITEM))
    assert str(doubtful.value).endswith(f"elsewhere: {shown}")


@pytest.mark.parametrize(
    "path", ["/job/lab/?x=/queue/item/7/", "/login#/queue/item/7/", "/queue/item/7?x=/"], ids=["query", "fragment", "7"]
)
def test_only_the_path_of_a_location_is_an_acceptance(jenkins: JenkinsServer, path: str) -> None:
    with pytest.raises(TriggerRefusedError) as refused:
        submitted(jenkins, 201, f"{jenkins.url}{path}")
    assert not isinstance(refused.value, TriggerDoubtfulError)


@pytest.mark.parametrize("written", ["delay=0sec", "snap:delay=1sec", " delay =x"], ids=["all", "family", "blanks"])
def test_our_delay_cannot_be_replaced(written: str) -> None:
    with pytest.raises(SettingsError, match="not 'delay'"):
        JenkinsProcessor("admin", "token", build_parameters=[written])


@pytest.mark.parametrize("path", ["/job/lab/", "/login", ITEM, f"{ITEM}x", "/queue/item/x/", ""])
@pytest.mark.parametrize("status", [200, 202, 301, 302, 307, 308])
def test_no_other_answer_is_an_acceptance(jenkins: JenkinsServer, status: int, path: str) -> None:
    with pytest.raises(TriggerRefusedError) as refused:
        submitted(jenkins, status, f"{jenkins.url}{path}")
    assert not isinstance(refused.value, TriggerDoubtfulError)
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    ("argument", "allowed"),
    [
        pytest.param({"parameters_from": "builds"}, "one of family, build", id="a source that is none"),
        pytest.param({"max_per_day": 0}, "a whole number of 1 or more", id="never a day"),
        pytest.param({"max_per_day": True}, "a whole number of 1 or more", id="a boolean"),
        pytest.param({"max_queued": -1}, "a whole number of 1 or more", id="less than nothing in the queue"),
        pytest.param({"max_queued": "5"}, "a whole number of 1 or more", id="a text"),
        pytest.param({"connections": 0}, "a whole number of 1 or more", id="no connection"),
        pytest.param({"connections": 1.5}, "a whole number of 1 or more", id="a part of one"),
    ],
)
def test_an_argument_that_is_not_allowed_is_named_with_what_is(argument: dict[str, Any], allowed: str) -> None:
    ((name, value),) = argument.items()
    with pytest.raises(SettingsError) as refused:
        JenkinsProcessor("admin", "token", **argument)
    assert str(refused.value) == f"{name}: {value!r} is not allowed: {allowed} is"


@pytest.mark.parametrize("token", ["x", "xyz"])
def test_a_token_too_short_to_be_hidden_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(SettingsError, match="4 characters or more") as refused:
        JenkinsProcessor("admin", token)
    assert token not in str(refused.value)


@pytest.mark.parametrize("token", ["", "wxyz"])
def test_no_token_or_one_that_can_be_hidden_is_taken(token: str) -> None:
    assert JenkinsProcessor("admin", token).secrets == (() if not token else ("wxyz", "YWRtaW46d3h5eg=="))
