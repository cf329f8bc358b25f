"""Threads that fail and stop together."""

from __future__ import annotations

import threading

import pytest

from actors.media.codec.crew import Channel, Crew
from cluster.errors import Cancelled, CorruptMedia


def test_the_first_failure_stops_all_threads_and_is_raised():
    crew, items = Crew(threading.Event()), Channel[int](1)

    def fail() -> None:
        raise CorruptMedia("broken")

    def wait() -> None:
        crew.get(items)

    others = set(threading.enumerate())
    crew.add(fail)
    crew.add(wait)
    with pytest.raises(CorruptMedia, match="broken"):
        crew.run(lambda: crew.get(items))
    assert set(threading.enumerate()) <= others


def test_items_come_out_in_order_and_no_more_wait_than_there_is_room_for():
    crew, items, most = Crew(threading.Event()), Channel[int](3), 0

    def feed() -> None:
        for number in range(200):
            crew.put(items, number)

    def take() -> None:
        nonlocal most
        for number in range(200):
            most = max(most, items.items.qsize())
            assert crew.get(items) == number

    crew.add(feed)
    crew.run(take)
    assert most <= 3


def test_cancelling_ends_a_full_and_an_empty_channel():
    cancelled = threading.Event()
    crew, full = Crew(cancelled), Channel[int](1)
    crew.put(full, 1)
    crew.add(lambda: crew.put(full, 2))
    cancelled.set()
    with pytest.raises(Cancelled):
        crew.run(lambda: crew.get(Channel[int](1)))


def test_an_interrupt_in_a_thread_reaches_the_caller():
    crew = Crew(threading.Event())

    def interrupt() -> None:
        raise KeyboardInterrupt

    crew.add(interrupt)
    with pytest.raises(KeyboardInterrupt):
        crew.run(lambda: None)
