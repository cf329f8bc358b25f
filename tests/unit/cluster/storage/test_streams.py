from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.errors import TooLarge
from reelyard.cluster.storage.streams import Feeder, coalesce, limit, pour


async def source(chunks: Sequence[bytes], error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


async def read(chunks: AsyncIterable[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@given(st.lists(st.binary(max_size=8), max_size=12), st.integers(1, 12))
def test_gathering_changes_sizes_but_no_byte(chunks: list[bytes], size: int) -> None:
    async def check() -> None:
        gathered = [chunk async for chunk in coalesce(source(chunks), size)]
        assert b"".join(gathered) == b"".join(chunks)
        assert all(len(chunk) >= size for chunk in gathered[:-1])
        assert all(gathered)

    asyncio.run(check())


@given(st.lists(st.binary(max_size=8), max_size=12), st.integers(0, 60))
def test_a_cap_lets_just_so_many_bytes_through(chunks: list[bytes], cap: int) -> None:
    async def check() -> None:
        if len(b"".join(chunks)) <= cap:
            assert await read(limit(source(chunks), cap)) == b"".join(chunks)
            return
        with pytest.raises(TooLarge):
            await read(limit(source(chunks), cap))

    asyncio.run(check())


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=20))
def test_what_is_poured_in_arrives_in_order(chunks: list[bytes]) -> None:
    assert asyncio.run(pour(source(chunks), read)) == b"".join(chunks)


async def test_a_broken_source_breaks_the_consumer() -> None:
    seen: list[object] = []

    async def consume(chunks: AsyncIterable[bytes]) -> None:
        try:
            seen.extend([chunk async for chunk in chunks])
        except ConnectionError as error:
            seen.append(error)
            raise

    broken = ConnectionError("gone")
    with pytest.raises(ConnectionError, match="gone"):
        await pour(source([b"a"] * 5, broken), consume)
    assert seen == [broken]


async def test_a_broken_source_can_keep_what_arrived() -> None:
    kept: list[bytes] = []

    async def consume(chunks: AsyncIterable[bytes]) -> None:
        kept.append(await read(chunks))

    with pytest.raises(ConnectionError):
        await pour(source([b"a", b"b", b"c"], ConnectionError()), consume, keep=True)
    assert kept == [b"abc"]


async def test_a_cancelled_writer_still_ends_its_consumer() -> None:
    ended = asyncio.Event()
    kept: list[bytes] = []

    async def consume(chunks: AsyncIterable[bytes]) -> None:
        kept.append(await read(chunks))
        ended.set()

    async def endless() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    task = asyncio.create_task(pour(endless(), consume, keep=True))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert kept == [b"a"]


async def test_a_failing_consumer_stops_the_writer() -> None:
    sent = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x"
            await asyncio.sleep(0)

    async def consume(chunks: AsyncIterable[bytes]) -> None:
        async for _ in chunks:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await pour(counted(), consume)
    assert sent < 20


async def test_a_slow_consumer_holds_the_writer_back() -> None:
    gate = asyncio.Event()

    async def consume(chunks: AsyncIterable[bytes]) -> int:
        await gate.wait()
        return len(await read(chunks))

    feeder = Feeder(consume, depth=2)
    await feeder.send(b"1")
    await feeder.send(b"2")
    third = asyncio.create_task(feeder.send(b"3"))
    await asyncio.sleep(0.01)
    assert not third.done()
    gate.set()
    await third
    assert await feeder.finish() == 3


async def test_a_consumer_may_end_early() -> None:
    async def first(chunks: AsyncIterable[bytes]) -> bytes:
        return await anext(aiter(chunks))

    assert await pour(source([b"a"] * 50), first) == b"a"
