"""The loop of a worker among a fake registry and a fake codec process."""

import asyncio
from pathlib import Path

import pytest

from reelyard.actors.jobs.model import Outcome
from reelyard.actors.media.operation import Result
from reelyard.actors.worker import loop as loop_module
from reelyard.actors.worker.codec_process.order import Order
from tests.unit.actors.worker.fakes import forever, lease, writes_a_file
from tests.unit.actors.worker.worker_harness import WorkerHarness, start_worker


async def test_a_fenced_attempt_is_stopped_without_a_commit(worker: WorkerHarness) -> None:
    worker.codec.act = forever
    worker.registry.refuse.add("job-1")
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.codec.begun))
    await worker.until(lambda: not worker.codec.begun)
    worker.codec.act = None
    worker.registry.add(lease(2))
    await worker.until(lambda: bool(worker.registry.commits))
    assert [commit.job_id for commit in worker.registry.commits] == ["job-2"]


async def test_a_lease_that_cannot_be_renewed_ends_the_work(tmp_path: Path) -> None:
    worker = start_worker(tmp_path)
    worker.codec.act = forever
    worker.registry.add(lease(1, ttl_s=0.2))
    await worker.until(lambda: bool(worker.codec.begun))
    worker.registry.down = True
    await worker.until(lambda: not worker.codec.begun)
    worker.registry.down = False
    await worker.until(lambda: bool(worker.registry.commits))
    assert worker.registry.commit_of(1).outcome is Outcome.RETURNED
    await worker.end()


async def test_a_finished_task_is_committed_after_the_registry_is_back(
    worker: WorkerHarness,
) -> None:
    worker.codec.act = writes_a_file
    worker.registry.add(lease(1))
    await worker.until(lambda: not worker.registry.queue)
    worker.registry.down = True
    await worker.until(lambda: bool(worker.tools.published) and worker.loop.status().held == 0)
    worker.registry.down = False
    await worker.until(lambda: bool(worker.registry.commits))
    assert worker.tools.taken_back == []


async def test_after_a_failed_lease_unknown_leases_are_given_up_once(worker: WorkerHarness) -> None:
    worker.registry.down = True
    await asyncio.sleep(0.7)
    worker.registry.down = False
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.registry.commits))
    assert worker.registry.given_up == 1


async def test_ends_that_went_along_with_a_lost_call_are_handed_in_again(
    worker: WorkerHarness,
) -> None:
    worker.codec.act = writes_a_file
    worker.registry.lost_replies = 1
    worker.registry.add(*[lease(number) for number in range(30)])
    numbers = {f"job-{number}" for number in range(30)}
    await worker.until(lambda: {commit.job_id for commit in worker.registry.commits} == numbers)
    await worker.until(lambda: worker.loop.status().done == 30)
    assert worker.registry.given_up == 1
    assert worker.tools.taken_back == []


async def test_ends_of_short_tasks_are_gathered(worker: WorkerHarness) -> None:
    worker.registry.add(*[lease(number) for number in range(300)])
    await worker.until(lambda: worker.loop.status().done == 300)
    assert worker.registry.calls < 150


async def test_a_draining_worker_gives_back_what_it_cannot_finish(tmp_path: Path) -> None:
    worker = start_worker(tmp_path)
    worker.codec.act = forever
    worker.registry.add(lease(1))
    await worker.until(lambda: bool(worker.codec.begun))
    await worker.end()
    assert worker.registry.commit_of(1).outcome is Outcome.RETURNED


async def test_a_draining_worker_finishes_what_it_can(tmp_path: Path) -> None:
    worker = start_worker(tmp_path)
    worker.registry.drain = True
    worker.registry.add(lease(1), lease(2))
    async with asyncio.timeout(10):
        await worker.task
    assert [commit.job_id for commit in worker.registry.commits] == ["job-1"]
    assert worker.registry.commit_of(1).error is None


async def test_short_tasks_behind_a_long_one_are_given_back(tmp_path: Path) -> None:
    worker = start_worker(tmp_path)
    worker.registry.add(*[lease(number) for number in range(40)])
    await worker.until(lambda: len(worker.registry.commits) == 40)
    worker.codec.act = forever
    worker.registry.add(*[lease(number) for number in range(50, 60)])
    await worker.until(lambda: worker.loop.status().held > 1)
    worker.codec.running_for_s = 60.0
    await worker.until(lambda: worker.loop.status().held == 1)
    await worker.until(
        lambda: any(commit.outcome is Outcome.RETURNED for commit in worker.registry.commits)
    )
    returned = [commit for commit in worker.registry.commits if commit.outcome is Outcome.RETURNED]
    assert all(commit.error is None for commit in returned)
    await worker.end()


async def test_a_task_behind_a_long_one_is_kept_as_long_as_others_wait_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "LOOK_AGAIN_S", 0.05)
    worker = start_worker(tmp_path)
    worker.codec.act = forever
    worker.codec.running_for_s = 60.0
    worker.registry.waiting = 5
    worker.registry.add(lease(1), lease(2), lease(3))
    await worker.until(lambda: worker.loop.status().held == 2)
    asked = len(worker.registry.wants)
    await worker.until(lambda: len(worker.registry.wants) > asked + 3)
    assert worker.loop.status().held == 2
    worker.registry.waiting = 0
    await worker.until(lambda: len(worker.registry.commits) == 1)
    assert worker.registry.commit_of(2).outcome is Outcome.RETURNED
    await worker.end()


async def test_short_tasks_are_leased_in_batches(worker: WorkerHarness) -> None:
    def quick(order: Order) -> Result:
        order.run_s = 0.001
        return Result()

    worker.codec.act = quick
    worker.registry.add(*[lease(number) for number in range(300)])
    await worker.until(lambda: len(worker.registry.commits) == 300)
    assert max(worker.registry.wants) > 16
    assert len({commit.job_id for commit in worker.registry.commits}) == 300


async def test_a_worker_takes_nothing_while_its_disk_is_full_but_keeps_in_touch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "FULL_PAUSE_S", 0.01)
    worker = start_worker(tmp_path, scratch_reserve_bytes=1 << 60)
    worker.registry.add(lease(1))
    await worker.until(lambda: len(worker.registry.wants) > 1)
    assert set(worker.registry.wants) == {0}
    assert worker.registry.scratch_full
    assert len(worker.registry.queue) == 1
    worker.registry.drain = True
    async with asyncio.timeout(10):
        await worker.task
    await worker.end()


async def test_every_held_task_is_reported(worker: WorkerHarness) -> None:
    worker.codec.act = forever
    worker.registry.add(lease(1))
    await worker.until(lambda: len(worker.registry.reports) >= 3)
    assert {report.job_id for report in worker.registry.reports} == {"job-1"}
