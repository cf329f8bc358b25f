"""What `two_nodes_program` has seen, as it tells `test_two_nodes.py`."""

from __future__ import annotations

import msgspec

from reelyard.actors.jobs.model import Job
from reelyard.actors.pool.status import PoolWorker
from reelyard.actors.worker.status import WorkerStatus


class JobSeen(msgspec.Struct, frozen=True):
    """How a job of one task has ended."""

    state: str
    workers: list[str]
    """The slot of each attempt."""
    outcomes: list[str]
    note: str | None

    @classmethod
    def of(cls, job: Job) -> JobSeen:
        attempts = job.tasks[0].attempts
        return cls(
            state=job.state.value,
            workers=[attempt.worker for attempt in attempts],
            outcomes=[attempt.outcome.value for attempt in attempts],
            note=(job.result or {}).get("note"),
        )


class TwoNodesReport(msgspec.Struct, kw_only=True):
    """All that is judged."""

    nodes: dict[str, str]
    """Zone to node id."""
    workers: list[PoolWorker]
    """Once all had started."""
    gpu_workers: list[PoolWorker]
    gpu_jobs: list[JobSeen]
    gpu_env: dict[str, str]
    """The environment of a codec process of a GPU worker."""
    cpu_env: dict[str, str]
    survivors: list[JobSeen]
    """Jobs that ran on both nodes when one was killed."""
    recovered_s: float
    """From the kill to the end of the last of them."""
    gpu_job_without_gpu: JobSeen
    """Submitted after the node with the devices was gone."""
    after: list[PoolWorker]
    """The living, at the end."""


def statuses(workers: list[PoolWorker], pool: str | None = None) -> list[WorkerStatus]:
    """What the workers (of a pool) told of themselves."""
    return [w.status for w in workers if w.status is not None and pool in (None, w.pool)]
