"""Reelyard's records in the words of `/v1`: VideoConduit's object, and Reelyard's own fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.messages import Health, KeyInfo, Overview, Usage
from reelyard.actors.jobs.model import Attempt, Job, OutputFile, State, Task
from reelyard.actors.jobs.times import iso
from reelyard.actors.jobs.traceback_visibility import told_error

STATUS: dict[State, str] = {
    State.QUEUED: "pending",
    State.RUNNING: "processing",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}
"""VideoConduit knows no cancelled jobs; `state` tells them apart."""

STATES_OF: dict[str, tuple[State, ...]] = {
    status: tuple(state for state, word in STATUS.items() if word == status)
    for status in dict.fromkeys(STATUS.values())
} | {state.value: (state,) for state in State if state is not State.FAILED}
"""Which states the filter `status` means: VideoConduit's words, and Reelyard's others."""


def short_job(job: Job, *, traceback: bool = False) -> dict[str, Any]:
    """An item of a list. `traceback`: for somebody who may see that of its error."""
    active = job.active_task
    return {
        "job_id": job.id,
        "job_type": job.operation,
        "status": STATUS[job.state],
        "source_url": job.input,
        "credits_charged": job.credits,
        "created_at": iso(job.created_ms),
        "operation": job.operation,
        "state": job.state,
        "kind": job.kind,
        "progress": job.progress,
        "phase": active.phase if active else None,
        "speed": active.speed if active else None,
        "eta_s": active.eta_s if active else None,
        "priority": job.priority,
        "metadata": job.metadata,
        "error": told_error(job.error, traceback=traceback),
        "started_at": iso(job.started_ms),
        "completed_at": iso(job.finished_ms),
    }


def accepted_job(job: Job) -> dict[str, Any]:
    """The answer to a submit; the same however far the job has come when it is asked again."""
    return {
        "job_id": job.id,
        "job_type": job.operation,
        "status": STATUS[State.QUEUED],
        "source_url": job.input,
        "credits_charged": job.credits,
        "created_at": iso(job.created_ms),
        "operation": job.operation,
        "state": State.QUEUED,
        "kind": job.kind,
        "priority": job.priority,
        "metadata": job.metadata,
    }


def whole_job(
    job: Job,
    urls: Mapping[str, str],
    urls_end_ms: int | None,
    *,
    traceback: bool = False,
    waiting_for: str | None = None,
) -> dict[str, Any]:
    """A job with everything. `urls`: what a client opens, by `OutputFile.url`; those of
    Reelyard's own storage end at `urls_end_ms`. `traceback`: as for `short_job`."""
    here = [output for output in job.outputs if not output.deleted]
    done = job.state is State.SUCCEEDED
    first = here[0] if here and done else None
    own = first is not None and stored_key(first.url) is not None
    return short_job(job, traceback=traceback) | {
        "waiting_for": waiting_for,
        "parameters": job.params,
        "download_url": urls.get(first.url, first.url) if first else None,
        "result_data": job.result if done else None,
        "error_message": _message(job),
        "expires_at": iso(urls_end_ms) if own else None,
        "tasks": [_task(task, traceback=traceback) for task in job.tasks],
        "outputs": [_output(output, urls, job) for output in job.outputs],
        "output": job.output,
        "dialect": job.dialect,
        "refunded": job.refunded,
        "created_ms": job.created_ms,
        "started_ms": job.started_ms,
        "finished_ms": job.finished_ms,
        "updated_ms": job.updated_ms,
        "outputs_expire_at": iso(job.outputs_expire_ms),
        "record_expires_at": iso(job.expires_ms),
    }


def _message(job: Job) -> str | None:
    if job.state is State.CANCELLED:
        return job.error.message if job.error else "The job was cancelled."
    return job.error.message if job.error else None


def _output(output: OutputFile, urls: Mapping[str, str], job: Job) -> dict[str, Any]:
    own = stored_key(output.url) is not None
    return {
        "name": output.name,
        "url": None if output.deleted else urls.get(output.url, output.url),
        "size": output.size,
        "sha256": output.sha256,
        "content_type": output.content_type,
        "kind": output.kind,
        "facts": output.facts,
        "deleted": output.deleted,
        "expires_at": iso(output.expires_ms or (job.outputs_expire_ms if own else None)),
    }


def _task(task: Task, *, traceback: bool) -> dict[str, Any]:
    return {
        "name": task.name,
        "operation": task.operation,
        "state": task.state,
        "pool": task.pool,
        "needs": task.needs,
        "progress": task.progress,
        "phase": task.phase,
        "speed": task.speed,
        "eta_s": task.eta_s,
        "result": task.result,
        "error": told_error(task.error, traceback=traceback),
        "started_at": iso(task.started_ms),
        "completed_at": iso(task.finished_ms),
        "attempts": [_attempt(attempt, traceback=traceback) for attempt in task.attempts],
    }


def _attempt(attempt: Attempt, *, traceback: bool) -> dict[str, Any]:
    return {
        "attempt": attempt.fence,
        "worker": attempt.worker,
        "node": attempt.node,
        "pool": attempt.pool,
        "outcome": attempt.outcome,
        "sizing": attempt.sizing,
        "error": told_error(attempt.error, traceback=traceback),
        "started_at": iso(attempt.started_ms),
        "ended_at": iso(attempt.ended_ms),
    }


def usage(account: Usage) -> dict[str, Any]:
    """A tenant's account."""
    return {
        "tenant": account.tenant,
        "credits_left": account.credits_left,
        "credits_spent": account.credits_spent,
        "jobs": account.jobs,
        "totals": msgspec.to_builtins(account.totals),
    }


def overview(seen: Overview) -> dict[str, Any]:
    """The registry at a glance."""
    return {
        "epoch": seen.epoch,
        "uptime_s": seen.uptime_s,
        "store": seen.store,
        "jobs": seen.jobs,
        "pools": [
            {
                "name": pool.name,
                "queued": pool.queued,
                "running": pool.running,
                "oldest_queued_s": pool.oldest_queued_s,
                "backlog_s": pool.backlog_s,
                "workers": pool.workers,
                "paused": pool.paused,
            }
            for pool in seen.pools
        ],
        "running": [short_job(job) | {"tenant": job.tenant} for job in seen.running],
        "finished_per_s": seen.finished_per_s,
        "lease_expiries": seen.lease_expiries,
        "health": health(seen.health),
    }


def health(seen: Health) -> dict[str, Any]:
    """Whether jobs can be taken on and run, by part."""
    parts = {part.name: {"ok": part.ok, "reason": part.reason or None} for part in seen.parts}
    return {"status": seen.status, "parts": parts}


def key(info: KeyInfo) -> dict[str, Any]:
    """An API key without its text."""
    return {
        "key_id": info.key_id,
        "tenant": info.tenant,
        "name": info.name,
        "admin": info.admin,
        "scope": info.scope,
        "created_at": iso(info.created_ms),
        "expires_at": iso(info.expires_ms),
        "revoked_at": iso(info.revoked_ms),
        "created_ms": info.created_ms,
        "revoked_ms": info.revoked_ms,
    }
