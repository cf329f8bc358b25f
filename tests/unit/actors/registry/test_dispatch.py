""""""

from __future__ import annotations

import asyncio

import msgspec

from reelyard.actors.jobs.messages import Commit, WorkerInfo
from reelyard.actors.jobs.model import State
from reelyard.actors.registry.verdicts import FALLBACK_NOTE
from tests.unit.actors.registry.builders import (
    FLAKY,
    done,
    failed,
    make_job,
    make_output,
    make_task,
    make_worker,
    report,
)
from tests.unit.actors.registry.conftest import RegistryHarness


async def test_a_lease_tells_all_that_a_worker_needs(harness: RegistryHarness) -> None:
    task = make_task(params={"x": 1}, output="file:///out/")
    (job,) = await harness.accepted(make_job(tasks=[task]))
    (lease,) = await harness.lease()
    assert (lease.job_id, lease.task, lease.fence, lease.tenant) == (job.id, "probe", 1, "default")
    assert (lease.params, lease.inputs, lease.output) == ({"x": 1}, ["file:///in.mp4"], task.output)
    assert lease.ttl_s == 30
    assert (await harness.job(job.id)).state is State.RUNNING
    assert await harness.lease() == []


async def test_one_call_brings_in_and_hands_out(harness: RegistryHarness) -> None:
    first, second = await harness.accepted(make_job(), make_job())
    (lease,) = await harness.lease()
    reply = await harness.registry.lease(make_worker(), 3, [done(lease)], 5)
    assert [verdict.accepted for verdict in reply.verdicts] == [True]
    assert [lease.job_id for lease in reply.leases] == [second.id]
    assert (await harness.job(first.id)).state is State.SUCCEEDED
    assert (await harness.job(second.id)).state is State.RUNNING


async def test_what_a_task_makes_ready_is_handed_out_to_the_one_that_brings_it_in(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job(tasks=[make_task(), make_task("second", needs=["probe"])]))
    (lease,) = await harness.lease()
    reply = await harness.registry.lease(make_worker(), 1, [done(lease)], 5)
    assert [lease.task for lease in reply.leases] == ["second"]


async def test_bringing_in_is_answered_at_once_where_nothing_waits(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job())
    (lease,) = await harness.lease()
    async with asyncio.timeout(3):
        reply = await harness.registry.lease(make_worker(), 1, [done(lease)], 60)
    assert (reply.leases, len(reply.verdicts)) == ([], 1)


async def test_the_last_tasks_are_shared_by_the_workers_that_asked_lately(
    harness: RegistryHarness,
) -> None:
    await harness.lease(worker=make_worker("one"))
    await harness.lease(worker=make_worker("two"))
    await harness.accepted(*[make_job() for _ in range(10)])
    assert len(await harness.lease(8, make_worker("one"))) == 5
    assert len(await harness.lease(8, make_worker("two"))) == 3
    harness.clock.advance(31)
    assert len(await harness.lease(8, make_worker("one"))) == 2


async def test_a_new_process_of_a_slot_gives_back_what_the_old_one_held(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job())
    (old,) = await harness.lease(worker=make_worker(incarnation="old"))
    (new,) = await harness.lease(worker=make_worker(incarnation="new"))
    assert (old.fence, new.fence) == (1, 2)
    assert await harness.lease(worker=make_worker(incarnation="new")) == []


async def test_a_process_that_was_replaced_takes_nothing_from_its_successor(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job(), make_job())
    (old,) = await harness.lease(worker=make_worker(incarnation="old"))
    (new,) = await harness.lease(worker=make_worker(incarnation="new"))
    late = await harness.registry.lease(make_worker(incarnation="old"), 5, [done(old)], 0)
    assert (late.leases, late.drain) == ([], True)
    assert [verdict.accepted for verdict in late.verdicts] == [False]
    assert await harness.commit(done(new))


async def test_a_worker_that_is_busy_since_before_a_restart_can_be_drained(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job())
    await harness.lease()
    await harness.killed_and_restarted()
    await harness.registry.drain(["media-light-1"])
    assert (await harness.registry.lease(make_worker(), 1, [], 0)).drain


