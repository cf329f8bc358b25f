"""Uploads that come in pieces: any process can go on where another stopped.

An upload is a folder: `info.json`, and `part-<offset>` objects of at most about 64 MiB, each named
by the offset (20 digits) of its first byte. Where a part ends is told by its size alone, so that
nothing has to be updated in place, and a piece sent twice only replaces equal bytes.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable

import msgspec

from cluster.errors import Conflict, Gone, NotFound, TooLarge
from cluster.storage.key_rules import check_segment
from cluster.storage.protocol import ObjectInfo, Storage
from cluster.storage.streams import limit, pour

PART_BYTES = 64 << 20
_ID = re.compile(r"([0-9a-f]{11})[A-Za-z0-9_-]{22}")


class _Record(msgspec.Struct, frozen=True):
    length: int
    filename: str = ""
    content_type: str = ""
    metadata: dict[str, str] = {}


class UploadInfo(msgspec.Struct, frozen=True):
    """An upload as it stands."""

    upload_id: str
    owner: str
    prefix: str
    """The folder that holds it, ending in `/`."""
    length: int
    """Bytes that it will have."""
    offset: int
    """Bytes that have arrived."""
    filename: str
    content_type: str
    metadata: dict[str, str]
    """As the client sent it."""
    expires_ms: int

    @property
    def complete(self) -> bool:
        """Whether every byte is there."""
        return self.offset == self.length


def created_ms(upload_id: str) -> int | None:
    """When the upload was begun, in Unix milliseconds; None: that is no upload's id."""
    match = _ID.fullmatch(upload_id)
    return int(match[1], 16) if match else None


def contiguous(parts: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """The parts that follow each other without a gap from byte 0, in order.

    A part inside or behind a gap is left out: a client whose request broke off sends it again.
    """
    offset = 0
    found: list[ObjectInfo] = []
    for part in sorted(parts, key=lambda part: part.key):
        head, _, name = part.key.rpartition("/part-")
        if head and name.isdigit() and int(name) == offset and part.size:
            found.append(part)
            offset += part.size
    return found


async def read_upload(storage: Storage, prefix: str) -> tuple[str, int, list[ObjectInfo]]:
    """File name, full length in bytes, and the parts so far of the upload below `prefix`.

    Raises `NotFound`.
    """
    record = msgspec.json.decode(await storage.get(f"{prefix.rstrip('/')}/info.json"), type=_Record)
    return record.filename, record.length, contiguous(await storage.list(prefix))


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

    async def create(
        self,
        owner: str,
        *,
        length: int,
        filename: str = "",
        content_type: str = "",
        metadata: dict[str, str] | None = None,
    ) -> UploadInfo:
        """Begin an upload of `length` bytes. Raises `TooLarge`."""
        if length > self.max_bytes:
            raise TooLarge(
                f"an upload may have at most {self.max_bytes} bytes, not {length}",
                details={"max_bytes": self.max_bytes},
            )
        upload_id = self._new_id()
        record = _Record(length, filename, content_type, metadata or {})
        await self._write(owner, upload_id, record)
        return self._info(owner, upload_id, record, offset=0)

    async def find(self, owner: str, upload_id: str) -> UploadInfo:
        """The upload as it stands. Raises `NotFound`, `Gone` once it has expired."""
        created = created_ms(upload_id)
        if created is None:
            raise NotFound("there is no such upload")
        if self._now_ms() >= created + self._life_ms:
            raise Gone("this upload has expired")
        prefix = self._prefix(owner, upload_id)
        try:
            record = msgspec.json.decode(await self.storage.get(f"{prefix}info.json"), type=_Record)
        except NotFound:
            raise NotFound("there is no such upload") from None
        parts = contiguous(await self.storage.list(prefix))
        return self._info(owner, upload_id, record, sum(part.size for part in parts))

    async def append(
        self, upload: UploadInfo, offset: int, chunks: AsyncIterable[bytes]
    ) -> UploadInfo:
        """Add what `chunks` yields; constant memory. What arrived is kept even if it raises.

        Raises `Conflict` if `offset` is not where the upload stands, `TooLarge` beyond its length.
        """
        if offset != upload.offset:
            raise Conflict(
                f"the upload stands at byte {upload.offset}, not {offset}",
                details={"offset": upload.offset},
            )
        async for size in self._store(upload.prefix, offset, limit(chunks, upload.length - offset)):
            offset += size
        return msgspec.structs.replace(upload, offset=offset)

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
        offset = 0
        try:
            async for size in self._store(prefix, 0, limit(chunks, self.max_bytes)):
                offset += size
            record = _Record(offset, filename, content_type)
            await self._write(owner, upload_id, record)
        except BaseException:
            await self._clear(prefix)
            raise
        return self._info(owner, upload_id, record, offset)

    async def remove(self, owner: str, upload_id: str) -> None:
        """Delete an upload with all its bytes. Raises `NotFound`, `Gone`."""
        await self.find(owner, upload_id)
        await self._clear(self._prefix(owner, upload_id))

    async def _store(
        self, prefix: str, offset: int, chunks: AsyncIterable[bytes]
    ) -> AsyncIterator[int]:
        """Write parts, yielding the size of each."""
        source = aiter(chunks)
        while first := await anext(source, b""):
            key = f"{prefix}part-{offset:020d}"

            async def put(part: AsyncIterable[bytes], key: str = key) -> ObjectInfo:
                return await self.storage.put_stream(key, part)

            info = await pour(_part(first, source), put, keep=True)
            offset += info.size
            yield info.size

    async def _write(self, owner: str, upload_id: str, record: _Record) -> None:
        key = f"{self._prefix(owner, upload_id)}info.json"
        await self.storage.put(key, msgspec.json.encode(record))

    async def _clear(self, prefix: str) -> None:
        await self.storage.delete([info.key for info in await self.storage.list(prefix)])

    def _new_id(self) -> str:
        return f"{self._now_ms():011x}{secrets.token_urlsafe(16)}"

    def _prefix(self, owner: str, upload_id: str) -> str:
        return f"{self._folder_of(owner)}{check_segment(upload_id)}/"

    def _info(self, owner: str, upload_id: str, record: _Record, offset: int) -> UploadInfo:
        return UploadInfo(
            upload_id=upload_id,
            owner=owner,
            prefix=self._prefix(owner, upload_id),
            length=record.length,
            offset=offset,
            filename=record.filename,
            content_type=record.content_type,
            metadata=record.metadata,
            expires_ms=(created_ms(upload_id) or 0) + self._life_ms,
        )


async def _part(first: bytes, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """`first` and what follows, up to the size of a part."""
    yield first
    seen = len(first)
    while seen < PART_BYTES and (chunk := await anext(source, b"")):
        seen += len(chunk)
        yield chunk
