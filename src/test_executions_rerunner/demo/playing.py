"""The bytes of an answer that a fault spoils, piece by piece, and when each is sent."""

from __future__ import annotations

import itertools
import struct
import zlib
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from test_executions_rerunner.demo.wire import head_of, status_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.demo.faults import Fault
    from test_executions_rerunner.demo.wire import Answer

_BLANKS = b" " * (1 << 20)
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def pieces(fault: Fault, answer: Answer, now: float, server: str) -> Iterator[tuple[float, bytes]]:
    """Give what a fault sends, each piece with the seconds to wait before it.

    Args:
        fault: One whose action sends anything.
        answer: The answer that it spoils.
        now: The server's time.
        server: The value of ``Server``.
    """
    date = fault.date if isinstance(fault.date, str) else formatdate(now + (fault.date or 0), usegmt=True)
    if fault.action == "fill":
        yield from _filled(fault, answer, date, server)
        return
    length = max(len(answer.body), 2) if fault.action == "cut" else len(answer.body)
    head, body = head_of(answer, date, server, length=length), answer.body
    if fault.action == "drip":
        for part, text in (("head", head), ("body", body)):
            if fault.part in {part, "all"}:
                yield from ((fault.seconds, text[at : at + 1]) for at in range(len(text)))
            else:
                yield 0, text
    elif fault.action == "interim":
        lines = [status_line(fault.status), *(f"{name}: {value}" for name, value in fault.headers.items())]
        interim = "\r\n".join((*lines, "\r\n")).encode()
        yield from ((0, interim) for _ in (itertools.count() if fault.heads is None else range(fault.heads)))
        yield fault.seconds, head + body
    elif fault.action == "cut":
        yield 0, head + body[: length // 2]
    else:
        yield 0, body if fault.action == "garbage" and not fault.status else head + body


def _filled(fault: Fault, answer: Answer, date: str, server: str) -> Iterator[tuple[float, bytes]]:
    blanks, rest = divmod(max(fault.size - len(answer.body), 0), len(_BLANKS))
    unpacked = itertools.chain([answer.body], itertools.repeat(_BLANKS, blanks), [_BLANKS[:rest]])
    if not fault.packed:
        length = len(answer.body) + blanks * len(_BLANKS) + rest
        yield from ((0, piece) for piece in itertools.chain([head_of(answer, date, server, length=length)], unpacked))
        return
    packed = replace(answer, headers={**answer.headers, "Content-Encoding": "gzip"})
    yield 0, head_of(packed, date, server, length=-1)
    for piece in _gzipped(unpacked):
        yield 0, b"%x\r\n%b\r\n" % (len(piece), piece)
    yield 0, b"0\r\n\r\n"


def _gzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pack pieces each on its own, so that a megabyte of blanks is packed only once: a gigabyte takes half a second."""
    yield _GZIP_HEAD
    packed_blanks = _deflated(_BLANKS)
    checksum = size = 0
    for piece in pieces:
        checksum, size = zlib.crc32(piece, checksum), size + len(piece)
        yield packed_blanks if piece is _BLANKS else _deflated(piece)
    yield b"\x03\0" + struct.pack("<II", checksum, size % (1 << 32))


def _deflated(piece: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
