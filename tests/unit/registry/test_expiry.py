from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from actors.jobs.messages import PageQuery
from actors.jobs.model import Job, OutputFile, State
from actors.registry.expiry import StoredFiles, may_have_strays, own_keys
from cluster.storage import job_prefix, open_url, output_key
from cluster.storage.keys import TEMP_PREFIX
from tests.unit.registry.builders import BROKEN, done, make_job, make_output
from tests.unit.registry.conftest import Bench

MakeBench = Callable[..., Bench]
HOUR_S = 3600


async def finished(bench: Bench, **fields: object) -> Job:
    (job,) = await bench.accepted(make_job(bench.clock.now_ms, **fields))
    (lease,) = await bench.lease()
    assert await bench.commit(done(lease, outputs=[make_output(job)]))
    return job


async def test_outputs_are_deleted_when_their_time_has_come_and_only_those(bench: Bench) -> None:
    old = await finished(bench)
    bench.clock.advance(HOUR_S)
    young = await finished(bench)
    bench.clock.advance(167 * HOUR_S)
    assert (await bench.registry.sweep())["outputs"] == 1
    assert list(bench.files.deleted) == [old.id]
    job = await bench.job(old.id)
    assert (job.state, job.outputs[0].deleted) == (State.SUCCEEDED, True)
    assert not (await bench.job(young.id)).outputs[0].deleted
    assert (await bench.registry.sweep())["outputs"] == 0


async def test_a_sweep_of_many_jobs_goes_in_small_batches(make_bench: MakeBench) -> None:
    bench = make_bench(sweep_batch=4)
    jobs = [await finished(bench) for _ in range(10)]
    bench.clock.advance(168 * HOUR_S)
    assert (await bench.registry.sweep())["outputs"] == 10
    assert set(bench.files.deleted) == {job.id for job in jobs}
    bench.clock.advance(31 * 24 * HOUR_S)
    assert (await bench.registry.sweep())["records"] == 10
    assert await bench.registry.page(PageQuery("default")) == []
    assert await bench.registry.get_many([job.id for job in jobs]) == {}
    assert (await bench.registry.overview()).jobs["succeeded"] == 0


async def test_records_go_with_whatever_files_they_still_have(make_bench: MakeBench) -> None:
    bench = make_bench(record_retention_days=1)
    job = await finished(bench, expires_ms=0)
    bench.clock.advance(25 * HOUR_S)
    swept = await bench.registry.sweep()
    assert (swept["outputs"], swept["records"]) == (0, 1)
    assert list(bench.files.deleted) == [job.id]


