"""What a trigger sends to Jenkins: its parameters and its delay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from test_executions_rerunner.demo.wire import RecordedRequest

_DELAY = re.compile(r"(\d+) *(secs?)?", re.ASCII)


class FormError(ValueError):
    """The delay is none: Jenkins answers 500."""


@dataclass(frozen=True)
class Form:
    """What was sent.

    Attributes:
        fields: The values of each name.
        delay_seconds: The delay asked for; ``None``: none.
    """

    fields: dict[str, list[str]]
    delay_seconds: float | None


def read_form(request: RecordedRequest) -> Form:
    """Return the fields of a trigger: query and form count the same; a JSON body is ignored.

    Raises:
        FormError: The delay is not a number of seconds.
    """
    pairs = parse_qsl(request.query, keep_blank_values=True)
    if request.content_type == "application/x-www-form-urlencoded":
        pairs += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    elif request.content_type == "multipart/form-data":
        pairs += _multipart(request)
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    delay = _delay(fields["delay"][0]) if "delay" in fields else None
    # A "json" field is taken for a form of Jenkins' own pages: all parameters get their defaults.
    return Form({} if "json" in fields else fields, delay)


def _multipart(request: RecordedRequest) -> list[tuple[str, str]]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode("latin-1")
    message = message_from_bytes(head + request.body, policy=policy.HTTP)
    pairs = []
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            pairs.append((name, payload.decode("utf-8", "replace")))
    return pairs


def _delay(text: str) -> float:
    """Return a delay in seconds: ``20sec`` and ``20 sec`` are; ``20`` means milliseconds; ``20s`` is none."""
    found = _DELAY.fullmatch(text)
    if not found:
        raise FormError(text)
    return int(found[1]) * (1.0 if found[2] else 0.001)
