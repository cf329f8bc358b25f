"""Open jobs in memory: pauses, leases and the queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reelyard.actors.registry.scheduling.live_jobs import LiveJobs
from tests.unit.actors.registry.builders import FLAKY, done, failed, make_job, make_task
from tests.unit.actors.registry.conftest import RegistryHarness


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_jump_of_the_clock_ends_no_lease_and_lengthens_no_pause(
    harness: RegistryHarness, hours: int
) -> None:
    await harness.accepted(make_job(), make_job())
    running, failing = await harness.lease(want=2)
    assert await harness.commit(failed(failing, FLAKY))
    harness.clock.jump(hours * 3600)
    await harness.registry._tick()
    assert (await harness.registry.overview()).lease_expiries == 0
    harness.clock.advance(2)
    await harness.registry._tick()
    assert [lease.job_id for lease in await harness.lease(want=5)] == [failing.job_id]
    harness.clock.advance(29)
    await harness.registry._tick()
    assert [lease.job_id for lease in await harness.lease(want=5)] == [running.job_id]


async def test_a_lease_of_a_job_that_is_gone_runs_out_once(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    await harness.lease()
    harness.registry._live_jobs.jobs.clear()
    for _ in range(3):
        harness.clock.advance(31)
        await harness.registry._tick()
    assert (await harness.registry.overview()).lease_expiries == 1


async def test_a_long_queue_is_kept_in_the_store_and_handed_out_in_order(
    monkeypatch: pytest.MonkeyPatch, make_harness: Callable[..., RegistryHarness]
) -> None:
    monkeypatch.setattr(LiveJobs.__init__, "__defaults__", (3,))
    harness = make_harness()
    jobs = await harness.accepted(*(make_job() for _ in range(10)))
    assert len(harness.registry._live_jobs.jobs) == 3
    await harness.registry.cancel_many([jobs[6].id], None)
    order = [job.id for job in jobs if job is not jobs[6]]
    leases = await harness.lease(want=5)
    await harness.killed_and_restarted()
    leases += await harness.lease(want=5)
    assert [lease.job_id for lease in leases] == order
    verdicts = await harness.registry.commit([done(lease) for lease in leases])
    assert all(verdict.accepted for verdict in verdicts)
    assert (await harness.registry.overview()).jobs["succeeded"] == 9


async def test_a_tenants_only_job_is_leased_before_anothers_hundred(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(*(make_job(tenant="many") for _ in range(100)))
    (one,) = await harness.accepted(make_job(tenant="one"))
    leases = await harness.lease(want=2)
    assert one.id in {lease.job_id for lease in leases}
    await harness.killed_and_restarted()
    (late,) = await harness.accepted(make_job(tenant="late"))
    assert late.id in {lease.job_id for lease in await harness.lease(want=3)}


def test_a_pause_in_unix_time_is_kept_by_the_steady_clock() -> None:
    live_jobs = LiveJobs(30_000, clock_ms=lambda: 1_700_000_000_000, steady_ms=lambda: 5_000)
    task = make_task()
    task.not_before_ms = 1_700_000_002_000
    assert live_jobs.admit(make_job(tasks=[task])) == []
    assert live_jobs.queue.next_wake_steady_ms == 7_000
    assert live_jobs.next_look_ms() == 2_000