async def test_an_open_job_never_expires(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    bench.clock.advance(365 * 24 * HOUR_S)
    swept = await bench.registry.sweep()
    assert (swept["outputs"], swept["records"]) == (0, 0)
    assert (await bench.job(job.id)).state is State.QUEUED


async def test_keys_are_purged_after_their_time(bench: Bench) -> None:
    for number in range(3):
        await bench.submit(make_job(), idempotency_key=str(number), fingerprint="x")
    assert (await bench.registry.sweep())["keys"] == 0
    bench.clock.advance(25 * HOUR_S)
    assert (await bench.registry.sweep())["keys"] == 3


async def test_a_cancelled_jobs_leftovers_are_deleted_after_a_grace(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    await bench.lease()
    await bench.registry.cancel_many([job.id], None)
    assert (await bench.registry.sweep())["outputs"] == 0
    bench.clock.advance(61)
    assert (await bench.registry.sweep())["outputs"] == 1
    assert job.id in bench.files.deleted


async def test_a_failed_job_without_files_is_left_alone(bench: Bench) -> None:
    await bench.accepted(make_job())
    (lease,) = await bench.lease()
    await bench.commit(done(lease, error=BROKEN))
    bench.clock.advance(HOUR_S)
    assert (await bench.registry.sweep())["outputs"] == 0


async def test_a_job_begun_anew_while_its_leftovers_are_swept_keeps_what_it_makes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = await bench.accepted(make_job())
    (lease,) = await bench.lease()
    await bench.commit(done(lease, crashed=True))
    (lease,) = await bench.lease()
    await bench.commit(done(lease, crashed=True))
    bench.clock.advance(61)
    sweeping, may_go_on = asyncio.Event(), asyncio.Event()
    delete_of = bench.files.delete_of

    async def slowly(jobs: Sequence[Job]) -> None:
        sweeping.set()
        await may_go_on.wait()
        await delete_of(jobs)

    with monkeypatch.context() as patch:
        patch.setattr(bench.files, "delete_of", slowly)
        sweep = asyncio.ensure_future(bench.registry.sweep())
        await sweeping.wait()
    await bench.registry.retry_many([job.id], None)
    (lease,) = await bench.lease()
    assert await bench.commit(done(lease, outputs=[make_output(job, fence=lease.fence)]))
    may_go_on.set()
    await sweep
    (output,) = (await bench.job(job.id)).outputs
    assert not output.deleted


async def test_two_sweeps_at_a_time_count_right(bench: Bench) -> None:
    await finished(bench)
    bench.clock.advance(32 * 24 * HOUR_S)
    await finished(bench)
    await asyncio.gather(*(bench.registry.sweep() for _ in range(3)))
    await bench.registry.sweep()
    assert (await bench.registry.overview()).jobs["succeeded"] == 1


async def test_a_job_begun_anew_is_kept_as_long_as_a_new_one(make_bench: MakeBench) -> None:
    bench = make_bench(record_retention_days=1)
    (job,) = await bench.accepted(make_job(bench.clock.now_ms, expires_ms=0))
    for _ in range(2):
        (lease,) = await bench.lease()
        await bench.commit(done(lease, error=BROKEN))
        bench.clock.advance(20 * HOUR_S)
        await bench.registry.retry_many([job.id], None)
    (lease,) = await bench.lease()
    await bench.commit(done(lease))
    bench.clock.advance(23 * HOUR_S)
    assert (await bench.registry.sweep())["records"] == 0
    bench.clock.advance(2 * HOUR_S)
    assert (await bench.registry.sweep())["records"] == 1


# --- the files themselves ---


async def test_only_the_jobs_own_files_are_deleted() -> None:
    storage = open_url("memory://expiry-own")
    job, neighbour = make_job(), make_job()
    mine = output_key("default", job.id, "probe", 1, "a.mp4")
    stray = output_key("default", job.id, "probe", 2, "b.mp4")
    theirs = output_key("default", neighbour.id, "probe", 1, "a.mp4")
    for key in (mine, stray, theirs):
        await storage.put(key, b"x")
    output = OutputFile("a.mp4", f"storage:{mine}", 1, "", "video/mp4", "video")
    foreign = OutputFile("a.mp4", f"storage:{theirs}", 1, "", "video/mp4", "video")
    job.tasks[0].outputs = [output, foreign]
    files = StoredFiles(storage, upload_retention_ms=1000)
    await files.delete_of([job])
    assert [info.key for info in await storage.list()] == sorted([stray, theirs])
    assert own_keys(job, job_prefix(job.tenant, job.id)) == [mine]


async def test_files_of_a_lost_attempt_go_with_its_job() -> None:
    from actors.jobs.model import Outcome
    from actors.registry import transitions
    from actors.registry.retries import RetryPolicy
    from tests.unit.registry.builders import START_MS, make_worker

    storage = open_url("memory://expiry-strays")
    job = make_job()
    transitions.start_attempt(job, job.tasks[0], make_worker(), START_MS)
    transitions.end_badly(job, job.tasks[0], Outcome.LOST, None, RetryPolicy(), START_MS + 1)
    assert may_have_strays(job)
    later = output_key("default", job.id, "probe", 11, "a.mp4")
    for key in (output_key("default", job.id, "probe", 1, "a.mp4"), later):
        await storage.put(key, b"x")
    await StoredFiles(storage, upload_retention_ms=1000).delete_of([job])
    # What an attempt stores that begins only now is not this call's to delete.
    assert [info.key for info in await storage.list()] == [later]


async def test_half_written_files_go_though_the_registry_never_restarts(tmp_path: Path) -> None:
    files = StoredFiles(open_url(tmp_path.as_uri()), upload_retention_ms=1000)
    now_ms = time.time_ns() // 1_000_000
    await files.sweep(now_ms)
    half = tmp_path / f"{TEMP_PREFIX}1"
    half.write_bytes(b"x")
    await files.sweep(now_ms + 3_600_000)
    assert half.exists()
    await files.sweep(now_ms + 25 * 3_600_000)
    assert not half.exists()


async def test_deleting_nothing_is_allowed() -> None:
    files = StoredFiles(open_url("memory://expiry-none"), upload_retention_ms=1000)
    await files.delete_of([])
    assert await files.sweep(10**13) == {"uploads": 0, "dlb": 0}
