"""Jobs, workers and clocks for tests of the registry."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from reelyard.actors.jobs.messages import Commit, Lease, Report, WorkerInfo
from reelyard.actors.jobs.model import Change, ErrorInfo, Job, Outcome, OutputFile, State, Task
from reelyard.actors.jobs.times import DAY_MS

START_MS = 1_800_000_000_000


_numbers = itertools.count()


def rising_id(at_ms: int) -> str:
    """An id of that time, above those made before for the same time."""
    return str(UUID(int=at_ms << 80 | 7 << 76 | 0b10 << 62 | next(_numbers)))


class Clock:
    """Stands still until told otherwise."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms
        self._steady_ms = 0

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> int:
        self.now_ms += round(seconds * 1000)
        self._steady_ms += round(seconds * 1000)
        return self.now_ms

    def steady_ms(self) -> int:
        return self._steady_ms

    def jump(self, seconds: float) -> None:
        """Somebody sets the time of day."""
        self.now_ms += round(seconds * 1000)


def make_task(name: str = "probe", **fields: Any) -> Task:
    given: dict[str, Any] = {
        "operation": "probe",
        "params": {},
        "inputs": ["file:///in.mp4"],
        "pool": "light",
    }
    return Task(name=name, **(given | fields))


def make_job(at_ms: int = START_MS, tasks: Sequence[Task] = (), **fields: Any) -> Job:
    given: dict[str, Any] = {
        "id": rising_id(at_ms),
        "tenant": "default",
        "dialect": "python",
        "operation": "probe",
        "kind": "data",
        "input": "file:///in.mp4",
        "params": {},
        "created_ms": at_ms,
        "updated_ms": at_ms,
        "expires_ms": at_ms + 31 * DAY_MS,
        "history": [Change(1, at_ms, State.QUEUED)],
    }
    return Job(tasks=list(tasks) or [make_task()], **(given | fields))


def make_worker(slot: str = "media-light-1", incarnation: str = "a", **fields: Any) -> WorkerInfo:
    given: dict[str, Any] = {"pool": "light", "node": "node-1", "takes": ["light"]}
    return WorkerInfo(slot=slot, incarnation=incarnation, **(given | fields))


def make_output(
    job: Job | Lease, name: str = "out.mp4", fence: int = 1, size: int = 10
) -> OutputFile:
    job_id = job.id if isinstance(job, Job) else job.job_id
    url = f"storage:tenants/{job.tenant}/jobs/{job_id}/probe-{fence}/{name}"
    return OutputFile(name, url, 10, "0" * 64, "video/mp4", "video")


def report(lease: Lease, progress: float) -> Report:
    return Report(lease.job_id, lease.task, lease.fence, progress, "encode")


def done(lease: Lease, **fields: Any) -> Commit:
    return Commit(lease.job_id, lease.task, lease.fence, Outcome.SUCCEEDED, **fields)


def failed(lease: Lease, error: ErrorInfo) -> Commit:
    return Commit(lease.job_id, lease.task, lease.fence, Outcome.FAILED, error=error)


def ended(lease: Lease, outcome: Outcome) -> Commit:
    return Commit(lease.job_id, lease.task, lease.fence, outcome)


BROKEN = ErrorInfo("corrupt_media", "the input is damaged", retryable=False)
FLAKY = ErrorInfo("storage_full", "there is no room", retryable=True)
