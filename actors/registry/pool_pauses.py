"""Pools that an operator has paused: the store knows first, then the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from reelyard.actors.registry.scheduling.ready_queue import ReadyQueue
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.cluster.errors import NotFound


class PoolPauses:
    """Pauses and resumes pools; what is paused stays so over restarts."""

    def __init__(
        self, store: JobStore, queue: ReadyQueue, names: Callable[[], Collection[str]]
    ) -> None:
        self._store = store
        self._queue = queue
        self._names = names
        self._one_by_one = asyncio.Lock()

    async def load(self) -> None:
        """Pause what the store says. Raises `Unavailable`."""
        for pool in await self._store.paused_pools():
            self._queue.pause(pool)

    async def pause(self, pool: str) -> None:
        """Hand out no tasks of `pool`. Raises `NotFound`, `Unavailable`."""
        await self._keep(pool, paused=True)

    async def resume(self, pool: str) -> None:
        """Undo `pause`. Raises `NotFound`, `Unavailable`."""
        await self._keep(pool, paused=False)

    async def _keep(self, pool: str, *, paused: bool) -> None:
        if pool not in (names := self._names()):
            raise NotFound(f"there is no pool {pool!r}; there are: {', '.join(names)}")
        async with self._one_by_one:
            await self._store.set_paused(pool, paused=paused)
            if paused:
                self._queue.pause(pool)
            else:
                self._queue.resume(pool)
