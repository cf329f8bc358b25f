from __future__ import annotations

from collections.abc import Callable

from actors.jobs.messages import PageQuery
from actors.jobs.model import Job, OutputFile, State
from actors.registry.expiry import StoredFiles, may_have_strays, own_keys
from cluster.storage import Storage, job_prefix, output_key
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


# --- the files themselves ---


async def test_only_the_jobs_own_files_are_deleted() -> None:
    storage = Storage.open("memory://expiry-own")
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

    storage = Storage.open("memory://expiry-strays")
    job = make_job()
    transitions.start_attempt(job, job.tasks[0], make_worker(), START_MS)
    transitions.end_badly(job, job.tasks[0], Outcome.LOST, None, RetryPolicy(), START_MS + 1)
    assert may_have_strays(job)
    await storage.put(output_key("default", job.id, "probe", 1, "a.mp4"), b"x")
    await StoredFiles(storage, upload_retention_ms=1000).delete_of([job])
    assert await storage.list() == []


async def test_deleting_nothing_is_allowed() -> None:
    files = StoredFiles(Storage.open("memory://expiry-none"), upload_retention_ms=1000)
    await files.delete_of([])
    assert await files.sweep(10**13) == {"uploads": 0, "dlb": 0}
