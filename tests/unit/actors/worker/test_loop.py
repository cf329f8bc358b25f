"""The worker's loops, with the registry and the codec process replaced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.media.operation import MediaFile, Result
from actors.worker import loop as shift_module
from actors.worker.codec_process.client import CodecCrashed
from actors.worker.codec_process.order import Order
from cluster.errors import CorruptMedia, SourceNotFound
from tests.unit.actors.worker.fakes import Stage, lease, start


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = start(tmp_path)
    yield stage
    await stage.end()


def writes_a_file(order: Order) -> Result:
    path = Path(order.out_dir) / "out.txt"
    path.write_text("x")
    return Result(files=[MediaFile(path, "data")], data={"answer": 42})


async def forever(_: Order) -> Result:
    await asyncio.sleep(3600)
    return Result()


async def test_a_finished_task_is_published_and_committed(stage: Stage) -> None:
    stage.codec.act = writes_a_file
    stage.registry.add(lease(1, note="no gpu worker: ran on cpu"))
    await stage.until(lambda: bool(stage.registry.commits))
    commit = stage.registry.commit_of(1)
    assert [file.name for file in commit.outputs] == ["out.txt"]
    assert commit.result == {"answer": 42, "note": "no gpu worker: ran on cpu"}
    assert commit.error is None


async def test_nothing_stays_in_the_scratch_folder(stage: Stage) -> None:
    stage.codec.act = writes_a_file
    stage.registry.add(*[lease(number) for number in range(5)])
    await stage.until(lambda: len(stage.registry.commits) == 5)
    await stage.until(lambda: [p.name for p in stage.scratch.home.iterdir()] == [".owner.lock"])


async def test_an_error_of_the_operation_is_committed_as_it_is(stage: Stage) -> None:
    def fail(_: Order) -> Result:
        raise CorruptMedia("clip.mp4: no frames", details={"frames": 0})

    stage.codec.act = fail
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    error = stage.registry.commit_of(1).error
    assert error is not None
    assert (error.code, error.message) == ("corrupt_media", "clip.mp4: no frames")
    assert error.details == {"frames": 0}


async def test_a_missing_input_is_committed_as_an_error(tmp_path: Path) -> None:
    stage = start(tmp_path)
    object.__setattr__(stage.tools, "stage_error", SourceNotFound("the input a.mp4 is not there"))
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    error = stage.registry.commit_of(1).error
    assert error is not None
    assert error.code == "source_not_found"
    await stage.end()


async def test_a_bug_in_the_worker_still_ends_in_a_commit_without_details(stage: Stage) -> None:
    def fail(_: Order) -> Result:
        raise RuntimeError("/a/secret/path")

    stage.codec.act = fail
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    error = stage.registry.commit_of(1).error
    assert error is not None
    assert error.code == "internal"
    assert "secret" not in error.message


async def test_a_crash_of_the_codec_process_is_told_as_one(stage: Stage) -> None:
    def fail(_: Order) -> Result:
        raise CodecCrashed("killed by SIGSEGV")

    stage.codec.act = fail
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    commit = stage.registry.commit_of(1)
    assert commit.crashed
    assert commit.error is not None
    assert "SIGSEGV" in commit.error.message


async def test_a_cancelled_job_is_stopped_and_confirmed(stage: Stage) -> None:
    stage.codec.act = forever
    stage.registry.stop.add("job-1")
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    commit = stage.registry.commit_of(1)
    assert commit.stopped
    assert not commit.outputs


async def test_a_fenced_attempt_is_stopped_without_a_commit(stage: Stage) -> None:
    stage.codec.act = forever
    stage.registry.refuse.add("job-1")
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.codec.begun))
    await stage.until(lambda: not stage.codec.begun)
    stage.codec.act = None
    stage.registry.add(lease(2))
    await stage.until(lambda: bool(stage.registry.commits))
    assert [commit.job_id for commit in stage.registry.commits] == ["job-2"]


async def test_outputs_of_a_refused_commit_are_taken_back(stage: Stage) -> None:
    stage.codec.act = writes_a_file
    stage.registry.refuse.add("job-1")
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.tools.taken_back))
    assert stage.tools.taken_back == stage.tools.published


async def test_what_is_being_published_when_the_job_is_cancelled_is_taken_back(
    stage: Stage,
) -> None:
    object.__setattr__(stage.tools, "publish_s", 0.3)
    stage.codec.act = writes_a_file
    stage.registry.stop.add("job-1")
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    assert stage.registry.commit_of(1).stopped
    await stage.until(lambda: bool(stage.tools.taken_back))
    assert stage.tools.taken_back == stage.tools.published


async def test_a_lease_that_cannot_be_renewed_ends_the_work(tmp_path: Path) -> None:
    stage = start(tmp_path)
    stage.codec.act = forever
    stage.registry.add(lease(1, ttl_s=0.2))
    await stage.until(lambda: bool(stage.codec.begun))
    stage.registry.down = True
    await stage.until(lambda: not stage.codec.begun)
    stage.registry.down = False
    await stage.until(lambda: bool(stage.registry.commits))
    assert stage.registry.commit_of(1).returned
    await stage.end()


async def test_a_finished_task_is_committed_after_the_registry_is_back(stage: Stage) -> None:
    stage.codec.act = writes_a_file
    stage.registry.add(lease(1))
    await stage.until(lambda: not stage.registry.queue)
    stage.registry.down = True
    await stage.until(lambda: bool(stage.tools.published) and stage.shift.status().held == 0)
    stage.registry.down = False
    await stage.until(lambda: bool(stage.registry.commits))
    assert stage.tools.taken_back == []


async def test_after_a_failed_lease_unknown_leases_are_given_up_once(stage: Stage) -> None:
    stage.registry.down = True
    await asyncio.sleep(0.7)
    stage.registry.down = False
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.registry.commits))
    assert stage.registry.given_up == 1


async def test_ends_that_went_along_with_a_lost_call_are_handed_in_again(stage: Stage) -> None:
    stage.codec.act = writes_a_file
    stage.registry.lost_replies = 1
    stage.registry.add(*[lease(number) for number in range(30)])
    numbers = {f"job-{number}" for number in range(30)}
    await stage.until(lambda: {commit.job_id for commit in stage.registry.commits} == numbers)
    await stage.until(lambda: stage.shift.status().done == 30)
    assert stage.registry.given_up == 1
    assert stage.tools.taken_back == []


async def test_ends_of_short_tasks_are_gathered(stage: Stage) -> None:
    stage.registry.add(*[lease(number) for number in range(300)])
    await stage.until(lambda: stage.shift.status().done == 300)
    assert stage.registry.calls < 150


async def test_a_draining_worker_gives_back_what_it_cannot_finish(tmp_path: Path) -> None:
    stage = start(tmp_path)
    stage.codec.act = forever
    stage.registry.add(lease(1))
    await stage.until(lambda: bool(stage.codec.begun))
    await stage.end()
    assert stage.registry.commit_of(1).returned


async def test_a_draining_worker_finishes_what_it_can(tmp_path: Path) -> None:
    stage = start(tmp_path)
    stage.registry.drain = True
    stage.registry.add(lease(1), lease(2))
    async with asyncio.timeout(10):
        await stage.task
    assert [commit.job_id for commit in stage.registry.commits] == ["job-1"]
    assert stage.registry.commit_of(1).error is None


async def test_short_tasks_behind_a_long_one_are_given_back(tmp_path: Path) -> None:
    stage = start(tmp_path)
    stage.registry.add(*[lease(number) for number in range(40)])
    await stage.until(lambda: len(stage.registry.commits) == 40)
    stage.codec.act = forever
    stage.registry.add(*[lease(number) for number in range(50, 60)])
    await stage.until(lambda: stage.shift.status().held > 1)
    stage.codec.head_seconds = 60.0
    await stage.until(lambda: stage.shift.status().held == 1)
    await stage.until(lambda: any(commit.returned for commit in stage.registry.commits))
    returned = [commit for commit in stage.registry.commits if commit.returned]
    assert all(commit.error is None for commit in returned)
    await stage.end()


async def test_short_tasks_are_leased_in_batches(stage: Stage) -> None:
    def quick(order: Order) -> Result:
        order.run_s = 0.001
        return Result()

    stage.codec.act = quick
    stage.registry.add(*[lease(number) for number in range(300)])
    await stage.until(lambda: len(stage.registry.commits) == 300)
    assert max(stage.registry.wants) > 16
    assert len({commit.job_id for commit in stage.registry.commits}) == 300


async def test_a_worker_takes_nothing_while_its_disk_is_full_but_keeps_in_touch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift_module, "FULL_PAUSE_S", 0.01)
    stage = start(tmp_path, scratch_reserve_bytes=1 << 60)
    stage.registry.add(lease(1))
    await stage.until(lambda: len(stage.registry.wants) > 1)
    assert set(stage.registry.wants) == {0}
    assert len(stage.registry.queue) == 1
    stage.registry.drain = True
    async with asyncio.timeout(10):
        await stage.task
    await stage.end()


async def test_every_held_task_is_reported(stage: Stage) -> None:
    stage.codec.act = forever
    stage.registry.add(lease(1))
    await stage.until(lambda: len(stage.registry.reports) >= 3)
    assert {report.job_id for report in stage.registry.reports} == {"job-1"}