async def test_running_leases_survive_a_restart_with_a_fresh_ttl(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    harness.clock.advance(29)
    await harness.killed_and_restarted()
    await harness.tick(29)
    (verdict,) = await harness.registry.report("media-light-1", "a", [report(lease, 50)])
    assert verdict.accepted
    await harness.tick(29)
    assert await harness.commit(done(lease))
    assert (await harness.job(job.id)).state is State.SUCCEEDED


async def test_a_replaced_process_is_recognised_after_a_restart(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    await harness.lease(worker=make_worker(incarnation="old"))
    await harness.killed_and_restarted()
    assert await harness.lease(worker=make_worker(incarnation="old")) == []
    (lease,) = await harness.lease(worker=make_worker(incarnation="new"))
    assert lease.fence == 2


async def test_queued_and_paused_tasks_survive_a_restart(harness: RegistryHarness) -> None:
    jobs = await harness.accepted(make_job(priority=1), make_job(priority=5))
    (lease,) = await harness.lease()
    await harness.commit(failed(lease, FLAKY))
    await harness.killed_and_restarted()
    assert [lease.job_id for lease in await harness.lease(want=5)] == [jobs[0].id]
    await harness.tick(2)
    assert [lease.job_id for lease in await harness.lease(want=5)] == [jobs[1].id]


async def test_a_waiting_worker_gets_a_new_task_without_polling(harness: RegistryHarness) -> None:
    await harness.registry.start()
    waiting = asyncio.ensure_future(harness.lease(wait_s=60))
    await asyncio.sleep(0.01)
    await harness.accepted(make_job())
    (lease,) = await waiting
    assert lease.fence == 1


async def test_a_worker_without_work_waits_no_longer_than_it_wants(
    harness: RegistryHarness,
) -> None:
    assert await harness.lease(wait_s=0.01) == []


async def test_what_is_handed_in_with_a_lease_is_answered_at_once(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    (lease,) = await harness.lease()
    reply = await harness.registry.lease(make_worker(), 1, [done(lease)], 60)
    assert [verdict.accepted for verdict in reply.verdicts] == [True]
    assert reply.leases == []


async def test_a_task_becomes_ready_when_its_needs_are_met(harness: RegistryHarness) -> None:
    tasks = [
        make_task("a", inputs=["file:///in.mp4"]),
        make_task("b", inputs=["task:a", "file:///logo.png"], needs=["a"]),
    ]
    (job,) = await harness.accepted(make_job(tasks=tasks))
    (first,) = await harness.lease(want=5)
    output = make_output(job)
    await harness.commit(done(first, outputs=[output], result={}))
    (second,) = await harness.lease(want=5)
    assert (second.task, second.inputs) == ("b", [output.url, "file:///logo.png"])
    await harness.commit(done(second, result={"end": True}))
    job = await harness.job(job.id)
    assert (job.state, job.result) == (State.SUCCEEDED, {"end": True})


def worker_of(number: int) -> WorkerInfo:
    return make_worker(f"w{number}", f"i{number}")


async def test_many_workers_share_a_queue_without_a_task_run_twice(
    harness: RegistryHarness,
) -> None:
    jobs = await harness.accepted(*(make_job() for _ in range(60)))
    seen: list[str] = []

    async def work(number: int) -> None:
        commits: list[Commit] = []
        while len(seen) < len(jobs):
            reply = await harness.registry.lease(worker_of(number), 4, commits, 0.05)
            assert all(verdict.accepted for verdict in reply.verdicts)
            seen.extend(lease.job_id for lease in reply.leases)
            commits = [done(lease) for lease in reply.leases]
        if commits:
            await harness.registry.commit(commits)

    await asyncio.gather(*map(work, range(4)))
    assert sorted(seen) == sorted(job.id for job in jobs)
    assert (await harness.registry.overview()).jobs["succeeded"] == 60


GPU = make_worker("media-gpu-1", pool="gpu", takes=["gpu"])


CPU = make_worker("media-cpu-1", pool="cpu", takes=["cpu", "light"])


async def test_a_gpu_task_waits_for_the_gpu_pool_where_there_is_one(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job(tasks=[make_task(pool="gpu")]))
    await harness.registry.set_pools({"cpu": ["media-cpu-1"], "gpu": ["media-gpu-1"]})
    assert await harness.lease(worker=CPU) == []
    (lease,) = await harness.lease(worker=GPU)
    assert lease.note == ""


async def test_without_a_gpu_pool_a_gpu_task_runs_on_cpu_and_says_so(
    harness: RegistryHarness,
) -> None:
    await harness.registry.set_pools({"cpu": ["media-cpu-1"], "gpu": []})
    waiting = asyncio.ensure_future(harness.lease(worker=CPU, wait_s=60))
    await asyncio.sleep(0.01)
    (job,) = await harness.accepted(make_job(tasks=[make_task(pool="gpu")]))
    (lease,) = await waiting
    assert lease.note == FALLBACK_NOTE
    await harness.commit(done(lease, result={"x": 1}))
    assert (await harness.job(job.id)).result == {"x": 1, "note": FALLBACK_NOTE}


async def test_a_worker_takes_its_own_pool_before_it_helps_out(harness: RegistryHarness) -> None:
    await harness.accepted(make_job(tasks=[make_task(pool="light")]))
    await harness.accepted(make_job(tasks=[make_task("b", pool="cpu")]))
    assert [lease.task for lease in await harness.lease(want=5, worker=CPU)] == ["b", "probe"]


async def test_a_drained_worker_gets_nothing_more_but_its_successor_does(
    harness: RegistryHarness,
) -> None:
    worker = make_worker()
    await harness.lease(worker=worker)
    waiting = asyncio.ensure_future(harness.registry.lease(worker, 1, [], 60))
    await asyncio.sleep(0.01)
    await harness.registry.drain([worker.slot])
    assert (await waiting).drain
    await harness.accepted(make_job())
    reply = await harness.registry.lease(worker, 1, [], 0)
    assert (reply.leases, reply.drain) == ([], True)
    assert len(await harness.lease(worker=make_worker(incarnation="b"))) == 1


async def test_a_worker_is_told_how_much_still_waits_for_it(harness: RegistryHarness) -> None:
    await harness.accepted(make_job(), make_job(), make_job())
    reply = await harness.registry.lease(make_worker(), 1, [], 5)
    assert (len(reply.leases), reply.waiting) == (1, 2)
    reply = await harness.registry.lease(make_worker(), 2, [done(reply.leases[0])], 5)
    assert (len(reply.leases), reply.waiting) == (2, 0)


async def test_an_attempt_keeps_how_many_threads_it_had_and_why(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    commit = msgspec.structs.replace(done(lease), sizing="1 thread: 36 tasks for 2 cores")
    await harness.registry.commit([commit])
    (attempt,) = (await harness.job(job.id)).tasks[0].attempts
    assert attempt.sizing == "1 thread: 36 tasks for 2 cores"
