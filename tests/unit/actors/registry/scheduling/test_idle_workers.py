"""Workers that wait for a task."""

from __future__ import annotations

import asyncio

from reelyard.actors.registry.scheduling.idle_workers import IdleWorkers


async def test_as_many_workers_wake_as_there_are_tasks_for() -> None:
    idle_workers = IdleWorkers()
    waiting = [asyncio.ensure_future(idle_workers.wait(f"w{n}", ["cpu"], 2, 30)) for n in range(3)]
    await asyncio.sleep(0)
    idle_workers.wake(["cpu"] * 3)
    await asyncio.wait(waiting, timeout=0.05)
    assert [task.done() for task in waiting] == [True, True, False]
    idle_workers.wake_all()
    await waiting[2]


async def test_a_worker_that_waits_for_two_pools_wakes_for_either() -> None:
    idle_workers = IdleWorkers()
    waiting = asyncio.ensure_future(idle_workers.wait("w", ["cpu", "light"], 1, 30))
    await asyncio.sleep(0)
    idle_workers.wake(["gpu"])
    idle_workers.wake(["light"])
    await asyncio.wait_for(waiting, 5)


async def test_a_second_call_of_a_worker_ends_its_first() -> None:
    idle_workers = IdleWorkers()
    first = asyncio.ensure_future(idle_workers.wait("w", ["cpu"], 1, 30))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(idle_workers.wait("w", ["cpu"], 1, 30))
    await asyncio.wait_for(first, 5)
    assert not second.done()
    idle_workers.wake_worker("w")
    await asyncio.wait_for(second, 5)
