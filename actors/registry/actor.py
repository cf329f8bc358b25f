"""JobRegistry as a Ray actor: the same methods, with answers packed for the way."""

from __future__ import annotations

import gc
import sys
from typing import Any

from reelyard.actors.jobs.messages import Commit, PageQuery, Report, Submission, WorkerInfo
from reelyard.actors.registry import pickling
from reelyard.actors.registry.service import RegistryService
from reelyard.cluster.logs.structured import configure_logging
from reelyard.cluster.settings import Settings

SWITCH_INTERVAL_S = 0.002
"""The store's thread must not wait long for the GIL while the event loop is busy."""


class JobRegistry(RegistryService):
    """Packs what is returned: records as they are at that moment, in one block."""

    def __init__(self, settings: Settings) -> None:
        configure_logging(settings, "registry")
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        # A million queued jobs are millions of objects without cycles: don't walk them often.
        gc.set_threshold(50_000, 20, 100)
        super().__init__(settings)

    def __repr__(self) -> str:
        # Ray asks even when `__init__` has failed.
        return f"JobRegistry(store={self._store.name if hasattr(self, '_store') else '?'})"

    async def submit_many(self, batch: list[Submission]) -> Any:
        return pickling.pack_list(await super().submit_many(batch))

    async def get_many(self, job_ids: list[str]) -> Any:
        return pickling.pack_dict(await super().get_many(job_ids))

    async def page(self, query: PageQuery) -> Any:
        return pickling.pack_list(await super().page(query))

    async def cancel_many(self, job_ids: list[str], tenant: str | None) -> Any:
        return pickling.pack_dict(await super().cancel_many(job_ids, tenant))

    async def retry_many(self, job_ids: list[str], tenant: str | None) -> Any:
        return pickling.pack_dict(await super().retry_many(job_ids, tenant))

    async def lease(self, worker: WorkerInfo, want: int, done: list[Commit], wait_s: float) -> Any:
        return pickling.pack_one(await super().lease(worker, want, done, wait_s))

    async def report(self, slot: str, incarnation: str, reports: list[Report]) -> Any:
        return pickling.pack_list(await super().report(slot, incarnation, reports))

    async def commit(self, commits: list[Commit]) -> Any:
        return pickling.pack_list(await super().commit(commits))

    async def overview(self) -> Any:
        return pickling.pack_one(await super().overview())
