"""The dispatch of tasks to workers: who asks, what suits, who is to finish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from reelyard.actors.jobs import transitions
from reelyard.actors.jobs.messages import Commit, Lease, LeaseReply, WorkerInfo
from reelyard.actors.jobs.model import ErrorInfo, Job, Outcome, State, Task
from reelyard.actors.registry.completion import Completion
from reelyard.actors.registry.repository import JobRepository, PendingWrite
from reelyard.actors.registry.scheduling.idle_workers import IdleWorkers
from reelyard.actors.registry.scheduling.ready_queue import Entry
from reelyard.actors.registry.verdicts import lease_of, task_of
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.settings import Settings

FALLBACK_AFTER_MS = 15_000
"""A registry that has not been told who is there waits so long for a gpu worker to call."""
LATELY_MS = 30_000
"""A worker that has not asked for work for longer is busy with something long, or gone."""


class Seen(NamedTuple):
    """The process that last asked for work from a slot."""

    pool: str
    incarnation: str
    at_ms: int
    scratch_full: bool = False


class Dispatch:
    """Hands out leases, each process its share."""

    def __init__(
        self,
        settings: Settings,
        repository: JobRepository,
        returns: Completion,
        idle_workers: IdleWorkers,
        clock_ms: Callable[[], int],
    ) -> None:
        self._repository = repository
        self._live_jobs = repository.live_jobs
        self._completion = returns
        self._idle_workers = idle_workers
        self._clock_ms = clock_ms
        self._ttl_s = settings.lease_ttl_s
        self._started_ms = clock_ms()
        self.draining: dict[str, str] = {}
        """Slot to the incarnation that is to finish."""
        self.staffed: dict[str, list[str]] | None = None
        """Pool to its slots, as the pool manager says; None before it has spoken."""
        self.seen: dict[str, Seen] = {}
        """Slots that asked for work."""
        self._replaced: dict[str, str] = {}
        """Slot to the process before the present one."""

    async def lease(
        self, worker: WorkerInfo, want: int, done: Sequence[Commit], wait_s: float
    ) -> LeaseReply:
        """Up to `want` tasks; waits for the first unless something is handed in."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        await self._welcome(worker)
        if done:
            return await self._exchange(worker, want, done)
        while True:
            drain = self._drains(worker)
            leases = [] if drain else await self._hand_out(worker, want)
            left = end - loop.time()
            if leases or drain or want <= 0 or left <= 0:
                return LeaseReply(leases, [], drain, self._waiting(worker))
            pools = self._pools(worker)
            if not self._live_jobs.queue.has_ready(pools):
                await self._idle_workers.wait(worker.incarnation, pools, want, left)

    async def _exchange(self, worker: WorkerInfo, want: int, done: Sequence[Commit]) -> LeaseReply:
        """Bring in and hand out, in one write of the store where both are possible."""
        drain = self._drains(worker)
        verdicts, leases = await asyncio.gather(
            self._completion.commit(done),
            self._hand_out(worker, 0 if drain else want),
            return_exceptions=True,
        )
        # Only once both have ended: a worker that gets no answer gives up what it was handed.
        if isinstance(verdicts, BaseException):
            raise verdicts
        if isinstance(leases, BaseException):
            raise leases
        if not leases and not drain:
            # What was brought in may have made other tasks ready.
            leases = await self._hand_out(worker, want)
        return LeaseReply(leases, verdicts, drain, self._waiting(worker))

    def _waiting(self, worker: WorkerInfo) -> int:
        """Of its own pool alone: what it only helps out with is no reason to hold more."""
        return self._live_jobs.queue.queued(worker.pool)

    def _drains(self, worker: WorkerInfo) -> bool:
        told = (self.draining.get(worker.slot), self._replaced.get(worker.slot))
        return worker.incarnation in told

    async def _welcome(self, worker: WorkerInfo) -> None:
        """A slot's new process gives up what its predecessor still held."""
        if self._replaced.get(worker.slot) == worker.incarnation:
            return  # it was stopped for a while, and must not take its successor's tasks
        last = self.seen.get(worker.slot)
        if last is not None and last.incarnation != worker.incarnation:
            self._replaced[worker.slot] = last.incarnation
        self.seen[worker.slot] = Seen(
            worker.pool, worker.incarnation, self._clock_ms(), worker.scratch_full
        )
        left = self._live_jobs.leases.left_behind(worker.slot, worker.incarnation)
        if left:
            await self._completion.lose(left)

    def drain(self, slots: Sequence[str]) -> None:
        """The processes that now fill these slots get no more work, and are told to finish."""
        for slot in slots:
            if (incarnation := self._process_of(slot)) is not None:
                self.draining[slot] = incarnation
                self._idle_workers.wake_worker(incarnation)

    def _process_of(self, slot: str) -> str | None:
        if (seen := self.seen.get(slot)) is not None:
            return seen.incarnation
        # It has been busy since before this registry started.
        held = self._live_jobs.leases.of_slot(slot)
        return held[0].incarnation if held else None

    def _pools(self, worker: WorkerInfo) -> list[str]:
        pools = list(worker.takes)
        if "cpu" in pools and "gpu" not in pools and self._no_gpu_worker():
            pools.insert(pools.index("cpu") + 1, "gpu")
        return pools

    def _no_gpu_worker(self) -> bool:
        if self.staffed is not None:
            return not self.staffed.get("gpu")
        if any(seen.pool == "gpu" for seen in self.seen.values()):
            return False
        return self._clock_ms() - self._started_ms > FALLBACK_AFTER_MS

    async def _hand_out(self, worker: WorkerInfo, want: int) -> list[Lease]:
        pools = self._pools(worker)
        entries = self._live_jobs.queue.pop(pools, min(want, self._share(pools)))
        jobs = self._live_jobs.jobs
        cold = [entry.job_id for entry in entries if entry.job_id not in jobs]
        if cold:
            await self._warm(cold, entries)
        now = self._clock_ms()
        leases: list[Lease | None] = []
        writes: list[PendingWrite] = []
        locked: list[Commit] = []
        for entry in entries:
            job = jobs.get(entry.job_id)
            task = task_of(job, entry.task)
            if job is None or task is None or task.state is not State.QUEUED:
                continue  # it ended while it was being read
            was = job.state
            transitions.start_attempt(job, task, worker, now)
            self._live_jobs.hold(job, task)
            writes.append(PendingWrite(job, was))
            try:
                secrets = self._repository.vault.open(task)
                leases.append(lease_of(job, task, secrets, worker.pool, self._ttl_s))
            except ReelyardError as error:
                leases.append(None)
                locked.append(_failed(job, task, error))
        verdicts = await self._repository.save(writes)
        if locked:
            await self._completion.commit(locked)
        given = zip(leases, verdicts, strict=True)
        return [lease for lease, kept in given if kept and lease is not None]

    def _share(self, pools: Sequence[str]) -> int:
        """As many tasks as one worker may take of what waits for `pools`, so that the others that
        have asked for work lately get as many: the last tasks of a run end at the same time."""
        since = self._clock_ms() - LATELY_MS
        workers = sum(seen.at_ms >= since and seen.pool in pools for seen in self.seen.values())
        waiting = sum(self._live_jobs.queue.queued(pool) for pool in pools)
        return -(-waiting // max(1, workers))

    async def _warm(self, job_ids: list[str], entries: list[Entry]) -> None:
        """Read jobs of which only the place in the queue was kept."""
        try:
            found = await self._repository.get_many(job_ids)
        except ReelyardError:
            self._live_jobs.give_back(entries)
            raise
        for job in found.values():
            if not job.state.terminal:
                self._live_jobs.jobs.setdefault(job.id, job)

    def heard_of(self, slot: str, incarnation: str) -> None:
        """A process is there, though too busy to ask for work."""
        seen = self.seen.get(slot)
        if seen is not None and seen.incarnation == incarnation:
            self.seen[slot] = seen._replace(at_ms=self._clock_ms())


def _failed(job: Job, task: Task, error: ReelyardError) -> Commit:
    """The end of an attempt that no worker can make."""
    return Commit(job.id, task.name, task.fence, Outcome.FAILED, error=ErrorInfo.of(error))
