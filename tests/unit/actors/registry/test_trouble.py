"""Full disks, stores that go away, a second registry that should not be there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import pytest

from actors.jobs.messages import Accepted, Refusal
from actors.jobs.model import ErrorInfo, State
from actors.registry.scheduling import live_jobs as board_module
from actors.registry.service import JobRegistry
from actors.registry.store.sqlite.store import SQLiteStore
from cluster.errors import StorageFull, Unavailable
from tests.unit.actors.registry.builders import BROKEN, FLAKY, done, make_job, make_worker, report
from tests.unit.actors.registry.conftest import RegistryHarness


async def limit_pages(harness: RegistryHarness, pages: int) -> None:
    """As if the disk held no more than `pages`; 0: no limit."""
    store = harness.registry._store
    assert isinstance(store, SQLiteStore)
    assert store._writer is not None
    connection = store._writer._connection
    pages = pages or 1 << 30

    def pragma(_: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await store._writer.call(pragma)


async def in_sync_again(harness: RegistryHarness) -> None:
    while harness.registry._repository._background:
        await asyncio.sleep(0.01)


async def test_a_full_disk_is_said_and_passes_by_itself(harness: RegistryHarness) -> None:
    first, second = await harness.accepted(make_job(), make_job())
    (lease,) = await harness.lease()
    await limit_pages(harness, 1)
    big = {"text": "x" * 100_000}
    with pytest.raises(StorageFull):
        await harness.submit(make_job(metadata=big))
    with pytest.raises(StorageFull):
        await harness.commit(done(lease, result=big))
    await in_sync_again(harness)
    assert (await harness.job(first.id)).state is State.RUNNING
    (verdict,) = await harness.registry.report("s", "a", [report(lease, 5)])
    assert (verdict.accepted, verdict.stop) == (True, False)
    await limit_pages(harness, 0)
    assert await harness.commit(done(lease, result=big))
    assert [lease.job_id for lease in await harness.lease(want=5)] == [second.id]
    (answer,) = await harness.submit(make_job(metadata=big))
    assert isinstance(answer, Accepted)


async def test_a_store_that_is_there_already_is_opened_without_writing(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job())
    await harness.killed_and_restarted()
    await harness.registry.stop()
    await harness.killed_and_restarted()
    assert (harness.settings.data / "jobs.db-wal").stat().st_size == 0


async def test_a_charge_that_was_not_written_is_not_counted(harness: RegistryHarness) -> None:
    await harness.registry.grant("default", 5)
    await limit_pages(harness, 1)
    with pytest.raises(StorageFull):
        await harness.submit(make_job(credits=5, metadata={"text": "x" * 100_000}))
    await limit_pages(harness, 0)
    await harness.accepted(make_job(credits=5))
    assert (await harness.registry.usage("default")).credits_left == 0


async def test_a_refund_that_was_not_written_is_not_counted(harness: RegistryHarness) -> None:
    await harness.registry.grant("default", 5)
    await harness.accepted(make_job(credits=5))
    (lease,) = await harness.lease()
    await limit_pages(harness, 1)
    too_big = ErrorInfo("corrupt_media", "x" * 100_000)
    with pytest.raises(StorageFull):
        await harness.commit(done(lease, error=too_big))
    await limit_pages(harness, 0)
    (answer,) = await harness.submit(make_job(credits=5))
    assert isinstance(answer, Refusal)
    await in_sync_again(harness)
    assert await harness.commit(done(lease, error=too_big))
    await harness.accepted(make_job(credits=5))
    assert (await harness.registry.usage("default")).credits_left == 0


async def test_a_refund_that_comes_while_the_balance_is_read_is_counted(
    harness: RegistryHarness,
) -> None:
    await harness.registry.grant("default", 5)
    await harness.accepted(make_job(credits=5))
    (lease,) = await harness.lease()
    await harness.killed_and_restarted()
    harness.store.may_read.clear()
    submitting = asyncio.ensure_future(harness.submit(make_job(credits=5)))
    await asyncio.sleep(0.02)
    assert await harness.commit(done(lease, error=BROKEN))
    harness.store.may_read.set()
    (answer,) = await submitting
    assert isinstance(answer, Accepted)


async def test_credits_in_use_while_more_are_granted_are_not_spent_twice(
    harness: RegistryHarness,
) -> None:
    await harness.registry.grant("default", 5)
    harness.store.may_answer.clear()
    submitting = asyncio.ensure_future(harness.submit(make_job(credits=5)))
    await asyncio.sleep(0.02)
    await harness.registry.grant("default", 5)
    harness.store.may_answer.set()
    await submitting
    first, second = await harness.submit(make_job(credits=5), make_job(credits=1))
    assert isinstance(first, Accepted)
    assert isinstance(second, Refusal)


async def test_a_job_that_was_stored_though_nobody_was_told_runs_all_the_same(
    harness: RegistryHarness,
) -> None:
    await harness.registry.start()
    harness.store.lose_answers = True
    job = make_job(credits=2)
    with pytest.raises(Unavailable):
        await harness.submit(job)
    harness.store.lose_answers = False
    await in_sync_again(harness)
    (again,) = await harness.submit(make_job(id=job.id, credits=2))
    assert isinstance(again, Accepted)
    assert again.replayed
    (lease,) = await harness.lease(want=5)
    assert lease.job_id == job.id
    assert await harness.commit(done(lease))
    assert (await harness.registry.usage("default")).credits_spent == 2


async def test_an_end_that_was_stored_though_nobody_was_told_is_news_and_counted(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    before = await harness.registry.changes(-1, 0)
    harness.store.lose_answers = True
    with pytest.raises(Unavailable):
        await harness.commit(done(lease))
    harness.store.lose_answers = False
    news = await harness.registry.changes(before.seq, 5)
    assert news.job_ids == [job.id]
    assert (await harness.job(job.id)).state is State.SUCCEEDED
    assert await harness.commit(done(lease))
    await harness.registry.sweep()
    counts = (await harness.registry.overview()).jobs
    assert (counts["queued"], counts["running"], counts["succeeded"]) == (0, 0, 1)


async def test_nobody_sees_an_end_before_it_is_on_disk(harness: RegistryHarness) -> None:
    (old,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    await harness.commit(done(lease))
    await harness.killed_and_restarted()
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    harness.store.may_read.clear()
    harness.store.may_answer.clear()
    # One of the two has to be read; meanwhile the other ends, but is not on disk.
    looking = asyncio.ensure_future(harness.registry.get_many([old.id, job.id]))
    await asyncio.sleep(0.02)
    committing = asyncio.ensure_future(harness.commit(done(lease)))
    submitting = asyncio.ensure_future(harness.submit(make_job(id=job.id)))
    harness.store.may_read.set()
    await asyncio.wait([looking, submitting], timeout=0.1)
    assert (looking.done(), submitting.done()) == (False, False)
    harness.store.may_answer.set()
    assert await committing
    assert (await looking)[job.id].state is State.SUCCEEDED
    (again,) = await submitting
    assert isinstance(again, Accepted)
    assert again.replayed


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_jump_of_the_clock_ends_no_lease_and_lengthens_no_pause(
    harness: RegistryHarness, hours: int
) -> None:
    await harness.accepted(make_job(), make_job())
    running, failing = await harness.lease(want=2)
    assert await harness.commit(done(failing, error=FLAKY))
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
    harness.registry._live.jobs.clear()
    for _ in range(3):
        harness.clock.advance(31)
        await harness.registry._tick()
    assert (await harness.registry.overview()).lease_expiries == 1


async def test_a_store_that_cannot_be_opened_is_tried_again_at_the_next_call(
    harness: RegistryHarness,
) -> None:
    folder = harness.settings.data
    folder.mkdir(parents=True)
    (folder / "jobs.db").mkdir()
    with pytest.raises(Unavailable):
        await harness.registry.ping()
    (folder / "jobs.db").rmdir()
    assert await harness.registry.ping() == harness.registry.epoch


async def test_a_registry_that_was_replaced_cannot_change_what_its_successor_did(
    harness: RegistryHarness,
) -> None:
    job, other = await harness.accepted(make_job(), make_job())
    (lease,) = await harness.lease()
    old = harness.registry
    new = JobRegistry(harness.settings, files=harness.files, clock_ms=harness.clock)
    harness.registry = new
    await new.start()
    try:
        assert await harness.commit(done(lease, result={"by": "new"}))
        (verdict,) = await old.commit([done(lease, error=BROKEN)])
        assert not verdict.accepted
        (answer,) = (await old.cancel_many([job.id], None)).values()
        assert isinstance(answer, Refusal)
        # What the new one has handed out, the old one can't.
        (mine,) = await harness.lease(worker=make_worker("x"))
        assert mine.job_id == other.id
        assert (await old.lease(make_worker("y"), 5, [], 0)).leases == []
        assert (await harness.job(job.id)).result == {"by": "new"}
    finally:
        await old.stop()


async def test_a_caller_that_goes_away_changes_nothing_for_its_job(
    harness: RegistryHarness,
) -> None:
    await harness.registry.start()
    job = make_job()
    submitting = asyncio.ensure_future(harness.submit(job))
    await asyncio.sleep(0)
    submitting.cancel()
    await asyncio.gather(submitting, return_exceptions=True)
    assert len(await harness.lease(want=5, wait_s=5)) == 1
    (again,) = await harness.submit(make_job(id=job.id))
    assert isinstance(again, Accepted)
    await harness.killed_and_restarted()
    assert (await harness.registry.overview()).jobs["running"] == 1


async def test_an_unreadable_record_does_not_stop_the_others(harness: RegistryHarness) -> None:
    good, bad = await harness.accepted(make_job(), make_job())
    await harness.registry.stop()
    with sqlite3.connect(harness.settings.data / "jobs.db") as connection:
        changed = connection.execute(
            "UPDATE jobs SET doc = x'ff' WHERE id = ?", (bytes.fromhex(bad.id.replace("-", "")),)
        )
        assert changed.rowcount == 1
    connection.close()
    await harness.killed_and_restarted()
    assert [lease.job_id for lease in await harness.lease(want=5)] == [good.id]


async def test_a_long_queue_is_kept_in_the_store_and_handed_out_in_order(
    monkeypatch: pytest.MonkeyPatch, make_harness: Callable[..., RegistryHarness]
) -> None:
    monkeypatch.setattr(board_module.LiveJobs.__init__, "__defaults__", (3,))
    harness = make_harness()
    jobs = await harness.accepted(*(make_job() for _ in range(10)))
    assert len(harness.registry._live.jobs) == 3
    await harness.registry.cancel_many([jobs[6].id], None)
    order = [job.id for job in jobs if job is not jobs[6]]
    leases = await harness.lease(want=5)
    await harness.killed_and_restarted()
    leases += await harness.lease(want=5)
    assert [lease.job_id for lease in leases] == order
    verdicts = await harness.registry.commit([done(lease) for lease in leases])
    assert all(verdict.accepted for verdict in verdicts)
    assert (await harness.registry.overview()).jobs["succeeded"] == 9
