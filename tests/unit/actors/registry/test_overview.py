"""The registry at a glance."""

from __future__ import annotations

from tests.unit.actors.registry.builders import (
    make_job,
)
from tests.unit.actors.registry.conftest import RegistryHarness


async def test_the_overview_shows_queue_workers_and_running_jobs(harness: RegistryHarness) -> None:
    jobs = await harness.accepted(make_job(), make_job())
    await harness.lease()
    harness.clock.advance(5)
    overview = await harness.registry.overview()
    light = next(pool for pool in overview.pools if pool.name == "light")
    assert (light.queued, light.running, light.oldest_queued_s) == (1, 1, 5)
    assert (light.workers, light.backlog_s) == (["media-light-1"], 2)
    assert overview.jobs == {"queued": 1, "running": 1, "succeeded": 0, "failed": 0, "cancelled": 0}
    assert [job.id for job in overview.running] == [jobs[0].id]
    assert (overview.store, overview.uptime_s) == ("sqlite", 5)
    await harness.registry.set_pools({"light": ["a", "b"]})
    overview = await harness.registry.overview()
    assert next(p.workers for p in overview.pools if p.name == "light") == ["a", "b"]
