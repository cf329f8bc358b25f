"""Streams of byte chunks: cap them, gather them, hand them from one task to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from cluster.errors import TooLarge
from cluster.storage.base import CHUNK_BYTES


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


class Pipe:
    """Hands chunks from one task to another; the writer waits while the reader is behind."""

    def __init__(self, depth: int = 2) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(depth)
        self._error: BaseException | None = None
        self._broken = asyncio.Event()

    def offer(self, chunk: bytes) -> bool:
        """Give one chunk if there is room for it."""
        if self._queue.full():
            return False
        self._queue.put_nowait(chunk)
        return True

    async def send(self, chunk: bytes) -> None:
        """Give one chunk; waits for room."""
        await self._queue.put(chunk)

    async def finish(self) -> None:
        """There are no more."""
        await self._queue.put(None)

    def fail(self, error: BaseException) -> None:
        """The reader gets `error` at once, whatever is still under way."""
        self._error = error
        self._broken.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
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
                chunk = taken.result()
                if chunk is None:
                    return
                yield chunk
        finally:
            broken.cancel()


class _Abandoned(Exception):
    """The writer was cancelled."""


async def pour[T](
    chunks: AsyncIterable[bytes],
    consume: Callable[[AsyncIterable[bytes]], Awaitable[T]],
    *,
    keep: bool = False,
) -> T:
    """`consume(chunks)`, in a task of its own that always comes to its end.

    If `chunks` raises, or this call is cancelled, the consumer sees an error (so that it can
    clean up), or with `keep` the plain end of the stream (so that what arrived is kept). Then
    the error, or the cancellation, comes through.
    """
    pipe = Pipe()
    consumer = asyncio.ensure_future(consume(aiter(pipe)))
    try:
        async for chunk in chunks:
            if not pipe.offer(chunk):
                await _while_running(consumer, pipe.send(chunk))
            if consumer.done():
                return consumer.result()
        await _while_running(consumer, pipe.finish())
        return await asyncio.shield(consumer)
    except BaseException as error:
        if not consumer.done():
            if keep:
                await _while_running(consumer, pipe.finish())
            else:
                pipe.fail(error if isinstance(error, Exception) else _Abandoned())
            await asyncio.wait({consumer})
        if not consumer.cancelled():
            consumer.exception()  # looked at, so that asyncio does not complain
        raise


async def _while_running(consumer: asyncio.Future[Any], sending: Coroutine[Any, Any, None]) -> None:
    """Await `sending`, but not longer than the consumer lives."""
    task = asyncio.create_task(sending)
    watched: set[asyncio.Future[Any]] = {task, consumer}
    try:
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not task.done():
            task.cancel()
