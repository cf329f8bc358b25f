"""The contract of every store, be it a local disk, memory or an object store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHUNK_BYTES = 1 << 20

BUCKET_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss"})
"""Of the URLs of stores that are reached with options: endpoint, region, access_key_id."""
OBJECT_STORE_SCHEMES = BUCKET_SCHEMES | {"memory"}
"""Of the URLs of stores that lie on no disk."""

Method = Literal["GET", "PUT", "HEAD", "DELETE"]


@dataclass(frozen=True)
class ObjectInfo:
    """An object without its bytes."""

    key: str
    size: int
    """Bytes."""
    modified_ms: int
    """Unix milliseconds, UTC."""
    etag: str
    """Changes when the object does; without quotes."""


class Storage(ABC):
    """Objects by key in one place (a folder, a bucket with a prefix, memory).

    Every call may raise `BadRequest` (key not allowed), `Unavailable` (after some tries) or
    `Forbidden` (the store refuses our credentials). An object appears whole or not at all.
    """

    url: str

    @abstractmethod
    async def put_stream(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        max_bytes: int | None = None,
        content_type: str | None = None,
        filename: str | None = None,
        unless_overtaken: bool = False,
    ) -> ObjectInfo:
        """Store what `chunks` yields, in constant memory; replaces an object of that key.

        When `chunks` raises, nothing is left and its error comes through. `content_type` and
        `filename` (for Content-Disposition) are kept by object stores, for presigned URLs.
        With `unless_overtaken`, what somebody else has stored since this call began stays, and
        `Conflict` is raised: a slow writer takes nothing back that a later one was promised.
        (A disk does this exactly; an object store leaves the moment of the last request.)
        Raises `TooLarge` beyond `max_bytes`, `StorageFull`.
        """

    @abstractmethod
    async def put_file(
        self,
        key: str,
        path: Path,
        *,
        consume: bool = False,
        content_type: str | None = None,
        filename: str | None = None,
    ) -> ObjectInfo:
        """Store a local file. `consume`: the caller gives it up, it may be moved.

        Raises `NotFound` if the file is missing, `StorageFull`.
        """

    @abstractmethod
    async def put_if_absent(self, key: str, data: bytes) -> bool:
        """Store `data` unless the key exists; False if it does. Atomic."""

    async def put(self, key: str, data: bytes) -> ObjectInfo:
        """Store `data`; replaces an object of that key."""

        async def one() -> AsyncIterator[bytes]:
            yield data

        return await self.put_stream(key, one())

    @abstractmethod
    async def get(self, key: str) -> bytes:
        """A small object, whole. Raises `NotFound`."""

    @abstractmethod
    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` up to and without `end`, in chunks of about 1 MiB. Raises `NotFound`."""

    @abstractmethod
    async def download(self, key: str, path: Path) -> ObjectInfo:
        """Write the object to `path`, which appears whole or not at all.

        Raises `NotFound`, `StorageFull`.
        """

    @abstractmethod
    async def head(self, key: str) -> ObjectInfo | None:
        """The object without its bytes; None if there is none."""

    @abstractmethod
    def batches(self, prefix: str = "") -> AsyncIterator[list[ObjectInfo]]:
        """Every object below `prefix` (whole segments), in batches; in no order."""

    async def list(self, prefix: str = "") -> list[ObjectInfo]:
        """Every object below `prefix` (whole segments: `a` means `a/…`), by key."""
        found = [info async for batch in self.batches(prefix) for info in batch]
        return sorted(found, key=lambda info: info.key)

    @abstractmethod
    async def folders(self, prefix: str = "") -> set[str]:
        """Names of the next segments below `prefix` that have objects below them."""

    @abstractmethod
    async def delete(self, keys: Iterable[str]) -> None:
        """Delete; keys that do not exist are passed over."""

    @abstractmethod
    async def copy(self, src: str, dst: str) -> None:
        """Copy within the store. Raises `NotFound`, `StorageFull`."""

    @abstractmethod
    async def sign(
        self, method: Method, key: str, ttl_s: float, filename: str | None = None
    ) -> str | None:
        """A URL that lets its bearer do `method` for `ttl_s` seconds; None: can't be had here.

        obstore 0.12 can't sign a `response-content-disposition`: the name under which a browser
        saves is the `filename` given at put, or else the key's last segment.
        """

    async def free_bytes(self) -> int | None:
        """Room that is left; None: no limit known. Raises what a look at the store raises."""
        await self.head("health/look")
        return None

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """The file that holds the object, on a local disk; None elsewhere. It may be missing."""
