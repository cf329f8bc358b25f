"""The run of one task: what is published and committed, whatever becomes of it."""

import asyncio
import time
from pathlib import Path

from reelyard.actors.jobs.model import Outcome
from reelyard.actors.media.operation import Result
from reelyard.actors.worker.codec_process.client import CodecCrashed
from reelyard.actors.worker.codec_process.order import Order
from reelyard.actors.worker.task_run import Stop, TaskRun
from reelyard.cluster.errors import CorruptMedia, SourceNotFound
from tests.unit.actors.worker.fakes import forever, lease, writes_a_file
from tests.unit.actors.worker.worker_harness import WorkerHarness, start_worker


async def test_a_finished_task_is_published_and_committed(worker: WorkerHarness) -> None:
    worker.codec.act = writes_a_file
    worker.registry.add(lease(1, note="no gpu worker: ran on cpu"))
    await worker.until(lambda: bool(worker.registry.commits))
    commit = worker.registry.commit_of(1)
    assert [file.name for file in commit.outputs] == ["out.txt"]
    assert commit.result == {"answer": 42, "note": "no gpu worker: ran on cpu"}
    assert commit.error is None


async def test_nothing_stays_in_the_scratch_folder(worker: WorkerHarness) -> None:
    worker.codec.act = writes_a_file
    worker.registry.add(*[lease(number) for number in range(5)])
    await worker.until(lambda: len(worker.registry.commits) == 5)
    await worker.until(lambda: [p.name for p in worker.scratch.home.iterdir()] == [".owner.lock"])


async def test_an_error_of_the_operation_is_committed_as_it_is(worker: WorkerHarness) -> None:
    def fail(_: Order) -> Result:
        raise CorruptMedia("clip.mp4: no frames", details={"frames": 0})

    worker.codec.act = fail
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    error = worker.registry.commit_of(1).error
    assert error is not None
    assert (error.code, error.message) == ("corrupt_media", "clip.mp4: no frames")
    assert error.details == {"frames": 0}


async def test_a_missing_input_is_committed_as_an_error(tmp_path: Path) -> None:
    worker = start_worker(tmp_path)
    object.__setattr__(worker.tools, "stage_error", SourceNotFound("the input a.mp4 is not there"))
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    error = worker.registry.commit_of(1).error
    assert error is not None
    assert error.code == "source_not_found"
    await worker.end()


async def test_a_bug_in_the_worker_still_ends_in_a_commit_that_says_where(
    worker: WorkerHarness,
) -> None:
    def fail(_: Order) -> Result:
        raise RuntimeError("/a/secret/path")

    worker.codec.act = fail
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    error = worker.registry.commit_of(1).error
    assert error is not None
    assert error.code == "internal"
    assert "secret" not in error.message
    assert "RuntimeError: /a/secret/path" in error.details["traceback"]


async def test_a_crash_of_the_codec_process_is_told_as_one(worker: WorkerHarness) -> None:
    def fail(_: Order) -> Result:
        raise CodecCrashed("killed by SIGSEGV")

    worker.codec.act = fail
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    commit = worker.registry.commit_of(1)
    assert commit.outcome is Outcome.CRASHED
    assert commit.error is not None
    assert "SIGSEGV" in commit.error.message


async def test_a_cancelled_job_is_stopped_and_confirmed(worker: WorkerHarness) -> None:
    worker.codec.act = forever
    worker.registry.stop.add("job-1")
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    commit = worker.registry.commit_of(1)
    assert commit.outcome is Outcome.CANCELLED
    assert not commit.outputs


async def test_outputs_of_a_refused_commit_are_taken_back(worker: WorkerHarness) -> None:
    worker.codec.act = writes_a_file
    worker.registry.refuse.add("job-1")
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.tools.taken_back))
    assert worker.tools.taken_back == worker.tools.published


async def test_what_is_being_published_when_the_job_is_cancelled_is_taken_back(
    worker: WorkerHarness,
) -> None:
    object.__setattr__(worker.tools, "publish_s", 0.3)
    worker.codec.act = writes_a_file
    worker.registry.stop.add("job-1")
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    assert worker.registry.commit_of(1).outcome is Outcome.CANCELLED
    await worker.until(lambda: bool(worker.tools.taken_back))
    assert worker.tools.taken_back == worker.tools.published


async def test_a_process_that_stood_still_beyond_its_lease_publishes_nothing(
    worker: WorkerHarness,
) -> None:
    """A newer attempt may have put its own there, and been told that it counts."""
    now = 0.0
    run = TaskRun(lease(1), worker.tools, worker.scratch, lambda: now)

    def freeze(order: Order) -> Result:
        nonlocal now
        now = run.lease.ttl_s + 1
        return writes_a_file(order)

    worker.codec.act = freeze
    ended = asyncio.Event()
    run.start(lambda _: ended.set())
    async with asyncio.timeout(10):
        await ended.wait()
    assert worker.tools.published == []
    assert not run.published
    assert run.commit is not None
    assert run.commit.outcome is Outcome.RETURNED


async def test_what_was_published_at_the_very_moment_of_the_cancel_is_taken_back(
    worker: WorkerHarness,
) -> None:
    worker.codec.act = writes_a_file
    run = TaskRun(lease(1), worker.tools, worker.scratch, time.monotonic)
    ended = asyncio.Event()
    object.__setattr__(worker.tools, "on_published", lambda: run.stop(Stop.ORDERED))
    run.start(lambda _: ended.set())
    async with asyncio.timeout(10):
        await ended.wait()
    assert run.commit is not None
    assert not run.commit.outputs
    assert run.published
    await run.take_back()
    assert worker.tools.taken_back == worker.tools.published
