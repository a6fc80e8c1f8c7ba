"""The loopback Test Observer answers as the real backend was measured to."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests

from test_executions_rerunner.demo import Fault, TestObserverServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.demo import RecordedRequest

LINK = "http://10.102.156.15:8080/job/a/1/"
KEY = {"Authorization": "Bearer to_demo"}
EVERYTHING = {"view_rerun", "change_rerun", "change_rerun_bulk"}
EXECUTIONS = "/v1/test-executions"
RERUNS = "/v1/test-executions/reruns"


@pytest.fixture
def server() -> Iterator[TestObserverServer]:
    with TestObserverServer() as observer:
        yield observer


@pytest.fixture
def bulk() -> Iterator[TestObserverServer]:
    with TestObserverServer({"to_demo": EVERYTHING}) as observer:
        yield observer


@pytest.fixture
def open_server() -> Iterator[TestObserverServer]:
    """A server on which the key may see and change test executions too."""
    with TestObserverServer({"to_demo": {*EVERYTHING, "view_test", "change_test"}}) as observer:
        yield observer


def ask(
    server: TestObserverServer, method: str, path: str = RERUNS, *, key: str | None = "to_demo", body: object = None
) -> requests.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    with requests.Session() as session:
        session.trust_env = False
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return session.request(method, server.url + path, headers=headers, timeout=5, **sent)


def ids_of(answer: requests.Response) -> list[object]:
    return [each["test_execution_id"] for each in answer.json()]


def test_an_empty_queue_is_an_empty_list(server: TestObserverServer) -> None:
    assert (ask(server, "GET").status_code, ask(server, "GET").json()) == (200, [])


def test_the_order_is_priority_then_age_then_row(server: TestObserverServer) -> None:
    now = time.time()
    for number, priority in enumerate((0, 5, -5, 0, 5), start=1):
        server.add(LINK, test_execution_id=number, priority=priority, created_at=now)
    server.add(LINK, test_execution_id=6, created_at=now - 60)
    assert ids_of(ask(server, "GET")) == server.ids() == [2, 5, 6, 1, 4, 3]
    assert ids_of(ask(server, "GET", f"{RERUNS}?limit=2")) == [2, 5]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("family=deb", [2], id="family"),
        pytest.param("family=deb&family=snap", [1, 3], id="the-last-of-two-families"),
        pytest.param("environment=rpi5", [3], id="environment"),
        pytest.param("environment=RPI5", [], id="case-matters"),
        pytest.param("environment=", [], id="empty-environment"),
        pytest.param("environment_architecture=amd64", [3], id="architecture"),
        pytest.param("build_architecture=arm64&family=deb", [2], id="and"),
        pytest.param("build_architecture=mips", [], id="unknown-architecture"),
        pytest.param("limit=0", [], id="limit-0"),
        pytest.param("limit=100000", [1, 2, 3], id="huge-limit"),
        pytest.param("offset=2", [1, 2, 3], id="unknown-parameters-are-ignored"),
    ],
)
def test_filters_are_exact_and_combined(server: TestObserverServer, query: str, expected: list[int]) -> None:
    server.add(LINK)
    server.add(LINK, family="deb")
    server.add(LINK, environment="rpi5", environment_architecture="amd64")
    assert ids_of(ask(server, "GET", f"{RERUNS}?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        pytest.param("family=bogus", 422, "enum", id="unknown-family"),
        pytest.param("family=SNAP", 422, "enum", id="upper-case-family"),
        pytest.param("family=", 422, "enum", id="empty-family"),
        pytest.param("limit=abc", 422, "int_parsing", id="no-number"),
        pytest.param("limit=1.5", 422, "int_parsing", id="fraction"),
        pytest.param("limit=", 422, "int_parsing", id="empty-limit"),
        pytest.param("limit=-1", 500, None, id="negative-limit"),
        pytest.param("limit=99999999999999999999", 500, None, id="limit-beyond-the-database"),
    ],
)
def test_wrong_parameters_are_refused_in_fastapis_words(
    server: TestObserverServer, query: str, status: int, kind: str | None
) -> None:
    answer = ask(server, "GET", f"{RERUNS}?{query}")
    assert answer.status_code == status
    if kind is None:
        assert (answer.text, answer.headers["Content-Type"]) == ("Internal Server Error", "text/plain; charset=utf-8")
    else:
        (detail,) = answer.json()["detail"]
        name, _, value = query.partition("=")
        assert (detail["type"], detail["loc"], detail["input"]) == (kind, ["query", name], value)


@pytest.mark.parametrize(
    ("body", "status", "left", "deleted"),
    [
        pytest.param({"test_execution_ids": [2]}, 200, [1, 3], [2], id="one"),
        pytest.param({"test_execution_ids": [2, 2]}, 200, [1, 3], [2], id="one-twice"),
        pytest.param({"test_execution_ids": ["2"]}, 200, [1, 3], [2], id="one-as-text"),
        pytest.param({"test_execution_ids": [1, 999999, 3]}, 200, [2], [1, 3], id="several"),
        pytest.param({"test_execution_ids": [-1]}, 200, [1, 2, 3], [], id="unknown"),
        pytest.param({"test_execution_ids": []}, 200, [1, 2, 3], [], id="none"),
        pytest.param({"ids": [1]}, 200, [1, 2, 3], [], id="wrong-name"),
        pytest.param({"test_execution_ids": [1, 2**31]}, 500, [1, 2, 3], [], id="beyond-32-bits"),
        pytest.param({"test_execution_ids": [1.5]}, 422, [1, 2, 3], [], id="fraction"),
        pytest.param({"test_execution_ids": [None]}, 422, [1, 2, 3], [], id="null"),
        pytest.param({"test_execution_ids": ["x"]}, 422, [1, 2, 3], [], id="text"),
        pytest.param({"test_execution_ids": 1}, 422, [1, 2, 3], [], id="bare-number"),
        pytest.param([1], 422, [1, 2, 3], [], id="bare-list"),
        pytest.param({"test_executions_filters": {"families": ["snap"]}}, 200, [], [1, 2, 3], id="filter"),
        pytest.param({"test_executions_filters": {}}, 422, [1, 2, 3], [], id="empty-filter"),
    ],
)
def test_a_delete_removes_what_it_names_and_never_says_so(
    bulk: TestObserverServer, body: object, status: int, left: list[int], deleted: list[int]
) -> None:
    for _ in range(3):
        bulk.add(LINK)
    answer = ask(bulk, "DELETE", body=body)
    assert (answer.status_code, bulk.ids(), bulk.deleted) == (status, left, deleted)
    assert status != 200 or answer.text == "null"


@pytest.mark.parametrize(
    ("headers", "data", "kind"),
    [
        pytest.param({}, b"", "missing", id="no-body"),
        pytest.param({"Content-Type": "application/json"}, b"{", "json_invalid", id="half-an-object"),
        pytest.param({"Content-Type": "text/plain"}, b'{"test_execution_ids":[1]}', "model_attributes_type", id="text"),
        pytest.param(
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"test_execution_ids=1",
            "model_attributes_type",
            id="form",
        ),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    server: TestObserverServer, headers: dict[str, str], data: bytes, kind: str
) -> None:
    server.add(LINK)
    answer = requests.delete(server.url + RERUNS, headers={**KEY, **headers}, data=data, timeout=5)
    assert (answer.status_code, answer.json()["detail"][0]["type"], server.ids()) == (422, kind, [1])


@pytest.mark.parametrize(
    "permissions",
    [
        pytest.param(set(), id="none"),
        pytest.param({"view_rerun"}, id="view"),
        pytest.param({"change_rerun"}, id="change"),
        pytest.param({"view_rerun", "change_rerun"}, id="view-change"),
        pytest.param({"change_rerun_bulk"}, id="bulk"),
        pytest.param(EVERYTHING, id="all"),
    ],
)
def test_each_call_needs_its_permission(permissions: set[str]) -> None:
    with TestObserverServer({"to_demo": permissions}) as server:
        for _ in range(3):
            server.add(LINK)
        one, two, none = ({"test_execution_ids": ids} for ids in ([1], [2, 3], []))
        change = 200 if "change_rerun" in permissions else 403
        both = 200 if {"change_rerun", "change_rerun_bulk"} <= permissions else 403
        assert ask(server, "GET").status_code == (200 if "view_rerun" in permissions else 403)
        assert [ask(server, "POST", body=each).status_code for each in (one, two)] == [change, both]
        assert [ask(server, "DELETE", body=each).status_code for each in (none, one, two)] == [change, change, both]
        assert server.ids() == {403: [1, 2, 3], 200: [2, 3] if both != 200 else []}[change]


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="no-key"),
        pytest.param("Bearer to_wrong", id="wrong-key"),
        pytest.param("bearer to_demo", id="lower-case-scheme"),
        pytest.param("Token to_demo", id="other-scheme"),
        pytest.param("to_demo", id="bare-key"),
    ],
)
def test_a_caller_without_a_good_key_is_never_told_401(server: TestObserverServer, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = requests.get(f"{server.url}{RERUNS}?family=bogus", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Insufficient permissions"})
    assert "WWW-Authenticate" not in answer.headers
    me = requests.get(f"{server.url}/v1/applications/me", headers=headers, timeout=5)
    assert (me.status_code, me.json()) == (200, None)


def test_a_body_is_complained_about_before_a_permission(server: TestObserverServer) -> None:
    assert ask(server, "DELETE", key=None, body=[1]).status_code == 422


def test_an_application_is_told_its_permissions_and_its_key(server: TestObserverServer) -> None:
    answer = ask(server, "GET", "/v1/applications/me").json()
    assert (answer["permissions"], answer["api_key"]) == (["change_rerun", "view_rerun"], "to_demo")


def test_open_permissions_are_everybodys() -> None:
    with TestObserverServer(open_permissions={"view_rerun", "change_rerun"}) as server:
        server.add(LINK)
        server.add(LINK)
        assert ask(server, "GET", key=None).status_code == 200
        assert ask(server, "DELETE", key="to_wrong", body={"test_execution_ids": [1]}).status_code == 200
        assert ask(server, "DELETE", key=None, body={"test_execution_ids": [2, 3]}).status_code == 403
        assert server.ids() == [2]


def test_a_server_that_requires_no_key_allows_everything() -> None:
    with TestObserverServer(requires_key=False) as server:
        server.add(LINK)
        assert ask(server, "DELETE", key=None, body={"test_execution_ids": [1, 2]}).status_code == 200
        assert server.ids() == []


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        pytest.param("GET", f"{RERUNS}/", 404, {"detail": "Not Found"}, id="slash-at-the-end"),
        pytest.param("DELETE", f"{RERUNS}/8", 404, {"detail": "Not Found"}, id="id-in-the-path"),
        pytest.param("PUT", RERUNS, 405, {"detail": "Method Not Allowed"}, id="other-method"),
    ],
)
def test_other_places_are_no_places(
    server: TestObserverServer, method: str, path: str, status: int, body: object
) -> None:
    answer = ask(server, method, path)
    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


def test_a_request_shows_its_time_without_a_zone(server: TestObserverServer) -> None:
    server.add(LINK, created_at=1767225601)
    server.add(LINK, created_at=1767225601.25)
    server.add(LINK, created_at="yesterday")
    assert {each["created_at"] for each in ask(server, "GET").json()} == {
        "2026-01-01T00:00:01",
        "2026-01-01T00:00:01.250000",
        "yesterday",
    }


def test_a_request_is_an_hour_old_by_default(server: TestObserverServer) -> None:
    server.add(LINK)
    (shown,) = ask(server, "GET").json()
    created = datetime.fromisoformat(shown["created_at"]).replace(tzinfo=timezone.utc)
    assert created.timestamp() == pytest.approx(time.time() - 3600, abs=5)


def test_a_skew_moves_the_times_that_it_shows(server: TestObserverServer) -> None:
    server.add(LINK, created_at=1767225601)
    ask(server, "GET")
    server.clock_skew_seconds = 600
    assert ask(server, "GET").json()[0]["created_at"] == "2026-01-01T00:10:01"


def test_entries_can_lack_fields_and_be_anything(server: TestObserverServer) -> None:
    server.add(LINK, without=("created_at", "priority"), family=5, artefact="none", test_execution_id=2**31)
    server.add_raw(None)
    server.add_raw({"test_execution_id": 9})
    strange, nothing, bare = ask(server, "GET").json()
    assert {"created_at", "priority"}.isdisjoint(strange)
    assert (strange["family"], strange["artefact"], strange["test_execution_id"]) == (5, "none", 2**31)
    assert (nothing, bare) == (None, {"test_execution_id": 9})
    ask(server, "DELETE", body={"test_execution_ids": [9]})
    assert (server.ids(), server.deleted) == ([2**31, None], [9])


def test_text_that_is_no_unicode_can_be_sent(server: TestObserverServer) -> None:
    server.add("http://\ud800/")
    assert ask(server, "GET").json()[0]["ci_link"] == "http://\ud800/"


@pytest.mark.parametrize(
    ("path", "body", "status", "answered", "queued"),
    [
        pytest.param(RERUNS, {"test_execution_ids": [1]}, 200, [1], [2, 1], id="new"),
        pytest.param(RERUNS, {"test_execution_ids": [2]}, 200, [2], [2], id="queued-already"),
        pytest.param(RERUNS, {"test_execution_ids": [1, 2, 99]}, 207, [1, 2], [2, 1], id="some-unknown"),
        pytest.param(RERUNS, {"test_execution_ids": [1], "priority": 7}, 200, [1], [1, 2], id="priority"),
        pytest.param(f"{RERUNS}?silent=true", {"test_execution_ids": [1, 99]}, 200, None, [2, 1], id="silent"),
    ],
)
def test_a_post_queues_what_is_known(
    bulk: TestObserverServer, path: str, body: object, *, status: int, answered: list[int] | None, queued: list[int]
) -> None:
    first = bulk.add(LINK)
    bulk.add(LINK)
    ask(bulk, "DELETE", body={"test_execution_ids": [first]})
    answer = ask(bulk, "POST", path, body=body)
    assert (answer.status_code, bulk.ids()) == (status, queued)
    assert answered is None or sorted(map(int, map(str, ids_of(answer)))) == answered
    assert answered is not None or answer.json() is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"test_execution_ids": [99]}, 404, id="unknown"),
        pytest.param({}, 404, id="nothing"),
        pytest.param({"test_execution_ids": [1], "priority": 1000001}, 422, id="priority-too-high"),
        pytest.param({"test_execution_ids": [1], "priority": -1000001}, 422, id="priority-too-low"),
        pytest.param({"test_executions_filters": {"families": ["snap"]}}, 422, id="filter-not-silent"),
    ],
)
def test_a_post_that_asks_for_nothing_is_refused(bulk: TestObserverServer, body: object, status: int) -> None:
    assert ask(bulk, "POST", body=body).status_code == status
    assert bulk.ids() == []


def test_asking_again_gives_a_request_a_new_age_and_place(server: TestObserverServer) -> None:
    server.add(LINK, created_at=time.time() - 7200)
    server.add(LINK)
    ask(server, "DELETE", body={"test_execution_ids": [1]})
    ask(server, "POST", body={"test_execution_ids": [1]})
    assert server.ids() == [2, 1]


def test_each_returned_request_costs_its_time(server: TestObserverServer) -> None:
    for _ in range(10):
        server.add(LINK)
    server.row_seconds = 0.02
    start = time.perf_counter()
    ask(server, "GET")
    assert time.perf_counter() - start >= 0.2


def test_the_queue_is_seen_without_asking_for_it(server: TestObserverServer) -> None:
    server.add(LINK)
    assert server.queue == ask(server, "GET").json()
    assert server.count("GET") == 1


def shown(server: TestObserverServer) -> list[tuple[object, object]]:
    return [(each["test_execution_id"], each["ci_link"]) for each in ask(server, "GET").json()]


def test_a_request_shows_the_newest_execution_of_its_group(bulk: TestObserverServer) -> None:
    assert [bulk.add(f"{LINK}{number}", group="nightly") for number in range(3)] == [1, 2, 3]
    bulk.add(LINK)
    assert shown(bulk) == [(3, f"{LINK}2"), (4, LINK)]
    (first, _) = ask(bulk, "GET").json()
    assert (first["test_execution"]["id"], first["test_execution"]["ci_link"]) == (3, f"{LINK}2")
    assert ids_of(ask(bulk, "POST", body={"test_execution_ids": [1, 2, 3]})) == [3, 3, 3]
    assert bulk.ids() == [3, 4]


@pytest.mark.parametrize("number", [pytest.param(number, id=f"id-{number}") for number in (1, 2, 3)])
def test_a_delete_by_any_id_of_a_group_removes_its_request(server: TestObserverServer, number: int) -> None:
    for _ in range(3):
        server.add(LINK, group="nightly")
    ask(server, "DELETE", body={"test_execution_ids": [number]})
    assert (server.ids(), server.deleted) == ([], [3])


def test_a_run_that_reports_in_removes_the_request_of_its_group(server: TestObserverServer) -> None:
    server.add(LINK)
    server.add(LINK)
    assert server.start_test(1, f"{LINK}new") == 3
    assert server.ids() == [2]
    server.ask_again(1)
    assert shown(server) == [(2, LINK), (3, f"{LINK}new")]
    assert (server.start_test(3, LINK), server.ids()) == (1, [2])  # the execution with that link is there already
    ask(server, "POST", body={"test_execution_ids": [1]})
    server.start_test(1, None)
    server.ask_again(1)
    assert shown(server) == [(2, LINK), (4, None)]  # though older ones have a link


def test_a_late_delete_removes_a_request_made_since(server: TestObserverServer) -> None:
    server.add(LINK)
    server.ask_again(server.start_test(1, f"{LINK}new"))
    ask(server, "DELETE", body={"test_execution_ids": [1]})
    assert (server.ids(), server.deleted) == ([], [2])


def test_asking_for_what_is_queued_changes_neither_its_age_nor_its_place(server: TestObserverServer) -> None:
    server.add(LINK, created_at=1767225601)
    server.add(LINK)
    server.ask_again(1)
    server.add(LINK, group="nightly", created_at=1767225600)
    server.add(LINK, group="nightly")
    assert [each["created_at"] for each in ask(server, "GET").json()][:2] == [
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:01",
    ]
    assert server.ids() == [4, 1, 2]


def test_a_request_can_be_of_another_age_than_now(server: TestObserverServer) -> None:
    later = time.time() + 3600
    server.add(LINK, created_at=later)
    server.start_test(1, LINK)
    server.ask_again(1, created_at=later + 1)
    (row,) = ask(server, "GET").json()
    created = datetime.fromisoformat(row["created_at"]).replace(tzinfo=timezone.utc)
    assert created.timestamp() == pytest.approx(later + 1)


def test_a_request_is_of_an_archived_artefact_where_it_is_asked_for(server: TestObserverServer) -> None:
    server.add(LINK, archived=True, test_plan="smoke")
    server.add(LINK)
    rows = ask(server, "GET").json()
    assert [each["artefact"]["archived"] for each in rows] == [True, False]
    assert rows[0]["test_execution"]["test_plan"] == "smoke"


def test_what_was_decided_or_has_passed_is_shown(server: TestObserverServer) -> None:
    server.add(LINK, artefact_status="MARKED_AS_FAILED", status="ENDED_PREMATURELY")
    server.add(LINK)
    rows = ask(server, "GET").json()
    assert [each["artefact"]["status"] for each in rows] == ["MARKED_AS_FAILED", "UNDECIDED"]
    assert [each["test_execution"]["status"] for each in rows] == ["ENDED_PREMATURELY", "IN_PROGRESS"]


def test_a_test_can_act_when_a_request_arrives_and_before_its_answer(server: TestObserverServer) -> None:
    server.add(LINK)
    seen: list[tuple[str, str, list[object]]] = []

    def note(moment: str, request: RecordedRequest) -> None:
        seen.append((moment, request.method, server.ids()))

    server.on_request = lambda request: note("arrived", request)
    server.on_answer = lambda request: note("answered", request)
    ask(server, "DELETE", body={"test_execution_ids": [1]})
    assert seen == [("arrived", "DELETE", [1]), ("answered", "DELETE", [])]


def test_a_test_can_act_before_a_fault_in_place_of_an_answer(server: TestObserverServer) -> None:
    server.add(LINK)
    server.inject(Fault("DELETE", action="close", effect=True))
    seen: list[list[object]] = []
    server.on_answer = lambda _: seen.append(server.ids())
    with pytest.raises(requests.ConnectionError):
        ask(server, "DELETE", body={"test_execution_ids": [1]})
    assert seen == [[]]


@pytest.mark.parametrize(
    ("fails", "query", "status"),
    [
        pytest.param(True, "", 500, id="row-of-the-window"),
        pytest.param(True, "?limit=1", 200, id="row-behind-the-window"),
        pytest.param(False, "", 200, id="switched-off"),
    ],
)
def test_a_get_fails_when_a_row_of_its_window_goes_while_it_is_read(
    server: TestObserverServer, query: str, *, fails: bool, status: int
) -> None:
    server.add(LINK)
    server.add(LINK)
    server.fails_beside_deletes = fails

    def delete(request: RecordedRequest) -> None:
        if request.method == "GET":
            server.on_answer = None
            ask(server, "DELETE", body={"test_execution_ids": [2]})

    server.on_answer = delete
    assert (ask(server, "GET", RERUNS + query).status_code, server.ids()) == (status, [1])
    assert ask(server, "GET").status_code == 200


def test_the_rows_of_all_answers_are_counted(server: TestObserverServer) -> None:
    for _ in range(5):
        server.add(LINK)
    for query in ("", "?limit=2", "?family=deb", "?limit=x"):
        ask(server, "GET", RERUNS + query)
    assert server.rows_read == 7


def test_a_link_is_shown_with_the_execution_that_it_was_added_to(open_server: TestObserverServer) -> None:
    open_server.add(LINK, group="nightly")
    open_server.add(LINK, group="nightly")
    ask(open_server, "GET")
    link = {"label": "Rerun", "url": "https://github.com/canonical/lab/actions/runs/7"}
    answer = ask(open_server, "POST", f"{EXECUTIONS}/2/links", body=link)
    assert (answer.status_code, answer.json()) == (200, {**link, "id": 1})
    (row,) = ask(open_server, "GET").json()
    assert row["test_execution"]["relevant_links"] == open_server.links(2) == [{**link, "id": 1}]
    assert open_server.links(1) == []


@pytest.mark.parametrize(
    ("path", "body", "status", "kind"),
    [
        pytest.param("9/links", {"label": "a", "url": "http://b"}, 404, None, id="unknown-execution"),
        pytest.param("x/links", {"label": "a", "url": "http://b"}, 422, "int_parsing", id="no-id"),
        pytest.param(f"{2**31}/links", {"label": "a", "url": "http://b"}, 500, None, id="id-beyond-32-bits"),
        pytest.param("1/links", {"label": "a"}, 422, "missing", id="no-url"),
        pytest.param("1/links", {"url": "http://b"}, 422, "missing", id="no-label"),
        pytest.param("1/links", {"label": 5, "url": "http://b"}, 422, "string_type", id="label-no-text"),
        pytest.param("1/links", {"label": "a", "url": "job/1"}, 422, "url_parsing", id="half-a-url"),
        pytest.param("1/links", {"label": "a", "url": "http://[b"}, 422, "url_parsing", id="broken-url"),
        pytest.param("1/links", {"label": "a", "url": "ftp://b/"}, 422, "url_scheme", id="other-scheme"),
        pytest.param("1/links", {"label": "a", "url": f"http://b/{'c' * 2083}"}, 422, "url_too_long", id="long-url"),
        pytest.param("9/status_update", {"events": []}, 404, None, id="events-of-an-unknown-execution"),
        pytest.param("1/status_update", {}, 422, "missing", id="no-events"),
        pytest.param("1/status_update", {"events": "x"}, 422, "list_type", id="events-no-list"),
        pytest.param("1/status_update", {"events": ["x"]}, 422, "model_attributes_type", id="event-no-object"),
        pytest.param("1/status_update", {"events": [{"event_name": "a"}]}, 422, "missing", id="event-without-time"),
        pytest.param(
            "1/status_update",
            {"events": [{"event_name": "a", "timestamp": "noon", "detail": ""}]},
            422,
            "datetime_from_date_parsing",
            id="event-at-no-time",
        ),
    ],
)
def test_a_link_or_an_event_that_is_none_is_refused(
    open_server: TestObserverServer, path: str, body: object, *, status: int, kind: str | None
) -> None:
    open_server.add(LINK)
    answer = ask(open_server, "POST", f"{EXECUTIONS}/{path}", body=body)
    assert answer.status_code == status
    assert kind is None or answer.json()["detail"][0]["type"] == kind
    assert (open_server.links(1), open_server.events(1)) == ([], [])


def test_events_are_appended_by_a_post_and_replaced_by_a_put(open_server: TestObserverServer) -> None:
    open_server.add(LINK)
    path = f"{EXECUTIONS}/1/status_update"
    told = [{"event_name": name, "timestamp": "2026-11-22T11:08:14.859831", "detail": name} for name in ("a", "b", "c")]
    for event in told[:2]:
        answer = ask(open_server, "POST", path, body={"events": [event]})
        assert (answer.status_code, answer.json()) == (200, None)
    assert ask(open_server, "GET", path).json() == open_server.events(1) == told[:2]
    ask(open_server, "PUT", path, body={"events": told[2:]})
    assert open_server.events(1) == told[2:]


def test_an_events_time_is_shown_without_its_zone(open_server: TestObserverServer) -> None:
    open_server.add(LINK)
    event = {"event_name": "a", "timestamp": "2026-11-22T12:00:00+01:00", "detail": ""}
    ask(open_server, "POST", f"{EXECUTIONS}/1/status_update", body={"events": [event]})
    assert open_server.events(1) == [{**event, "timestamp": "2026-11-22T11:00:00"}]


@pytest.mark.parametrize(
    ("method", "what", "needed"),
    [
        pytest.param("POST", "links", "change_test", id="add-a-link"),
        pytest.param("POST", "status_update", "change_test", id="add-events"),
        pytest.param("GET", "status_update", "view_test", id="see-events"),
    ],
)
def test_links_and_events_need_a_permission_of_their_own(method: str, what: str, needed: str) -> None:
    keys = {"to_demo": {"view_rerun", "change_rerun"}, "to_test": {needed}}
    body = {"label": "a", "url": "http://b", "events": []} if method == "POST" else None
    with TestObserverServer(keys) as server:
        server.add(LINK)
        path = f"{EXECUTIONS}/1/{what}"
        assert [ask(server, method, path, key=key, body=body).status_code for key in keys] == [403, 200]
        assert ask(server, method, f"{EXECUTIONS}/x/{what}", body={}).status_code == 403  # before any complaint
        assert ask(server, "GET", "/v1/applications/me", key="to_test").json()["permissions"] == [needed]


def test_the_key_of_the_demo_may_change_no_execution(server: TestObserverServer) -> None:
    server.add(LINK)
    assert ask(server, "POST", f"{EXECUTIONS}/1/links", body={"label": "a", "url": "http://b"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "what", "allowed"),
    [pytest.param("GET", "links", "POST", id="links"), pytest.param("DELETE", "status_update", "PUT", id="events")],
)
def test_an_execution_knows_no_other_methods(server: TestObserverServer, method: str, what: str, allowed: str) -> None:
    answer = ask(server, method, f"{EXECUTIONS}/1/{what}")
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
