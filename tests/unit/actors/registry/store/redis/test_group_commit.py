"""One write under way at a time."""

from __future__ import annotations

import asyncio

import pytest

from reelyard.actors.registry.store.redis.group_commit import GroupCommit
from reelyard.cluster.errors import Unavailable


async def test_writes_of_concurrent_callers_go_out_together_and_in_order() -> None:
    batches: list[list[int]] = []

    async def flush(items: list[int]) -> list[int]:
        batches.append(items)
        await asyncio.sleep(0.01)
        return [item * 2 for item in items]

    group = GroupCommit(flush, max_batch=4)
    answers = await asyncio.gather(*(group.write([n, n + 1]) for n in (0, 2, 4, 6, 8)))
    assert answers == [[0, 2], [4, 6], [8, 10], [12, 14], [16, 18]]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    await group.drain()


async def test_a_failed_flush_fails_its_own_callers_only() -> None:
    failing = [True, False]

    async def flush(items: list[int]) -> list[int]:
        await asyncio.sleep(0)
        if failing.pop(0):
            raise Unavailable("gone")
        return items

    group = GroupCommit(flush, max_batch=1)
    first, second = group.write([1]), group.write([2])
    with pytest.raises(Unavailable):
        await first
    assert await second == [2]
