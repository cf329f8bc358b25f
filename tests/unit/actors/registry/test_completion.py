"""What workers bring back, and jobs that end before they do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest

from reelyard.actors.jobs.messages import Commit, Refusal
from reelyard.actors.jobs.model import Job, Outcome, State
from tests.unit.actors.registry.builders import (
    BROKEN,
    FLAKY,
    done,
    ended,
    failed,
    make_job,
    make_output,
    make_task,
    make_worker,
    report,
)
from tests.unit.actors.registry.conftest import RegistryHarness


async def test_a_finished_job_has_its_outputs_and_result(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    output = make_output(job)
    assert await harness.commit(done(lease, outputs=[output], result={"ok": 1}))
    job = await harness.job(job.id)
    assert (job.state, job.result, job.outputs[0].url) == (State.SUCCEEDED, {"ok": 1}, output.url)
    overview = await harness.registry.overview()
    assert overview.jobs["succeeded"] == 1
    assert overview.finished_per_s > 0


async def test_a_commit_whose_answer_was_lost_is_accepted_again(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    (lease,) = await harness.lease()
    commit = done(lease, outputs=[make_output(lease)])
    assert await harness.commit(commit)
    assert await harness.commit(commit)
    await harness.killed_and_restarted()
    assert await harness.commit(commit)
    assert not await harness.commit(done(lease, outputs=[make_output(lease, "other")]))
    assert not await harness.commit(failed(lease, BROKEN))


async def test_an_outdated_attempt_is_refused_and_told_to_stop(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    (old,) = await harness.lease()
    await harness.tick(31)
    (new,) = await harness.lease(worker=make_worker("other"))
    assert new.fence == 2
    (verdict,) = await harness.registry.report("s", "a", [report(old, 50)])
    assert (verdict.accepted, verdict.stop) == (False, True)
    assert not await harness.commit(done(old))
    assert await harness.commit(done(new))


async def test_an_expired_lease_requeues_the_task_once(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    await harness.lease()
    await harness.tick(29)
    assert (await harness.job(job.id)).tasks[0].state is State.RUNNING
    await harness.tick(2)
    await harness.tick(2)
    task = (await harness.job(job.id)).tasks[0]
    assert (task.state, [a.outcome for a in task.attempts]) == (State.QUEUED, [Outcome.LOST])
    assert (await harness.registry.overview()).lease_expiries == 1
    assert len(await harness.lease(want=5)) == 1


async def test_reports_keep_a_lease_alive(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    for progress in (10, 5, 20):
        await harness.tick(25)
        (verdict,) = await harness.registry.report("s", "a", [report(lease, progress)])
        assert (verdict.accepted, verdict.stop) == (True, False)
    job = await harness.job(job.id)
    assert (job.tasks[0].fence, job.tasks[0].progress) == (1, 20)


async def test_a_task_whose_workers_are_lost_too_often_fails(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job(credits=2))
    for _ in range(harness.settings.max_losses):
        assert await harness.lease()
        await harness.tick(31)
        await harness.tick(61)  # the longest pause
    job = await harness.job(job.id)
    assert job.error is not None
    assert (job.state, job.error.code, job.refunded) == (State.FAILED, "worker_lost", True)


async def test_a_task_that_crashes_twice_is_refused(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    for _ in range(2):
        (lease,) = await harness.lease()
        assert await harness.commit(ended(lease, Outcome.CRASHED))
    job = await harness.job(job.id)
    assert job.error is not None
    assert job.error.code == "worker_crashed"


async def test_a_returned_task_costs_no_attempt(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    for _ in range(5):
        (lease,) = await harness.lease()
        assert await harness.commit(ended(lease, Outcome.RETURNED))
    assert (await harness.job(job.id)).tasks[0].state is State.QUEUED


async def test_a_retryable_failure_is_tried_again_after_a_pause(harness: RegistryHarness) -> None:
    await harness.accepted(make_job())
    (lease,) = await harness.lease()
    await harness.commit(failed(lease, FLAKY))
    assert await harness.lease() == []
    await harness.tick(1.1)
    assert len(await harness.lease()) == 1


async def test_lost_processes_give_back_at_once(harness: RegistryHarness) -> None:
    await harness.accepted(make_job(), make_job())
    await harness.lease(worker=make_worker("one", "x"))
    await harness.lease(worker=make_worker("two", "y"))
    assert await harness.registry.lost(["x", "unknown"]) == 1
    assert await harness.registry.lost(["x"]) == 0
    (lease,) = await harness.lease(worker=make_worker("three", "z"), want=5)
    assert lease.fence == 2


async def test_tasks_of_one_job_may_start_and_end_together(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job(tasks=[make_task("a"), make_task("b")]))
    leases = await harness.lease(want=5)
    assert len(leases) == 2
    verdicts = await harness.registry.commit([done(lease) for lease in leases])
    assert [verdict.accepted for verdict in verdicts] == [True, True]
    assert (await harness.job(job.id)).state is State.SUCCEEDED


async def test_a_failing_task_cancels_its_sibling_whose_worker_is_told(
    harness: RegistryHarness,
) -> None:
    await harness.accepted(make_job(tasks=[make_task("a"), make_task("b")]))
    a, b = await harness.lease(want=2)
    assert await harness.commit(failed(a, BROKEN))
    (verdict,) = await harness.registry.report("s", "a", [report(b, 50)])
    assert verdict.stop
    assert not await harness.commit(done(b, result={}))


async def test_a_cancelled_job_stops_its_worker_and_never_succeeds(
    harness: RegistryHarness,
) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    (answer,) = (await harness.registry.cancel_many([job.id], "default")).values()
    assert isinstance(answer, Job)
    assert answer.state is State.CANCELLED
    (verdict,) = await harness.registry.report("s", "a", [report(lease, 50)])
    assert (verdict.accepted, verdict.stop) == (True, True)
    assert not await harness.commit(done(lease, result={}))
    assert await harness.commit(ended(lease, Outcome.CANCELLED))
    assert (await harness.job(job.id)).state is State.CANCELLED


async def test_cancel_says_why_not(harness: RegistryHarness) -> None:
    job, other = await harness.accepted(make_job(), make_job(tenant="other"))
    (lease,) = await harness.lease()
    await harness.commit(done(lease))
    answers = await harness.registry.cancel_many([job.id, other.id, make_job().id], "default")
    codes = [answer.error.code for answer in answers.values() if isinstance(answer, Refusal)]
    assert codes == ["already_finished", "not_found", "not_found"]


async def test_a_cancelled_queued_job_is_not_handed_out(harness: RegistryHarness) -> None:
    (job,) = await harness.accepted(make_job())
    await harness.registry.cancel_many([job.id], None)
    assert await harness.lease() == []
    await harness.killed_and_restarted()
    assert await harness.lease() == []


async def test_of_a_racing_cancel_and_commit_one_wins(harness: RegistryHarness) -> None:
    for cancel_first in (True, False):
        (job,) = await harness.accepted(make_job())
        (lease,) = await harness.lease()
        calls: list[Awaitable[Any]] = [
            harness.registry.cancel_many([job.id], None),
            harness.commit(done(lease)),
        ]
        if not cancel_first:
            calls.reverse()
        first, second = await asyncio.gather(*calls)
        cancelled, committed = (first, second) if cancel_first else (second, first)
        state = (await harness.job(job.id)).state
        assert state is (State.SUCCEEDED if committed else State.CANCELLED)
        assert isinstance(cancelled[job.id], Refusal) == committed


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [
        (Outcome.SUCCEEDED, Outcome.SUCCEEDED),
        (Outcome.FAILED, Outcome.FAILED),
        (Outcome.CRASHED, Outcome.CRASHED),
        (Outcome.RETURNED, Outcome.RETURNED),
        (Outcome.CANCELLED, Outcome.RETURNED),  # nobody has cancelled it here: it runs again
    ],
)
async def test_an_attempt_ends_as_its_commit_says(
    harness: RegistryHarness, outcome: Outcome, kept: Outcome
) -> None:
    (job,) = await harness.accepted(make_job())
    (lease,) = await harness.lease()
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(ended(lease, outcome)), type=Commit)
    assert await harness.commit(sent)
    assert (await harness.job(job.id)).tasks[0].attempts[0].outcome is kept
    assert await harness.commit(sent), "an answer that was lost is given again"
    others = {Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CRASHED} - {outcome}
    assert not any([await harness.commit(ended(lease, other)) for other in others])
