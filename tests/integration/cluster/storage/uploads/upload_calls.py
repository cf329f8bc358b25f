"""What a client sends, and what has come of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

from reelyard.cluster.storage import Storage, UploadInfo, Uploads
from reelyard.cluster.storage.uploads import read_upload


class Clock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


def folder_of(owner: str) -> str:
    return f"owners/{owner}/uploads/"


async def pieces(*chunks: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


class Stalling:
    """A body that brings some bytes and then stands still."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.stalled = asyncio.Event()
        self.go_on = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data
        self.stalled.set()
        await self.go_on.wait()


async def content(storage: Storage, upload: UploadInfo) -> bytes:
    found = await read_upload(storage, upload.prefix)
    return b"".join([await storage.get(part.name) for part in found.parts])


async def add(
    uploads: Uploads, upload: UploadInfo, offset: int, chunks: AsyncIterable[bytes]
) -> UploadInfo:
    return await uploads.append(upload.owner, upload.upload_id, offset, chunks)
