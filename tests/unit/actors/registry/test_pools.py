"""Which pool's workers get which task; draining and pausing."""

from __future__ import annotations

import asyncio

import pytest

from actors.registry.verdicts import FALLBACK_NOTE
from cluster.errors import NotFound
from tests.unit.actors.registry.builders import (
    done,
    make_job,
    make_task,
    make_worker,
)
from tests.unit.actors.registry.conftest import RegistryHarness

GPU = make_worker("media-gpu-1", pool="gpu", takes=["gpu"])
CPU = make_worker("media-cpu-1", pool="cpu", takes=["cpu", "light"])


async def test_a_gpu_task_waits_for_the_gpu_pool_where_there_is_one(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job(tasks=[make_task(pool="gpu")]))
    await harness.registry.set_pools({"cpu": ["media-cpu-1"], "gpu": ["media-gpu-1"]})
    assert await harness.lease(worker=CPU) == []
    (lease,) = await harness.lease(worker=GPU)
    assert lease.note == ""


async def test_without_a_gpu_pool_a_gpu_task_runs_on_cpu_and_says_so(
    harness: RegistryHarness,
) -> None:
    await harness.registry.set_pools({"cpu": ["media-cpu-1"], "gpu": []})
    waiting = asyncio.ensure_future(harness.lease(worker=CPU, wait_s=60))
    await asyncio.sleep(0.01)
    (job,) = await harness.accepted(make_job(tasks=[make_task(pool="gpu")]))
    (lease,) = await waiting
    assert lease.note == FALLBACK_NOTE
    await harness.commit(done(lease, result={"x": 1}))
    assert (await harness.job(job.id)).result == {"x": 1, "note": FALLBACK_NOTE}


async def test_a_worker_takes_its_own_pool_before_it_helps_out(harness: RegistryHarness) -> None:
    await harness.accepted(make_job(tasks=[make_task(pool="light")]))
    await harness.accepted(make_job(tasks=[make_task("b", pool="cpu")]))
    assert [lease.task for lease in await harness.lease(want=5, worker=CPU)] == ["b", "probe"]


async def test_a_drained_worker_gets_nothing_more_but_its_successor_does(
    harness: RegistryHarness,
) -> None:
    worker = make_worker()
    await harness.lease(worker=worker)
    waiting = asyncio.ensure_future(harness.registry.lease(worker, 1, [], 60))
    await asyncio.sleep(0.01)
    await harness.registry.drain([worker.slot])
    assert (await waiting).drain
    await harness.accepted(make_job())
    reply = await harness.registry.lease(worker, 1, [], 0)
    assert (reply.leases, reply.drain) == ([], True)
    assert len(await harness.lease(worker=make_worker(incarnation="b"))) == 1


async def test_a_paused_pool_waits_until_it_is_resumed(harness: RegistryHarness) -> None:
    await harness.registry.pause("light")
    await harness.accepted(make_job())
    waiting = asyncio.ensure_future(harness.lease(wait_s=60))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await harness.registry.resume("light")
    assert len(await waiting) == 1
    with pytest.raises(NotFound, match="nowhere"):
        await harness.registry.pause("nowhere")


async def test_a_paused_pool_stays_so_over_a_restart(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    await harness.registry.pause("light")
    await harness.killed_and_restarted()
    assert await harness.lease() == []
    overview = await harness.registry.overview()
    assert [pool.name for pool in overview.pools if pool.paused] == ["light"]
    await harness.registry.resume("light")
    await harness.killed_and_restarted()
    assert len(await harness.lease()) == 1


async def test_a_paused_pool_that_the_settings_no_longer_name_can_be_resumed(
    harness: RegistryHarness,
) -> None:
    await harness.registry.set_pools({"old": []})
    await harness.registry.pause("old")
    await harness.killed_and_restarted()
    assert "old" in [pool.name for pool in (await harness.registry.overview()).pools]
    await harness.registry.resume("old")
    with pytest.raises(NotFound, match="old"):
        await harness.registry.resume("old")
