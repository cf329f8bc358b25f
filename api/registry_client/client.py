"""The job registry as everything above the actors calls it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from reelyard.actors.jobs.messages import (
    Accepted,
    Changes,
    Health,
    Overview,
    PageQuery,
    Refusal,
    Submission,
)
from reelyard.actors.jobs.model import Job, JobSpec, State
from reelyard.actors.jobs.plan import plan_job
from reelyard.actors.jobs.times import DAY_MS
from reelyard.actors.jobs.waiting import waiting_for
from reelyard.actors.media.catalogue import load_operations
from reelyard.api.registry_client.accounts import Accounts
from reelyard.api.registry_client.batching import Lookups, Writes
from reelyard.api.registry_client.changes import ChangeFeed
from reelyard.api.registry_client.job_cache import JobCache
from reelyard.api.registry_client.link import RayLink, RegistryLink
from reelyard.api.registry_client.silence import NoAnswer
from reelyard.cluster.errors import (
    NotFound,
    ReelyardError,
    Unavailable,
    ValidationFailed,
    error_from_dict,
)
from reelyard.cluster.settings import Settings

PATIENCE_S = 5.0
"""How long a call is tried again while the registry restarts."""
SILENT_S = 120.0
"""How long a call is left with a registry that answers nothing at all: its process may be on its
way up on a busy machine."""
PLAN_IN_THREAD = 20
"""From this many specs on, planning would hold up the event loop."""
SILENT_RETRY_S = 2
"""What a caller is told of one that answers nothing."""
HEALTH_AGE_S = 1.0
"""Monitors of many machines cost the registry no more than one."""
POLL_AGE_S = 0.02
"""So long a look at the registry serves those who poll: about what a request spends in a busy
server anyway."""


class RegistryClient:
    """The registry with merged calls, retries while it restarts, and a memory of jobs.

    One for each process and event loop. `tenant` None means: whoever's job it is.
    """

    def __init__(
        self, link: RegistryLink, settings: Settings, patience_s: float = PATIENCE_S
    ) -> None:
        self._link = link
        self._settings = settings
        self._patience_s = patience_s
        self._loaded = False
        self._health: asyncio.Future[Any] | None = None
        self._health_at = 0.0
        self._cache = JobCache(self._changes, self._get_many)
        self._lookups: Lookups[Job] = Lookups(self._cache.look_up)
        self._submits: Writes[Submission, Accepted | Refusal] = Writes(self._submit_many)
        self._feed = ChangeFeed(self._changes)
        self.accounts = Accounts(self._call)

    @classmethod
    def over_ray(
        cls, settings: Settings, patience_s: float = PATIENCE_S, silent_s: float = SILENT_S
    ) -> RegistryClient:
        """A client of the named registry actor of the Ray cluster this process belongs to.

        A call waits `patience_s` for a registry that is away, `silent_s` for one that is there,
        or about to be, and answers nothing.
        """
        return cls(RayLink(settings, silent_s), settings, patience_s)

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._feed.close()

    # --- jobs ---

    async def submit(self, specs: Sequence[JobSpec]) -> list[Accepted | Refusal]:
        """Plan and submit; an answer for each, in order. Durable when this returns.

        Safe against a restart of the registry: a job that came in twice has one id. Raises
        `Unavailable`.
        """
        self._load_operations()
        if len(specs) >= PLAN_IN_THREAD:
            plans = await asyncio.to_thread(lambda: [self._plan(spec) for spec in specs])
        else:
            plans = [self._plan(spec) for spec in specs]
        good = [plan for plan in plans if isinstance(plan, Submission)]
        rest = iter(await self._submits.put(good))
        return [next(rest) if isinstance(plan, Submission) else plan for plan in plans]

    async def submit_one(self, spec: JobSpec) -> Accepted:
        """Submit one job. Raises whatever it is refused for."""
        (answer,) = await self.submit([spec])
        if isinstance(answer, Refusal):
            raise refused(answer)
        return answer

    async def get(self, job_id: str, tenant: str | None) -> Job:
        """The job as it is now. Raises `NotFound`, `Unavailable`."""
        job = self._cache.finished(job_id) or await self._lookups.get(job_id)
        if job is None or tenant not in (None, job.tenant):
            raise NotFound(f"there is no job {job_id!r}", details={"job_id": job_id})
        return job

    async def poll(self, job_id: str, tenant: str | None) -> Job:
        """The job as it was at most `POLL_AGE_S` ago. Raises `NotFound`, `Unavailable`.

        Never older than what this client has changed, listed or told before. An end is always
        the present one: `POLL_AGE_S` holds for jobs that wait or run.
        """
        job = self._cache.recent(job_id, POLL_AGE_S)
        if job is None and self._cache.unfinished(job_id) is not None:
            # A call that is under way mostly began recently enough; another would come behind it.
            await self._lookups.landed()
            job = self._cache.recent(job_id, POLL_AGE_S)
        if job is None or tenant not in (None, job.tenant):
            return await self.get(job_id, tenant)
        return job

    async def get_many(self, job_ids: Sequence[str], tenant: str | None) -> dict[str, Job]:
        """Those of the jobs that exist, by id. Raises `Unavailable`."""
        jobs = (await self._lookups.get_all(job_ids)).values()
        return {job.id: job for job in jobs if tenant in (None, job.tenant)}

    async def page(self, query: PageQuery) -> list[Job]:
        """A page of a tenant's jobs. Raises `Unavailable`."""
        jobs: list[Job] = await self._call("page", query)
        self._cache.outdate()
        return jobs

    async def cancel(self, job_ids: Sequence[str], tenant: str | None) -> dict[str, Job | Refusal]:
        """Cancel jobs; for each the job as it then is, or why not. Raises `Unavailable`."""
        return await self._change("cancel_many", job_ids, tenant)

    async def retry(self, job_ids: Sequence[str], tenant: str | None) -> dict[str, Job | Refusal]:
        """Run failed jobs again; for each the job, or why not. Raises `Unavailable`."""
        return await self._change("retry_many", job_ids, tenant)

    async def wait(self, job_id: str, tenant: str | None, timeout_s: float) -> Job:
        """The job once it has ended, or as it is after `timeout_s`. Raises `NotFound`."""
        job = await self.get(job_id, tenant)
        if job.state.terminal or timeout_s <= 0:
            return job
        end = time.monotonic() + timeout_s
        async with self._feed.subscribe(job_id) as changed:
            while True:
                changed.clear()
                job = await self.get(job_id, tenant)
                left = end - time.monotonic()
                if job.state.terminal or left <= 0:
                    return job
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    return await self.get(job_id, tenant)

    async def watch(
        self, job_id: str, tenant: str | None, after_seq: int = 0
    ) -> AsyncIterator[Job]:
        """The job as it is, then again on each change; ends after its end.

        With `after_seq` the number of the last history entry that the caller knows: a job that
        ended by then yields nothing. Raises `NotFound`.
        """
        job = await self.get(job_id, tenant)
        if job.state.terminal and job.history and job.history[-1].seq <= after_seq:
            return
        async with self._feed.subscribe(job_id) as changed:
            while True:
                changed.clear()
                job = await self.get(job_id, tenant)
                yield job
                if job.state.terminal:
                    return
                await changed.wait()

    # --- operating ---

    async def overview(self) -> Overview:
        """Counts, pools and running jobs."""
        overview: Overview = await self._call("overview")
        return overview

    async def pause(self, pool: str) -> None:
        """Hand out no more tasks of a pool. Raises `NotFound`."""
        await self._call("pause", pool)

    async def resume(self, pool: str) -> None:
        """Hand out tasks of a pool again. Raises `NotFound`."""
        await self._call("resume", pool)

    async def drain(self, slots: Sequence[str]) -> None:
        """Let workers finish what they run and exit."""
        await self._call("drain", list(slots))

    async def waiting_for(self, job: Job) -> str | None:
        """What keeps a queued job from being run, beyond its turn; None where nothing does, or
        the registry can't be asked just now."""
        if job.state is not State.QUEUED:
            return None
        try:
            return waiting_for(job, await self.health())
        except Unavailable:
            return None

    async def health(self) -> Health:
        """Whether jobs can be taken on, as it was at most `HEALTH_AGE_S` ago; asked without
        patience. Raises `Unavailable`."""
        if self._health is None or time.monotonic() - self._health_at >= HEALTH_AGE_S:
            self._health_at = time.monotonic()
            self._health = asyncio.ensure_future(self._call("health", patience_s=0))
        # A page of queued jobs asks at once for each of them: they share the answer. A caller that
        # goes away must not end it for the others.
        found: Health = await asyncio.shield(self._health)
        return found

    # --- inside ---

    async def _change(
        self, method: str, job_ids: Sequence[str], tenant: str | None
    ) -> dict[str, Job | Refusal]:
        try:
            answers: dict[str, Job | Refusal] = await self._call(method, list(job_ids), tenant)
        finally:
            # Without an answer, too, the call may have had its effect.
            self._cache.outdate()
        return answers

    async def _call(self, method: str, *args: Any, patience_s: float | None = None) -> Any:
        end = time.monotonic() + (self._patience_s if patience_s is None else patience_s)
        delay = 0.05
        while True:
            try:
                return await self._link.call(method, *args)
            except NoAnswer as error:
                # It had its time already, and others wait who should hear of it.
                raise Unavailable(retry_after_s=SILENT_RETRY_S, internal=str(error)) from None
            except Unavailable:
                if time.monotonic() + delay >= end:
                    raise
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
            delay = min(delay * 2, 1.0)

    def _load_operations(self) -> None:
        if not self._loaded:
            load_operations(self._settings.operations)
            self._loaded = True

    def _plan(self, spec: JobSpec) -> Submission | Refusal:
        retention_ms = round(self._settings.record_retention_days * DAY_MS)
        try:
            job = plan_job(spec, retention_ms=retention_ms)
        except ReelyardError as error:
            return Refusal.of(error)
        return Submission(
            job=job, idempotency_key=spec.idempotency_key, fingerprint=spec.fingerprint
        )

    async def _submit_many(self, batch: list[Submission]) -> list[Accepted | Refusal]:
        try:
            answers: list[Accepted | Refusal] = await self._call("submit_many", batch)
        except (UnicodeEncodeError, OverflowError, TypeError):
            # Other requests' jobs are in the batch, too: what can't be stored is refused by itself.
            faults = [unstorable(item) for item in batch]
            if not any(faults):
                raise
            good = [item for item, fault in zip(batch, faults, strict=True) if fault is None]
            taken = iter(await self._submit_many(good) if good else [])
            answers = [fault or next(taken) for fault in faults]
        return answers

    async def _get_many(self, job_ids: list[str]) -> dict[str, Job]:
        jobs: dict[str, Job] = await self._call("get_many", job_ids)
        return jobs

    async def _changes(self, after: int, timeout_s: float) -> Changes:
        changes: Changes = await self._call("changes", after, timeout_s)
        return changes


def unstorable(item: Submission) -> Refusal | None:
    """Why a job can't be written down, if it can't."""
    try:
        msgspec.msgpack.encode(item.job)
    except UnicodeEncodeError:
        reason = "text that is not Unicode (half of a surrogate pair)"
    except OverflowError:
        reason = "a number of more than 64 bits"
    except TypeError as error:
        reason = f"a value that is not JSON: {error}"
    else:
        return None
    return Refusal.of(ValidationFailed(f"the job holds {reason}"))


def refused(refusal: Refusal) -> ReelyardError:
    """A refusal as the error it stands for."""
    error = error_from_dict(msgspec.to_builtins(refusal.error))
    error.retry_after_s = refusal.retry_after_s
    return error


def expect_job(answers: dict[str, Job | Refusal], job_id: str) -> Job:
    """The job of a list call of one. Raises what it was refused for, or `NotFound`."""
    answer = answers.get(job_id)
    if isinstance(answer, Refusal):
        raise refused(answer)
    if answer is None:
        raise NotFound(f"there is no job {job_id!r}", details={"job_id": job_id})
    return answer
