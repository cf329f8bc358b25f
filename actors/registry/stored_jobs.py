"""The jobs in a store, read without a registry: after `down`, or beside one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job
from reelyard.actors.jobs.secrecy import hide_job_secrets
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.cluster.settings import Settings


class StoredJobs:
    """Jobs as they were last written. Nothing is changed."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    @classmethod
    async def open(cls, settings: Settings) -> StoredJobs | None:
        """Those in the store of the settings; None: there is no store yet.

        Raises `Unavailable` if it can't be read, or a newer Reelyard has written it.
        """
        store = open_store(settings.store)
        return cls(store) if await store.open_for_reading() else None

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """The jobs that exist, by id."""
        found = await self._store.get_many(job_ids)
        return {job_id: _shown(job) for job_id, job in found.items()}

    async def page(self, query: PageQuery) -> list[Job]:
        """A page of a tenant's jobs."""
        return [_shown(job) for job in await self._store.page(query)]

    async def close(self) -> None:
        """Let go of the store."""
        await self._store.close()


def _shown(job: Job) -> Job:
    # Records of earlier versions have the secrets of their URLs in them.
    if not job.secrets_hidden:
        hide_job_secrets(job, lambda _: b"")
    return job
