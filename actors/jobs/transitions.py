"""The moves that a job can make. Pure: functions change the record they are given, no I/O.

    queued → running → succeeded | failed | cancelled

A terminal state never changes, except by `retry`, which begins a failed job anew under the same
id. Fences (attempt numbers) rise strictly over the whole life of a task.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.messages import Report, WorkerInfo
from reelyard.actors.jobs.model import (
    TERMINAL,
    Attempt,
    Change,
    ErrorInfo,
    Job,
    Outcome,
    OutputFile,
    State,
    Task,
)
from reelyard.actors.jobs.retries import RetryPolicy, decide_retry, final_error
from reelyard.actors.media.operation import Phase
from reelyard.cluster.errors import AlreadyFinished, Conflict, NotReady

RETRIED = "retried"
ORPHAN_GRACE_MS = 60_000
"""How long after the end of a job an outdated worker may still be writing."""


def ready_tasks(job: Job) -> list[Task]:
    """Queued tasks whose needs are all met."""
    if job.state in TERMINAL:
        return []
    if len(job.tasks) == 1:
        return [task for task in job.tasks if task.state is State.QUEUED]
    done = {task.name for task in job.tasks if task.state is State.SUCCEEDED}
    return [t for t in job.tasks if t.state is State.QUEUED and done.issuperset(t.needs)]


def running_attempt(task: Task, fence: int) -> Attempt | None:
    """The attempt of that fence, if it is the current one and still runs."""
    if task.state is not State.RUNNING or task.fence != fence:
        return None
    return task.attempts[-1]


def start_attempt(job: Job, task: Task, worker: WorkerInfo, now_ms: int) -> Attempt:
    """Hand a queued task to a worker. Raises `Conflict` if it is not queued."""
    if job.state in TERMINAL or task.state is not State.QUEUED:
        raise Conflict(f"task {task.name!r} of job {job.id} is {task.state}, not queued")
    attempt = Attempt(
        fence=task.fence + 1,
        worker=worker.slot,
        node=worker.node,
        pool=worker.pool,
        started_ms=now_ms,
        incarnation=worker.incarnation,
    )
    task.attempts.append(attempt)
    task.state = State.RUNNING
    _forget_progress(task)
    task.error = None
    task.updated_ms = job.updated_ms = now_ms
    if task.started_ms is None:
        task.started_ms = now_ms
    if job.state is State.QUEUED:
        if job.started_ms is None:
            job.started_ms = now_ms
        _move(job, State.RUNNING, now_ms)
    return attempt


def apply_report(job: Job, task: Task, report: Report, now_ms: int) -> bool:
    """Take a progress report of the current attempt; progress never goes back.

    Returns whether the attempt is current; an outdated report changes nothing, nor does one that
    tells what is known: `updated_ms` is the time of the last change.
    """
    if running_attempt(task, report.fence) is None:
        return False
    before = progress_of(task)
    task.progress = max(task.progress, min(99.9, max(0.0, report.progress)))
    task.phase, task.speed, task.eta_s = report.phase, report.speed, report.eta_s
    if progress_of(task) != before:
        task.updated_ms = job.updated_ms = now_ms
    return True


def progress_of(task: Task) -> tuple[float, Phase | None, float | None, float | None]:
    """What reports tell of it."""
    return task.progress, task.phase, task.speed, task.eta_s


def succeed_task(
    job: Job,
    task: Task,
    outputs: list[OutputFile],
    result: dict[str, Any] | None,
    now_ms: int,
    output_retention_ms: int,
) -> None:
    """End the current attempt with success; the job succeeds with its last task."""
    _end_attempt(task, Outcome.SUCCEEDED, None, now_ms)
    task.state = State.SUCCEEDED
    task.progress, task.eta_s = 100.0, None
    expires = now_ms + output_retention_ms
    task.outputs = [
        msgspec.structs.replace(output, expires_ms=expires) if _is_own(output) else output
        for output in outputs
    ]
    task.result = result
    task.finished_ms = task.updated_ms = job.updated_ms = now_ms
    if all(other.state is State.SUCCEEDED for other in job.tasks):
        _succeed(job, now_ms, output_retention_ms)


def _succeed(job: Job, now_ms: int, output_retention_ms: int) -> None:
    job.outputs = [output for task in sinks(job) for output in task.outputs]
    job.result = result_of(job)
    job.error = None
    if any(_is_own(output) for task in job.tasks for output in task.outputs):
        job.outputs_expire_ms = now_ms + output_retention_ms
    _finish(job, State.SUCCEEDED, now_ms)


def result_of(job: Job) -> dict[str, Any] | None:
    """What its last task says, or each of them by name."""
    last = sinks(job)
    return last[0].result if len(last) == 1 else {task.name: task.result for task in last}


def sinks(job: Job) -> list[Task]:
    """The tasks that no other task needs: what they make is what the job makes."""
    if len(job.tasks) == 1:
        return job.tasks
    needed = {name for task in job.tasks for name in task.needs}
    return [task for task in job.tasks if task.name not in needed]


def end_badly(
    job: Job,
    task: Task,
    outcome: Outcome,
    error: ErrorInfo | None,
    policy: RetryPolicy,
    now_ms: int,
) -> bool:
    """End the current attempt as lost, crashed, returned or failed.

    Returns True if the task is queued again (from `task.not_before_ms` on), False if it, and the
    job with it, has failed for good.
    """
    _end_attempt(task, outcome, error, now_ms)
    since = retried_ms(job)
    decision = decide_retry(outcome, error, task.attempts, policy, since)
    if decision is None:
        _fail(job, task, final_error(outcome, error, task.attempts, since), now_ms)
        return False
    task.state = State.QUEUED
    _forget_progress(task)
    task.not_before_ms = now_ms + round(decision.delay_s * 1000)
    task.updated_ms = job.updated_ms = now_ms
    _note(job, now_ms, f"{task.name}: attempt {task.fence} {outcome}")
    return True


def _fail(job: Job, task: Task, error: ErrorInfo, now_ms: int) -> None:
    task.state = State.FAILED
    task.error = error
    task.eta_s = None
    task.finished_ms = task.updated_ms = now_ms
    job.error = error
    _cancel_open_tasks(job, now_ms)
    _expire_leftovers(job, now_ms)
    _finish(job, State.FAILED, now_ms)


def cancel(job: Job, now_ms: int) -> None:
    """End the job on request. Raises `AlreadyFinished` if it has ended, but not as cancelled."""
    if job.state is State.CANCELLED:
        return
    if job.state in TERMINAL:
        raise AlreadyFinished(f"job {job.id} has already {_said(job.state)}")
    _cancel_open_tasks(job, now_ms)
    _expire_leftovers(job, now_ms)
    _finish(job, State.CANCELLED, now_ms)


def check_retry(job: Job) -> None:
    """Whether `retry` is allowed.

    Raises `NotReady` while it runs, `AlreadyFinished` if it succeeded or was cancelled, and
    `Conflict` if it was charged and not refunded.
    """
    if job.state not in TERMINAL:
        raise NotReady(f"job {job.id} is still {job.state}")
    if job.state is not State.FAILED:
        raise AlreadyFinished(f"job {job.id} has {_said(job.state)}; only a failed one is retried")
    if job.credits and not job.refunded:
        raise Conflict(f"job {job.id} was charged and not refunded")


def retry(job: Job, now_ms: int) -> None:
    """Begin a failed job anew under its id: all its tasks run again, and its record is kept as
    long as that of a new job. Raises as `check_retry`."""
    check_retry(job)
    job.expires_ms += now_ms - max(job.created_ms, retried_ms(job))
    for task in job.tasks:
        task.state = State.QUEUED
        _forget_progress(task)
        task.outputs, task.result, task.error = [], None, None
        task.not_before_ms, task.finished_ms, task.updated_ms = 0, None, now_ms
    job.error = job.result = job.finished_ms = job.outputs_expire_ms = None
    job.outputs = []
    job.refunded = False
    job.updated_ms = now_ms
    _move(job, State.QUEUED, now_ms, RETRIED)


def charges(job: Job) -> int:
    """How often the job was begun: 1, and one more for each `retry`."""
    return 1 + sum(change.note == RETRIED for change in job.history)


def retried_ms(job: Job) -> int:
    """When it was last begun anew; 0 if never. Earlier attempts no longer count against it."""
    return max((c.at_ms for c in job.history if c.note == RETRIED), default=0)


def mark_outputs_deleted(job: Job, now_ms: int) -> None:
    """Note that the job's files in Reelyard's own storage are gone."""

    def gone(outputs: list[OutputFile]) -> list[OutputFile]:
        return [msgspec.structs.replace(o, deleted=True) if _is_own(o) else o for o in outputs]

    for task in job.tasks:
        task.outputs = gone(task.outputs)
    job.outputs = gone(job.outputs)
    job.outputs_expire_ms = None
    job.updated_ms = now_ms


def _is_own(output: OutputFile) -> bool:
    return stored_key(output.url) is not None


def _forget_progress(task: Task) -> None:
    """Another attempt begins where none has been."""
    task.progress, task.phase, task.speed, task.eta_s = 0.0, None, None, None


def _end_attempt(task: Task, outcome: Outcome, error: ErrorInfo | None, now_ms: int) -> None:
    attempt = task.attempts[-1]
    attempt.ended_ms = max(now_ms, attempt.started_ms)
    attempt.outcome = outcome
    attempt.error = error
    attempt.incarnation = ""


def _cancel_open_tasks(job: Job, now_ms: int) -> None:
    for task in job.tasks:
        if task.state in TERMINAL:
            continue
        if task.state is State.RUNNING:
            _end_attempt(task, Outcome.CANCELLED, None, now_ms)
        task.state = State.CANCELLED
        task.eta_s = None
        task.finished_ms = task.updated_ms = now_ms


def _expire_leftovers(job: Job, now_ms: int) -> None:
    """A job that did not succeed leaves no files; an outdated worker may still be writing some."""
    left = any(
        task.outputs or attempt.outcome not in {Outcome.FAILED, Outcome.RETURNED}
        for task in job.tasks
        for attempt in task.attempts
    )
    job.outputs_expire_ms = now_ms + ORPHAN_GRACE_MS if left else None


def _finish(job: Job, state: State, now_ms: int) -> None:
    if state is not State.FAILED:
        # Only a failed job may run again.
        for task in job.tasks:
            task.sealed = b""
    job.finished_ms = job.updated_ms = now_ms
    job.expires_ms = max(job.expires_ms, now_ms)
    _move(job, state, now_ms)


def _move(job: Job, state: State, now_ms: int, note: str = "") -> None:
    job.state = state
    _note(job, now_ms, note)


def _note(job: Job, now_ms: int, note: str) -> None:
    seq = job.history[-1].seq + 1 if job.history else 1
    job.history.append(Change(seq=seq, at_ms=now_ms, state=job.state, note=note))


def _said(state: State) -> str:
    return "been cancelled" if state is State.CANCELLED else str(state)
