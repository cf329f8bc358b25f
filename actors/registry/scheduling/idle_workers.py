"""Idle workers that wait for a task, by pool, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence


class _Waiter:
    def __init__(self, want: int, loop: asyncio.AbstractEventLoop) -> None:
        self.want = want
        self.woken: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class IdleWorkers:
    """Wakes as many workers as there are tasks for, and no more."""

    def __init__(self) -> None:
        self._pools: dict[str, deque[_Waiter]] = {}
        self._of_worker: dict[str, _Waiter] = {}

    async def wait(self, worker: str, pools: Sequence[str], want: int, timeout_s: float) -> None:
        """Wait until one of `pools` may have a task. A newer call of `worker` ends an older."""
        waiter = _Waiter(want, asyncio.get_running_loop())
        self.wake_worker(worker)
        self._of_worker[worker] = waiter
        for pool in pools:
            queue = self._pools.setdefault(pool, deque())
            while queue and queue[0].woken.done():
                queue.popleft()
            queue.append(waiter)
        try:
            await asyncio.wait((waiter.woken,), timeout=timeout_s)
        finally:
            waiter.wake()
            if self._of_worker.get(worker) is waiter:
                del self._of_worker[worker]

    def wake(self, pools: Iterable[str]) -> None:
        """One task more in each of `pools` (named as often as there are tasks)."""
        tasks: dict[str, int] = {}
        for pool in pools:
            tasks[pool] = tasks.get(pool, 0) + 1
        for pool, count in tasks.items():
            queue = self._pools.get(pool)
            idle_workers = 0
            while queue and idle_workers < count:
                waiter = queue.popleft()
                if not waiter.woken.done():
                    waiter.wake()
                    idle_workers += waiter.want

    def wake_worker(self, worker: str) -> None:
        """Whoever waits for that worker looks again."""
        if (waiter := self._of_worker.get(worker)) is not None:
            waiter.wake()

    def wake_all(self) -> None:
        """Everyone looks again."""
        for waiter in list(self._of_worker.values()):
            waiter.wake()
