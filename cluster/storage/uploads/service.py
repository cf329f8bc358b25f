"""Uploads that come in pieces: any process can go on where another stopped.

What was acknowledged stays, whatever a late writer does: see `records` for what is stored.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence

import msgspec

from reelyard.cluster.errors import Conflict, Gone, NotFound
from reelyard.cluster.storage.checksums import Checksum
from reelyard.cluster.storage.key_rules import check_segment
from reelyard.cluster.storage.protocol import Storage
from reelyard.cluster.storage.streams import limit, pour
from reelyard.cluster.storage.uploads.contents import (
    UploadContent,
    read_length,
    read_offset,
    read_record,
    read_upload,
)
from reelyard.cluster.storage.uploads.records import (
    INFO,
    LENGTH,
    PARTIAL,
    Folder,
    Part,
    Record,
    UploadInfo,
    check_append,
    check_offset,
    check_room,
    check_size,
    check_source,
    commit_name,
    created_ms,
    data_name,
    joined,
    read_folder,
    settle_length,
    size_of,
)
from reelyard.cluster.storage.uploads.writers import Writers

PART_BYTES = 64 << 20
_SIDE_BY_SIDE = 16


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Uploads:
    """The uploads in a store. An upload's id can't be guessed and is good for its owner only.

    `folder_of` tells where the uploads of an owner lie: a prefix that ends in `/`.
    """

    def __init__(
        self,
        storage: Storage,
        folder_of: Callable[[str], str],
        *,
        max_bytes: int,
        life_s: float,
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self.storage = storage
        self._folder_of = folder_of
        self.max_bytes = max_bytes
        self._life_ms = round(life_s * 1000)
        self._now_ms = now_ms
        self._writers = Writers(storage)

    async def create(
        self,
        owner: str,
        *,
        length: int | None,
        filename: str = "",
        content_type: str = "",
        metadata: dict[str, str] | None = None,
        partial: bool = False,
    ) -> UploadInfo:
        """Begin an upload of `length` bytes (None: the client will tell). Raises `TooLarge`."""
        check_size(length or 0, self.max_bytes)
        record = Record(
            length, filename, content_type, metadata or {}, concat=PARTIAL if partial else ""
        )
        return await self._write(owner, self._new_id(), record)

    async def concatenate(
        self,
        owner: str,
        upload_ids: Sequence[str],
        *,
        concat: str,
        filename: str = "",
        content_type: str = "",
        metadata: dict[str, str] | None = None,
    ) -> UploadInfo:
        """An upload of the bytes of finished partial uploads, in that order; these stay.

        `concat`: as the client named them. Raises `NotFound`, `Gone`, `NotReady`, `TooLarge`,
        `InvalidInput` (an upload that is not partial).
        """
        sources: dict[str, UploadContent] = {}
        for each in dict.fromkeys(upload_ids):
            upload = await self.find(owner, each)
            check_source(upload)
            sources[each] = await read_upload(self.storage, upload.prefix)
        total = sum(sources[each].size for each in upload_ids)
        check_size(total, self.max_bytes)
        new_id = self._new_id()
        prefix = self._prefix(owner, new_id)
        copies = joined([sources[each].parts for each in upload_ids])
        record = Record(
            total,
            filename,
            content_type,
            metadata or {},
            concat=concat,
            parts=tuple(part for _, part in copies),
        )
        try:
            for start in range(0, len(copies), _SIDE_BY_SIDE):
                batch = copies[start : start + _SIDE_BY_SIDE]
                await asyncio.gather(
                    *(self.storage.copy(key, prefix + part.name) for key, part in batch)
                )
            return await self._write(owner, new_id, record)
        except BaseException:
            await self._clear(prefix)
            raise

    async def find(self, owner: str, upload_id: str) -> UploadInfo:
        """The upload as it stands. Raises `NotFound`, `Gone` once it has expired."""
        return (await self._find(owner, upload_id))[0]

    async def stand(self, owner: str, upload_id: str) -> UploadInfo:
        """The upload for a client that wants to go on: a writer before it is ended first.

        Raises as `find`.
        """
        upload, folder = await self._find(owner, upload_id)
        if await self._writers.end_here(upload.prefix, firm=True):
            upload, folder = await self._find(owner, upload_id)
        return await self._settled(upload, folder, firm=True)

    async def append(
        self,
        owner: str,
        upload_id: str,
        offset: int,
        chunks: AsyncIterable[bytes],
        *,
        length: int | None = None,
        announced: int | None = None,
        checksum: Checksum | None = None,
    ) -> UploadInfo:
        """Add what `chunks` yields; constant memory. What arrived is kept even if it raises.

        `length`: of the whole upload, where the client tells it only now. `announced`: bytes that
        `chunks` will yield. With a `checksum` all of it is kept, or nothing.
        Raises `NotFound`, `Gone`, `Forbidden` (a final upload), `Conflict` if `offset` is not where
        the upload stands or another writer has gone on, `TooLarge` beyond its length,
        `InvalidInput` (another length than before), `ChecksumMismatch`.
        """
        prefix = self._checked(owner, upload_id)
        if self._writers.busy(prefix):
            # What can't become right by waiting disturbs nobody.
            check_append(await self.find(owner, upload_id), offset)
        async with self._writers.turn(prefix) as turn:
            upload, folder = await self._find(owner, upload_id)
            check_append(upload, offset)
            upload = await self._settled(upload, folder, firm=False)
            check_offset(offset, upload.offset)
            whole = settle_length(upload.length, length, offset)
            check_size(whole or 0, self.max_bytes)
            most = (self.max_bytes if whole is None else whole) - offset
            check_room(announced, most)
            told = whole if upload.length is None else None
            body = turn.watch(limit(chunks, most))
            if checksum is None:
                await self._tell_length(prefix, told)
                work = self._take(prefix, offset, body)
            else:
                work = self._take_whole(prefix, offset, checksum.verified(body), told)
            reached = await turn.run(work)
        return msgspec.structs.replace(upload, offset=reached, length=whole)

    async def receive(
        self,
        owner: str,
        chunks: AsyncIterable[bytes],
        *,
        filename: str = "",
        content_type: str = "",
    ) -> UploadInfo:
        """An upload in one go, of unknown length. Nothing is left if it fails.

        Raises `TooLarge`, `StorageFull`.
        """
        upload_id = self._new_id()
        prefix = self._prefix(owner, upload_id)

        async def store(whole: AsyncIterable[bytes]) -> list[Part]:
            return [part async for _, part in self._store(prefix, 0, whole)]

        try:
            parts = await pour(limit(chunks, self.max_bytes), store)
            record = Record(size_of(parts), filename, content_type, parts=tuple(parts))
            return await self._write(owner, upload_id, record)
        except BaseException:
            await self._clear(prefix)
            raise

    async def remove(self, owner: str, upload_id: str) -> None:
        """Delete an upload with all its bytes. Raises `NotFound`, `Gone`."""
        upload = await self.stand(owner, upload_id)
        await self._clear(upload.prefix)

    async def _take(self, prefix: str, offset: int, chunks: AsyncIterable[bytes]) -> int:
        """Store and commit what comes, as far as it comes; the offset that is reached."""

        async def store(source: AsyncIterable[bytes]) -> int:
            reached = offset
            async for at, part in self._store(prefix, offset, source):
                await self._commit(prefix, at, part)
                reached = at + part.size
            return reached

        return await pour(chunks, store, keep=True)

    async def _take_whole(
        self, prefix: str, offset: int, chunks: AsyncIterable[bytes], length: int | None
    ) -> int:
        """Store what comes, and commit it once all of it has come; the offset that is reached."""

        async def store(source: AsyncIterable[bytes]) -> int:
            parts: list[tuple[int, Part]] = []
            try:
                async for placed in self._store(prefix, offset, source):
                    parts.append(placed)  # noqa: PERF401 - those before a failure are deleted
                await self._tell_length(prefix, length)
            except BaseException:
                await self.storage.delete([prefix + part.name for _, part in parts])
                raise
            for at, part in parts:
                await self._commit(prefix, at, part)
            return offset + size_of(part for _, part in parts)

        return await pour(chunks, store)

    async def _store(
        self, prefix: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> AsyncIterator[tuple[int, Part]]:
        """Write data that nobody counts yet, yielding the offset of each part with it."""
        token = secrets.token_hex(8)
        source = aiter(chunks)
        while first := await anext(source, b""):
            name = data_name(offset, token)
            info = await self.storage.put_stream(prefix + name, _part(first, source))
            yield offset, Part(name, info.size)
            offset += info.size

    async def _commit(self, prefix: str, offset: int, part: Part) -> None:
        """Make `part` the bytes at `offset`, for ever. Raises `Conflict` if others are."""
        key = prefix + commit_name(offset)
        if await self.storage.put_if_absent(key, msgspec.json.encode(part)):
            return
        # A store may have done it at a try whose answer was lost.
        if msgspec.json.decode(await self.storage.get(key), type=Part) == part:
            return
        await self.storage.delete([prefix + part.name])
        raise Conflict(
            f"another request has written this upload from byte {offset} on; ask where it stands "
            "(HEAD)"
        )

    async def _tell_length(self, prefix: str, length: int | None) -> None:
        """Fix the length of an upload that had none, if `length` is given."""
        if length is None or await self.storage.put_if_absent(prefix + LENGTH, b"%d" % length):
            return
        settle_length(int(await self.storage.get(prefix + LENGTH)), length, 0)

    def _checked(self, owner: str, upload_id: str) -> str:
        """The folder of an upload whose time has not passed. Raises `NotFound`, `Gone`."""
        created = created_ms(upload_id)
        if created is None:
            raise no_upload(upload_id)
        if self._now_ms() >= created + self._life_ms:
            raise Gone("this upload has expired")
        return self._prefix(owner, upload_id)

    async def _find(self, owner: str, upload_id: str) -> tuple[UploadInfo, Folder]:
        prefix = self._checked(owner, upload_id)
        try:
            record = await read_record(self.storage, prefix)
            folder = read_folder(await self.storage.list(prefix))
            length = await read_length(self.storage, prefix, record, folder)
            offset = await read_offset(self.storage, prefix, record, folder)
        except NotFound:
            raise no_upload(upload_id) from None
        return self._info(owner, upload_id, record, length, offset), folder

    async def _settled(self, upload: UploadInfo, folder: Folder, *, firm: bool) -> UploadInfo:
        """The upload as it stands once no other process's writer adds to it."""
        if not folder.writers:
            return upload
        await self._writers.end_elsewhere(upload.prefix, folder.writers, firm=firm)
        return await self.find(upload.owner, upload.upload_id)

    async def _write(self, owner: str, upload_id: str, record: Record) -> UploadInfo:
        key = self._prefix(owner, upload_id) + INFO
        await self.storage.put(key, msgspec.json.encode(record))
        return self._info(owner, upload_id, record, record.length, size_of(record.parts))

    async def _clear(self, prefix: str) -> None:
        # What says that there is an upload goes first: half of one is none.
        await self.storage.delete([prefix + INFO])
        await self.storage.delete([info.key for info in await self.storage.list(prefix)])

    def _new_id(self) -> str:
        return f"{self._now_ms():011x}{secrets.token_urlsafe(16)}"

    def _prefix(self, owner: str, upload_id: str) -> str:
        return f"{self._folder_of(owner)}{check_segment(upload_id)}/"

    def _info(
        self, owner: str, upload_id: str, record: Record, length: int | None, offset: int
    ) -> UploadInfo:
        return UploadInfo(
            upload_id=upload_id,
            owner=owner,
            prefix=self._prefix(owner, upload_id),
            length=length,
            offset=offset,
            filename=record.filename,
            content_type=record.content_type,
            metadata=record.metadata,
            expires_ms=(created_ms(upload_id) or 0) + self._life_ms,
            concat=record.concat,
        )


async def _part(first: bytes, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """`first` and what follows, up to the size of a part."""
    yield first
    seen = len(first)
    while seen < PART_BYTES and (chunk := await anext(source, b"")):
        seen += len(chunk)
        yield chunk


def no_upload(upload_id: str) -> NotFound:
    """That there is no upload of that id, or that it is another owner's."""
    told = upload_id[:80]
    return NotFound(f"there is no upload {told!r}", details={"upload_id": told})
