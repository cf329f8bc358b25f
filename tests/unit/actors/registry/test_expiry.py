from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job, Outcome, OutputFile, State
from reelyard.actors.jobs.object_keys import job_prefix, output_key
from reelyard.actors.registry.expiry import StoredFiles, may_have_strays, own_keys
from reelyard.cluster.storage import open_url
from reelyard.cluster.storage.key_rules import TEMP_PREFIX
from tests.unit.actors.registry.builders import BROKEN, done, ended, failed, make_job, make_output
from tests.unit.actors.registry.conftest import RegistryHarness

MakeHarness = Callable[..., RegistryHarness]
HOUR_S = 3600


async def finished(harness: RegistryHarness, **fields: Any) -> Job:
    (job,) = await harness.accepted(make_job(harness.clock.now_ms, **fields))
    (lease,) = await harness.lease()
    assert await harness.commit(done(lease, outputs=[make_output(job)]))
    return job


async def test_outputs_are_deleted_when_their_time_has_come_and_only_those(
    harness: RegistryHarness,
) -> None:
    old = await finished(harness)
    harness.clock.advance(HOUR_S)
    young = await finished(harness)
    harness.clock.advance(167 * HOUR_S)
    assert (await harness.registry.sweep())["outputs"] == 1
    assert list(harness.files.deleted) == [old.id]
    job = await harness.job(old.id)
    assert (job.state, job.outputs[0].deleted) == (State.SUCCEEDED, True)
    assert not (await harness.job(young.id)).outputs[0].deleted
    assert (await harness.registry.sweep())["outputs"] == 0


async def test_a_sweep_of_many_jobs_goes_in_small_batches(make_harness: MakeHarness) -> None:
    harness = make_harness(sweep_batch=4)
    jobs = [await finished(harness) for _ in range(10)]
    harness.clock.advance(168 * HOUR_S)
    assert (await harness.registry.sweep())["outputs"] == 10
    assert set(harness.files.deleted) == {job.id for job in jobs}
    harness.clock.advance(31 * 24 * HOUR_S)
    assert (await harness.registry.sweep())["records"] == 10
    assert await harness.registry.page(PageQuery("default")) == []
    assert await harness.registry.get_many([job.id for job in jobs]) == {}
    assert (await harness.registry.overview()).jobs["succeeded"] == 0


async def test_records_go_with_whatever_files_they_still_have(make_harness: MakeHarness) -> None:
    harness = make_harness(record_retention_days=1)
    job = await finished(harness, expires_ms=0)
    harness.clock.advance(25 * HOUR_S)
    swept = await harness.registry.sweep()
    assert (swept["outputs"], swept["records"]) == (0, 1)
    assert list(harness.files.deleted) == [job.id]


