"""What waits, what runs, who holds it: the open jobs in memory. No I/O."""

from __future__ import annotations

from actors.jobs.model import Job, State, Task
from actors.registry.leases import Holding, LeaseBook
from actors.registry.queue import Entry, ReadyQueue
from actors.registry.transitions import ready_tasks

HOT_JOBS = 50_000
"""Of the jobs that only wait, so many are kept whole; of the others, the place in the queue."""


class Board:
    """The registry's working memory, rebuilt from the store at its start."""

    def __init__(self, lease_ttl_ms: int, hot_jobs: int = HOT_JOBS) -> None:
        self.jobs: dict[str, Job] = {}
        """Every job that runs, and those at the head of the queue."""
        self._hot_jobs = hot_jobs
        self.queue = ReadyQueue()
        self.leases = LeaseBook()
        self._lease_ttl_ms = lease_ttl_ms

    def admit(self, job: Job, now_ms: int) -> list[str]:
        """Take in an open job; running attempts get a fresh lease.

        Returns the pools that have a task more to hand out.
        """
        if job.state is State.RUNNING or len(self.jobs) < self._hot_jobs:
            self.jobs[job.id] = job
        for task in job.tasks:
            if task.state is State.RUNNING:
                self.hold(job, task, now_ms)
        return self.enqueue(job, now_ms)

    def enqueue(self, job: Job, now_ms: int) -> list[str]:
        """Queue the job's tasks that are ready; the pool of each that can run now."""
        pools = []
        for task in ready_tasks(job):
            if (job.id, task.name) in self.queue:
                continue
            entry = Entry(
                job.created_ms,
                job.id,
                task.name,
                task.pool,
                task.operation,
                job.priority,
                task.not_before_ms,
            )
            if self.queue.push(entry, now_ms):
                pools.append(task.pool)
        return pools

    def hold(self, job: Job, task: Task, now_ms: int) -> None:
        """Enter the running attempt of `task` with a fresh lease."""
        attempt = task.attempts[-1]
        self.leases.hold(
            Holding(
                (job.id, task.name),
                attempt.fence,
                attempt.worker,
                attempt.incarnation,
                attempt.pool,
                now_ms + self._lease_ttl_ms,
            )
        )

    def clear(self, job: Job) -> list[Holding]:
        """Take all that is queued or held for `job` off; what was held."""
        held = []
        for task in job.tasks:
            key = (job.id, task.name)
            self.queue.discard(key)
            if (holding := self.leases.get(key, task.fence)) is not None:
                held.append(holding)
            self.leases.release(key)
        return held

    def forget(self, job_id: str) -> None:
        """The job has ended, or has to be read anew."""
        if (job := self.jobs.pop(job_id, None)) is not None:
            self.clear(job)
