"""Streams of byte chunks: cap them, gather them, hand them from one task to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any

from reelyard.cluster.errors import TooLarge
from reelyard.cluster.storage.protocol import CHUNK_BYTES


async def limit(chunks: AsyncIterable[bytes], max_bytes: int | None) -> AsyncIterator[bytes]:
    """The same chunks; `TooLarge` as soon as there are more than `max_bytes` bytes."""
    seen = 0
    async for chunk in chunks:
        seen += len(chunk)
        if max_bytes is not None and seen > max_bytes:
            raise TooLarge(f"the body is larger than {max_bytes} bytes, the most allowed here")
        yield chunk


async def coalesce(chunks: AsyncIterable[bytes], size: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
    """The same bytes in chunks of at least `size`, but for the last. Never an empty one."""
    gathered = bytearray()
    async for chunk in chunks:
        if not gathered and len(chunk) >= size:
            yield chunk
            continue
        gathered += chunk
        if len(gathered) >= size:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


class _Abandoned(Exception):
    """The writer was cancelled."""


class Feeder[T]:
    """Pushes chunks into a consumer that pulls them; the writer waits while that is behind.

    At most `depth` chunks wait between the two. The consumer runs in a task of its own, which
    always comes to its end: use `finish` or `abandon`.
    """

    def __init__(
        self, consume: Callable[[AsyncIterable[bytes]], Awaitable[T]], depth: int = 16
    ) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(depth)
        self._error: BaseException | None = None
        self._broken = asyncio.Event()
        self._consumer = asyncio.ensure_future(consume(self._chunks()))

    async def send(self, chunk: bytes) -> None:
        """Give one chunk. Raises what the consumer raised; what it does not want is dropped."""
        if chunk:
            await self._put(chunk)
        if self._consumer.done():
            self._consumer.result()

    async def finish(self) -> T:
        """There is no more: the consumer's result. Raises what it raised."""
        await self._put(None)
        return await asyncio.shield(self._consumer)

    async def abandon(self, error: BaseException, *, keep: bool = False) -> None:
        """End it early and wait for the consumer, whose result is lost.

        It sees `error` (so that it cleans up), or with `keep` the plain end of the stream.
        """
        if keep:
            await self._put(None)
        else:
            self._error = error if isinstance(error, Exception) else _Abandoned()
            self._broken.set()
        await asyncio.wait({self._consumer})
        if not self._consumer.cancelled():
            self._consumer.exception()  # looked at, so that asyncio does not complain

    async def _put(self, chunk: bytes | None) -> None:
        """Queue it, waiting for room, but no longer than the consumer lives."""
        if not self._queue.full():
            self._queue.put_nowait(chunk)
            return
        putting = asyncio.create_task(self._queue.put(chunk))
        watched: set[asyncio.Future[Any]] = {putting, self._consumer}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not putting.done():
                putting.cancel()

    async def _chunks(self) -> AsyncIterator[bytes]:
        broken = asyncio.ensure_future(self._broken.wait())
        try:
            while True:
                while self._error is None and not self._queue.empty():
                    if (chunk := self._queue.get_nowait()) is None:
                        return
                    yield chunk
                taken = asyncio.ensure_future(self._queue.get())
                await asyncio.wait({taken, broken}, return_when=asyncio.FIRST_COMPLETED)
                if self._error is not None:
                    taken.cancel()
                    raise self._error
                if (chunk := taken.result()) is None:
                    return
                yield chunk
        finally:
            broken.cancel()


async def pour[T](
    chunks: AsyncIterable[bytes],
    consume: Callable[[AsyncIterable[bytes]], Awaitable[T]],
    *,
    keep: bool = False,
    depth: int = 16,
) -> T:
    """`consume(chunks)`, in a task of its own that always comes to its end.

    If `chunks` raises, or this call is cancelled, the consumer sees an error (so that it can
    clean up), or with `keep` the plain end of the stream (so that what arrived is kept). Then
    the error, or the cancellation, comes through.
    """
    feeder = Feeder(consume, depth)
    try:
        async for chunk in chunks:
            await feeder.send(chunk)
        return await feeder.finish()
    except BaseException as error:
        await feeder.abandon(error, keep=keep)
        raise
