"""Leases and verdicts: the registry's words to workers, worked out from a job. Pure."""

from __future__ import annotations

from reelyard.actors.jobs.locations import named_task
from reelyard.actors.jobs.messages import Commit, Lease, Report, Verdict
from reelyard.actors.jobs.model import Job, Outcome, Task
from reelyard.actors.jobs.secrecy import TaskSecrets

FALLBACK_NOTE = "no gpu worker: ran on cpu"


def lease_of(job: Job, task: Task, secrets: TaskSecrets, pool: str, ttl_s: float) -> Lease:
    """The lease of the attempt that has just been started on a worker of `pool`."""
    return Lease(
        job_id=job.id,
        task=task.name,
        fence=task.fence,
        tenant=job.tenant,
        operation=task.operation,
        params=secrets.params,
        inputs=_resolve(job, secrets.inputs),
        output=secrets.output,
        ttl_s=ttl_s,
        note=fallback_note(task, pool),
    )


def _resolve(job: Job, locations: list[str]) -> list[str]:
    """A task's inputs with other tasks' outputs in place of their names."""
    inputs: list[str] = []
    for location in locations:
        if (name := named_task(location)) is not None:
            inputs += [output.url for output in job.task(name).outputs]
        else:
            inputs.append(location)
    return inputs


def fallback_note(task: Task, ran_on: str) -> str:
    """Why it ran there, if that is not where it was asked for."""
    return FALLBACK_NOTE if task.pool == "gpu" and ran_on != "gpu" else ""


def task_of(job: Job | None, name: str) -> Task | None:
    """The task of that name, if there is one."""
    for task in job.tasks if job is not None else ():
        if task.name == name:
            return task
    return None


def verdict(what: Report | Commit, *, accepted: bool) -> Verdict:
    """A plain yes, or no and stop."""
    return Verdict(what.job_id, what.task, what.fence, accepted, stop=not accepted)


def outdated(report: Report, task: Task) -> Verdict:
    """A worker whose task was cancelled is told so; any other has been overtaken."""
    cancelled = any(
        attempt.fence == report.fence and attempt.outcome is Outcome.CANCELLED
        for attempt in task.attempts
    )
    return Verdict(report.job_id, report.task, report.fence, cancelled, stop=True)


def ending_of(commit: Commit) -> Outcome:
    """How the attempt ends if it still runs here: a worker that stops one which nobody has
    cancelled has only given it back."""
    return Outcome.RETURNED if commit.outcome is Outcome.CANCELLED else commit.outcome


def repeated(commit: Commit, task: Task) -> Verdict:
    """The attempt has ended: accepted if it ended with this very commit, refused otherwise.

    A worker repeats a commit whose answer it did not hear; refusing it would make it delete
    outputs that count.
    """
    attempt = next((a for a in task.attempts if a.fence == commit.fence), None)
    if attempt is None:
        return verdict(commit, accepted=False)
    same = attempt.outcome in {commit.outcome, ending_of(commit)}
    if same and attempt.outcome is Outcome.SUCCEEDED:
        same = [o.url for o in task.outputs] == [o.url for o in commit.outputs]
    return Verdict(commit.job_id, commit.task, commit.fence, same, stop=not same)
