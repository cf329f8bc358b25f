"""Threads that fail and stop together."""

from __future__ import annotations

import queue
import threading

import pytest

from actors.media.codec.crew import Crew
from cluster.errors import Cancelled, CorruptMedia


def test_the_first_failure_stops_all_threads_and_is_raised():
    crew, items = Crew(threading.Event()), queue.Queue[int](1)

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


def test_cancelling_ends_a_full_and_an_empty_queue():
    cancelled = threading.Event()
    crew, full = Crew(cancelled), queue.Queue[int](1)
    full.put(1)
    crew.add(lambda: crew.put(full, 2))
    cancelled.set()
    with pytest.raises(Cancelled):
        crew.run(lambda: crew.get(queue.Queue[int]()))


def test_an_interrupt_in_a_thread_reaches_the_caller():
    crew = Crew(threading.Event())

    def interrupt() -> None:
        raise KeyboardInterrupt

    crew.add(interrupt)
    with pytest.raises(KeyboardInterrupt):
        crew.run(lambda: None)
