"""What a server takes and answers, from its file in ``schemas/``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from test_executions_rerunner.demo import RecordedRequest

SCHEMAS = Path(__file__).parent / "schemas"
_INTEGER = re.compile(r"-?\d+", re.ASCII)


class Document:
    """A server's calls; tells whether a request or an answer fits them.

    Args:
        name: Of the file: ``github``, ``jenkins`` or ``test-observer``.
    """

    def __init__(self, name: str) -> None:
        self.whole: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))

    def operation(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what the document says of a call, and the values in its path."""
        for name, call in self.whole["calls"].items():
            # {name} is one segment, {name+} one or more.
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(name))
            pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", pattern)
            found = re.fullmatch(pattern, f"{method.upper()} {path}")
            if found:
                return call, found.groupdict()
        raise AssertionError(f"{method} {path} is no call of this server")

    def check(self, value: object, schema: Mapping[str, Any], *, is_whole: bool = True) -> None:
        """Fail unless ``value`` fits the schema.

        Args:
            value: What JSON says.
            schema: The schema; it may refer to the document's ``$defs``.
            is_whole: Whether all that the schema requires must be there; what is there must fit anyway.
        """
        whole: dict[str, Any] = {**schema, "$defs": self.whole["$defs"]}
        checked = whole if is_whole else _without_required(whole)
        jsonschema.validate(value, checked, jsonschema.Draft202012Validator)

    def check_request(self, request: RecordedRequest) -> None:
        """Fail unless the document has this request: its path, its parameters and its body."""
        call, in_path = self.operation(request.method, request.path)
        for name, text in [*in_path.items(), *parse_qsl(request.query, keep_blank_values=True)]:
            assert name in call["parameters"]
            self.check(int(text) if _INTEGER.fullmatch(text) else text, call["parameters"][name])
        if not request.body:
            assert not call.get("needs_body", False)
            return
        schema = call["body"][request.content_type]
        is_form = request.content_type == "application/x-www-form-urlencoded"
        self.check(dict(parse_qsl(request.body.decode())) if is_form else request.json(), schema)

    def check_answer(self, method: str, path: str, answer: requests.Response, *, is_whole: bool = True) -> None:
        """Fail unless the document has this answer; of one that is not whole, unless what it tells fits."""
        call, _ = self.operation(method, path)
        described = call["answers"][str(answer.status_code)]
        if described is None:
            assert answer.content == b""
            return
        schema = described[answer.headers["Content-Type"].partition(";")[0]]
        if schema is not None:  # null: a page, whose text says nothing that may be relied on
            self.check(answer.json(), schema, is_whole=is_whole)


def _without_required(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(schema, dict):
        # A property may have that name; then it is a schema and no list.
        kept = {name: part for name, part in schema.items() if name != "required" or isinstance(part, dict)}
        return {name: _without_required(part) for name, part in kept.items()}
    return [_without_required(part) for part in schema] if isinstance(schema, list) else schema