async def test_an_open_job_never_expires(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    harness.clock.advance(365 * 24 * HOUR_S)
    swept = await harness.registry.sweep()
    assert (swept["outputs"], swept["records"]) == (0, 0)
    assert (await harness.job(job.id)).state is State.QUEUED


async def test_keys_are_purged_after_their_time(harness: RegistryHarness) -> None:
    for number in range(3):
        await harness.submit(make_job(), idempotency_key=str(number), fingerprint="x")
    assert (await harness.registry.sweep())["keys"] == 0
    harness.clock.advance(25 * HOUR_S)
    assert (await harness.registry.sweep())["keys"] == 3


async def test_a_cancelled_jobs_leftovers_are_deleted_after_a_grace(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(make_job())
    await harness.lease()
    await harness.registry.cancel_many([job.id], None)
    assert (await harness.registry.sweep())["outputs"] == 0
    harness.clock.advance(61)
    assert (await harness.registry.sweep())["outputs"] == 1
    assert job.id in harness.files.deleted


async def test_a_failed_job_without_files_is_left_alone(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    (lease,) = await harness.lease()
    await harness.commit(failed(lease, BROKEN))
    harness.clock.advance(HOUR_S)
    assert (await harness.registry.sweep())["outputs"] == 0


async def test_a_job_begun_anew_while_its_leftovers_are_swept_keeps_what_it_makes(
    harness: RegistryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    await harness.commit(ended(lease, Outcome.CRASHED))
    (lease,) = await harness.lease()
    await harness.commit(ended(lease, Outcome.CRASHED))
    harness.clock.advance(61)
    sweeping, may_go_on = asyncio.Event(), asyncio.Event()
    delete_of = harness.files.delete_of

    async def slowly(jobs: Sequence[Job]) -> None:
        sweeping.set()
        await may_go_on.wait()
        await delete_of(jobs)

    with monkeypatch.context() as patch:
        patch.setattr(harness.files, "delete_of", slowly)
        sweep = asyncio.ensure_future(harness.registry.sweep())
        await sweeping.wait()
    await harness.registry.retry_many([job.id], None)
    (lease,) = await harness.lease()
    assert await harness.commit(done(lease, outputs=[make_output(job, fence=lease.fence)]))
    may_go_on.set()
    await sweep
    (output,) = (await harness.job(job.id)).outputs
    assert not output.deleted


async def test_two_sweeps_at_a_time_count_right(harness: RegistryHarness) -> None:
    await finished(harness)
    harness.clock.advance(32 * 24 * HOUR_S)
    await finished(harness)
    await asyncio.gather(*(harness.registry.sweep() for _ in range(3)))
    await harness.registry.sweep()
    assert (await harness.registry.overview()).jobs["succeeded"] == 1


async def test_a_job_begun_anew_is_kept_as_long_as_a_new_one(make_harness: MakeHarness) -> None:
    harness = make_harness(record_retention_days=1)
    (job,) = await harness.accepted(make_job(harness.clock.now_ms, expires_ms=0))
    for _ in range(2):
        (lease,) = await harness.lease()
        await harness.commit(failed(lease, BROKEN))
        harness.clock.advance(20 * HOUR_S)
        await harness.registry.retry_many([job.id], None)
    (lease,) = await harness.lease()
    await harness.commit(done(lease))
    harness.clock.advance(23 * HOUR_S)
    assert (await harness.registry.sweep())["records"] == 0
    harness.clock.advance(2 * HOUR_S)
    assert (await harness.registry.sweep())["records"] == 1


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
    from reelyard.actors.jobs import transitions
    from reelyard.actors.jobs.model import Outcome
    from reelyard.actors.jobs.retries import RetryPolicy
    from tests.unit.actors.registry.builders import START_MS, make_worker

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
    assert await files.sweep(10**13) == {"uploads": 0, "temporary": 0}


async def test_what_tenants_brought_goes_when_its_time_has_come_and_outputs_stay(
    tmp_path: Path,
) -> None:
    storage = open_url(tmp_path.as_uri())
    now_ms = time.time_ns() // 1_000_000
    upload_id = f"{now_ms:011x}{'x' * 22}"
    output = "tenants/a/jobs/01/probe-1/a.mp4"
    brought = [
        f"tenants/a/uploads/{upload_id}/info.json",
        "tenants/a/answers/0123",
        "tenants/a/dlb/in/a.wav",
        "tenants/b/dlb/b.wav",
    ]
    for key in (output, *brought):
        await storage.put(key, b"{}")
    files = StoredFiles(storage, upload_retention_ms=2 * 3_600_000)
    assert await files.sweep(now_ms + 3_600_000) == {"uploads": 0, "temporary": 0}
    assert len(await storage.list()) == 5
    assert await files.sweep(now_ms + 3 * 3_600_000) == {"uploads": 1, "temporary": 2}
    assert [info.key for info in await storage.list()] == [output]


async def test_first_answers_stay_past_their_own_life_however_soon_uploads_go(
    tmp_path: Path,
) -> None:
    storage = open_url(tmp_path.as_uri())
    now_ms = time.time_ns() // 1_000_000
    await storage.put("tenants/a/answers/0123", b"{}")
    files = StoredFiles(storage, upload_retention_ms=1000, answer_life_ms=3_600_000)
    await files.sweep(now_ms + 3_700_000)
    assert len(await storage.list()) == 1
    await files.sweep(now_ms + 2 * 3_700_000)
    assert await storage.list() == []
