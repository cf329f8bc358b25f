"""Jobs between memory and store: what is seen, and what becomes of a lost answer."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from reelyard.actors.jobs.messages import Accepted, Refusal
from reelyard.actors.jobs.model import State
from reelyard.actors.registry.service import RegistryService
from reelyard.cluster.errors import StorageFull, Unavailable
from tests.unit.actors.registry.builders import BROKEN, done, failed, make_job, make_worker, report
from tests.unit.actors.registry.conftest import RegistryHarness


async def test_a_full_disk_is_said_and_passes_by_itself(harness: RegistryHarness) -> None:
    first, second = await harness.accepted(make_job(), make_job())
    (lease,) = await harness.lease()
    await harness.limit_pages(1)
    big = {"text": "x" * 100_000}
    with pytest.raises(StorageFull):
        await harness.submit(make_job(metadata=big))
    with pytest.raises(StorageFull):
        await harness.commit(done(lease, result=big))
    await harness.in_sync_again()
    assert (await harness.job(first.id)).state is State.RUNNING
    (verdict,) = await harness.registry.report("s", "a", [report(lease, 5)])
    assert (verdict.accepted, verdict.stop) == (True, False)
    await harness.limit_pages(0)
    assert await harness.commit(done(lease, result=big))
    assert [lease.job_id for lease in await harness.lease(want=5)] == [second.id]
    (answer,) = await harness.submit(make_job(metadata=big))
    assert isinstance(answer, Accepted)


async def test_a_job_that_was_stored_though_nobody_was_told_runs_all_the_same(
    harness: RegistryHarness,
) -> None:
    await harness.registry.start()
    harness.store.lose_answers = True
    job = make_job(credits=2)
    with pytest.raises(Unavailable):
        await harness.submit(job)
    harness.store.lose_answers = False
    await harness.in_sync_again()
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


async def test_a_registry_that_was_replaced_cannot_change_what_its_successor_did(
    harness: RegistryHarness,
) -> None:
    job, other = await harness.accepted(make_job(), make_job())
    (lease,) = await harness.lease()
    old = harness.registry
    new = RegistryService(harness.settings, files=harness.files, clock_ms=harness.clock)
    harness.registry = new
    await new.start()
    try:
        assert await harness.commit(done(lease, result={"by": "new"}))
        (verdict,) = await old.commit([failed(lease, BROKEN)])
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
