"""The change log: a numbered ring of the jobs that changed, which clients follow by long poll."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import islice

from reelyard.actors.jobs.messages import FROM_NOW, Changes


class ChangeLog:
    """The last `size` changes. One that falls behind gets an epoch that it does not know."""

    def __init__(self, epoch: str, size: int = 100_000) -> None:
        self.epoch = epoch
        self.seq = 0
        self._ring: deque[str] = deque(maxlen=size)
        self._waiting: set[asyncio.Future[None]] = set()

    def add(self, job_ids: Iterable[str]) -> None:
        """Note that these jobs changed, and wake whoever follows."""
        before = self.seq
        for job_id in job_ids:
            self._ring.append(job_id)
            self.seq += 1
        if self.seq > before and self._waiting:
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiting.clear()

    async def after(self, seq: int, timeout_s: float) -> Changes:
        """What changed after `seq`; waits up to `timeout_s` for something to."""
        if seq == self.seq and timeout_s > 0:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                await asyncio.wait((waiter,), timeout=timeout_s)
            finally:
                self._waiting.discard(waiter)
        return self.since(seq)

    def since(self, seq: int) -> Changes:
        """What changed after `seq`, each job once, without waiting."""
        if seq == FROM_NOW:
            return Changes(self.epoch, self.seq, [])
        missed = self.seq - seq
        if missed > len(self._ring) or missed < 0:
            return Changes(f"{self.epoch}/{self.seq}", self.seq, [])
        newest = islice(reversed(self._ring), missed)
        return Changes(self.epoch, self.seq, list(dict.fromkeys(newest)))
