"""The sweep: files whose time has come, then records, keys and uploads; in small batches.

It may run anywhere, at any time, and be cut off at any point: what it did not finish is still due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from actors.jobs.model import Job, Outcome
from actors.registry.journal import Journal, Step
from actors.registry.transitions import OWN_STORAGE, mark_outputs_deleted
from cluster.settings import Settings
from cluster.storage import Storage, job_prefix, sweep_storage, sweep_unfinished

log = structlog.get_logger(__name__)

_STRAYS = frozenset({Outcome.LOST, Outcome.CRASHED, Outcome.CANCELLED})


class JobFiles(Protocol):
    """Files in Reelyard's own storage."""

    async def delete_of(self, jobs: Sequence[Job]) -> None:
        """Delete everything that these jobs have stored, and nothing else."""

    async def sweep(self, now_ms: int) -> dict[str, int]:
        """Delete uploads past their time; how many of which kind."""


class StoredFiles:
    """`JobFiles` in a `Storage`."""

    def __init__(self, storage: Storage, upload_retention_ms: int) -> None:
        self._storage = storage
        self._upload_retention_ms = upload_retention_ms
        self._tidied = False

    async def delete_of(self, jobs: Sequence[Job]) -> None:
        keys: list[str] = []
        for job in jobs:
            prefix = job_prefix(job.tenant, job.id)
            keys += own_keys(job, prefix)
            if may_have_strays(job):
                keys += [info.key for info in await self._storage.list(prefix)]
        await self._storage.delete(dict.fromkeys(keys))

    async def sweep(self, now_ms: int) -> dict[str, int]:
        before_ms = now_ms - self._upload_retention_ms
        if not self._tidied:
            # It walks the whole store: once a process.
            await sweep_unfinished(self._storage, before_ms=before_ms)
            self._tidied = True
        return await sweep_storage(
            self._storage, now_ms=now_ms, max_age_ms=self._upload_retention_ms
        )


def own_keys(job: Job, prefix: str) -> list[str]:
    """Keys of the job's outputs below `prefix`; what lies elsewhere is not ours to delete."""
    urls = [output.url for task in job.tasks for output in task.outputs]
    keys = [url.removeprefix(OWN_STORAGE) for url in urls if url.startswith(OWN_STORAGE)]
    return [key for key in keys if key.startswith(prefix)]


def may_have_strays(job: Job) -> bool:
    """Whether an attempt may have stored files that no record names."""
    return any(attempt.outcome in _STRAYS for task in job.tasks for attempt in task.attempts)


class Sweeper:
    """See the module."""

    def __init__(
        self, settings: Settings, journal: Journal, files: JobFiles, clock_ms: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._files = files
        self._clock_ms = clock_ms
        self._batch = settings.sweep_batch

    async def sweep(self) -> dict[str, int]:
        """Everything that is due now; how much of what was deleted."""
        done = {"outputs": await self._sweep_outputs(), "records": await self._sweep_records()}
        done["keys"] = await self._sweep_keys()
        done |= await self._files.sweep(self._clock_ms())
        if any(done.values()):
            log.info("swept", **done)
        return done

    async def _sweep_outputs(self) -> int:
        count = 0
        while jobs := await self._journal.store.outputs_due(self._clock_ms(), self._batch):
            kept = await self._delete_outputs(jobs)
            count += kept
            if len(jobs) < self._batch or not kept:
                break
        return count

    async def _delete_outputs(self, jobs: Sequence[Job]) -> int:
        current = await self._journal.get_many([job.id for job in jobs])
        now = self._clock_ms()
        due = [
            job
            for job in current.values()
            if job.state.terminal
            and job.outputs_expire_ms is not None
            and job.outputs_expire_ms <= now
        ]
        await self._files.delete_of(due)
        # Somebody may have begun one of them anew meanwhile.
        steps = [Step(job, job.state) for job in due if job.state.terminal]
        for step in steps:
            mark_outputs_deleted(step.job, now)
        return sum(await self._journal.perform(steps))

    async def _sweep_records(self) -> int:
        count = 0
        while jobs := await self._journal.store.records_due(self._clock_ms(), self._batch):
            left = [job for job in jobs if job.outputs_expire_ms is not None]
            await self._files.delete_of(left)
            ids = [job.id for job in jobs]
            gone = await self._journal.store.delete(ids)
            self._journal.drop(jobs)
            count += gone
            if len(jobs) < self._batch or not gone:
                break
        return count

    async def _sweep_keys(self) -> int:
        count = 0
        while gone := await self._journal.store.purge(self._clock_ms(), self._batch):
            count += gone
            if gone < self._batch:
                break
        return count
