"""A store read without a registry, and what is left of it at its end."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.actors.registry.store.sqlite.store import SQLiteStore
from reelyard.actors.registry.stored_jobs import StoredJobs
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.settings import Settings
from tests.integration.actors.registry.store_calls import put
from tests.unit.actors.registry.builders import make_job


async def test_jobs_are_read_beside_a_registry_that_writes(store: JobStore, store_url: str) -> None:
    await put(store, first := make_job())
    jobs = await StoredJobs.open(Settings(store_url=store_url))
    assert jobs is not None
    await put(store, second := make_job())
    assert (await jobs.get_many([first.id, "none"])).keys() == {first.id}
    page = await jobs.page(PageQuery(tenant=first.tenant, limit=10))
    assert [job.id for job in page] == [second.id, first.id]
    await put(store, make_job())
    await jobs.close()


async def test_a_store_that_is_read_takes_no_writes(store: JobStore, store_url: str) -> None:
    reader = open_store(store_url)
    assert await reader.open_for_reading()
    with pytest.raises(Unavailable):
        await put(reader, make_job())
    await reader.close()


async def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    assert await StoredJobs.open(Settings(store_url=f"sqlite:///{tmp_path}/jobs.db")) is None
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "jobs.db"


async def test_after_its_end_the_file_alone_is_whole(path: Path, tmp_path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    reader = SQLiteStore(path)
    await put(store, job := make_job())
    assert await reader.open_for_reading()
    assert await reader.get_many([job.id])
    await store.close()
    # Somebody still reads, so that SQLite keeps its files beside it.
    shutil.copy(path, tmp_path / "backup.db")
    await reader.close()
    backup = SQLiteStore(tmp_path / "backup.db")
    assert await backup.open_for_reading()
    assert (await backup.get_many([job.id])).keys() == {job.id}
    await backup.close()


async def test_reading_changes_nothing_and_leaves_nothing(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    await put(store, make_job())
    await store.close()
    before = path.read_bytes()
    reader = SQLiteStore(path)
    assert await reader.open_for_reading()
    await reader.counts()
    await reader.close()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


async def test_a_store_of_a_newer_reelyard_is_not_read(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(Unavailable, match="newer Reelyard"):
        await SQLiteStore(path).open_for_reading()


async def test_only_its_owner_reads_a_store_one_of_earlier_times_too(path: Path) -> None:
    path.parent.mkdir()
    for _ in range(2):
        store = SQLiteStore(path)
        await store.open()
        await put(store, make_job())
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert modes == {0o600}
        await store.close()
        path.chmod(0o644)
