"""A few threads that work on one transcode, and fail, stop and end together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from reelyard.cluster.errors import Cancelled

_POLL_S = 0.1


class _Stopped(Exception):
    """Another thread of the pipeline has failed; this one just ends."""


class BoundedQueue[T]:
    """A queue with room for `room` items, between any threads of a pipeline.

    Of two queues written in C, one of them full of leave to put something into the other: several
    times as quick as `queue.Queue`, where each item passes four stages.
    """

    def __init__(self, room: int) -> None:
        self.items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self.room: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(room):
            self.room.put(None)


class ThreadPipeline:
    """Threads with bounded queues between them.

    A failure of any one stops the others at their next queue step, and so does `cancelled`. All
    threads are joined before `run` returns: a container must never be closed under a thread that
    still decodes from it.
    """

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._bodies: list[Callable[[], None]] = []

    def add(self, body: Callable[[], None]) -> None:
        """Add a thread's work."""
        self._bodies.append(body)

    def put[T](self, target: BoundedQueue[T], item: T) -> None:
        """Hand on `item` once there is room. Raises `Cancelled`."""
        self._take(target.room)
        target.items.put(item)

    def get[T](self, source: BoundedQueue[T]) -> T:
        """The next item, once there is one. Raises `Cancelled`."""
        item = self._take(source.items)
        source.room.put(None)
        return item

    def _take[T](self, source: queue.SimpleQueue[T]) -> T:
        while True:
            if self._cancelled.is_set():
                raise Cancelled
            if self._stop.is_set():
                raise _Stopped
            try:
                return source.get(timeout=_POLL_S)
            except queue.Empty:
                continue

    def run(self, main: Callable[[], None]) -> None:
        """Start the threads, do `main` here, join them; raises the first failure of any."""
        threads = [
            threading.Thread(target=self._guard, args=(body,), daemon=True) for body in self._bodies
        ]
        for thread in threads:
            thread.start()
        self._guard(main)
        for thread in threads:
            thread.join()
        # The bodies, and the traces of failures, hold on to whoever holds the pipeline:
        # without them nothing large waits for the garbage collector.
        self._bodies.clear()
        if self._failures:
            failure = self._failures[0]
            self._failures.clear()
            try:
                raise failure
            finally:
                del failure

    def _guard(self, body: Callable[[], None]) -> None:
        try:
            body()
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - carried to `run`, which raises it
            self._failures.append(error)
            self._stop.set()
