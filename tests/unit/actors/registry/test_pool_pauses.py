"""Pools that an operator has paused."""

from __future__ import annotations

import asyncio

import pytest

from reelyard.cluster.errors import NotFound
from tests.unit.actors.registry.builders import (
    make_job,
)
from tests.unit.actors.registry.conftest import RegistryHarness


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
