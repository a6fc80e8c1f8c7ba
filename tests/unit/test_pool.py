"""The threads of a drain."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.drain import pool as module
from test_executions_rerunner.drain.pool import Pool
from test_executions_rerunner.drain.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 120


def assert_set(event: threading.Event) -> None:
    assert event.wait(PATIENCE_SECONDS)


def test_every_task_is_done() -> None:
    done: list[int] = []
    with Pool(4) as pool:
        for number in range(100):
            pool.submit(lambda number=number: done.append(number))  # type: ignore[misc] # a default argument binds it
        pool.join()
    assert sorted(done) == list(range(100))


@pytest.mark.parametrize("size", [1, 3, 16])
def test_never_more_tasks_run_than_it_has_threads_and_no_fewer_where_there_are_tasks(size: int) -> None:
    running, most = 0, 0
    lock, all_there = threading.Lock(), threading.Barrier(size)

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_there.wait(PATIENCE_SECONDS)
        with lock:
            running -= 1

    with Pool(size) as pool:
        for _ in range(size * 3):
            pool.submit(task)
        pool.join()
    assert most == size


def test_no_thread_is_started_before_there_is_a_task() -> None:
    before = threading.active_count()
    with Pool(64) as pool:
        pool.join()
        assert threading.active_count() == before


def test_one_task_after_another_needs_one_thread() -> None:
    names: set[str] = set()
    with Pool(16) as pool:
        for _ in range(5):
            pool.submit(lambda: names.add(threading.current_thread().name))
            pool.join()
    assert len(names) == 1


def noting(names: set[str], seconds: float = 0.02) -> Callable[[], None]:
    """Return a task that takes some time and notes its thread."""

    def task() -> None:
        names.add(threading.current_thread().name)
        time.sleep(seconds)

    return task


def test_one_thread_does_the_work_while_it_keeps_a_processor_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", time.perf_counter)
    names: set[str] = set()
    with Pool(16) as pool:
        for _ in range(20):
            pool.submit(noting(names))
        pool.join()
    assert names == {"drain-1"}


def test_all_threads_are_there_within_some_hundredths_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", lambda: 0.0)
    go, started = threading.Event(), list[float]()

    def task() -> None:
        started.append(time.monotonic())
        assert_set(go)

    with Pool(16) as pool:
        for _ in range(16):
            pool.submit(task)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(started) < 16 and time.monotonic() < deadline:
            time.sleep(0.001)
        go.set()
        pool.join()
    assert len(started) == 16
    assert started[-1] - started[0] < 0.5  # 0.02 on a machine that has nothing else to do


def test_a_pool_that_has_all_its_threads_is_not_watched_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "process_time", lambda: 0.0)
    there, places = threading.Barrier(4), list[int]()
    with Pool(4) as pool:
        for _ in range(8):
            pool.submit(lambda: places.append(there.wait(PATIENCE_SECONDS)))
        pool.join()
        watchers = [thread for thread in threading.enumerate() if thread.name == "drain-watch"]
        for watcher in watchers:
            watcher.join(PATIENCE_SECONDS)
        assert not any(watcher.is_alive() for watcher in watchers)


def fail_after(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let the system give so many threads, and no more."""
    start, lock, left = threading.Thread.start, threading.Lock(), [most]

    def scarce(self: threading.Thread) -> None:
        with lock:
            if not left[0]:
                raise RuntimeError("can't start new thread")
            left[0] -= 1
        start(self)

    monkeypatch.setattr(threading.Thread, "start", scarce)


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_where_threads_are_scarce_the_work_is_done_by_fewer(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(module, "process_time", lambda: 0.0)
    fail_after(monkeypatch, most)
    names: set[str] = set()
    with Pool(16) as pool:
        for _ in range(40):
            pool.submit(noting(names))
        pool.join()
    assert 1 <= len(names) <= most


def test_without_a_thread_whoever_submits_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(monkeypatch, 0)
    order: list[str] = []
    slots = Slots(2)

    def task(name: str) -> None:
        order.append(name)
        pool.submit(lambda: order.append(f"{name} deleted"), urgent=True)
        slots.end(is_used=False)

    with Pool(16) as pool:
        for name in ("first", "second", "third"):
            assert slots.take()  # who waited for `join` would wait here for ever
            pool.submit(lambda name=name: task(name))  # type: ignore[misc] # a default argument binds it
        pool.join()
    assert order == ["first", "first deleted", "second", "second deleted", "third", "third deleted"]


def test_a_bug_is_raised_where_there_is_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_after(monkeypatch, 0)

    def bug() -> None:
        raise ZeroDivisionError

    with Pool(2) as pool:
        pool.submit(bug)
        with pytest.raises(ZeroDivisionError):
            pool.join()


def test_urgent_tasks_go_before_all_that_wait() -> None:
    order: list[str] = []
    go = threading.Event()
    with Pool(1) as pool:
        pool.submit(lambda: assert_set(go))
        for name in ("first", "second"):
            pool.submit(lambda name=name: order.append(name))  # type: ignore[misc] # a default argument binds it
        pool.submit(lambda: order.append("urgent"), urgent=True)
        go.set()
        pool.join()
    assert order == ["urgent", "first", "second"]


def test_the_order_of_the_queue_is_kept() -> None:
    order: list[int] = []
    with Pool(1) as pool:
        for number in range(50):
            pool.submit(lambda number=number: order.append(number))  # type: ignore[misc] # a default argument binds it
        pool.join()
    assert order == list(range(50))


def test_a_task_may_add_tasks() -> None:
    done: list[str] = []
    with Pool(2) as pool:
        pool.submit(lambda: pool.submit(lambda: done.append("inner"), urgent=True))
        pool.join()
    assert done == ["inner"]


def test_a_bug_is_raised_when_the_other_tasks_are_done() -> None:
    done: list[int] = []

    def bug() -> None:
        raise ZeroDivisionError

    with Pool(2) as pool:
        pool.submit(bug)
        for number in range(10):
            pool.submit(lambda number=number: done.append(number))  # type: ignore[misc] # a default argument binds it
        with pytest.raises(ZeroDivisionError):
            pool.join()
    assert sorted(done) == list(range(10))


def test_its_threads_end_with_it_and_keep_no_process_alive() -> None:
    threads: list[threading.Thread] = []
    with Pool(2) as pool:
        pool.submit(lambda: threads.append(threading.current_thread()))
        pool.join()
        assert threads[0].daemon
    threads[0].join(PATIENCE_SECONDS)
    assert not threads[0].is_alive()


# --limit


def test_without_a_limit_there_is_always_a_slot() -> None:
    slots = Slots(None)
    assert all(slots.take() for _ in range(1000))
    assert not slots.are_used_up


def test_a_limit_gives_out_as_many_slots() -> None:
    slots = Slots(2)
    for _ in range(2):
        assert slots.take()
        slots.end(is_used=True)
    assert slots.are_used_up
    assert not slots.take()


def test_a_slot_given_back_can_be_taken_again() -> None:
    slots = Slots(1)
    for _ in range(5):
        assert slots.take()
        slots.end(is_used=False)
    assert not slots.are_used_up


def test_who_finds_no_slot_waits_until_one_is_given_back() -> None:
    slots = Slots(1)
    assert slots.take()
    got: list[bool | None] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()
    assert got == []
    slots.end(is_used=False)
    waiter.join(PATIENCE_SECONDS)
    assert got == [True]


def test_who_finds_no_slot_is_refused_once_the_last_one_is_used_up() -> None:
    slots = Slots(1)
    assert slots.take()
    got: list[bool | None] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()
    slots.end(is_used=True)
    waiter.join(PATIENCE_SECONDS)
    assert got == [False]


def test_many_threads_never_use_more_slots_than_there_are() -> None:
    slots, used = Slots(7), list[int]()

    def task(number: int) -> None:
        if slots.take():
            is_used = number % 3 != 0
            if is_used:
                used.append(number)
            slots.end(is_used=is_used)

    threads = [threading.Thread(target=task, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(used) == 7
