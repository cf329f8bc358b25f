from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors.jobs.messages import Refusal, WorkerInfo
from actors.jobs.model import Job, Outcome, State
from tests.unit.registry.builders import (
    BROKEN,
    FLAKY,
    done,
    make_job,
    make_output,
    make_task,
    make_worker,
    report,
)
from tests.unit.registry.conftest import Bench

MakeBench = Callable[..., Bench]


async def tick(bench: Bench, seconds: float) -> None:
    """Let time pass, and the registry notice."""
    bench.clock.advance(seconds)
    await bench.registry._tick()


async def test_a_lease_tells_all_that_a_worker_needs(bench: Bench) -> None:
    task = make_task(params={"x": 1}, output="file:///out/")
    (job,) = await bench.accepted(make_job(tasks=[task]))
    (lease,) = await bench.lease()
    assert (lease.job_id, lease.task, lease.fence, lease.tenant) == (job.id, "probe", 1, "default")
    assert (lease.params, lease.inputs, lease.output) == ({"x": 1}, ["file:///in.mp4"], task.output)
    assert lease.ttl_s == 30
    assert (await bench.job(job.id)).state is State.RUNNING
    assert await bench.lease() == []


async def test_a_finished_job_has_its_outputs_and_result(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    (lease,) = await bench.lease()
    output = make_output(job)
    assert await bench.commit(done(lease, outputs=[output], result={"ok": 1}))
    job = await bench.job(job.id)
    assert (job.state, job.result, job.outputs[0].url) == (State.SUCCEEDED, {"ok": 1}, output.url)
    overview = await bench.registry.overview()
    assert overview.jobs["succeeded"] == 1
    assert overview.finished_per_s > 0


async def test_a_commit_whose_answer_was_lost_is_accepted_again(bench: Bench) -> None:
    await bench.accepted(make_job())
    (lease,) = await bench.lease()
    commit = done(lease, outputs=[make_output(lease)])
    assert await bench.commit(commit)
    assert await bench.commit(commit)
    await bench.killed_and_restarted()
    assert await bench.commit(commit)
    assert not await bench.commit(done(lease, outputs=[make_output(lease, "other")]))
    assert not await bench.commit(done(lease, error=BROKEN))


async def test_an_outdated_attempt_is_refused_and_told_to_stop(bench: Bench) -> None:
    await bench.accepted(make_job())
    (old,) = await bench.lease()
    await tick(bench, 31)
    (new,) = await bench.lease(worker=make_worker("other"))
    assert new.fence == 2
    (verdict,) = await bench.registry.report("s", "a", [report(old, 50)])
    assert (verdict.accepted, verdict.stop) == (False, True)
    assert not await bench.commit(done(old))
    assert await bench.commit(done(new))


async def test_an_expired_lease_requeues_the_task_once(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    await bench.lease()
    await tick(bench, 29)
    assert (await bench.job(job.id)).tasks[0].state is State.RUNNING
    await tick(bench, 2)
    await tick(bench, 2)
    task = (await bench.job(job.id)).tasks[0]
    assert (task.state, [a.outcome for a in task.attempts]) == (State.QUEUED, [Outcome.LOST])
    assert (await bench.registry.overview()).lease_expiries == 1
    assert len(await bench.lease(want=5)) == 1


async def test_one_call_brings_in_and_hands_out(bench: Bench) -> None:
    first, second = await bench.accepted(make_job(), make_job())
    (lease,) = await bench.lease()
    reply = await bench.registry.lease(make_worker(), 3, [done(lease)], 5)
    assert [verdict.accepted for verdict in reply.verdicts] == [True]
    assert [lease.job_id for lease in reply.leases] == [second.id]
    assert (await bench.job(first.id)).state is State.SUCCEEDED
    assert (await bench.job(second.id)).state is State.RUNNING


async def test_what_a_task_makes_ready_is_handed_out_to_the_one_that_brings_it_in(
    bench: Bench,
) -> None:
    await bench.accepted(make_job(tasks=[make_task(), make_task("second", needs=["probe"])]))
    (lease,) = await bench.lease()
    reply = await bench.registry.lease(make_worker(), 1, [done(lease)], 5)
    assert [lease.task for lease in reply.leases] == ["second"]


async def test_bringing_in_is_answered_at_once_where_nothing_waits(bench: Bench) -> None:
    await bench.accepted(make_job())
    (lease,) = await bench.lease()
    async with asyncio.timeout(3):
        reply = await bench.registry.lease(make_worker(), 1, [done(lease)], 60)
    assert (reply.leases, len(reply.verdicts)) == ([], 1)


async def test_the_last_tasks_are_shared_by_the_workers_that_asked_lately(bench: Bench) -> None:
    await bench.lease(worker=make_worker("one"))
    await bench.lease(worker=make_worker("two"))
    await bench.accepted(*[make_job() for _ in range(10)])
    assert len(await bench.lease(8, make_worker("one"))) == 5
    assert len(await bench.lease(8, make_worker("two"))) == 3
    bench.clock.advance(31)
    assert len(await bench.lease(8, make_worker("one"))) == 2


async def test_reports_keep_a_lease_alive(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    (lease,) = await bench.lease()
    for progress in (10, 5, 20):
        await tick(bench, 25)
        (verdict,) = await bench.registry.report("s", "a", [report(lease, progress)])
        assert (verdict.accepted, verdict.stop) == (True, False)
    job = await bench.job(job.id)
    assert (job.tasks[0].fence, job.tasks[0].progress) == (1, 20)


async def test_a_task_whose_workers_are_lost_too_often_fails(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job(credits=2))
    for _ in range(3):
        assert await bench.lease()
        await tick(bench, 31)
    job = await bench.job(job.id)
    assert job.error is not None
    assert (job.state, job.error.code, job.refunded) == (State.FAILED, "worker_lost", True)


async def test_a_task_that_crashes_twice_is_refused(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    for _ in range(2):
        (lease,) = await bench.lease()
        assert await bench.commit(done(lease, crashed=True))
    job = await bench.job(job.id)
    assert job.error is not None
    assert job.error.code == "worker_crashed"


async def test_a_returned_task_costs_no_attempt(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    for _ in range(5):
        (lease,) = await bench.lease()
        assert await bench.commit(done(lease, returned=True))
    assert (await bench.job(job.id)).tasks[0].state is State.QUEUED


async def test_a_retryable_failure_is_tried_again_after_a_pause(bench: Bench) -> None:
    await bench.accepted(make_job())
    (lease,) = await bench.lease()
    await bench.commit(done(lease, error=FLAKY))
    assert await bench.lease() == []
    await tick(bench, 1.1)
    assert len(await bench.lease()) == 1


async def test_a_new_process_of_a_slot_gives_back_what_the_old_one_held(bench: Bench) -> None:
    await bench.accepted(make_job())
    (old,) = await bench.lease(worker=make_worker(incarnation="old"))
    (new,) = await bench.lease(worker=make_worker(incarnation="new"))
    assert (old.fence, new.fence) == (1, 2)
    assert await bench.lease(worker=make_worker(incarnation="new")) == []


async def test_a_process_that_was_replaced_takes_nothing_from_its_successor(bench: Bench) -> None:
    await bench.accepted(make_job(), make_job())
    (old,) = await bench.lease(worker=make_worker(incarnation="old"))
    (new,) = await bench.lease(worker=make_worker(incarnation="new"))
    late = await bench.registry.lease(make_worker(incarnation="old"), 5, [done(old)], 0)
    assert (late.leases, late.drain) == ([], True)
    assert [verdict.accepted for verdict in late.verdicts] == [False]
    assert await bench.commit(done(new))


async def test_a_worker_that_is_busy_since_before_a_restart_can_be_drained(bench: Bench) -> None:
    await bench.accepted(make_job())
    await bench.lease()
    await bench.killed_and_restarted()
    await bench.registry.drain(["media-light-1"])
    assert (await bench.registry.lease(make_worker(), 1, [], 0)).drain


async def test_lost_processes_give_back_at_once(bench: Bench) -> None:
    await bench.accepted(make_job(), make_job())
    await bench.lease(worker=make_worker("one", "x"))
    await bench.lease(worker=make_worker("two", "y"))
    assert await bench.registry.lost(["x", "unknown"]) == 1
    assert await bench.registry.lost(["x"]) == 0
    (lease,) = await bench.lease(worker=make_worker("three", "z"), want=5)
    assert lease.fence == 2


async def test_running_leases_survive_a_restart_with_a_fresh_ttl(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    (lease,) = await bench.lease()
    bench.clock.advance(29)
    await bench.killed_and_restarted()
    await tick(bench, 29)
    (verdict,) = await bench.registry.report("media-light-1", "a", [report(lease, 50)])
    assert verdict.accepted
    await tick(bench, 29)
    assert await bench.commit(done(lease))
    assert (await bench.job(job.id)).state is State.SUCCEEDED


async def test_a_replaced_process_is_recognised_after_a_restart(bench: Bench) -> None:
    await bench.accepted(make_job())
    await bench.lease(worker=make_worker(incarnation="old"))
    await bench.killed_and_restarted()
    assert await bench.lease(worker=make_worker(incarnation="old")) == []
    (lease,) = await bench.lease(worker=make_worker(incarnation="new"))
    assert lease.fence == 2


async def test_queued_and_paused_tasks_survive_a_restart(bench: Bench) -> None:
    jobs = await bench.accepted(make_job(priority=1), make_job(priority=5))
    (lease,) = await bench.lease()
    await bench.commit(done(lease, error=FLAKY))
    await bench.killed_and_restarted()
    assert [lease.job_id for lease in await bench.lease(want=5)] == [jobs[0].id]
    await tick(bench, 2)
    assert [lease.job_id for lease in await bench.lease(want=5)] == [jobs[1].id]


async def test_a_waiting_worker_gets_a_new_task_without_polling(bench: Bench) -> None:
    await bench.registry.start()
    waiting = asyncio.ensure_future(bench.lease(wait_s=60))
    await asyncio.sleep(0.01)
    await bench.accepted(make_job())
    (lease,) = await waiting
    assert lease.fence == 1


async def test_a_worker_without_work_waits_no_longer_than_it_wants(bench: Bench) -> None:
    assert await bench.lease(wait_s=0.01) == []


async def test_what_is_handed_in_with_a_lease_is_answered_at_once(bench: Bench) -> None:
    await bench.accepted(make_job())
    (lease,) = await bench.lease()
    reply = await bench.registry.lease(make_worker(), 1, [done(lease)], 60)
    assert [verdict.accepted for verdict in reply.verdicts] == [True]
    assert reply.leases == []


async def test_a_task_becomes_ready_when_its_needs_are_met(bench: Bench) -> None:
    tasks = [
        make_task("a", inputs=["file:///in.mp4"]),
        make_task("b", inputs=["task:a", "file:///logo.png"], needs=["a"]),
    ]
    (job,) = await bench.accepted(make_job(tasks=tasks))
    (first,) = await bench.lease(want=5)
    output = make_output(job)
    await bench.commit(done(first, outputs=[output], result={}))
    (second,) = await bench.lease(want=5)
    assert (second.task, second.inputs) == ("b", [output.url, "file:///logo.png"])
    await bench.commit(done(second, result={"end": True}))
    job = await bench.job(job.id)
    assert (job.state, job.result) == (State.SUCCEEDED, {"end": True})


async def test_tasks_of_one_job_may_start_and_end_together(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job(tasks=[make_task("a"), make_task("b")]))
    leases = await bench.lease(want=5)
    assert len(leases) == 2
    verdicts = await bench.registry.commit([done(lease) for lease in leases])
    assert [verdict.accepted for verdict in verdicts] == [True, True]
    assert (await bench.job(job.id)).state is State.SUCCEEDED


async def test_a_failing_task_cancels_its_sibling_whose_worker_is_told(bench: Bench) -> None:
    await bench.accepted(make_job(tasks=[make_task("a"), make_task("b")]))
    a, b = await bench.lease(want=2)
    assert await bench.commit(done(a, error=BROKEN))
    (verdict,) = await bench.registry.report("s", "a", [report(b, 50)])
    assert verdict.stop
    assert not await bench.commit(done(b, result={}))


async def test_a_cancelled_job_stops_its_worker_and_never_succeeds(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    (lease,) = await bench.lease()
    (answer,) = (await bench.registry.cancel_many([job.id], "default")).values()
    assert isinstance(answer, Job)
    assert answer.state is State.CANCELLED
    (verdict,) = await bench.registry.report("s", "a", [report(lease, 50)])
    assert (verdict.accepted, verdict.stop) == (True, True)
    assert not await bench.commit(done(lease, result={}))
    assert await bench.commit(done(lease, stopped=True))
    assert (await bench.job(job.id)).state is State.CANCELLED


async def test_cancel_says_why_not(bench: Bench) -> None:
    job, other = await bench.accepted(make_job(), make_job(tenant="other"))
    (lease,) = await bench.lease()
    await bench.commit(done(lease))
    answers = await bench.registry.cancel_many([job.id, other.id, make_job().id], "default")
    codes = [answer.error.code for answer in answers.values() if isinstance(answer, Refusal)]
    assert codes == ["already_finished", "not_found", "not_found"]


async def test_a_cancelled_queued_job_is_not_handed_out(bench: Bench) -> None:
    (job,) = await bench.accepted(make_job())
    await bench.registry.cancel_many([job.id], None)
    assert await bench.lease() == []
    await bench.killed_and_restarted()
    assert await bench.lease() == []


async def test_of_a_racing_cancel_and_commit_one_wins(bench: Bench) -> None:
    for cancel_first in (True, False):
        (job,) = await bench.accepted(make_job())
        (lease,) = await bench.lease()
        calls = [bench.registry.cancel_many([job.id], None), bench.commit(done(lease))]
        if not cancel_first:
            calls.reverse()
        first, second = await asyncio.gather(*calls)
        cancelled, committed = (first, second) if cancel_first else (second, first)
        state = (await bench.job(job.id)).state
        assert state is (State.SUCCEEDED if committed else State.CANCELLED)
        assert isinstance(cancelled[job.id], Refusal) == committed


async def test_the_overview_shows_queue_workers_and_running_jobs(bench: Bench) -> None:
    jobs = await bench.accepted(make_job(), make_job())
    await bench.lease()
    bench.clock.advance(5)
    overview = await bench.registry.overview()
    light = next(pool for pool in overview.pools if pool.name == "light")
    assert (light.queued, light.running, light.oldest_queued_s) == (1, 1, 5)
    assert (light.workers, light.backlog_s) == (["media-light-1"], 2)
    assert overview.jobs == {"queued": 1, "running": 1, "succeeded": 0, "failed": 0, "cancelled": 0}
    assert [job.id for job in overview.running] == [jobs[0].id]
    assert (overview.store, overview.uptime_s) == ("sqlite", 5)
    await bench.registry.set_pools({"light": ["a", "b"]})
    overview = await bench.registry.overview()
    assert next(p.workers for p in overview.pools if p.name == "light") == ["a", "b"]


async def test_changes_tell_of_each_step_and_of_progress(bench: Bench) -> None:
    start = await bench.registry.changes(-1, 0)
    waiting = asyncio.ensure_future(bench.registry.changes(start.seq, 60))
    await asyncio.sleep(0)
    (job,) = await bench.accepted(make_job())
    changes = await waiting
    for action in (bench.lease(), None, None):
        if action is not None:
            (lease,) = await action
        elif changes.seq == start.seq + 2:
            await bench.registry.report("s", "a", [report(lease, 5)])
        else:
            await bench.commit(done(lease))
        changes = await bench.registry.changes(changes.seq, 60)
        assert (changes.epoch, changes.job_ids) == (start.epoch, [job.id])
    assert await bench.registry.ping() == start.epoch


async def test_a_page_shows_the_progress_of_running_jobs(bench: Bench) -> None:
    from actors.jobs.messages import PageQuery

    await bench.accepted(make_job())
    (lease,) = await bench.lease()
    await bench.registry.report("s", "a", [report(lease, 42)])
    (job,) = await bench.registry.page(PageQuery("default", state=State.RUNNING))
    assert job.progress == 42


def worker_of(number: int) -> WorkerInfo:
    return make_worker(f"w{number}", f"i{number}")


async def test_many_workers_share_a_queue_without_a_task_run_twice(bench: Bench) -> None:
    jobs = await bench.accepted(*(make_job() for _ in range(60)))
    seen: list[str] = []

    async def work(number: int) -> None:
        commits = []
        while len(seen) < len(jobs):
            reply = await bench.registry.lease(worker_of(number), 4, commits, 0.05)
            assert all(verdict.accepted for verdict in reply.verdicts)
            seen.extend(lease.job_id for lease in reply.leases)
            commits = [done(lease) for lease in reply.leases]
        if commits:
            await bench.registry.commit(commits)

    await asyncio.gather(*map(work, range(4)))
    assert sorted(seen) == sorted(job.id for job in jobs)
    assert (await bench.registry.overview()).jobs["succeeded"] == 60
