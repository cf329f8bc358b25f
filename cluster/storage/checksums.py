"""Checksums of bytes on their way, by the names that HTTP clients use."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from reelyard.cluster.errors import ChecksumMismatch


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 as zlib and PNG have it, in network byte order."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_MAKERS: dict[str, Callable[[], _Hash]] = {
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "crc32": _Crc32,
}
ALGORITHMS = tuple(_MAKERS)


@dataclass(frozen=True)
class Checksum:
    """What the bytes of a request must come to; `algorithm` is one of `ALGORITHMS`."""

    algorithm: str
    digest: bytes

    @staticmethod
    def size_of(algorithm: str) -> int:
        """Bytes of a digest."""
        return len(_MAKERS[algorithm]().digest())

    async def verified(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The same chunks; behind the last, `ChecksumMismatch` if they come to another sum."""
        found = _MAKERS[self.algorithm]()
        async for chunk in chunks:
            found.update(chunk)
            yield chunk
        if found.digest() != self.digest:
            raise ChecksumMismatch(
                f"the bytes that came have the {self.algorithm} {found.digest().hex()}, not the "
                f"{self.digest.hex()} that was announced; nothing of them was kept"
            )
