"""What lies in store and storage once the cluster is down: every job, object and movement of
credits."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import redis
import structlog

from benchmarks.fault_run.facts import Account, StoredObject
from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.jobs.messages import PageQuery
from reelyard.actors.jobs.model import Job
from reelyard.actors.registry.service import RegistryService, wall_ms
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.actors.registry.store.redis.store import PREFIX
from reelyard.cluster.settings import Settings
from reelyard.cluster.storage.key_rules import TEMP_PREFIX

PAGE = 500
CENTURY_MS = 100 * 366 * 86_400_000


def stored_jobs(store_url: str, tenants: Sequence[str]) -> dict[str, Job]:
    """Every job of the tenants, by id."""

    async def read() -> dict[str, Job]:
        store = open_store(store_url)
        await store.open_for_reading()
        try:
            found: dict[str, Job] = {}
            for tenant in tenants:
                found |= {job.id: job for job in await _all(store, tenant)}
            return found
        finally:
            await store.close()

    return asyncio.run(read())


async def _all(store: JobStore, tenant: str) -> list[Job]:
    jobs: list[Job] = []
    while page := await store.page(
        PageQuery(tenant, PAGE, after_id=jobs[-1].id if jobs else None, ascending=True)
    ):
        jobs += page
    return jobs


def ledger(store_url: str, tenants: Sequence[str]) -> list[LedgerEntry]:
    """Every movement of the tenants' credits."""
    place = urlsplit(store_url)
    if place.scheme == "sqlite":
        with closing(sqlite3.connect(place.path)) as connection:
            rows = connection.execute("SELECT tenant, job_id, reason, credits, at_ms FROM ledger")
            return [LedgerEntry(*row) for row in rows if row[0] in tenants]
    found = []
    with closing(redis.Redis.from_url(store_url, decode_responses=True)) as client:
        for tenant in tenants:
            entries = client.hgetall(f"{PREFIX}ledger:{tenant}")
            found += [_entry(tenant, str(name), str(text)) for name, text in entries.items()]
    return found


def _entry(tenant: str, name: str, credits: str) -> LedgerEntry:
    job_id, _, reason = name.partition("\0")
    return LedgerEntry(tenant, job_id, reason, int(credits), 0)


def accounts(
    store_url: str, told: Mapping[str, int | None], tenants: Sequence[str]
) -> list[Account]:
    """Each tenant's balance; `told`: what the server has said of it."""

    async def read() -> list[Account]:
        store = open_store(store_url)
        await store.open_for_reading()
        try:
            return [
                Account(name, await store.balance(name) or 0, told.get(name)) for name in tenants
            ]
        finally:
            await store.close()

    return asyncio.run(read())


def stored_objects(folder: Path) -> dict[str, StoredObject]:
    """Every file below jobs' folders of the storage `folder`, by its key; not what was being
    written when its writer was killed, which has no key."""
    found = {}
    for path in sorted(folder.glob("tenants/*/jobs/**/*")):
        if path.is_file() and not path.name.startswith(TEMP_PREFIX):
            key = str(path.relative_to(folder))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[key] = StoredObject(key, path.stat().st_size, digest)
    return found


def kept_for_ever(store_url: str, data_dir: Path) -> frozenset[str]:
    """Keys that lie there still after a sweep for which every time is over; deletes the others."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

    async def sweep() -> None:
        settings = Settings(data_dir=data_dir, store_url=store_url)
        registry = RegistryService(settings, clock_ms=lambda: wall_ms() + CENTURY_MS)
        await registry.start()
        await registry.sweep()
        await registry.stop()

    asyncio.run(sweep())
    return frozenset(stored_objects(data_dir / "objects"))
