"""One long poll wakes the waiters whom a change concerns."""

import asyncio

from reelyard.actors.jobs.messages import Changes
from reelyard.actors.registry.change_log import ChangeLog
from reelyard.api.registry_client.changes import ChangeFeed
from reelyard.cluster.errors import Unavailable


async def wakes(event: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(event.wait(), 5)
    except TimeoutError:
        return False
    return True


async def test_a_change_wakes_those_who_wait_for_that_job() -> None:
    registry = ChangeLog("one")
    feed = ChangeFeed(registry.after)
    async with feed.subscribe("a") as mine, feed.subscribe("b") as other:
        mine.clear()
        other.clear()
        registry.add(["a"])
        assert await wakes(mine)
        assert not other.is_set()
    await feed.close()


async def test_another_epoch_wakes_everybody() -> None:
    registries = [ChangeLog("one")]

    async def poll(after: int, timeout_s: float) -> Changes:
        return await registries[0].after(after, timeout_s)

    feed = ChangeFeed(poll)
    async with feed.subscribe("a") as mine:
        mine.clear()
        old = registries[0]
        registries[0] = ChangeLog("two")
        old.add(["unrelated"])
        assert await wakes(mine)
    await feed.close()


async def test_a_registry_out_of_reach_wakes_everybody_when_it_is_back() -> None:
    registry = ChangeLog("one")
    fail = asyncio.Event()

    async def poll(after: int, timeout_s: float) -> Changes:
        if fail.is_set():
            fail.clear()
            raise Unavailable
        return await registry.after(after, min(timeout_s, 0.01))

    feed = ChangeFeed(poll)
    async with feed.subscribe("a") as mine:
        mine.clear()
        fail.set()
        assert await wakes(mine)
    await feed.close()


async def test_nobody_polls_when_nobody_waits() -> None:
    calls = 0

    async def poll(after: int, timeout_s: float) -> Changes:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return Changes("one", 0, [])

    feed = ChangeFeed(poll)
    async with feed.subscribe("a"):
        pass
    await asyncio.sleep(0.01)
    seen = calls
    await asyncio.sleep(0.01)
    assert calls == seen
    async with feed.subscribe("a"):
        assert calls > seen
    await feed.close()
