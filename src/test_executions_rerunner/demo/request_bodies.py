"""The bodies that Test Observer takes, and its complaints about them (FastAPI's, word for word)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from test_executions_rerunner.demo.test_observer.queue import FAMILIES, ExecutionGroup
from test_executions_rerunner.demo.wire import Answer, RecordedRequest, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIORITY_MAX = 1_000_000
_URL_MAX = 2083


class BodyError(Exception):
    """A body or a parameter is refused; ``answer`` is the 422."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


@dataclass(frozen=True)
class Body:
    """What a POST or a DELETE asks for.

    Attributes:
        ids: The test executions named, without repeats.
        filters: ``test_executions_filters``; ``None`` where absent.
        priority: The priority asked for; ``None`` where absent.
    """

    ids: frozenset[int]
    filters: dict[str, object] | None = None
    priority: int | None = None

    def removes(self, row: ExecutionGroup) -> bool:
        """Tell whether a DELETE with this body removes the row."""
        if any(type(execution.id) is int and execution.id in self.ids for execution in row.executions):
            return True
        families = self.filters.get("families") if self.filters else None
        return isinstance(families, list) and row.fields.get("family") in families


def read_body(request: RecordedRequest) -> Body:
    """Return what a POST or a DELETE asks for.

    Raises:
        BodyError: The body is refused.
    """
    value = _read_object(request)
    return Body(_read_ids(value.get("test_execution_ids", [])), _read_filters(value), _read_priority(value))


def read_id(text: str) -> int:
    """Return the id in a path.

    Raises:
        BodyError: It is no integer.
    """
    return _read_integer(text, ["path", "id"])


def read_link(request: RecordedRequest) -> dict[str, object]:
    """Return ``label`` and ``url`` of a link that a POST adds to an execution.

    Raises:
        BodyError: The body is refused.
    """
    value = _read_object(request)
    label, url = (_read_text(value, name, ["body"]) for name in ("label", "url"))
    where: list[str | int] = ["body", "url"]
    if len(url) > _URL_MAX:
        message = f"URL should have at most {_URL_MAX} characters"
        raise _refused("url_too_long", where, message, url, {"max_length": _URL_MAX})
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc:
        raise _refused("url_parsing", where, "Input should be a valid URL", url)
    if parts.scheme not in ("http", "https"):
        raise _refused("url_scheme", where, "URL scheme should be 'http' or 'https'", url)
    return {"label": label, "url": parts._replace(path=parts.path or "/").geturl()}


def read_events(request: RecordedRequest) -> list[dict[str, object]]:
    """Return the events that a status update tells: ``event_name``, ``timestamp`` and ``detail`` of each.

    Raises:
        BodyError: The body is refused.
    """
    value = _read_object(request)
    events = value.get("events")
    if "events" not in value:
        raise _refused("missing", ["body", "events"], "Field required", value)
    if not isinstance(events, list):
        raise _refused("list_type", ["body", "events"], "Input should be a valid list", events)
    return [_read_event(event, ["body", "events", index]) for index, event in enumerate(events)]


def _read_event(value: object, where: list[str | int]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _no_object(value, where)
    event: dict[str, object] = {name: _read_text(value, name, where) for name in ("event_name", "timestamp", "detail")}
    try:
        told = datetime.fromisoformat(str(event["timestamp"]).replace("Z", "+00:00"))
    except ValueError:
        message = "Input should be a valid datetime or date"
        raise _refused("datetime_from_date_parsing", [*where, "timestamp"], message, event["timestamp"]) from None
    if told.tzinfo is not None:
        told = told.astimezone(timezone.utc).replace(tzinfo=None)
    return event | {"timestamp": told.isoformat()}  # shown without a zone, like every time


def _read_text(value: dict[str, object], name: str, where: list[str | int]) -> str:
    text = value.get(name)
    if name not in value:
        raise _refused("missing", [*where, name], "Field required", value)
    if not isinstance(text, str):
        raise _refused("string_type", [*where, name], "Input should be a valid string", text)
    return text


def _read_object(request: RecordedRequest) -> dict[str, object]:
    if not request.body:
        raise _refused("missing", ["body"], "Field required", None)
    content_type = request.content_type
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise _no_object(request.body.decode("utf-8", "replace"))
    try:
        value = request.json()
    except ValueError as error:
        position = error.pos if isinstance(error, json.JSONDecodeError) else 0
        message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise _refused("json_invalid", ["body", position], "JSON decode error", {}, {"error": message}) from error
    if not isinstance(value, dict):
        raise _no_object(value)
    return value


def _read_ids(value: object) -> frozenset[int]:
    where: list[str | int] = ["body", "test_execution_ids"]
    if not isinstance(value, list):
        raise _refused("set_type", where, "Input should be a valid set", value)
    return frozenset(_read_integer(each, [*where, index]) for index, each in enumerate(value))


def _read_integer(value: object, where: list[str | int]) -> int:
    if isinstance(value, str):
        try:
            return int(value)  # "5" is taken for 5
        except ValueError:
            message = "Input should be a valid integer, unable to parse string as an integer"
            raise _refused("int_parsing", where, message, value) from None
    if isinstance(value, float) and not value.is_integer():
        message = "Input should be a valid integer, got a number with a fractional part"
        raise _refused("int_from_float", where, message, value)
    if isinstance(value, int | float):
        return int(value)
    raise _refused("int_type", where, "Input should be a valid integer", value)


def _read_filters(value: dict[str, object]) -> dict[str, object] | None:
    filters = value.get("test_executions_filters")
    if filters is None:
        return None
    if not isinstance(filters, dict):
        raise _no_object(filters)
    if not any(filters.values()):
        detail = "At least one filter must be provided in test_executions_filters"
        raise BodyError(json_answer({"detail": detail}, 422))
    return filters


def _read_priority(value: dict[str, object]) -> int | None:
    if value.get("priority") is None:
        return None
    where: list[str | int] = ["body", "priority"]
    priority = _read_integer(value["priority"], where)
    for name, bound, wrong in (
        ("less_than_equal", _PRIORITY_MAX, priority > _PRIORITY_MAX),
        ("greater_than_equal", -_PRIORITY_MAX, priority < -_PRIORITY_MAX),
    ):
        if wrong:
            message = f"Input should be {name.replace('_equal', ' or equal').replace('_', ' ')} to {bound}"
            raise _refused(name, where, message, value["priority"], {name[0] + "e": bound})
    return priority


def family_error(family: str) -> BodyError:
    """Return the refusal of an unknown family in the query."""
    expected = ", ".join(f"'{each}'" for each in FAMILIES[:-1]) + f" or '{FAMILIES[-1]}'"
    context = {"expected": expected}
    return _refused("enum", ["query", "family"], f"Input should be {expected}", family, context)


def limit_error(limit: str) -> BodyError:
    """Return the refusal of a limit that is no integer."""
    message = "Input should be a valid integer, unable to parse string as an integer"
    return _refused("int_parsing", ["query", "limit"], message, limit)


def _no_object(value: object, where: list[str | int] | None = None) -> BodyError:
    message = "Input should be a valid dictionary or object to extract fields from"
    return _refused("model_attributes_type", where or ["body"], message, value)


def _refused(
    kind: str,
    where: list[str | int],
    message: str,
    value: object,
    context: Mapping[str, object] | None = None,
) -> BodyError:
    detail: dict[str, object] = {"type": kind, "loc": where, "msg": message, "input": value}
    if context is not None:
        detail["ctx"] = context
    return BodyError(json_answer({"detail": [detail]}, 422))
