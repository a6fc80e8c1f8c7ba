"""The loopback Jenkins answers as jenkins-core 2.579 was measured to."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from test_executions_rerunner.demo import JenkinsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ADMIN = ("admin", "jenkins-token")
OURS = {"TEST_OBSERVER_REPORTING": "true"}
WAITING = {**OURS, "delay": "20sec"}
STRING = {"name": "S", "type": "StringParameterDefinition", "default": "x"}
CHOICE = {"name": "C", "type": "ChoiceParameterDefinition", "choices": ["one", "two"]}
SECRET = {"name": "P", "type": "PasswordParameterDefinition"}
DELAY = {"name": "delay", "type": "StringParameterDefinition", "default": ""}
BUILD_TREE = (
    "name,buildable,property[parameterDefinitions[name,type,defaultParameterValue[value]]],"
    "builds[number,url,queueId,timestamp,actions[parameters[name,value],causes[userId]]]{0,50}"
)
ITEM_TREE = "items[id,inQueueSince,task[name,fullName,url],actions[parameters[name,value],causes[userId]]]"


@pytest.fixture
def server() -> Iterator[JenkinsServer]:
    with JenkinsServer() as jenkins:
        jenkins.add_job("a")
        yield jenkins


def post(server: JenkinsServer, path: str = "/job/a/buildWithParameters", **sent: Any) -> requests.Response:  # noqa: ANN401 - arguments of requests
    arguments = {"data": WAITING, "auth": ADMIN, "allow_redirects": False, **sent}
    return requests.post(server.url + path, timeout=5, **arguments)


def get(server: JenkinsServer, path: str, **sent: Any) -> requests.Response:  # noqa: ANN401 - arguments of requests
    return requests.get(server.url + path, timeout=5, **{"auth": ADMIN, **sent})


def item_of(answer: requests.Response) -> str:
    return answer.headers["Location"].rstrip("/").rpartition("/")[2]


def parameters_of(server: JenkinsServer, name: str = "a") -> dict[str, bool | str]:
    (item,) = server.queued(name)
    return item.parameters


def test_a_trigger_is_accepted_with_an_item_at_the_host_that_was_called(server: JenkinsServer) -> None:
    server.root_url = "http://configured.example/jenkins"
    answer = post(server)
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["Location"] == f"{server.url}/queue/item/1/"
    assert "X-Jenkins" not in answer.headers


def test_a_proxys_forwarded_host_is_believed(server: JenkinsServer) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "ci.example", "X-Forwarded-Port": "8443"}
    assert post(server, headers=headers).headers["Location"] == "https://ci.example:8443/queue/item/1/"


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        pytest.param(WAITING, WAITING, 303, id="the-same"),
        pytest.param(WAITING, {**OURS, "delay": "30sec"}, 303, id="another-delay"),
        pytest.param(WAITING, {**WAITING, "UNKNOWN": "x"}, 303, id="an-undefined-parameter"),
        pytest.param(WAITING, {**WAITING, "TESTPLAN": "smoke"}, 303, id="a-default-sent"),
        pytest.param(WAITING, {**WAITING, "P": "other"}, 303, id="another-password"),
        pytest.param(WAITING, {**WAITING, "TESTPLAN": "full"}, 201, id="another-value"),
    ],
)
def test_an_identical_item_that_waits_takes_the_trigger(
    first: dict[str, str], second: dict[str, str], status: int
) -> None:
    with JenkinsServer() as server:
        report = {"name": "TEST_OBSERVER_REPORTING", "type": "BooleanParameterDefinition", "default": False}
        plan = {"name": "TESTPLAN", "type": "StringParameterDefinition", "default": "smoke"}
        server.add_job("a", [report, plan, SECRET])
        one, two = post(server, data=first), post(server, data=second)
        assert (one.status_code, two.status_code) == (201, status)
        assert (item_of(one) == item_of(two)) == (status == 303)
        assert (server.triggered("a"), server.count("POST")) == (1 if status == 303 else 2, 2)


def test_a_merged_trigger_adds_a_cause(server: JenkinsServer) -> None:
    post(server)
    post(server)
    (item,) = get(server, f"/queue/api/json?tree={ITEM_TREE}").json()["items"]
    assert item["actions"][1] == {"causes": [{"userId": "admin"}, {"userId": "admin"}]}


def test_an_item_becomes_a_build_when_its_delay_is_over(server: JenkinsServer) -> None:
    post(server, data={**OURS, "delay": "1sec"})
    (item,) = server.queued("a")
    item.ready_at = time.time()
    assert ([build.queue_id for build in server.builds("a")], server.queued("a")) == ([1], [])
    assert post(server).status_code == 201  # nothing waits any more


def test_a_shorter_delay_of_an_identical_trigger_shortens_the_wait(server: JenkinsServer) -> None:
    post(server)
    post(server, data={**OURS, "delay": "0sec"})
    assert (server.queued("a"), len(server.builds("a"))) == ([], 1)


def test_a_jenkins_that_starts_items_at_once_makes_two_builds_of_two_triggers() -> None:
    with JenkinsServer(start_items_at_once=True) as server:
        server.add_job("a")
        assert [post(server, data=OURS).status_code for _ in range(2)] == [201, 201]
        assert [build.parameters for build in server.builds("a")] == [
            {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "smoke"}
        ] * 2


def test_a_delay_makes_one_build_of_two_triggers_also_where_items_start_at_once() -> None:
    with JenkinsServer(start_items_at_once=True) as server:
        server.add_job("a")
        assert [post(server).status_code for _ in range(2)] == [201, 303]


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        pytest.param("20sec", 20, id="20sec"),
        pytest.param("20 sec", 20, id="20-sec"),
        pytest.param("0sec", 0, id="0sec"),
        pytest.param("20", 0.02, id="milliseconds"),
    ],
)
def test_a_delay_is_how_long_the_item_waits(server: JenkinsServer, delay: str, seconds: float) -> None:
    server.quieting_down = True
    post(server, data={"delay": delay})
    (item,) = server.queued("a")
    assert item.ready_at - item.since == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    "delay", [pytest.param("20s", id="20s"), pytest.param("1min", id="1min"), pytest.param("", id="empty")]
)
def test_a_bad_delay_is_a_500_and_starts_nothing(server: JenkinsServer, delay: str) -> None:
    assert (post(server, data={"delay": delay}).status_code, server.triggered("a")) == (500, 0)


@pytest.mark.parametrize(
    ("at_once", "own", "seconds"),
    [
        pytest.param(False, None, 5, id="the-servers"),
        pytest.param(True, None, 0, id="none"),
        pytest.param(True, 7, 7, id="the-jobs-own"),
    ],
)
def test_without_a_delay_an_item_waits_for_the_quiet_period(
    *, at_once: bool, own: float | None, seconds: float
) -> None:
    with JenkinsServer(start_items_at_once=at_once) as server:
        server.add_job("a", quiet_seconds=own)
        server.quieting_down = True
        post(server, data=OURS)
        (item,) = server.queued("a")
        assert item.ready_at - item.since == pytest.approx(seconds)


def test_a_job_that_defines_a_delay_gets_its_value_too(server: JenkinsServer) -> None:
    server.add_job("d", [DELAY])
    post(server, "/job/d/buildWithParameters", data={"delay": "20sec"})
    assert parameters_of(server, "d") == {"delay": "20sec"}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": WAITING}, id="form"),
        pytest.param({"data": None, "params": WAITING}, id="query"),
        pytest.param({"data": OURS, "params": {"delay": "20sec"}}, id="both"),
        pytest.param({"data": None, "files": {name: (None, text) for name, text in WAITING.items()}}, id="multipart"),
    ],
)
def test_parameters_arrive_as_form_as_query_and_as_multipart(server: JenkinsServer, sent: dict[str, Any]) -> None:
    post(server, **sent)
    assert parameters_of(server) == {"TEST_OBSERVER_REPORTING": True, "TESTPLAN": "smoke"}
    assert server.queued("a")[0].ready_at - server.queued("a")[0].since == pytest.approx(20)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": None}, id="nothing"),
        pytest.param({"data": None, "json": OURS}, id="json-body"),
        pytest.param({"data": {**OURS, "json": "{}"}}, id="json-field"),
        pytest.param({"data": {"UNKNOWN": "1"}}, id="undefined-parameter"),
        pytest.param({"data": {"TEST_OBSERVER_REPORTING": "1"}}, id="a-boolean-of-1"),
        pytest.param({"data": {"test_observer_reporting": "true"}}, id="another-case"),
    ],
)
def test_what_does_not_arrive_leaves_the_defaults(server: JenkinsServer, sent: dict[str, Any]) -> None:
    assert post(server, **sent).status_code == 201
    assert parameters_of(server) == {"TEST_OBSERVER_REPORTING": False, "TESTPLAN": "smoke"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([("S", "1"), ("S", "2")], id="a-parameter-twice"),
        pytest.param({"C": "three"}, id="an-unknown-choice"),
    ],
)
def test_a_wrong_value_is_a_500_that_does_not_name_it(server: JenkinsServer, data: Any) -> None:  # noqa: ANN401 - a form
    server.add_job("s", [STRING, CHOICE])
    answer = post(server, "/job/s/buildWithParameters", data=data)
    assert (answer.status_code, server.triggered("s")) == (500, 0)
    assert "Logging ID=" in answer.text


def test_a_choice_takes_one_of_its_values_and_the_first_by_default(server: JenkinsServer) -> None:
    server.add_job("s", [CHOICE])
    post(server, "/job/s/buildWithParameters", data={"C": "two"})
    post(server, "/job/s/buildWithParameters", data={})
    assert [item.parameters for item in server.queued("s")] == [{"C": "two"}, {"C": "one"}]


@pytest.mark.parametrize(
    ("job", "path", "status", "text"),
    [
        pytest.param({"parameters": None}, "buildWithParameters", 400, "b is not parameterized", id="no-parameters"),
        pytest.param({"buildable": False}, "buildWithParameters", 409, "b is not buildable", id="disabled"),
        pytest.param({"buildable": False}, "build", 409, "b is not buildable", id="disabled-build"),
        pytest.param({}, "build", 400, "Nothing is submitted", id="build-of-a-job-with-parameters"),
        pytest.param({"permission": "discover"}, "build", 403, "Please login to access job b", id="discover"),
        pytest.param({"permission": "none"}, "build", 404, "Not Found", id="no-permission"),
    ],
)
def test_a_refused_trigger_says_why(
    server: JenkinsServer, job: dict[str, Any], path: str, *, status: int, text: str
) -> None:
    server.add_job("b", **job)
    answer = post(server, f"/job/b/{path}")
    assert (answer.status_code, server.triggered("b"), "X-Required-Permission" in answer.headers) == (status, 0, False)
    assert text in answer.text
    assert ("X-Jenkins" in answer.headers) == (status in (403, 404))


def test_a_build_without_parameters_is_accepted_twice_as_one_item(server: JenkinsServer) -> None:
    server.add_job("b", None)
    answers = [post(server, "/job/b/build", data={"delay": "20sec"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert (item_of(answers[0]), server.triggered("b")) == (item_of(answers[1]), 1)


def test_a_missing_job_a_folder_and_a_hidden_job_look_the_same(server: JenkinsServer) -> None:
    server.add_job("folder/job")
    server.add_job("hidden", permission="none")
    answers = [post(server, f"/job/{name}/buildWithParameters") for name in ("missing", "folder", "hidden")]
    assert [each.status_code for each in answers] == [404] * 3
    assert len({each.text for each in answers}) == 1


def test_a_missing_build_permission_is_named(server: JenkinsServer) -> None:
    server.add_job("b", permission="read")
    for answer in (post(server, "/job/b/buildWithParameters"), get(server, "/job/b/buildWithParameters")):
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html;charset=utf-8")
        assert answer.headers["X-Required-Permission"] == "hudson.model.Item.Build"
        assert answer.headers["X-You-Are-Authenticated-As"] == "admin"


def test_asking_for_the_triggers_page_tells_the_permission_and_starts_nothing(server: JenkinsServer) -> None:
    answer = get(server, "/job/a/buildWithParameters")
    assert (answer.status_code, answer.headers["Allow"], server.triggered("a")) == (405, "POST", 0)


def test_wrong_credentials_are_a_401(server: JenkinsServer) -> None:
    for auth in (("admin", "wrong"), ("somebody", "jenkins-token")):
        answer = post(server, auth=auth)
        assert (answer.status_code, "X-Jenkins" in answer.headers) == (401, False)
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Jenkins", charset="UTF-8"'


@pytest.mark.parametrize(
    "headers", [pytest.param({}, id="nothing"), pytest.param({"Authorization": "Bearer x"}, id="bearer")]
)
def test_without_an_api_token_the_crumb_is_missing_first(server: JenkinsServer, headers: dict[str, str]) -> None:
    answer = post(server, auth=None, headers=headers)
    assert (answer.status_code, "X-Jenkins" in answer.headers) == (403, False)
    assert "No valid crumb was included in the request" in answer.text
    assert get(server, "/job/a/api/json", auth=None, headers=headers).status_code == 403


def test_a_user_who_may_see_nothing_is_told_the_permission(server: JenkinsServer) -> None:
    server.overall_read = False
    answer = post(server)
    assert (answer.status_code, answer.headers["X-Required-Permission"]) == (403, "hudson.model.Hudson.Read")


def test_a_veto_redirects_to_the_job(server: JenkinsServer) -> None:
    server.veto("a")
    answer = post(server)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{server.url}/job/a/")
    assert server.triggered("a") == 0


def test_a_jenkins_that_quiets_down_accepts_and_waits(server: JenkinsServer) -> None:
    server.quieting_down = True
    assert [post(server, data={"delay": "0sec"}).status_code for _ in range(2)] == [201, 303]
    assert (len(server.queued("a")), server.builds("a")) == (1, [])


def test_freestyle_items_wait_for_their_device_and_pipelines_do_not(server: JenkinsServer) -> None:
    server.add_job("p", kind="pipeline")
    server.devices_busy = True
    for name in ("a", "p"):
        post(server, f"/job/{name}/buildWithParameters", data={"delay": "0sec"})
    assert (len(server.queued("a")), len(server.queued("p")), len(server.builds("p"))) == (1, 0, 1)
    items = get(server, f"/queue/api/json?tree={ITEM_TREE}").json()["items"]
    assert [each["task"]["name"] for each in items] == ["part of wfnode #3", "a"], "the Pipeline waits for its node"
    server.start_items()
    assert (server.queued("a"), len(server.builds("a"))) == ([], 1)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param("folder/sub folder/job", "/job/folder/job/sub%20folder/job/job", id="folders"),
        pytest.param("multi/feature%2Fx", "/job/multi/job/feature%252Fx", id="branch"),
        pytest.param("v1.0+dfsg (x)", "/job/v1.0+dfsg%20(x)", id="plus-and-blank"),
        pytest.param("größe-日本", "/job/gr%C3%B6%C3%9Fe-%E6%97%A5%E6%9C%AC", id="not-ascii"),
        pytest.param("Race", "/job/rACE", id="another-case"),
    ],
)
def test_each_segment_of_a_path_is_unquoted_once(server: JenkinsServer, name: str, path: str) -> None:
    server.add_job(name)
    assert post(server, f"{path}/buildWithParameters").status_code == 201
    shown = get(server, f"{path}/api/json").json()
    assert (shown["fullName"], server.triggered(name)) == (name, 1)
    assert shown["url"].lower() == f"{server.url}{path}/".lower()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/job/multi/job/feature%2Fx", id="encoded-once"),
        pytest.param("/job/multi/feature%252Fx", id="a-segment-is-missing"),
        pytest.param("/jenkins/job/a", id="another-context-path"),
        pytest.param("/job/a/30", id="a-build"),
    ],
)
def test_other_paths_lead_nowhere(server: JenkinsServer, path: str) -> None:
    server.add_job("multi/feature%2Fx")
    assert post(server, f"{path}/buildWithParameters").status_code == 404


def test_a_context_path_is_part_of_every_address() -> None:
    with JenkinsServer(context_path="/jenkins") as server:
        server.add_job("a")
        assert server.url.endswith("/jenkins")
        assert post(server).headers["Location"] == f"{server.url}/queue/item/1/"
        outside = requests.get(server.url.removesuffix("/jenkins") + "/job/a/api/json", auth=ADMIN, timeout=5)
        assert outside.status_code == 404


def test_a_job_shows_what_the_tree_names(server: JenkinsServer) -> None:
    server.root_url = "http://configured/jenkins"
    server.add_job("j", [STRING, SECRET, CHOICE])
    server.add_build("j", started_at=1000.5, parameters={"S": "y"}, user="ann", number=31)
    shown = get(server, f"/job/j/api/json?tree={BUILD_TREE}").json()
    assert shown == {
        "name": "j",
        "buildable": True,
        "property": [
            {},
            {
                "parameterDefinitions": [
                    {"name": "S", "type": "StringParameterDefinition", "defaultParameterValue": {"value": "x"}},
                    {"name": "P", "type": "PasswordParameterDefinition"},
                    {"name": "C", "type": "ChoiceParameterDefinition", "defaultParameterValue": {"value": "one"}},
                ]
            },
        ],
        "builds": [
            {
                "number": 31,
                "url": "http://configured/jenkins/job/j/31/",
                "queueId": 1,
                "timestamp": 1000500,
                "actions": [
                    {"parameters": [{"name": "S", "value": "y"}, {"name": "P"}, {"name": "C", "value": "one"}]},
                    {"causes": [{"userId": "ann"}]},
                    {},
                ],
            }
        ],
    }


def test_a_job_tells_its_class_its_full_name_and_what_a_choice_offers(server: JenkinsServer) -> None:
    server.add_job("folder/j", [CHOICE, STRING])
    tree = "_class,fullName,property[parameterDefinitions[_class,name,choices]]"
    assert get(server, f"/job/folder/job/j/api/json?tree={tree}").json() == {
        "_class": "hudson.model.FreeStyleProject",
        "fullName": "folder/j",
        "property": [
            {},
            {
                "parameterDefinitions": [
                    {"_class": "hudson.model.ChoiceParameterDefinition", "name": "C", "choices": ["one", "two"]},
                    {"_class": "hudson.model.StringParameterDefinition", "name": "S"},
                ]
            },
        ],
    }


def test_a_build_tells_its_parameters_but_neither_passwords_nor_files(server: JenkinsServer) -> None:
    file = {"name": "F", "type": "FileParameterDefinition"}
    boolean = {"name": "B", "type": "BooleanParameterDefinition", "default": True}
    server.add_job("folder/j", [STRING, SECRET, file, boolean])
    server.add_build("folder/j", parameters={"S": "y", "P": "hidden"}, number=30)
    tree = "number,actions[parameters[_class,name,value]]"
    told = get(server, f"/job/folder/job/j/30/api/json?tree={tree}").json()
    assert told["number"] == 30
    assert told["actions"][0]["parameters"] == [
        {"_class": "hudson.model.StringParameterValue", "name": "S", "value": "y"},
        {"_class": "hudson.model.PasswordParameterValue", "name": "P"},
        {"_class": "hudson.model.FileParameterValue", "name": "F"},
        {"_class": "hudson.model.BooleanParameterValue", "name": "B", "value": True},
    ]


def test_a_discarded_build_is_a_404_and_its_number_is_not_given_again(server: JenkinsServer) -> None:
    server.add_build("a", number=30)
    server.discard_build("a", 30)
    assert get(server, "/job/a/30/api/json").status_code == 404
    assert server.add_build("a").number == 31


@pytest.mark.parametrize("path", ["/job/f", "/job/F/job/g"])
def test_a_folder_tells_neither_builds_nor_whether_it_can_be_built(server: JenkinsServer, path: str) -> None:
    server.add_job("f/g/j")
    told = get(server, f"{path}/api/json?tree=_class,fullName,buildable,builds[number],property[x]").json()
    assert told == {
        "_class": "com.cloudbees.hudson.plugins.folder.Folder",
        "fullName": {"/job/f": "f", "/job/F/job/g": "f/g"}[path],
    }
    assert get(server, f"{path}/30/api/json").status_code == 404


def test_a_folder_whose_jobs_may_not_be_read_is_not_seen(server: JenkinsServer) -> None:
    server.add_job("f/j", permission="none")
    assert get(server, "/job/f/api/json").status_code == 404


def test_a_user_without_job_read_sees_no_build(server: JenkinsServer) -> None:
    server.add_job("hidden", permission="none")
    server.add_build("hidden", number=1)
    assert get(server, "/job/hidden/1/api/json").status_code == 404


def test_an_item_shows_all_parameters_and_its_job(server: JenkinsServer) -> None:
    server.root_url = "http://configured/jenkins"
    server.add_job("folder/j")
    post(server, "/job/folder/job/j/buildWithParameters")
    server.add_placeholder_item()
    server.add_job("hidden")
    post(server, "/job/hidden/buildWithParameters")
    server.job("hidden").permission = "none"
    placeholder, item = get(server, f"/queue/api/json?tree={ITEM_TREE}").json()["items"]
    assert item.pop("inQueueSince") == pytest.approx(time.time() * 1000, abs=5000)
    assert item == {
        "id": 1,
        "task": {"name": "j", "fullName": "folder/j", "url": "http://configured/jenkins/job/folder/job/j/"},
        "actions": [
            {
                "parameters": [
                    {"name": "TEST_OBSERVER_REPORTING", "value": True},
                    {"name": "TESTPLAN", "value": "smoke"},
                ]
            },
            {"causes": [{"userId": "admin"}]},
            {},
        ],
    }
    assert (placeholder["task"]["name"], placeholder["actions"]) == ("part of wfnode #3", [{}])


def test_a_skew_moves_the_times_of_builds_and_items(server: JenkinsServer) -> None:
    server.add_build("a", started_at=1000)
    server.clock_skew_seconds = 600
    post(server)
    shown = get(server, "/job/a/api/json").json()
    (item,) = get(server, "/queue/api/json").json()["items"]
    assert shown["builds"][0]["timestamp"] == 1600 * 1000
    assert item["inQueueSince"] == pytest.approx((time.time() + 600) * 1000, abs=5000)


def test_builds_are_at_most_100_the_newest_first_and_all_builds_are_all(server: JenkinsServer) -> None:
    server.add_job("b", builds=range(1, 131))
    shown = get(server, "/job/b/api/json?tree=builds[number],allBuilds[number]").json()
    assert [each["number"] for each in shown["builds"]] == list(range(130, 30, -1))
    assert len(shown["allBuilds"]) == 130
    sliced = get(server, "/job/b/api/json?tree=builds[number]{0,2},allBuilds[number]{100,102}").json()
    assert [[each["number"] for each in sliced[name]] for name in ("builds", "allBuilds")] == [[130, 129], [30, 29]]


def test_an_item_that_left_the_queue_is_missing_for_the_gap(server: JenkinsServer) -> None:
    server.gap_seconds = 0.3
    post(server, data={"delay": "0sec"})
    assert get(server, "/queue/api/json").json() == {"items": []}
    assert get(server, "/job/a/api/json").json()["builds"] == []
    server.builds("a")[0].visible_at = 0
    assert len(get(server, "/job/a/api/json").json()["builds"]) == 1


def test_an_item_that_waits_is_found_by_its_id(server: JenkinsServer) -> None:
    number = item_of(post(server))
    assert get(server, f"/queue/item/{number}/api/json").json()["task"]["name"] == "a"
    assert get(server, "/queue/item/99/api/json").status_code == 404


@pytest.mark.parametrize(
    "tree",
    [pytest.param("name,", id="comma"), pytest.param("builds[number", id="bracket"), pytest.param("a b", id="blank")],
)
def test_a_malformed_tree_is_a_500(server: JenkinsServer, tree: str) -> None:
    assert get(server, "/job/a/api/json", params={"tree": tree}).status_code == 500


def test_the_look_is_refused_like_the_trigger(server: JenkinsServer) -> None:
    server.add_job("d", permission="discover")
    assert get(server, "/job/missing/api/json").status_code == 404
    assert get(server, "/job/d/api/json").status_code == 403


def test_the_user_is_named(server: JenkinsServer) -> None:
    assert get(server, "/me/api/json").json()["id"] == "admin"
    assert get(server, "/whoAmI/api/json").json()["name"] == "admin"


def test_a_crash_forgets_the_queue_and_gives_its_ids_again(server: JenkinsServer) -> None:
    server.add_build("a")
    first = item_of(post(server))
    server.crash()
    assert (server.queued("a"), len(server.builds("a"))) == ([], 1)
    assert item_of(post(server)) == first


def test_around_a_restart_valid_credentials_are_refused_for_moments(server: JenkinsServer) -> None:
    faults = server.restart_moments()
    assert [get(server, "/me/api/json").status_code for _ in range(5)] == [401, 403, 500, 503, 200]
    assert [each.used for each in faults] == [1, 1, 1, 1]


def test_a_starting_jenkins_names_no_time_to_come_back(server: JenkinsServer) -> None:
    server.restart_moments(503)
    answer = post(server)
    assert (answer.status_code, "Retry-After" in answer.headers, server.triggered("a")) == (503, False, 0)


def test_json_is_json(server: JenkinsServer) -> None:
    assert json.loads(get(server, "/crumbIssuer/api/json").text)["crumbRequestField"] == "Jenkins-Crumb"


# values as they are kept, builds that run and end, and builds that end each other


@pytest.mark.parametrize(
    ("definition", "sent", "kept"),
    [
        pytest.param({**STRING, "trim": True}, "  x y ", "x y", id="a-trimmed-string"),
        pytest.param(STRING, "  x ", "  x ", id="a-string"),
        pytest.param({**STRING, "type": "TextParameterDefinition"}, "a\r\nb\rc\n", "a\r\nb\rc\n", id="a-text"),
        pytest.param({"name": "S", "type": "BooleanParameterDefinition"}, "yes", False, id="yes"),
        pytest.param({"name": "S", "type": "BooleanParameterDefinition"}, " true", False, id="a-blank-before"),
        pytest.param({"name": "S", "type": "BooleanParameterDefinition"}, "TRUE", True, id="another-case"),
    ],
)
def test_a_value_is_kept_as_jenkins_keeps_it(
    server: JenkinsServer, definition: dict[str, object], sent: str, *, kept: bool | str
) -> None:
    server.add_job("s", [definition])
    post(server, "/job/s/buildWithParameters", data={"S": sent, "delay": "20sec"})
    assert parameters_of(server, "s") == {"S": kept}


def test_kinds_that_tell_their_value_under_other_keys_take_it_as_one_text(server: JenkinsServer) -> None:
    kinds = {"RUN": "Run", "TAG": "ListSubversionTags", "LABEL": "Label", "SECRET": "Credentials"}
    sent = {"RUN": "img#7", "TAG": "branches/a", "LABEL": "arm64", "SECRET": "id"}
    server.add_job("s", [{"name": name, "type": f"{kind}ParameterDefinition"} for name, kind in kinds.items()])
    post(server, "/job/s/buildWithParameters", data=sent)
    server.start_items()
    tree = "actions[parameters[name,value,jobName,number,tag,label]]"
    assert get(server, f"/job/s/2/api/json?tree={tree}").json()["actions"][0]["parameters"] == [
        {"name": "RUN", "jobName": "img", "number": "7"},
        {"name": "TAG", "tag": "branches/a"},
        {"name": "LABEL", "label": "arm64"},
        {"name": "SECRET"},
    ]


def test_a_default_can_move(server: JenkinsServer) -> None:
    numbers = iter(range(1, 9))
    server.add_job("s", [{**STRING, "default": lambda: f"build-{next(numbers)}"}])
    builds = [server.add_build("s"), server.add_build("s")]
    assert [build.parameters for build in builds] == [{"S": "build-1"}, {"S": "build-2"}]


def test_a_build_runs_until_it_ends(server: JenkinsServer) -> None:
    post(server)
    server.start_items()
    server.builds("a")[0].started_at -= 60
    tree = "builds[building,result,duration]"
    assert get(server, f"/job/a/api/json?tree={tree}").json() == {
        "builds": [{"building": True, "result": None, "duration": 0}]
    }
    server.end_builds("a", "FAILURE")
    (build,) = get(server, f"/job/a/api/json?tree={tree}").json()["builds"]
    assert (build["building"], build["result"]) == (False, "FAILURE")
    assert build["duration"] == pytest.approx(60_000, abs=5_000)


def test_a_build_may_tell_no_start(server: JenkinsServer) -> None:
    server.add_build("a", started_at=0)
    assert get(server, "/job/a/api/json?tree=builds[timestamp]").json() == {"builds": [{"timestamp": 0}]}


CONCURRENCY_TREE = "concurrentBuild,property[_class]"
PROPERTY = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"


@pytest.mark.parametrize(
    ("concurrency", "is_concurrent", "has_property", "results"),
    [
        pytest.param("free", True, False, [None, None], id="free"),
        pytest.param("waits", False, True, [None], id="waits"),
        pytest.param("aborts", True, True, ["NOT_BUILT", None], id="aborts"),
    ],
)
def test_a_pipeline_tells_what_a_new_build_does_to_a_running_one(
    server: JenkinsServer,
    concurrency: Any,  # noqa: ANN401 - as the server takes it
    *,
    is_concurrent: bool,
    has_property: bool,
    results: list[str | None],
) -> None:
    server.add_job("p", kind="pipeline", concurrency=concurrency)
    told = get(server, f"/job/p/api/json?tree={CONCURRENCY_TREE}").json()
    assert told["concurrentBuild"] is is_concurrent
    assert ({"_class": PROPERTY} in told["property"]) is has_property
    for plan in ("one", "two"):
        post(server, "/job/p/buildWithParameters", data={"TESTPLAN": plan, "delay": "0sec"})
    assert [build.result for build in server.builds("p")] == results
    server.end_builds("p")
    assert len(server.builds("p")) == 2, "what waited starts when the other has ended"


def test_a_running_build_is_superseded_when_the_new_one_starts_and_not_before(server: JenkinsServer) -> None:
    server.add_job("p", kind="pipeline", concurrency="aborts")
    running = server.add_build("p", started_at=time.time() - 60, result=None)
    post(server, "/job/p/buildWithParameters")
    assert server.job("p").running == [running]
    server.start_items()
    new = server.builds("p")[-1]
    assert (running.result, running.ended_at) == ("NOT_BUILT", new.started_at)


def test_a_job_that_is_made_again_counts_from_one(server: JenkinsServer) -> None:
    server.add_build("a", number=30)
    server.begin_anew("a")
    assert server.builds("a") == []
    assert server.add_build("a").number == 1


@pytest.mark.parametrize("on_arrival", [True, False], ids=["arrival", "answer"])
def test_a_date_is_that_of_the_arrival_where_jetty_is_old(server: JenkinsServer, *, on_arrival: bool) -> None:
    server.dates_on_arrival = on_arrival
    server.latency_seconds["GET"] = 1.1
    date = parsedate_to_datetime(get(server, "/job/a/api/json").headers["Date"]).timestamp()
    assert (date > server.requests[-1].received_at) is not on_arrival
