"""The registry at a glance: for operators, pool sizing and metrics."""

from __future__ import annotations

from collections.abc import Callable

from reelyard.actors.jobs.messages import Health, Overview, PoolStatus
from reelyard.actors.jobs.model import State
from reelyard.actors.registry.dispatch import Dispatch
from reelyard.actors.registry.repository import JobRepository
from reelyard.actors.registry.scheduling.run_times import RunTimes
from reelyard.cluster import metrics
from reelyard.cluster.settings import Settings

SHOWN_JOBS = 50
FORGET_SLOT_MS = 120_000
"""A slot that has not asked for work for so long is no worker any more."""


class OverviewReporter:
    """Reads the other parts; changes nothing."""

    def __init__(
        self,
        settings: Settings,
        epoch: str,
        repository: JobRepository,
        dispatch: Dispatch,
        run_times: RunTimes,
        clock_ms: Callable[[], int],
        health: Callable[[], Health],
    ) -> None:
        self._settings = settings
        self._epoch = epoch
        self._repository = repository
        self._live_jobs = repository.live_jobs
        self._dispatch = dispatch
        self._run_times = run_times
        self._clock_ms = clock_ms
        self._health = health
        self._started_ms = clock_ms()

    def overview(self) -> Overview:
        """Counts, pools, and some of what runs."""
        now = self._clock_ms()
        holdings = self._live_jobs.leases.holdings()
        running = list(dict.fromkeys(holding.key[0] for holding in holdings))[:SHOWN_JOBS]
        return Overview(
            epoch=self._epoch,
            uptime_s=(now - self._started_ms) / 1000,
            store=self._repository.store.name,
            jobs={str(state): self._repository.counts[state] for state in State},
            pools=[self._pool_status(name, now) for name in self.pool_names()],
            running=[
                self._live_jobs.jobs[job_id] for job_id in running if job_id in self._live_jobs.jobs
            ],
            finished_per_s=self._run_times.per_second(now),
            lease_expiries=self._run_times.lease_expiries,
            health=self._health(),
        )

    def pool_names(self) -> list[str]:
        """Pools of the settings, of the pool manager, and those that tasks asked for."""
        staffed = self._dispatch.staffed or {}
        queue = self._live_jobs.queue
        return sorted({*self._settings.all_pools, *staffed, *queue.names(), *queue.paused})

    def present(self) -> int:
        """How many workers are there."""
        now = self._clock_ms()
        return len({slot for name in self.pool_names() for slot in self._workers(name, now)})

    def full(self) -> int:
        """How many of them have no room in their scratch."""
        now = self._clock_ms()
        slots = {slot for name in self.pool_names() for slot in self._workers(name, now)}
        seen = self._dispatch.seen
        return sum(slot in seen and seen[slot].scratch_full for slot in slots)

    def wanted(self) -> bool:
        """Whether there is a use for workers: tasks wait, or a pool keeps some."""
        queue = self._live_jobs.queue
        keeps = any(pool.min_workers for pool in self._settings.all_pools.values())
        return keeps or any(queue.queued(name) for name in queue.names())

    def paused_pools(self) -> list[str]:
        """The pools that an operator has paused."""
        return sorted(self._live_jobs.queue.paused)

    def _pool_status(self, name: str, now_ms: int) -> PoolStatus:
        queue = self._live_jobs.queue
        oldest = queue.oldest_ms(name)
        return PoolStatus(
            name=name,
            queued=queue.queued(name),
            running=self._live_jobs.leases.count(name),
            oldest_queued_s=max(0, now_ms - oldest) / 1000 if oldest is not None else 0.0,
            backlog_s=self._run_times.backlog_s(queue.by_operation(name)),
            workers=self._workers(name, now_ms),
            paused=name in queue.paused,
        )

    def _workers(self, pool: str, now_ms: int) -> list[str]:
        if self._dispatch.staffed is not None:
            return sorted(self._dispatch.staffed.get(pool, []))
        return sorted(
            slot
            for slot, seen in self._dispatch.seen.items()
            if seen.pool == pool and now_ms - seen.at_ms < FORGET_SLOT_MS
        )

    async def publish(self) -> None:
        """Set the gauges."""
        overview = self.overview()
        for pool in overview.pools:
            metrics.QUEUE_DEPTH.set(pool.queued, pool=pool.name)
            metrics.QUEUE_AGE.set(pool.oldest_queued_s, pool=pool.name)
            metrics.BACKLOG.set(pool.backlog_s, pool=pool.name)
            metrics.RUNNING.set(pool.running, pool=pool.name)
            metrics.WORKERS.set(len(pool.workers), pool=pool.name)
        for part in overview.health.parts:
            metrics.PART_OK.set(float(part.ok), part=part.name)
        metrics.FINISHED_PER_S.set(overview.finished_per_s)
