"""What answers may take when they are read, and that large ones wait for each other."""

from __future__ import annotations

import json
import threading
import tracemalloc

import pytest

from test_executions_rerunner.calls import memory
from test_executions_rerunner.calls.memory import MOST_UNPACKED_BYTES, Memory, read_json, unpacked_bytes

LONG_SECONDS = 60.0
COUNT = 20_000
SHAPES = {
    "empty objects": b"[" + b"{}," * COUNT + b"{}]",
    "empty lists": b"[" + b"[]," * COUNT + b"[]]",
    "objects of one": b"[" + b",".join(b'{"a":%d}' % n for n in range(COUNT)) + b"]",
    "objects of six": b"[" + b'{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6},' * COUNT + b"1]",
    "one object of many": b"{" + b",".join(b'"k%d":%d' % (n, 1000 + n) for n in range(COUNT)) + b"}",
    "objects inside each other": b"[" + b",".join([b'{"a":' * 50 + b"1" + b"}" * 50] * (COUNT // 50)) + b"]",
    "short texts": b"[" + b",".join(b'"t%d"' % n for n in range(COUNT)) + b"]",
    "numbers": b"[" + b",".join(b"%d" % (1000 + n) for n in range(COUNT)) + b"]",
    "numbers with a point": b"[" + b",".join(b"%d.5" % n for n in range(COUNT)) + b"]",
    "one long text": b'"' + b"x" * 1_000_000 + b'"',
    "one wide letter in a long text": b'"' + b"x" * 1_000_000 + "\U0001f600".encode() + b'"',
    "a wide letter that is escaped": b'"' + b"x" * 1_000_000 + b'\\ud83d\\ude00"',
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES.keys())
def test_no_answer_takes_more_than_is_estimated(body: bytes) -> None:
    tracemalloc.start()
    try:
        told = json.loads(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told
    assert peak <= unpacked_bytes(body) + 4096


def test_an_answer_of_nothing_but_objects_is_refused_before_it_is_read() -> None:
    body = b"[" + b"{}," * 1_000_000 + b"{}]"
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="3,000,004 bytes and would take"):
            read_json(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_an_answer_of_eight_megabytes_that_says_something_is_read() -> None:
    told = {"runs": [{"name": "n" * 300, "status": "completed", "id": 1000 + n} for n in range(20_000)]}
    body = json.dumps(told).encode()
    assert 6 << 20 < len(body) < 8 << 20
    assert unpacked_bytes(body) < MOST_UNPACKED_BYTES
    assert read_json(body) == told


def test_whoever_asks_for_more_than_is_left_waits_until_another_call_has_ended() -> None:
    shared = Memory(100)
    is_held, may_end, order = threading.Event(), threading.Event(), []

    def hold() -> None:
        with memory.call():
            shared.take(60)
            is_held.set()
            assert may_end.wait(LONG_SECONDS)
            order.append("first ends")
            shared.give_back()

    def wait() -> None:
        with memory.call():
            shared.take(50)
            order.append("second has it")
            shared.give_back()

    first = threading.Thread(target=hold)
    first.start()
    assert is_held.wait(LONG_SECONDS)
    second = threading.Thread(target=wait)
    second.start()
    may_end.set()
    for thread in (first, second):
        thread.join(LONG_SECONDS)
    assert order == ["first ends", "second has it"]


def test_a_call_holds_room_until_it_ends_and_its_next_answer_takes_it_over(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Memory(MOST_UNPACKED_BYTES)
    monkeypatch.setattr(memory, "_TREES", shared)
    body = SHAPES["numbers"]
    with memory.call():
        for _ in range(3):  # more than there is room for at a time
            read_json(body + b" " * (12 << 20))
        assert shared._left < MOST_UNPACKED_BYTES  # noqa: SLF001 - nothing else shows it
    assert shared._left == MOST_UNPACKED_BYTES  # noqa: SLF001 - nothing else shows it


def test_a_call_made_by_hand_waits_for_nobody() -> None:
    shared = Memory(10)
    for _ in range(3):
        shared.take(10)
