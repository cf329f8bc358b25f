"""The sweep: files whose time has come, then records, keys and uploads; in small batches.

After each batch it rests for as long as that took, so that at least half of the store's time is
left to jobs. It may run anywhere, at any time, and be cut off at any point: what it did not
finish is still due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from reelyard.actors.jobs.locations import stored_key
from reelyard.actors.jobs.model import Job, Outcome
from reelyard.actors.jobs.object_keys import (
    TENANTS,
    answers_prefix,
    attempt_folder,
    job_prefix,
    temporary_prefix,
    uploads_prefix,
)
from reelyard.actors.jobs.transitions import mark_outputs_deleted
from reelyard.actors.registry.repository import JobRepository, PendingWrite
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage
from reelyard.cluster.storage.sweep import delete_older, delete_older_uploads, delete_unfinished

log = structlog.get_logger(__name__)

_STRAYS = frozenset({Outcome.LOST, Outcome.CRASHED, Outcome.CANCELLED})


TIDY_EVERY_MS = 86_400_000
"""Between two walks over the whole store."""


class JobFiles(Protocol):
    """Files in Reelyard's own storage."""

    async def delete_of(self, jobs: Sequence[Job]) -> None:
        """Delete everything that these jobs have stored until now, and nothing else.

        What an attempt stores that begins while this runs stays.
        """

    async def sweep(self, now_ms: int) -> dict[str, int]:
        """Delete uploads and temporary files past their time; how many of which kind."""

    async def free_bytes(self) -> int | None:
        """Room that is left; None: no limit known. Raises what a look there raises."""


class StoredFiles:
    """`JobFiles` in a `Storage`."""

    def __init__(self, storage: Storage, upload_retention_ms: int, answer_life_ms: int = 0) -> None:
        self._storage = storage
        self._upload_retention_ms = upload_retention_ms
        # Past its life by as much again: whoever replaces one that has expired is at it no more.
        self._answer_retention_ms = max(upload_retention_ms, 2 * answer_life_ms)
        self._tidied_ms: int | None = None

    async def delete_of(self, jobs: Sequence[Job]) -> None:
        keys: list[str] = []
        searched: list[tuple[str, tuple[str, ...]]] = []
        for job in jobs:
            prefix = job_prefix(job.tenant, job.id)
            keys += own_keys(job, prefix)
            if may_have_strays(job):
                searched.append((prefix, tuple(prefix + name for name in attempt_folders(job))))
        for prefix, folders in searched:
            found = await self._storage.list(prefix)
            keys += [info.key for info in found if info.key.startswith(folders)]
        await self._storage.delete(dict.fromkeys(keys))

    async def free_bytes(self) -> int | None:
        return await self._storage.free_bytes()

    async def sweep(self, now_ms: int) -> dict[str, int]:
        before_ms = now_ms - self._upload_retention_ms
        if self._tidied_ms is None or now_ms - self._tidied_ms >= TIDY_EVERY_MS:
            await delete_unfinished(self._storage, before_ms)
            self._tidied_ms = now_ms
        swept = {"uploads": 0, "temporary": 0}
        for tenant in await self._storage.folders(TENANTS):
            swept["uploads"] += await delete_older_uploads(
                self._storage, uploads_prefix(tenant), before_ms
            )
            await delete_older(
                self._storage, answers_prefix(tenant), now_ms - self._answer_retention_ms
            )
            swept["temporary"] += await delete_older(
                self._storage, temporary_prefix(tenant), before_ms
            )
        return swept


def own_keys(job: Job, prefix: str) -> list[str]:
    """Keys of the job's outputs below `prefix`; what lies elsewhere is not ours to delete."""
    keys = [stored_key(output.url) for task in job.tasks for output in task.outputs]
    return [key for key in keys if key is not None and key.startswith(prefix)]


def may_have_strays(job: Job) -> bool:
    """Whether an attempt may have stored files that no record names."""
    return any(attempt.outcome in _STRAYS for task in job.tasks for attempt in task.attempts)


def attempt_folders(job: Job) -> list[str]:
    """Where its attempts until now have stored their files, within the job's folder."""
    return [
        f"{attempt_folder(task.name, attempt.fence)}/"
        for task in job.tasks
        for attempt in task.attempts
    ]


class Sweeper:
    """See the module."""

    def __init__(
        self,
        settings: Settings,
        repository: JobRepository,
        files: JobFiles,
        clock_ms: Callable[[], int],
    ) -> None:
        self._repository = repository
        self._files = files
        self._clock_ms = clock_ms
        self._batch = settings.sweep_batch

    async def sweep(self) -> dict[str, int]:
        """Everything that is due now; how much of what was deleted."""
        done = {
            "outputs": await _in_batches(self._expire_outputs),
            "records": await _in_batches(self._expire_records),
            "keys": await _in_batches(self._expire_keys),
        }
        await self._repository.recount()
        done |= await self._files.sweep(self._clock_ms())
        if any(done.values()):
            log.info("swept", **done)
        return done

    async def _expire_outputs(self) -> tuple[int, bool]:
        jobs = await self._repository.store.outputs_due(self._clock_ms(), self._batch)
        current = await self._repository.get_many([job.id for job in jobs])
        now = self._clock_ms()
        due = [job for job in current.values() if _outputs_are_due(job, now)]
        await self._files.delete_of(due)
        # Somebody may have begun one of them anew meanwhile, and even brought it to an end.
        writes = [PendingWrite(job, job.state) for job in due if _outputs_are_due(job, now)]
        for write in writes:
            mark_outputs_deleted(write.job, now)
        return sum(await self._repository.save(writes)), len(jobs) == self._batch

    async def _expire_records(self) -> tuple[int, bool]:
        jobs = await self._repository.store.records_due(self._clock_ms(), self._batch)
        if not jobs:
            return 0, False
        await self._files.delete_of([job for job in jobs if job.outputs_expire_ms is not None])
        now = self._clock_ms()
        due = [job for job in jobs if _record_is_due(self._repository.current(job.id) or job, now)]
        gone = await self._repository.store.delete([job.id for job in due])
        self._repository.drop(due, gone)
        return gone, len(jobs) == self._batch

    async def _expire_keys(self) -> tuple[int, bool]:
        gone = await self._repository.store.purge(self._clock_ms(), self._batch)
        return gone, gone == self._batch


def _outputs_are_due(job: Job, now_ms: int) -> bool:
    expire_ms = job.outputs_expire_ms
    return job.state.terminal and expire_ms is not None and expire_ms <= now_ms


def _record_is_due(job: Job, now_ms: int) -> bool:
    return job.state.terminal and job.expires_ms <= now_ms


async def _in_batches(write: Callable[[], Awaitable[tuple[int, bool]]]) -> int:
    """Take `step` until it gets nowhere or says that nothing is left; the sum of what it did."""
    total = 0
    while True:
        began = time.monotonic()
        count, more = await write()
        total += count
        if not count or not more:
            return total
        await asyncio.sleep(time.monotonic() - began)
