"""One write under way at a time; what arrives meanwhile forms the next batch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence


class GroupCommit[T, R]:
    """Collects items of concurrent callers into one call of `flush`, in order.

    `flush` gets at most `max_batch` items (more, if one caller hands in more at once), and
    answers one result for each.
    """

    def __init__(
        self, flush: Callable[[list[T]], Awaitable[Sequence[R]]], max_batch: int = 1024
    ) -> None:
        self._flush = flush
        self._max_batch = max_batch
        self._waiting: list[tuple[list[T], asyncio.Future[list[R]]]] = []
        self._task: asyncio.Task[None] | None = None

    def write(self, items: list[T]) -> asyncio.Future[list[R]]:
        """Results for `items`, once their batch is done, or what `flush` raised."""
        done: asyncio.Future[list[R]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return done

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._waiting:
            batch = self._take()
            items = [item for part, _ in batch for item in part]
            try:
                results = list(await self._flush(items))
            except Exception as error:  # noqa: BLE001 - its callers get it
                _fail(batch, error)
                continue
            start = 0
            for part, done in batch:
                if not done.done():
                    done.set_result(results[start : start + len(part)])
                start += len(part)
        self._task = None

    def _take(self) -> list[tuple[list[T], asyncio.Future[list[R]]]]:
        size = taken = 0
        for part, _ in self._waiting:
            if taken and size + len(part) > self._max_batch:
                break
            size += len(part)
            taken += 1
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batch


def _fail[T, R](batch: list[tuple[list[T], asyncio.Future[list[R]]]], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)
            done.exception()  # a caller that has gone away does not hear of it
