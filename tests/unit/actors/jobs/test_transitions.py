"""The moves one by one, and a machine that makes them in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reelyard.actors.jobs import ledger, transitions
from reelyard.actors.jobs.messages import Report
from reelyard.actors.jobs.model import ErrorInfo, Job, Outcome, State, Task
from reelyard.actors.jobs.retries import RetryPolicy
from reelyard.actors.jobs.times import HOUR_MS
from reelyard.actors.registry.store.records import decode_jobs, encode_job
from reelyard.cluster.errors import AlreadyFinished, Conflict, NotReady, ReelyardError
from tests.unit.actors.registry.builders import (
    BROKEN,
    FLAKY,
    START_MS,
    make_job,
    make_output,
    make_task,
    make_worker,
)

POLICY = RetryPolicy(max_attempts=3, max_crashes=2, max_losses=3)
WORKER = make_worker()


def start(job: Job, name: str | None = None, now_ms: int = START_MS + 1) -> Task:
    task = job.task(name) if name else job.tasks[0]
    transitions.start_attempt(job, task, WORKER, now_ms)
    return task


def succeed(job: Job, task: Task, outputs: Any = (), result: Any = None) -> None:
    transitions.succeed_task(job, task, list(outputs), result, START_MS + 9, HOUR_MS)


def test_a_lease_starts_task_and_job() -> None:
    job = make_job()
    task = start(job)
    assert (job.state, task.state, task.fence) == (State.RUNNING, State.RUNNING, 1)
    assert (job.started_ms, task.started_ms) == (START_MS + 1, START_MS + 1)
    assert (task.attempts[0].worker, task.attempts[0].incarnation) == ("media-light-1", "a")
    assert [change.state for change in job.history] == [State.QUEUED, State.RUNNING]


def test_a_task_that_runs_cannot_be_started_again() -> None:
    job = make_job()
    task = start(job)
    with pytest.raises(Conflict):
        transitions.start_attempt(job, task, WORKER, START_MS)


def test_a_job_succeeds_with_its_last_task_and_has_the_outputs_of_its_sinks() -> None:
    a, b, c = (
        make_task("a"),
        make_task("b", needs=["a"]),
        make_task("c", needs=["a"]),
    )
    job = make_job(tasks=[a, b, c])
    assert [task.name for task in transitions.ready_tasks(job)] == ["a"]
    start(job, "a")
    succeed(job, a, [make_output(job, "a")], {"n": 1})
    assert [task.name for task in transitions.ready_tasks(job)] == ["b", "c"]
    for task in (c, b):
        assert job.state is State.RUNNING
        start(job, task.name)
        succeed(job, task, [make_output(job, task.name)], {"n": task.name})
    assert job.state is State.SUCCEEDED
    assert [output.name for output in job.outputs] == ["b", "c"]
    assert job.result == {"b": {"n": "b"}, "c": {"n": "c"}}
    assert job.outputs_expire_ms == START_MS + 9 + HOUR_MS
    assert all(output.expires_ms == job.outputs_expire_ms for output in job.outputs)
    assert job.progress == 100


def test_outputs_elsewhere_never_expire() -> None:
    job = make_job()
    task = start(job)
    output = make_output(job)
    elsewhere = type(output)("a", "s3://bucket/a", 1, "", "video/mp4", "video")
    succeed(job, task, [elsewhere])
    assert job.outputs_expire_ms is None
    assert job.outputs[0].expires_ms is None


def test_a_failed_task_fails_the_job_and_cancels_its_siblings() -> None:
    job = make_job(tasks=[make_task("a"), make_task("b"), make_task("c", needs=["a"])])
    start(job, "a")
    start(job, "b")
    task = job.task("a")
    assert not transitions.end_badly(job, task, Outcome.FAILED, BROKEN, POLICY, START_MS + 5)
    assert (job.state, job.error) == (State.FAILED, BROKEN)
    assert [task.state for task in job.tasks] == [State.FAILED, State.CANCELLED, State.CANCELLED]
    assert job.task("b").attempts[-1].outcome is Outcome.CANCELLED
    # An outdated worker of `b` may still be writing.
    assert job.outputs_expire_ms == START_MS + 5 + transitions.ORPHAN_GRACE_MS


def test_a_job_that_failed_in_its_worker_leaves_nothing_to_delete() -> None:
    job = make_job()
    transitions.end_badly(job, start(job), Outcome.FAILED, BROKEN, POLICY, START_MS + 5)
    assert job.outputs_expire_ms is None


def test_a_lost_task_is_queued_again_until_it_was_lost_too_often() -> None:
    job = make_job()
    task = job.tasks[0]
    for fence in (1, 2):
        start(job)
        assert transitions.end_badly(job, task, Outcome.LOST, None, POLICY, START_MS + fence)
        assert (task.state, task.fence, job.state) == (State.QUEUED, fence, State.RUNNING)
    start(job)
    assert not transitions.end_badly(job, task, Outcome.LOST, None, POLICY, START_MS + 3)
    assert job.error is not None
    assert job.error.code == "worker_lost"


def test_a_retryable_error_waits_before_the_next_attempt() -> None:
    job = make_job()
    task = start(job)
    assert transitions.end_badly(job, task, Outcome.FAILED, FLAKY, POLICY, START_MS + 5)
    assert task.not_before_ms == START_MS + 5 + 1000


def test_progress_begins_anew_with_an_attempt_and_stays_below_a_hundred() -> None:
    job = make_job()
    task = start(job)
    for progress, shown in ((30, 30), (20, 30), (500, 99.9)):
        report = Report(job.id, task.name, 1, progress, "encode")
        assert transitions.apply_report(job, task, report, START_MS)
        assert task.progress == shown
    transitions.end_badly(job, task, Outcome.LOST, None, POLICY, START_MS)
    assert task.progress == 0
    assert not transitions.apply_report(job, task, report, START_MS)


def test_cancelling_twice_is_once_and_an_ended_job_cannot_be_cancelled() -> None:
    job = make_job()
    transitions.cancel(job, START_MS + 1)
    before = encode_job(job)
    transitions.cancel(job, START_MS + 2)
    assert encode_job(job) == before
    done = make_job()
    succeed(done, start(done))
    with pytest.raises(AlreadyFinished):
        transitions.cancel(done, START_MS + 10)


def test_only_a_failed_job_that_was_not_paid_for_is_begun_anew() -> None:
    running = make_job()
    start(running)
    with pytest.raises(NotReady):
        transitions.retry(running, START_MS)
    done = make_job()
    succeed(done, start(done))
    with pytest.raises(AlreadyFinished):
        transitions.retry(done, START_MS)
    paid = make_job(credits=3)
    transitions.end_badly(paid, start(paid), Outcome.FAILED, BROKEN, POLICY, START_MS)
    with pytest.raises(Conflict):
        transitions.retry(paid, START_MS)


def test_a_job_begun_anew_keeps_its_attempts_and_its_fences_rise() -> None:
    job = make_job()
    transitions.end_badly(job, start(job), Outcome.FAILED, BROKEN, POLICY, START_MS + 5)
    transitions.retry(job, START_MS + 6)
    assert (job.state, job.error, job.finished_ms) == (State.QUEUED, None, None)
    assert start(job, now_ms=START_MS + 7).fence == 2
    assert [change.note for change in job.history][-2:] == ["retried", ""]


def test_marking_outputs_deleted_leaves_those_elsewhere() -> None:
    job = make_job()
    task = start(job)
    own = make_output(job)
    other = type(own)("b", "https://example.org/b", 1, "", "video/mp4", "video")
    succeed(job, task, [own, other])
    transitions.mark_outputs_deleted(job, START_MS + 20)
    assert [output.deleted for output in job.outputs] == [True, False]
    assert [output.deleted for output in task.outputs] == [True, False]
    assert job.outputs_expire_ms is None


class JobMachine(RuleBasedStateMachine):
    """Any sequence of moves keeps the invariants that the design promises."""

    @initialize(
        graph=st.sampled_from([[[]], [[], []], [[], [0]], [[], [0], [0, 1]]]),
        credits=st.sampled_from([0, 3]),
    )
    def begin(self, graph: list[list[int]], credits: int) -> None:
        tasks = [make_task(f"t{i}", needs=[f"t{n}" for n in n_]) for i, n_ in enumerate(graph)]
        self.job = make_job(tasks=tasks, credits=credits)
        self.now = START_MS
        self.entries = list(ledger.charge(self.job, self.now))
        self.ended: tuple[State, bytes] | None = None
        self.fences: dict[str, int] = {}
        self.progress: dict[tuple[str, int], float] = {}
        self.seq = 0
        self.cancel_acknowledged = False

    def tick(self) -> int:
        self.now += 10
        return self.now

    def settle(self) -> None:
        self.entries += ledger.refund(self.job, self.now)

    @rule(pick=st.integers(0, 2))
    def lease(self, pick: int) -> None:
        ready = transitions.ready_tasks(self.job)
        if ready:
            task = ready[pick % len(ready)]
            attempt = transitions.start_attempt(self.job, task, WORKER, self.tick())
            assert attempt.fence > self.fences.get(task.name, 0)
            self.fences[task.name] = attempt.fence

    def running(self, pick: int) -> Task | None:
        tasks = [task for task in self.job.tasks if task.state is State.RUNNING]
        return tasks[pick % len(tasks)] if tasks else None

    @rule(pick=st.integers(0, 2), progress=st.floats(-5, 120), lag=st.integers(0, 1))
    def report(self, pick: int, progress: float, lag: int) -> None:
        task = self.running(pick)
        if task is None:
            return
        fence = task.fence - lag
        report = Report(self.job.id, task.name, fence, progress, "decode")
        before = task.progress
        assert transitions.apply_report(self.job, task, report, self.tick()) == (lag == 0)
        assert task.progress >= before

    @rule(pick=st.integers(0, 2))
    def succeed(self, pick: int) -> None:
        task = self.running(pick)
        if task is not None:
            outputs = [make_output(self.job, f"{task.name}.mp4", task.fence)]
            transitions.succeed_task(self.job, task, outputs, {}, self.tick(), HOUR_MS)
            self.settle()

    @rule(
        pick=st.integers(0, 2),
        outcome=st.sampled_from([Outcome.LOST, Outcome.CRASHED, Outcome.RETURNED, Outcome.FAILED]),
        error=st.sampled_from([None, BROKEN, FLAKY]),
    )
    def end_badly(self, pick: int, outcome: Outcome, error: ErrorInfo | None) -> None:
        task = self.running(pick)
        if task is not None:
            transitions.end_badly(self.job, task, outcome, error, POLICY, self.tick())
            self.settle()

    @precondition(lambda self: self.job.state is not State.SUCCEEDED)
    @rule()
    def cancel(self) -> None:
        try:
            transitions.cancel(self.job, self.tick())
        except AlreadyFinished:
            return
        self.cancel_acknowledged = True
        self.settle()

    @rule()
    def retry(self) -> None:
        was = self.job.state
        try:
            transitions.retry(self.job, self.tick())
        except ReelyardError:
            assert was is not State.FAILED
            return
        assert was is State.FAILED
        self.entries += ledger.charge(self.job, self.now)
        self.ended = None

    @invariant()
    def an_ended_job_does_not_change(self) -> None:
        if self.ended is not None:
            assert (self.job.state, encode_job(self.job)) == self.ended
        if self.job.state.terminal:
            self.ended = (self.job.state, encode_job(self.job))
            assert all(task.state.terminal for task in self.job.tasks)
            assert self.job.finished_ms is not None

    @invariant()
    def success_means_that_every_task_succeeded(self) -> None:
        succeeded = all(task.state is State.SUCCEEDED for task in self.job.tasks)
        assert (self.job.state is State.SUCCEEDED) == succeeded
        assert (self.job.state is State.FAILED) == (self.job.error is not None)

    @invariant()
    def a_cancelled_job_never_succeeds(self) -> None:
        assert not (self.cancel_acknowledged and self.job.state is State.SUCCEEDED)

    @invariant()
    def at_most_one_attempt_runs_and_fences_rise(self) -> None:
        for task in self.job.tasks:
            fences = [attempt.fence for attempt in task.attempts]
            assert fences == sorted(set(fences))
            running = [a for a in task.attempts if a.outcome is Outcome.RUNNING]
            assert len(running) == (task.state is State.RUNNING)
            assert all(a.ended_ms is None for a in running)

    @invariant()
    def only_success_costs(self) -> None:
        assert len({entry.reason for entry in self.entries}) == len(self.entries)
        balance = sum(entry.credits for entry in self.entries)
        refunded = self.job.state in {State.FAILED, State.CANCELLED}
        assert balance == (0 if refunded else -self.job.credits)
        assert set(ledger.reasons(self.job)) >= {entry.reason for entry in self.entries}

    @invariant()
    def history_is_numbered_without_gap_and_ends_with_the_state(self) -> None:
        numbers = [change.seq for change in self.job.history]
        assert numbers == list(range(1, len(numbers) + 1))
        assert self.job.history[-1].state is self.job.state

    @invariant()
    def it_survives_the_store(self) -> None:
        assert decode_jobs([(b"id", encode_job(self.job))]) == {b"id": self.job}


JobMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestJobMachine = JobMachine.TestCase
