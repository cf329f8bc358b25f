"""The open jobs in memory: what waits, what runs, who holds it. No I/O.

Leases and pauses go by a clock that nobody sets: when the time of day jumps, or a laptop wakes up,
no lease runs out that a worker could have renewed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reelyard.actors.jobs.model import Job, State, Task
from reelyard.actors.jobs.retries import RetryPolicy
from reelyard.actors.jobs.transitions import ready_tasks
from reelyard.actors.registry.scheduling.leases import Holding, LeaseBook
from reelyard.actors.registry.scheduling.ready_queue import Entry, ReadyQueue, TaskKey
from reelyard.actors.registry.scheduling.run_times import FIRST_GUESS_S

HOT_JOBS = 50_000
"""Of the jobs that only wait, so many are kept whole; of the others, the place in the queue."""

LONGEST_PAUSE_MS = round(RetryPolicy.max_delay_s * 1000)
"""Of a retry; a stored time that lies further off was written by another clock."""


class LiveJobs:
    """The registry's working memory, rebuilt from the store at its start."""

    def __init__(
        self,
        lease_ttl_ms: int,
        clock_ms: Callable[[], int],
        steady_ms: Callable[[], int],
        hot_jobs: int = HOT_JOBS,
        *,
        expected_s: Callable[[str], float] = lambda _: FIRST_GUESS_S,
    ) -> None:
        """`clock_ms`: Unix milliseconds; `steady_ms`: milliseconds that only ever go on;
        `expected_s`: seconds that a task of an operation should take."""
        self.jobs: dict[str, Job] = {}
        """Every job that runs, and those at the head of the queue."""
        self._hot_jobs = hot_jobs
        self.queue = ReadyQueue()
        self.leases = LeaseBook()
        self._lease_ttl_ms = lease_ttl_ms
        self._clock_ms = clock_ms
        self._steady_ms = steady_ms
        self._expected_s = expected_s

    def admit(self, job: Job) -> list[str]:
        """Take in an open job; running attempts get a fresh lease.

        Returns the pools that have a task more to hand out.
        """
        if job.state is State.RUNNING or len(self.jobs) < self._hot_jobs:
            self.jobs[job.id] = job
        for task in job.tasks:
            if task.state is State.RUNNING:
                self.hold(job, task)
        return self.enqueue(job)

    def enqueue(self, job: Job) -> list[str]:
        """Queue the job's tasks that are ready; the pool of each that can run now."""
        pools = []
        now = self._steady_ms()
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
                now + self._pause_ms(task),
                job.tenant,
                self._expected_s(task.operation),
            )
            if self.queue.push(entry, now):
                pools.append(task.pool)
        return pools

    def _pause_ms(self, task: Task) -> int:
        if not task.not_before_ms:
            return 0
        left = task.not_before_ms - self._clock_ms()
        return max(0, min(left, LONGEST_PAUSE_MS))

    def give_back(self, entries: Iterable[Entry]) -> None:
        """Entries that were taken from the queue and not handed out."""
        now = self._steady_ms()
        for entry in entries:
            self.queue.push(entry, now)

    def hold(self, job: Job, task: Task) -> None:
        """Enter the running attempt of `task` with a fresh lease."""
        attempt = task.attempts[-1]
        self.leases.hold(
            Holding(
                (job.id, task.name),
                attempt.fence,
                attempt.worker,
                attempt.incarnation,
                attempt.pool,
                self._steady_ms() + self._lease_ttl_ms,
            )
        )

    def renew(self, key: TaskKey, fence: int) -> None:
        """The attempt of that fence lives."""
        self.leases.renew(key, fence, self._steady_ms() + self._lease_ttl_ms)

    def expired(self) -> list[Holding]:
        """Holdings that have not been renewed in time."""
        return self.leases.expired(self._steady_ms())

    def wake(self) -> list[str]:
        """Queue the tasks whose pause is over; the pool of each."""
        return self.queue.wake(self._steady_ms())

    def next_look_ms(self) -> int | None:
        """In how many milliseconds `expired` or `wake` will have something; None: not by itself."""
        due = (self.leases.next_deadline_steady_ms, self.queue.next_wake_steady_ms)
        return min((at - self._steady_ms() for at in due if at is not None), default=None)

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
