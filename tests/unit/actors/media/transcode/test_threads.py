"""Threads that fail and stop together."""

from __future__ import annotations

import threading

import pytest

from reelyard.actors.media.transcode.threads import BoundedQueue, ThreadPipeline
from reelyard.cluster.errors import Cancelled, CorruptMedia


def test_the_first_failure_stops_all_threads_and_is_raised() -> None:
    threads, items = ThreadPipeline(threading.Event()), BoundedQueue[int](1)

    def fail() -> None:
        raise CorruptMedia("broken")

    def wait() -> None:
        threads.get(items)

    others = set(threading.enumerate())
    threads.add(fail)
    threads.add(wait)
    with pytest.raises(CorruptMedia, match="broken"):
        threads.run(wait)
    assert set(threading.enumerate()) <= others


def test_items_come_out_in_order_and_no_more_wait_than_there_is_room_for() -> None:
    threads, items, most = ThreadPipeline(threading.Event()), BoundedQueue[int](3), 0

    def feed() -> None:
        for number in range(200):
            threads.put(items, number)

    def take() -> None:
        nonlocal most
        for number in range(200):
            most = max(most, items.items.qsize())
            assert threads.get(items) == number

    threads.add(feed)
    threads.run(take)
    assert most <= 3


def test_cancelling_ends_a_full_and_an_empty_queue() -> None:
    cancelled = threading.Event()
    threads, full = ThreadPipeline(cancelled), BoundedQueue[int](1)
    threads.put(full, 1)
    threads.add(lambda: threads.put(full, 2))
    cancelled.set()

    def wait() -> None:
        threads.get(BoundedQueue[int](1))

    with pytest.raises(Cancelled):
        threads.run(wait)


def test_an_interrupt_in_a_thread_reaches_the_caller() -> None:
    threads = ThreadPipeline(threading.Event())

    def interrupt() -> None:
        raise KeyboardInterrupt

    threads.add(interrupt)
    with pytest.raises(KeyboardInterrupt):
        threads.run(lambda: None)
