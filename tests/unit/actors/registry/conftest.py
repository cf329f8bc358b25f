"""A registry without Ray: on a real SQLite store, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reelyard.actors.jobs.messages import Accepted, Commit, Lease, Refusal, Submission, WorkerInfo
from reelyard.actors.jobs.model import Job
from reelyard.actors.jobs.object_keys import job_prefix
from reelyard.actors.registry.expiry import own_keys
from reelyard.actors.registry.service import RegistryService
from reelyard.actors.registry.store.protocol import Write
from reelyard.actors.registry.store.sqlite.store import SQLiteStore
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.settings import Settings
from tests.unit.actors.registry.builders import Clock, make_worker


class FakeFiles:
    """Remembers which files of which job were to be deleted."""

    def __init__(self) -> None:
        self.deleted: dict[str, list[str]] = {}

    async def delete_of(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self.deleted[job.id] = own_keys(job, job_prefix(job.tenant, job.id))

    async def free_bytes(self) -> int | None:
        return None

    async def sweep(self, now_ms: int) -> dict[str, int]:
        return {"uploads": 0}


class TrickyStore(SQLiteStore):
    """A real store whose answers a test may lose or hold back."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lose_answers = False
        self.may_read = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_read.set()
        self.may_answer.set()

    def write(self, writes: Sequence[Write]) -> asyncio.Future[list[bool]]:
        written = super().write(writes)

        async def answer() -> list[bool]:
            verdicts = await written
            await self.may_answer.wait()
            if self.lose_answers:
                raise Unavailable("the answer was lost")
            return verdicts

        return asyncio.ensure_future(answer())

    async def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        found = await super().get_many(job_ids)
        await self.may_read.wait()
        return found

    async def balance(self, tenant: str) -> int | None:
        found = await super().balance(tenant)
        await self.may_read.wait()
        return found


class RegistryHarness:
    """A registry and what a test needs around it."""

    def __init__(self, folder: Path, **fields: Any) -> None:
        self.folder = folder
        self.clock = Clock()
        self.files = FakeFiles()
        self.settings = Settings(data_dir=folder, sweep_interval_s=3600, **fields)
        self.registry = self._make()

    def _make(self) -> RegistryService:
        self.store = TrickyStore(self.settings.data / "jobs.db")
        return RegistryService(
            self.settings,
            self.store,
            files=self.files,
            clock_ms=self.clock,
            steady_ms=self.clock.steady_ms,
        )

    async def killed_and_restarted(self) -> RegistryService:
        """A new registry on the same store; the old one is simply left behind."""
        old = self.registry
        self.registry = self._make()
        await self.registry.start()
        await old.stop()
        return self.registry

    async def submit(self, *jobs: Job, **fields: Any) -> list[Accepted | Refusal]:
        return await self.registry.submit_many([Submission(job, **fields) for job in jobs])

    async def accepted(self, *jobs: Job) -> list[Job]:
        answers = await self.submit(*jobs)
        assert all(isinstance(answer, Accepted) for answer in answers), answers
        return list(jobs)

    async def lease(
        self, want: int = 1, worker: WorkerInfo | None = None, wait_s: float = 0
    ) -> list[Lease]:
        reply = await self.registry.lease(worker or make_worker(), want, [], wait_s)
        return reply.leases

    async def commit(self, commit: Commit) -> bool:
        (verdict,) = await self.registry.commit([commit])
        return verdict.accepted

    async def job(self, job_id: str) -> Job:
        return (await self.registry.get_many([job_id]))[job_id]

    async def limit_pages(self, pages: int) -> None:
        """As if the disk held no more than `pages`; 0: no limit."""
        store = self.registry._store
        assert isinstance(store, SQLiteStore)
        assert store._writer is not None
        connection = store._writer._connection
        pages = pages or 1 << 30

        def pragma(_: sqlite3.Connection) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        await store._writer.call(pragma)

    async def in_sync_again(self) -> None:
        """Once the registry has read anew what it was in doubt of."""
        while self.registry._repository._background:
            await asyncio.sleep(0.01)

    async def tick(self, seconds: float) -> None:
        """Let time pass, and the registry notice."""
        self.clock.advance(seconds)
        await self.registry._tick()


@pytest.fixture
async def make_harness(tmp_path: Path) -> AsyncIterator[Callable[..., RegistryHarness]]:
    harnesses: list[RegistryHarness] = []

    def make(**fields: Any) -> RegistryHarness:
        harnesses.append(RegistryHarness(tmp_path / str(len(harnesses)), **fields))
        return harnesses[-1]

    yield make
    for harness in harnesses:
        await harness.registry.stop()


@pytest.fixture
def harness(make_harness: Callable[..., RegistryHarness]) -> RegistryHarness:
    return make_harness()
