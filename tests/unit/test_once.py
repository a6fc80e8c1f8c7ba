"""What is made once is one thing for all threads, also where a processor makes its client."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.calls.once import Once
from test_executions_rerunner.links import Origin
from test_executions_rerunner.processors.jenkins.api import JenkinsApi
from test_executions_rerunner.processors.jenkins.processor import JenkinsProcessor

if TYPE_CHECKING:
    from test_executions_rerunner.processors.jenkins.client import JenkinsClient

THREADS = 8


class Maker:
    """Makes things, each so slowly that all threads have asked by then, where nobody makes them wait."""

    def __init__(self) -> None:
        self.made = 0
        self._all_are_here = threading.Barrier(THREADS)

    def __call__(self) -> int:
        self.made += 1
        try:
            self._all_are_here.wait(0.2)
        except threading.BrokenBarrierError:
            return self.made
        return self.made


def test_all_threads_get_the_same_thing() -> None:
    maker = Maker()
    once = Once(maker)
    with ThreadPoolExecutor(THREADS) as threads:
        got = list(threads.map(lambda _: once(), range(THREADS)))
    assert (got, maker.made) == ([1] * THREADS, 1)


def test_what_could_not_be_made_is_tried_again_by_the_next() -> None:
    tried: list[int] = []

    def make() -> int:
        tried.append(7)
        if len(tried) == 1:
            raise OSError("no socket")
        return tried[0]

    once = Once(make)
    with pytest.raises(OSError, match="no socket"):
        once()
    assert (once(), once(), len(tried)) == (7, 7, 2)


def test_a_controller_has_one_client_however_many_threads_begin() -> None:
    processor = JenkinsProcessor("admin", "token")
    maker = Maker()

    def connect() -> JenkinsClient:
        maker()
        return processor.api.client

    api = JenkinsApi(Origin.parse("http://jenkins.example"), processor.calls, connect)
    with ThreadPoolExecutor(THREADS) as threads:
        clients = list(threads.map(lambda _: api.client, range(THREADS)))
    assert (len(set(map(id, clients))), maker.made) == (1, 1)
