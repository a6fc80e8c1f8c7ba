"""The threads of a drain."""

from __future__ import annotations

import threading

import pytest

from test_executions_rerunner.ledger import Slots
from test_executions_rerunner.pool import Pool

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
    got: list[bool] = []
    waiter = threading.Thread(target=lambda: got.append(slots.take()))
    waiter.start()
    assert got == []
    slots.end(is_used=False)
    waiter.join(PATIENCE_SECONDS)
    assert got == [True]


def test_who_finds_no_slot_is_refused_once_the_last_one_is_used_up() -> None:
    slots = Slots(1)
    assert slots.take()
    got: list[bool] = []
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
