"""Local waiters fed by one long poll of the registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from reelyard.actors.jobs.messages import FROM_NOW, Changes

POLL_S = 10.0
GATHER_S = 0.004
"""Pause after a change: what happens meanwhile comes with one call instead of many."""

log = structlog.get_logger(__name__)


class ChangeFeed:
    """Wakes whoever waits for a job; polls only while somebody does."""

    def __init__(self, poll: Callable[[int, float], Awaitable[Changes]]) -> None:
        self._poll = poll
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def subscribe(self, job_id: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever the job may have changed since it was last cleared."""
        event = asyncio.Event()
        self._waiters.setdefault(job_id, set()).add(event)
        try:
            await self._started()
            yield event
        finally:
            waiting = self._waiters[job_id]
            waiting.discard(event)
            if not waiting:
                del self._waiters[job_id]

    async def close(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _started(self) -> None:
        if self._task is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(self._ready), name="change feed")
        if self._ready is not None:
            await asyncio.shield(self._ready)

    async def _run(self, ready: asyncio.Future[None]) -> None:
        epoch, seq = "", FROM_NOW
        try:
            while self._waiters:
                changes = await self._next(seq)
                self._wake(changes.job_ids if changes.epoch == epoch else list(self._waiters))
                epoch, seq = changes.epoch, changes.seq
                if not ready.done():
                    ready.set_result(None)
                if changes.job_ids:
                    await asyncio.sleep(GATHER_S)
        finally:
            self._task = None

    async def _next(self, seq: int) -> Changes:
        try:
            return await self._poll(seq, 0 if seq == FROM_NOW else POLL_S)
        except Exception as error:  # noqa: BLE001  whoever waits relies on this task alone
            log.warning("change feed interrupted", error=repr(error))
            await asyncio.sleep(0.5)
            return Changes(epoch="", seq=FROM_NOW, job_ids=[])

    def _wake(self, job_ids: list[str]) -> None:
        for job_id in job_ids:
            for event in self._waiters.get(job_id, ()):
                event.set()
