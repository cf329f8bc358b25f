"""Deletion by folder and age, of what nobody can ask for any more.

The caller says which folders hold what has a time to go.
"""

from __future__ import annotations

import asyncio

from reelyard.cluster.storage.local import LocalStorage
from reelyard.cluster.storage.protocol import Storage
from reelyard.cluster.storage.uploads import created_ms


async def delete_older(storage: Storage, prefix: str, before_ms: int) -> int:
    """Delete objects below `prefix` that were written at `before_ms` or earlier; how many.

    Raises `Unavailable`.
    """
    gone = 0
    async for batch in storage.batches(prefix):
        old = [info.key for info in batch if info.modified_ms <= before_ms]
        await storage.delete(old)
        gone += len(old)
    return gone


async def delete_older_uploads(storage: Storage, prefix: str, before_ms: int) -> int:
    """Delete uploads below `prefix` that were begun at `before_ms` or earlier; how many.

    Raises `Unavailable`.
    """
    gone = 0
    for upload_id in await storage.folders(prefix):
        begun = created_ms(upload_id)
        if begun is not None and begun <= before_ms:
            objects = await storage.list(f"{prefix}{upload_id}/")
            await storage.delete([info.key for info in objects])
            gone += 1
    return gone


async def delete_unfinished(storage: Storage, before_ms: int) -> int:
    """Delete files that a process left half written before `before_ms`; how many.

    Walks the whole store: for a start, not for every sweep. Object stores need a life-cycle rule
    instead, which ends multipart uploads that were never completed.
    """
    if not isinstance(storage, LocalStorage):
        return 0
    return await asyncio.to_thread(storage.sweep_temp, before_ms)
