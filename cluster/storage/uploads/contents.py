"""Where an upload's bytes lie, as its folder tells; and how far they reach."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from reelyard.cluster.storage.protocol import Storage
from reelyard.cluster.storage.uploads.records import (
    INFO,
    LENGTH,
    Folder,
    Part,
    Record,
    commit_name,
    follow,
    read_folder,
    size_of,
)

_SIDE_BY_SIDE = 16


@dataclass(frozen=True)
class UploadContent:
    """Where an upload's bytes lie."""

    filename: str
    length: int | None
    parts: tuple[Part, ...]
    """In order, each with the whole key of its object as its name."""

    @property
    def size(self) -> int:
        """Bytes in these."""
        return size_of(self.parts)


async def read_upload(storage: Storage, prefix: str) -> UploadContent:
    """What there is of the upload below `prefix`. Raises `NotFound`."""
    prefix = f"{prefix.rstrip('/')}/"
    record = await read_record(storage, prefix)
    folder = read_folder(await storage.list(prefix))
    parts = await _parts(storage, prefix, record, folder)
    return UploadContent(
        filename=record.filename,
        length=await read_length(storage, prefix, record, folder),
        parts=tuple(Part(prefix + part.name, part.size) for part in parts),
    )


async def read_record(storage: Storage, prefix: str) -> Record:
    """What was told at its creation. Raises `NotFound`."""
    return msgspec.json.decode(await storage.get(prefix + INFO), type=Record)


async def _commits(storage: Storage, prefix: str, offsets: Sequence[int]) -> dict[int, Part]:
    async def read(offset: int) -> Part:
        data = await storage.get(prefix + commit_name(offset))
        return msgspec.json.decode(data, type=Part)

    found: dict[int, Part] = {}
    for start in range(0, len(offsets), _SIDE_BY_SIDE):
        batch = offsets[start : start + _SIDE_BY_SIDE]
        found.update(zip(batch, await asyncio.gather(*map(read, batch)), strict=True))
    return found


async def _parts(storage: Storage, prefix: str, record: Record, folder: Folder) -> tuple[Part, ...]:
    commits = await _commits(storage, prefix, folder.commits)
    return follow((*record.parts, *folder.parts), commits)


async def read_length(storage: Storage, prefix: str, record: Record, folder: Folder) -> int | None:
    if record.length is None and folder.has_length:
        return int(await storage.get(prefix + LENGTH))
    return record.length


async def read_offset(storage: Storage, prefix: str, record: Record, folder: Folder) -> int:
    """Bytes that have arrived and are committed."""
    # The last commit tells: none is made but where the one before it ends.
    for at, part in (await _commits(storage, prefix, folder.commits[-1:])).items():
        return at + part.size
    return size_of((*record.parts, *folder.parts))
