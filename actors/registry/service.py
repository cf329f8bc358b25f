"""The one place that knows how every job stands: all that the registry does, without Ray."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from reelyard.actors.jobs.ids import new_id
from reelyard.actors.jobs.messages import (
    Accepted,
    Changes,
    Commit,
    Health,
    KeyInfo,
    KeySpec,
    LeaseReply,
    Overview,
    PageQuery,
    Refusal,
    Report,
    RequestRate,
    Submission,
    Usage,
    Verdict,
    WorkerInfo,
)
from reelyard.actors.jobs.model import Job
from reelyard.actors.jobs.times import HOUR_MS
from reelyard.actors.registry.accounts.api_keys import ApiKeys
from reelyard.actors.registry.accounts.credits import Credits
from reelyard.actors.registry.accounts.request_rates import RequestRates
from reelyard.actors.registry.change_log import ChangeLog
from reelyard.actors.registry.completion import Completion
from reelyard.actors.registry.dispatch import Dispatch
from reelyard.actors.registry.expiry import JobFiles, StoredFiles, Sweeper
from reelyard.actors.registry.health_watch import HealthWatch
from reelyard.actors.registry.overview import OverviewReporter
from reelyard.actors.registry.pool_pauses import PoolPauses
from reelyard.actors.registry.repository import JobRepository
from reelyard.actors.registry.scheduling.idle_workers import IdleWorkers
from reelyard.actors.registry.scheduling.live_jobs import LiveJobs
from reelyard.actors.registry.scheduling.run_times import RunTimes
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.actors.registry.submission import Submitter
from reelyard.actors.registry.vault import Vault
from reelyard.cluster import metrics
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import open_storage

log = structlog.get_logger(__name__)

TICK_S = 0.25
"""Longest time between two looks at leases and pauses."""
METRICS_S = HEALTH_S = 5.0


def wall_ms() -> int:
    """Now, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Milliseconds that go on evenly, whatever the time of day does."""
    return time.monotonic_ns() // 1_000_000


class RegistryService:
    """Accepts, leases, and brings to an end; all methods are coroutines over lists.

    It starts by itself at the first call: opens the store and takes in every open job. Killed at
    any instant, a new one on the same store goes on where the old one was.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore | None = None,
        files: JobFiles | None = None,
        clock_ms: Callable[[], int] = wall_ms,
        steady_ms: Callable[[], int] = steady_ms,
    ) -> None:
        self._settings = settings
        self.epoch = new_id()
        self._run_times = RunTimes()
        self._live_jobs = LiveJobs(
            round(settings.lease_ttl_s * 1000),
            clock_ms,
            steady_ms,
            expected_s=self._run_times.expected_s,
        )
        self._change_log = ChangeLog(self.epoch)
        self._idle_workers = IdleWorkers()
        self._store = store = store or open_store(settings.store)
        files = files or StoredFiles(
            open_storage(settings),
            round(settings.upload_retention_hours * HOUR_MS),
            round(settings.idempotency_ttl_hours * HOUR_MS),
        )
        self._vault = Vault(settings.data, settings.url_secrets_key)
        self._repository = JobRepository(
            store, self._live_jobs, self._change_log, self._idle_workers.wake, self._vault
        )
        self._credits = Credits(store, settings.default_credits, clock_ms)
        self._api_keys = ApiKeys(store, clock_ms)
        self._request_rates = RequestRates(settings.rate_limit_per_minute)
        self._completion = Completion(
            settings, self._repository, self._credits, self._change_log, self._run_times, clock_ms
        )
        self._dispatch = Dispatch(
            settings, self._repository, self._completion, self._idle_workers, clock_ms
        )
        self._submitter = Submitter(
            settings, self._repository, self._credits, clock_ms, files.delete_of, self._refusal
        )
        self._sweeper = Sweeper(settings, self._repository, files, clock_ms)
        self._reporter = OverviewReporter(
            settings,
            self.epoch,
            self._repository,
            self._dispatch,
            self._run_times,
            clock_ms,
            self._health,
        )
        self._watch = HealthWatch(
            settings,
            store.free_bytes,
            files.free_bytes,
            self._reporter,
            lambda: self._repository.open_count,
        )
        self._pauses = PoolPauses(store, self._live_jobs.queue, self._reporter.pool_names)
        self._starting: asyncio.Task[None] | None = None
        self._loops: list[asyncio.Task[None]] = []

    # --- life ---

    async def start(self) -> None:
        """Open the store and take in every open job. Raises `Unavailable`; then try again."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        starting = self._starting
        try:
            await asyncio.shield(starting)
        except Exception:
            if self._starting is starting:
                self._starting = None
            raise

    async def _start(self) -> None:
        await self._store.open()
        try:
            await self._repository.rebuild()
            await self._pauses.load()
        except Exception:
            await self._store.close()
            raise
        metrics.LEASE_EXPIRIES.begin()
        self._loops = [
            asyncio.create_task(self._for_ever(self._tick, self._pause_s), name="tick"),
            asyncio.create_task(
                self._for_ever(self._sweeper.sweep, lambda: self._settings.sweep_interval_s),
                name="sweep",
            ),
            asyncio.create_task(
                self._for_ever(self._reporter.publish, lambda: METRICS_S), name="metrics"
            ),
            asyncio.create_task(self._for_ever(self._watch.look, lambda: HEALTH_S), name="health"),
        ]
        if locked := self._vault.locked(self._live_jobs.jobs.values()):
            # Not `secret…`: the log would hide it.
            log.error("key_of_stored_urls_missing", file=str(self._vault.path), jobs=locked)
        log.info(
            "registry_started",
            store=self._store.name,
            epoch=self.epoch,
            open_jobs=self._repository.open_count,
            leases=len(self._live_jobs.leases),
        )

    async def stop(self) -> None:
        """Finish what is being written and let go of the store."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._idle_workers.wake_all()
        if self._starting is not None:
            await self._repository.close()
            self._starting = None

    async def ping(self) -> str:
        """This registry's epoch: another one after each start."""
        await self._ready()
        return self.epoch

    async def _ready(self) -> None:
        if self._starting is None or not self._starting.done() or self._starting.exception():
            await self.start()

    # --- jobs ---

    async def submit_many(self, batch: list[Submission]) -> list[Accepted | Refusal]:
        """Take jobs in; what is `Accepted` is on disk. The same id or idempotency key again
        gives the first job. Raises `Unavailable`, `StorageFull`."""
        await self._ready()
        return await self._submitter.submit(batch)

    async def get_many(self, job_ids: list[str]) -> dict[str, Job]:
        """The jobs that exist, by id."""
        await self._ready()
        return await self._repository.get_many(job_ids)

    async def page(self, query: PageQuery) -> list[Job]:
        """A page of a tenant's jobs, with the progress of those that run."""
        await self._ready()
        jobs = await self._store.page(query)
        self._vault.hide(*jobs)
        return [self._newer(job) for job in jobs]

    def _newer(self, job: Job) -> Job:
        known = self._live_jobs.jobs.get(job.id)
        return known if known is not None and known.rev == job.rev else job

    async def cancel_many(self, job_ids: list[str], tenant: str | None) -> dict[str, Job | Refusal]:
        """End jobs; for each the job as it then is, or why not. Again changes nothing."""
        return await self._each(job_ids, lambda job_id: self._completion.cancel(job_id, tenant))

    async def retry_many(self, job_ids: list[str], tenant: str | None) -> dict[str, Job | Refusal]:
        """Begin failed jobs anew; for each the job, or why not."""
        return await self._each(job_ids, lambda job_id: self._submitter.retry(job_id, tenant))

    async def _each(
        self, job_ids: Sequence[str], action: Callable[[str], Coroutine[Any, Any, Job]]
    ) -> dict[str, Job | Refusal]:
        await self._ready()

        async def one(job_id: str) -> Job | Refusal:
            try:
                return await action(job_id)
            except ReelyardError as error:
                if error.http_status >= 500:
                    raise
                return Refusal.of(error)

        ids = list(dict.fromkeys(job_ids))
        return dict(zip(ids, await asyncio.gather(*map(one, ids)), strict=True))

    async def changes(self, after: int, timeout_s: float) -> Changes:
        """Ids of jobs that changed after the number `after`; waits up to `timeout_s` for one.

        `FROM_NOW` only asks where the change log stands. A follower that fell behind gets an epoch
        that it does not know.
        """
        await self._ready()
        return await self._change_log.after(after, timeout_s)

    # --- workers ---

    async def lease(
        self, worker: WorkerInfo, want: int, done: list[Commit], wait_s: float
    ) -> LeaseReply:
        """Up to `want` tasks that `worker` takes; waits up to `wait_s` for the first.

        A call ends an earlier one of the same process. `done` is committed first, and answered
        without waiting.
        """
        await self._ready()
        return await self._dispatch.lease(worker, want, done, wait_s)

    async def report(self, slot: str, incarnation: str, reports: list[Report]) -> list[Verdict]:
        """Progress, and proof of life. `stop` without `accepted`: overtaken, leave no trace;
        `stop` with it: cancelled."""
        await self._ready()
        self._dispatch.heard_of(slot, incarnation)
        await self._repository.open_jobs([report.job_id for report in reports])
        return self._completion.report(reports)

    async def commit(self, commits: list[Commit]) -> list[Verdict]:
        """Bring in finished attempts. A commit that was accepted once is so again."""
        await self._ready()
        return await self._completion.commit(commits)

    async def lost(self, incarnations: list[str]) -> int:
        """These processes are dead: what they held runs again; how many tasks that were."""
        await self._ready()
        held = self._live_jobs.leases.of_incarnations(set(incarnations))
        return await self._completion.lose(held)

    async def set_pools(self, pools: dict[str, list[str]]) -> None:
        """Which slots there are in which pool, by the pool manager."""
        await self._ready()
        if pools != self._dispatch.staffed:
            self._dispatch.staffed = pools
            self._idle_workers.wake_all()

    async def drain(self, slots: list[str]) -> None:
        """The workers in these slots get no more work and are told to finish."""
        await self._ready()
        self._dispatch.drain(slots)

    async def pause(self, pool: str) -> None:
        """Hand out no tasks of `pool` until `resume`, restarts included. Raises `NotFound`."""
        await self._ready()
        await self._pauses.pause(pool)

    async def resume(self, pool: str) -> None:
        """Hand out tasks of `pool` again. Raises `NotFound`."""
        await self._ready()
        await self._pauses.resume(pool)
        self._idle_workers.wake_all()

    # --- credits and keys ---

    async def usage(self, tenant: str) -> Usage:
        """A tenant's credits, counts and sums."""
        await self._ready()
        await self._credits.load(tenant)
        return Usage(
            tenant=tenant,
            credits_left=await self._store.balance(tenant),
            credits_spent=await self._store.spent(tenant),
            jobs=await self._store.counts(tenant),
            totals=await self._store.totals(tenant),
        )

    async def grant(self, tenant: str, credits: int, grant_id: str = "") -> None:
        """Give a tenant credits; from then on they are limited. A call that is repeated with the
        same `grant_id` gives nothing more. Raises `BadRequest`."""
        await self._ready()
        await self._credits.grant(tenant, credits, grant_id or new_id())

    async def create_key(self, spec: KeySpec, text: str) -> KeyInfo:
        """An API key of the text `text`, which is not kept, with its grant of credits. A call that
        is repeated with the same text makes no second key."""
        await self._ready()
        info = await self._api_keys.create(text, spec)
        if spec.credits is not None:
            await self._credits.grant(spec.tenant, spec.credits, info.key_id)
        return info

    async def rotate_key(self, key_id: str, text: str, overlap_s: float) -> KeyInfo:
        """An API key of the text `text` in another one's place, which ends after `overlap_s`.
        Raises `NotFound`, `Conflict`."""
        await self._ready()
        return await self._api_keys.rotate(text, key_id, overlap_s)

    async def api_keys(self) -> dict[str, KeyInfo]:
        """Every key by its SHA-256, revoked ones too."""
        await self._ready()
        return await self._api_keys.all()

    async def revoke_key(self, key_id: str) -> KeyInfo:
        """Make a key worthless. Raises `NotFound`."""
        await self._ready()
        return await self._api_keys.revoke(key_id)

    async def count_requests(self, asks: list[tuple[str, int]]) -> list[RequestRate]:
        """Count so many requests of each key (0: only look); where it stands then, in order."""
        return await self._request_rates.count(asks)

    async def secret(self, name: str) -> str:
        """This installation's secret of that name, made at its first use."""
        await self._ready()
        if name == "signing" and self._settings.signing_secret:
            return self._settings.signing_secret
        return await self._store.secret(name, secrets.token_urlsafe(32))

    # --- operating ---

    async def sweep(self) -> dict[str, int]:
        """Delete what is due now; how much of what."""
        await self._ready()
        return await self._sweeper.sweep()

    async def overview(self) -> Overview:
        """Counts, pools, and some of what runs."""
        await self._ready()
        return self._reporter.overview()

    async def health(self) -> Health:
        """Whether jobs can be taken on and run, as of the last seconds."""
        await self._ready()
        return self._watch.health()

    def _health(self) -> Health:
        return self._watch.health()

    def _refusal(self) -> ReelyardError | None:
        return self._watch.refusal()

    # --- by the clock ---

    async def _for_ever(
        self, action: Callable[[], Coroutine[Any, Any, Any]], pause_s: Callable[[], float]
    ) -> None:
        while True:
            await asyncio.sleep(pause_s())
            try:
                await action()
            except Exception as error:  # noqa: BLE001 - the next round may find the store again
                log.warning("registry_loop_failed", action=action.__qualname__, error=repr(error))

    def _pause_s(self) -> float:
        left_ms = self._live_jobs.next_look_ms()
        return TICK_S if left_ms is None else min(TICK_S, max(0.01, left_ms / 1000))

    async def _tick(self) -> None:
        self._idle_workers.wake(self._live_jobs.wake())
        expired = self._live_jobs.expired()
        if expired:
            self._run_times.lease_expiries += len(expired)
            metrics.LEASE_EXPIRIES.add(len(expired))
            for holding in expired:
                log.warning(
                    "lease_expired", job_id=holding.key[0], task=holding.key[1], slot=holding.slot
                )
            await self._completion.lose(expired)
