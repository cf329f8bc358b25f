# ruff: noqa: ARG002  the protocol's signatures
"""The client's transport where no cluster runs: jobs as the store has kept them, for reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.stored_jobs import StoredJobs
from reelyard.api.client.job_records import page_query, placed_view, save_output
from reelyard.api.client.request import JobRequest
from reelyard.api.client.transport import Answer, JobFilter
from reelyard.api.client.views import JobView, OutputView
from reelyard.cluster.errors import NotFound, Unavailable
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage import Storage, open_storage

_WHY = "no cluster runs here, the jobs can only be read; start one with `reelyard up`"


class StoreTransport:
    """Reads the store. What would change something, or asks for what runs, raises `Unavailable`."""

    def __init__(self, settings: Settings, jobs: StoredJobs, storage: Storage) -> None:
        self._settings = settings
        self._jobs = jobs
        self._storage = storage

    @classmethod
    async def open(cls, settings: Settings) -> StoreTransport:
        """On the store of the settings. Raises `Unavailable` if there is none."""
        jobs = await StoredJobs.open(settings)
        if jobs is None:
            raise Unavailable("no cluster runs here; start one with `reelyard up`")
        return cls(settings, jobs, open_storage(settings))

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, JobView]:
        found = await self._jobs.get_many(job_ids)
        return {job_id: await self._view(job) for job_id, job in found.items()}

    async def page(
        self, which: JobFilter, limit: int, cursor: str | None
    ) -> tuple[list[JobView], str | None]:
        jobs = await self._jobs.page(page_query(which, limit, cursor))
        following = jobs[-1].id if len(jobs) == limit else None
        return [await self._view(job) for job in jobs], following

    async def wait(self, job_id: str, timeout_s: float) -> JobView:
        found = await self.get_many([job_id])
        if job_id not in found:
            raise NotFound(f"there is no job {job_id!r}")
        return found[job_id]

    async def download(self, output: OutputView, path: Path) -> None:
        await save_output(output, self._storage, path)

    async def close(self) -> None:
        await self._jobs.close()

    async def submit_many(self, requests: Sequence[JobRequest]) -> list[Answer]:
        raise Unavailable(_WHY)

    async def cancel_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        raise Unavailable(_WHY)

    async def retry_many(self, job_ids: Sequence[str]) -> dict[str, Answer]:
        raise Unavailable(_WHY)

    async def overview(self) -> dict[str, Any]:
        raise Unavailable(_WHY)

    async def create_key(self, key: dict[str, Any]) -> dict[str, Any]:
        raise Unavailable(_WHY)

    async def rotate_key(self, key_id: str, overlap_s: float) -> dict[str, Any]:
        raise Unavailable(_WHY)

    async def list_keys(self) -> list[dict[str, Any]]:
        raise Unavailable(_WHY)

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        raise Unavailable(_WHY)

    async def _view(self, job: Job) -> JobView:
        return await placed_view(job, self._storage, self._settings)
