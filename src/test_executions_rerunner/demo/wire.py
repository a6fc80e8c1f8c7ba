"""HTTP/1.1 as the loopback servers speak it: requests read from a socket, answers written in one piece.

``http.server`` reads headers through ``email.parser`` and writes an answer in several pieces; both cost more
than everything else these servers do, and a benchmark measures clients against them.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    import socket

_CHUNK = 65536
_HEAD_END = b"\r\n\r\n"


class CutShortError(Exception):
    """The client went away before its request was complete."""


@dataclass(slots=True, eq=False)
class RecordedRequest:
    """One complete request, as it arrived.

    Attributes:
        method: The HTTP method.
        path: The path, undecoded, without the query.
        query: What follows the first ``?``, undecoded.
        headers: Header values by lower-case name.
        body: The body, empty where there was none.
        connection: The number of the TCP connection, counted from 1.
        received_at: When the request was complete, in seconds of the true clock (``time.time()``).
        status: The status that was sent; ``None`` before that, and when the connection was broken instead.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    connection: int
    received_at: float
    status: int | None = None

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, decoded; of a repeated one the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def content_type(self) -> str:
        """The media type of the body, lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> object:
        """Return the body read as JSON.

        Raises:
            ValueError: The body is not JSON.
        """
        value: object = json.loads(self.body)
        return value


@dataclass(slots=True)
class Answer:
    """What a server sends back.

    Attributes:
        status: The HTTP status.
        body: The body, sent as it is.
        content_type: The media type; empty: no such header.
        headers: Further headers.
        seconds: How long the server works on it before it is sent.
        close: Whether the connection ends afterwards, without saying so beforehand.
    """

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    close: bool = False


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return ``value`` as an answer of type ``application/json``."""
    return Answer(status, dump_json(value), "application/json", headers or {})


def dump_json(value: object) -> bytes:
    """Return ``value`` as compact JSON."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # lone surrogates cannot be sent as UTF-8
        return json.dumps(value, separators=(",", ":")).encode()


def read_request(connection: socket.socket, buffer: bytearray) -> tuple[RecordedRequest, bool]:
    """Read one request; what arrived beyond it stays in ``buffer``.

    Args:
        connection: The socket to read from.
        buffer: What was read from it and not used yet.

    Returns:
        The request, and whether the client wants to keep the connection.

    Raises:
        CutShortError: The client went away in the middle.
        ValueError: This is not HTTP/1.1, or has a chunked body.
    """
    while (end := buffer.find(_HEAD_END)) < 0:
        _fill(connection, buffer)
    first, _, rest = bytes(buffer[:end]).decode("latin-1").partition("\r\n")
    method, target, version = first.split(" ")
    headers: dict[str, str] = {}
    for line in rest.split("\r\n") if rest else ():
        name, _, value = line.partition(":")
        name = name.lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    if "transfer-encoding" in headers:
        raise ValueError("A chunked body is not supported.")
    start = end + len(_HEAD_END)
    length = int(headers.get("content-length", "0"))
    while len(buffer) < start + length:
        _fill(connection, buffer)
    body = bytes(buffer[start : start + length])
    del buffer[: start + length]
    path, _, query = target.partition("?")
    keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return RecordedRequest(method, path, query, headers, body, connection=0, received_at=0), keep


def _fill(connection: socket.socket, buffer: bytearray) -> None:
    chunk = connection.recv(_CHUNK)
    if not chunk:
        raise CutShortError
    buffer += chunk


def head_of(answer: Answer, date: str, server: str, *, length: int | None = None) -> bytes:
    """Return the status line and the headers of an answer.

    Args:
        answer: The answer.
        date: The value of ``Date``.
        server: The value of ``Server``.
        length: The value of ``Content-Length``, where it is not that of the body; negative: the body is sent in
            chunks, without such a header.
    """
    lines = [status_line(answer.status), f"Date: {date}", f"Server: {server}"]
    if answer.content_type:
        lines.append(f"Content-Type: {answer.content_type}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    length = len(answer.body) if length is None else length
    lines.append("Transfer-Encoding: chunked\r\n\r\n" if length < 0 else f"Content-Length: {length}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1", "replace")


@lru_cache
def status_line(status: int) -> str:
    """Return the first line of an answer."""
    return f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"
