"""Whole answers, within a bound, and when they came."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from test_executions_rerunner.calls.memory import BODIES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

_SUCCESSES = 2
MOST_BYTES = 8 << 20
"""Of one answer, unpacked."""
_SMALL_BYTES = 1 << 20
"""So much comes without waiting for memory."""
_PIECE = 1 << 16
_GZIP = zlib.MAX_WBITS | 16


class Answer(requests.Response):
    """An answer, read to its end.

    Attributes:
        sent_at: When its request was sent, or earlier, on the clock of `Waiting`.
        head_at: When its head was there, likewise.
        body: What followed the head, unpacked; None: the answer that was received holds it.
        told: What was made of the body while it came, where that was wanted.
    """

    def __init__(self, received: requests.Response, sent_at: float, head_at: float) -> None:
        super().__init__()
        vars(self).update(vars(received))
        self.sent_at, self.head_at = sent_at, head_at
        self.body: bytes | None = None
        self.told: Any = None

    @property
    def is_success(self) -> bool:
        """Whether its status is of HTTP's class of successes."""
        return self.status_code // 100 == _SUCCESSES

    @property
    def content(self) -> bytes:
        """The body."""
        return super().content if self.body is None else self.body


class Answered(Exception):  # noqa: N818 - an answer, not an error
    """Takes an answer out of a client library, past whatever that would make of it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def read_whole(answer: requests.Response, most_bytes: int) -> bytes:
    """Read the body of an answer; after any failure its connection is closed.

    Args:
        answer: One whose head was read.
        most_bytes: Most that it may have, unpacked.

    Raises:
        requests.exceptions.RequestException: It did not come, or not in time, or is larger.
    """
    with contextlib.closing(pieces_of(answer, most_bytes)) as pieces:
        return join(pieces, most_bytes)


def join(pieces: Iterable[bytes], most_bytes: int) -> bytes:
    """Return pieces as one; what becomes large waits for its memory.

    Args:
        pieces: Those of an answer.
        most_bytes: Most that they may have together.

    Raises:
        requests.exceptions.ContentDecodingError: They have more.
    """
    whole, has_room = io.BytesIO(), False
    for piece in pieces:
        if whole.tell() + len(piece) > most_bytes:
            raise _too_large(most_bytes)
        if not has_room and whole.tell() + len(piece) > _SMALL_BYTES:
            BODIES.take(most_bytes)
            has_room = True
        whole.write(piece)
    return whole.getvalue()


def pieces_of(answer: requests.Response, most_bytes: int) -> Generator[bytes, None, None]:
    """Yield the body of an answer, unpacked, piece by piece; it is closed when that ends, however it does.

    Raises:
        requests.exceptions.RequestException: As for `read_whole`.
    """
    raw = answer.raw
    try:
        length = raw.length_remaining
        if length is not None and length > most_bytes:
            raise _too_large(most_bytes)
        packing = answer.headers.get("Content-Encoding", "").strip().lower()
        count = 0
        for piece in _unpacked(iter(lambda: raw.read(_PIECE, decode_content=False), b""), packing):
            count += len(piece)
            if count > most_bytes:
                raise _too_large(most_bytes)
            yield piece
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ConnectionError(error) from error
    finally:
        if not raw.closed:
            raw.close()
            raw.release_conn()


def _too_large(most_bytes: int) -> requests.exceptions.ContentDecodingError:
    return requests.exceptions.ContentDecodingError(f"the answer has more than {most_bytes:,} bytes")


def _unpacked(pieces: Iterator[bytes], packing: str) -> Iterator[bytes]:
    if packing in {"", "identity"}:
        return pieces
    if packing in {"gzip", "x-gzip"}:
        return _gunzipped(pieces)
    raise requests.exceptions.ContentDecodingError(f"the answer is packed as {packing[:40]!r}, which was not asked for")


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack into pieces of a bounded size: a megabyte of gzip may hold a gigabyte."""
    unpacker = None
    for piece in pieces:
        packed = piece
        while packed:
            if unpacker is None or unpacker.eof:  # the packed form may have several parts
                unpacker = zlib.decompressobj(_GZIP)
            try:
                yield unpacker.decompress(packed, _PIECE)
            except zlib.error as error:
                raise requests.exceptions.ContentDecodingError(f"the answer cannot be unpacked: {error}") from error
            packed = unpacker.unconsumed_tail or unpacker.unused_data
    if unpacker and not unpacker.eof:
        raise requests.exceptions.ContentDecodingError("the answer cannot be unpacked: its end is missing")
