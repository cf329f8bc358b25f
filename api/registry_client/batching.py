"""Many small calls to the registry, merged into few large ones.

The registry actor takes two to three thousand calls a second but two hundred thousand items: what
arrives while a call is under way forms the next call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

PER_ITEM_S, MOST_S = 0.001, 0.006
"""A call costs both processes over a millisecond, whatever it carries: the more came with the last
one, the longer the next may gather. Who asks alone hardly waits."""


class _Pace:
    """Keeps the starts of two calls apart, by how much they carry."""

    def __init__(self) -> None:
        self._next = float("-inf")

    async def gather(self) -> None:
        # Requests that have arrived already get their turn first, and into this call.
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))

    def start(self, items: int) -> None:
        self._next = time.monotonic() + min(MOST_S, PER_ITEM_S * items)


class Lookups[Value]:
    """Look-ups by id; the same id asked for twice travels once."""

    def __init__(
        self, fetch: Callable[[list[str]], Awaitable[dict[str, Value]]], most: int = 2000
    ) -> None:
        self._fetch = fetch
        self._most = most
        self._pending: dict[str, asyncio.Future[Value | None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._flight: asyncio.Future[None] | None = None
        self._pace = _Pace()

    async def get(self, key: str) -> Value | None:
        """The value of `key` as it is no earlier than this call; None if there is none."""
        # A caller that goes away must not cancel the look-up of the others.
        return await asyncio.shield(self._ask(key))

    async def get_all(self, keys: Iterable[str]) -> dict[str, Value]:
        """`get` of each; those that exist."""
        asked = {key: self._ask(key) for key in keys}
        values = await asyncio.shield(asyncio.gather(*asked.values()))
        pairs = zip(asked, values, strict=True)
        return {key: value for key, value in pairs if value is not None}

    def _ask(self, key: str) -> asyncio.Future[Value | None]:
        if (future := self._pending.get(key)) is None:
            future = self._pending[key] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._flush())
        return future

    async def landed(self) -> None:
        """Wait for the call that is under way, if one is. Raises what it fails with."""
        if self._flight is not None:
            await asyncio.shield(self._flight)

    async def _flush(self) -> None:
        while self._pending:
            await self._pace.gather()
            keys = list(self._pending)[: self._most]
            batch = {key: self._pending.pop(key) for key in keys}
            self._pace.start(len(batch))
            flight = self._flight = asyncio.get_running_loop().create_future()
            try:
                found = await self._fetch(keys)
            except BaseException as error:  # noqa: BLE001  every waiter must learn of it
                _fail([flight, *batch.values()], error)
            else:
                flight.set_result(None)
                for key, future in batch.items():
                    future.set_result(found.get(key))
            self._flight = None
        self._task = None


class Writes[Item, Answer]:
    """Writes in the order in which they come, each with its own answer."""

    def __init__(
        self, send: Callable[[list[Item]], Awaitable[Sequence[Answer]]], most: int = 1000
    ) -> None:
        self._send = send
        self._most = most
        self._pending: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None
        self._pace = _Pace()

    async def put(self, items: Sequence[Item]) -> list[Answer]:
        """Send `items` with whatever else waits; their answers, in order."""
        create_future = asyncio.get_running_loop().create_future
        futures: list[asyncio.Future[Answer]] = [create_future() for _ in items]
        self._pending += zip(items, futures, strict=True)
        if self._task is None:
            self._task = asyncio.create_task(self._flush())
        # A caller that goes away must not keep the others from their answers.
        return await asyncio.shield(asyncio.gather(*futures))

    async def _flush(self) -> None:
        while self._pending:
            await self._pace.gather()
            batch, self._pending = self._pending[: self._most], self._pending[self._most :]
            self._pace.start(len(batch))
            try:
                answers = await self._send([item for item, _ in batch])
            except BaseException as error:  # noqa: BLE001  every waiter must learn of it
                _fail([future for _, future in batch], error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    future.set_result(answer)
        self._task = None


def _fail[Value](futures: Iterable[asyncio.Future[Value]], error: BaseException) -> None:
    for future in futures:
        future.set_exception(error)
        # Whoever waited may have gone; that is no reason for a warning.
        future.exception()
