"""A queue whose thread does what has gathered at once."""

import asyncio
import threading
import time

import pytest

from dashboard.serving.groups import Full, Grouping
from tests.patience import PATIENCE


def queue_of(work, **options):
    given = {"capacity": 100, "group_size": 10, "linger": 0.05} | options
    return Grouping("test", work, **given)


async def ask_all(queue, items):
    return await asyncio.gather(*(queue.ask(item) for item in items), return_exceptions=True)


def test_items_that_come_together_are_one_group_and_each_gets_its_own_result():
    groups = []

    def double(items):
        groups.append(list(items))
        return [2 * item for item in items]

    queue = queue_of(double, group_size=7, linger=PATIENCE)
    assert asyncio.run(ask_all(queue, range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert groups == [list(range(7))]
    queue.close()


def test_a_full_group_does_not_wait_and_a_lonely_item_waits_no_longer_than_it_must():
    full = queue_of(lambda items: [len(items)] * len(items), linger=2 * PATIENCE)
    began = time.monotonic()
    assert asyncio.run(ask_all(full, range(20))) == [10] * 20
    assert time.monotonic() - began < PATIENCE
    full.close()
    lonely = queue_of(lambda items: [len(items)] * len(items), linger=0.2)
    began = time.monotonic()
    assert asyncio.run(ask_all(lonely, [1])) == [1]
    assert time.monotonic() - began > 0.15
    lonely.close()


def test_an_error_goes_to_its_owner_alone_and_one_of_the_whole_group_to_all():
    def work(items):
        if "all" in items:
            raise OSError("disk full")
        return [ValueError(item) if item == "bad" else item for item in items]

    queue = queue_of(work)
    good, bad = asyncio.run(ask_all(queue, ["good", "bad"]))
    assert (good, type(bad)) == ("good", ValueError)
    assert [type(error) for error in asyncio.run(ask_all(queue, ["all", "good"]))] == [OSError, OSError]
    assert asyncio.run(ask_all(queue, ["good"])) == ["good"]
    queue.close()


def test_a_full_queue_refuses_and_goes_on_once_there_is_room():
    taken, free = threading.Event(), threading.Event()

    def wait(items):
        taken.set()
        free.wait(PATIENCE)
        return items

    queue = queue_of(wait, capacity=3, group_size=1, linger=0)

    async def fill():
        first = asyncio.create_task(queue.ask("taken by the thread"))
        while not taken.is_set():
            await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(queue.ask(k)) for k in range(3)]
        while queue.size < 3:
            await asyncio.sleep(0.01)
        with pytest.raises(Full, match="3 of 3 wait already"):
            await queue.ask("too many")
        free.set()
        return await asyncio.gather(first, *waiting)

    assert asyncio.run(fill()) == ["taken by the thread", 0, 1, 2]
    assert asyncio.run(ask_all(queue, ["later"])) == ["later"]
    queue.close()


def test_one_item_larger_than_the_queue_is_let_into_an_empty_one():
    queue = Grouping("test", lambda items: items, len, capacity=3, group_size=2, linger=0)
    assert asyncio.run(ask_all(queue, ["x" * 50])) == ["x" * 50]
    queue.close()


def test_what_waits_is_done_when_the_queue_closes_and_nothing_comes_after():
    done = []

    def work(items):
        time.sleep(0.02)
        done.extend(items)
        return items

    queue = queue_of(work, group_size=3)
    for item in range(10):
        queue.put(item)
    queue.close()
    assert done == list(range(10))
    with pytest.raises(Full):
        queue.put(10)


def test_whoever_gives_up_does_not_hold_up_the_others():
    done, given_up = [], threading.Event()

    def work(items):
        given_up.wait(PATIENCE)
        done.extend(items)
        return items

    queue = queue_of(work, linger=0)

    async def give_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.ask("a"), 0.02)
        given_up.set()
        return await queue.ask("b")

    assert asyncio.run(give_up()) == "b"
    # Even the whole loop may be gone by then.
    given_up.clear()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(queue.ask("c"), 0.02))
    given_up.set()
    queue.close()
    assert done == ["a", "b", "c"]


def test_a_queue_whose_thread_cannot_begin_has_taken_nothing_and_works_again_later():
    done = []
    queue = queue_of(lambda items: done.extend(items) or [None] * len(items))
    usual = threading.stack_size(1 << 46)  # more than any machine has
    try:
        with pytest.raises(RuntimeError):
            queue.put("a")
    finally:
        threading.stack_size(usual)
    assert queue.size == 0
    queue.put("b")
    queue.close()
    assert done == ["b"]
