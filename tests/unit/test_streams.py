"""What is written while nobody reads it, or nobody is there any more."""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, TextIO

import pytest

from test_executions_rerunner.cli import streams
from test_executions_rerunner.cli.streams import Output, Through

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_SECONDS = 60.0
LINE = "x" * 999
MORE_THAN_A_PIPE_HOLDS = 200


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, int]]:
    """A stream into a pipe, and the end that nobody reads yet."""
    reading, writing = os.pipe()
    with open(writing, "w", encoding="utf-8") as stream:  # noqa: PTH123 - no file
        yield stream, reading
    os.close(reading)


def read(descriptor: int, count: int) -> str:
    """Read so many lines."""
    found = b""
    while found.count(b"\n") < count:
        found += os.read(descriptor, 65536)
    return found.decode()


def test_nobody_waits_for_a_pipe_that_nobody_reads_and_it_has_all_once_somebody_does(pipe: tuple[TextIO, int]) -> None:
    stream, reading = pipe
    output = Output()
    output.lines(stream, [LINE] * MORE_THAN_A_PIPE_HOLDS)
    assert not output.finish(lambda: 0.2)
    assert read(reading, MORE_THAN_A_PIPE_HOLDS) == f"{LINE}\n" * MORE_THAN_A_PIPE_HOLDS
    assert output.finish(lambda: LONG_SECONDS)


def test_the_end_waits_for_a_reader_who_takes_a_little_at_a_time(pipe: tuple[TextIO, int]) -> None:
    stream, reading = pipe
    output = Output()
    output.lines(stream, [LINE] * MORE_THAN_A_PIPE_HOLDS)
    reader = threading.Thread(target=read, args=(reading, MORE_THAN_A_PIPE_HOLDS))
    reader.start()
    assert output.finish(lambda: LONG_SECONDS)
    reader.join(LONG_SECONDS)
    assert not reader.is_alive()


def test_a_stream_that_is_gone_raises_nowhere_and_harms_no_other() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    output, others = Output(), io.StringIO()
    with open(writing, "w", encoding="utf-8") as gone:  # noqa: PTH123 - no file
        output.lines(gone, [LINE, LINE])
        output.lines(others, ["kept"])
        assert output.finish(lambda: LONG_SECONDS)
    assert others.getvalue() == "kept\n"


def test_lines_stand_in_their_order_over_both_streams() -> None:
    output, both = Output(), io.StringIO()
    for number in range(100):
        output.lines(both, [str(number)])
    Through(output, both).write("last")
    assert output.finish(lambda: LONG_SECONDS)
    assert both.getvalue().split() == [*map(str, range(100)), "last"]


def test_what_nobody_reads_has_a_bound_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_MOST_CHARACTERS", 100_000)
    reading, writing = os.pipe()
    output = Output()
    with open(writing, "w", encoding="utf-8") as stream, open(reading, encoding="utf-8") as reader:  # noqa: PTH123 - no files
        output.lines(stream, [LINE] * 500)
        assert not output.finish(lambda: 0.2)
        read_by: list[str] = []
        thread = threading.Thread(target=lambda: read_by.extend(reader))
        thread.start()
        assert output.finish(lambda: LONG_SECONDS)
        output.lines(stream, ["last"])
        assert output.finish(lambda: LONG_SECONDS)
        stream.close()
        thread.join(LONG_SECONDS)
    kept = read_by.count(f"{LINE}\n")
    assert 100 <= kept < 200
    assert read_by[kept:] == [f"… {500 - kept} lines are left out here, since nobody read them\n", "last\n"]


def test_letters_that_an_encoding_lacks_are_escaped() -> None:
    for encoding, text in {"ascii": "gr\\xf6\\xdfer\n", "utf-16": "größer\n"}.items():
        reading, writing = os.pipe()
        output = Output()
        with open(writing, "w", encoding=encoding) as stream:  # noqa: PTH123 - no file
            output.lines(stream, ["größer", "größer"])
            assert output.finish(lambda: LONG_SECONDS)
        assert os.read(reading, 1000).decode(encoding) == text * 2
        os.close(reading)
