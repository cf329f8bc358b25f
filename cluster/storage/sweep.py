"""Deletes from a store what nobody can ask for any more."""

from __future__ import annotations

import asyncio

from cluster.storage.base import Storage
from cluster.storage.key_rules import (
    TENANTS,
    answers_prefix,
    dlb_prefix,
    upload_prefix,
    uploads_prefix,
)
from cluster.storage.local import LocalStorage
from cluster.storage.uploads import created_ms


async def sweep_storage(storage: Storage, *, now_ms: int, max_age_ms: int) -> dict[str, int]:
    """Delete uploads and `dlb://` objects older than `max_age_ms`; how many of each.

    First answers to requests with an idempotency key go with them, uncounted. Raises
    `Unavailable`.
    """
    swept = {"uploads": 0, "dlb": 0}
    before_ms = now_ms - max_age_ms
    for tenant in await storage.folders(TENANTS):
        swept["uploads"] += await _sweep_uploads(storage, tenant, before_ms)
        await _sweep_old(storage, answers_prefix(tenant), before_ms)
        swept["dlb"] += await _sweep_old(storage, dlb_prefix(tenant), before_ms)
    return swept


async def sweep_unfinished(storage: Storage, *, before_ms: int) -> int:
    """Delete files that a process left half written before `before_ms`; how many.

    Walks the whole store: for a start, not for every sweep. Object stores need a life-cycle rule
    instead, which ends multipart uploads that were never completed.
    """
    if not isinstance(storage, LocalStorage):
        return 0
    return await asyncio.to_thread(storage.sweep_temp, before_ms)


async def _sweep_uploads(storage: Storage, tenant: str, before_ms: int) -> int:
    gone = 0
    for upload_id in await storage.folders(uploads_prefix(tenant)):
        begun = created_ms(upload_id)
        if begun is not None and begun <= before_ms:
            objects = await storage.list(upload_prefix(tenant, upload_id))
            await storage.delete([info.key for info in objects])
            gone += 1
    return gone


async def _sweep_old(storage: Storage, prefix: str, before_ms: int) -> int:
    gone = 0
    async for batch in storage.batches(prefix):
        old = [info.key for info in batch if info.modified_ms <= before_ms]
        await storage.delete(old)
        gone += len(old)
    return gone
