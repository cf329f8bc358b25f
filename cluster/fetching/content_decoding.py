"""Content decoding of HTTP bodies: gzip and deflate in any stack, whole or refused.

RFC 9110, section 8.4. A body whose encoding is not complete at its end is an error, whatever
length its server had promised; so is anything behind the end of an encoding. What is decoded comes
in pieces of a limited size, so that the caller can stop at any time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

PIECE_BYTES = 1 << 20
"""The largest piece that comes out of a decoder."""
MAX_LAYERS = 4

_GZIP = b"\x1f\x8b"


class ContentError(Exception):
    """The body is not what its Content-Encoding says; `cut`: its end is missing."""

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


class Decoder(Protocol):
    """Takes a body piece by piece."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What `data` adds. Raises `ContentError`."""

    def finish(self) -> None:
        """Raises `ContentError` if the end has not come."""


class GzipDecoder:
    """One or more members, as RFC 1952 has them; zeros behind the last one are padding."""

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None
        self._head = b""
        self._members = 0
        self._padding = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                data = self._begin(data)
                continue
            yield from _pieces(self._member, data)
            data = b""
            if self._member.eof:
                data = self._member.unused_data
                self._member = None
                self._members += 1

    def finish(self) -> None:
        if self._member is not None or self._head:
            raise ContentError("its gzip encoding is cut off", cut=True)

    def _begin(self, data: bytes) -> bytes:
        """Look for the next member's head; what of `data` is left for it."""
        data = self._head + data
        self._head = b""
        if self._members:
            bare = data.lstrip(b"\0")
            self._padding |= len(bare) < len(data)
            data = bare
        if not data:
            return b""
        if self._padding or not _GZIP.startswith(data[:2]):
            where = "behind its gzip encoding there is something else"
            raise ContentError(where if self._members else "it is not gzip")
        if len(data) < len(_GZIP):
            self._head = data
            return b""
        self._member = zlib.decompressobj(wbits=31)
        return data


class DeflateDecoder:
    """The zlib format (RFC 1950), or the bare one (RFC 1951) that some servers send instead."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None
        self._head = b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._head += data
            if len(self._head) < 2:
                return
            data, self._head = self._head, b""
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0
            self._stream = zlib.decompressobj(wbits=15 if is_zlib else -15)
        yield from _pieces(self._stream, data)
        if self._stream.unused_data.strip(b"\0"):
            raise ContentError("behind its deflate encoding there is something else")

    def finish(self) -> None:
        if self._head or (self._stream is not None and not self._stream.eof):
            raise ContentError("its deflate encoding is cut off", cut=True)


_DECODERS: dict[str, type[GzipDecoder | DeflateDecoder]] = {
    "gzip": GzipDecoder,
    "x-gzip": GzipDecoder,
    "deflate": DeflateDecoder,
}


class ContentDecoder:
    """Undoes all of a body's encodings, the last one first."""

    def __init__(self, header: str) -> None:
        """`header`: the Content-Encoding. Raises `ContentError` for one that is not known here."""
        names = [name.strip().lower() for name in header.split(",")]
        self._names = [name for name in names if name not in ("", "identity")]
        if len(self._names) > MAX_LAYERS:
            raise ContentError(f"it is encoded {len(self._names)} times")
        for name in self._names:
            if name not in _DECODERS:
                known = ", ".join(_DECODERS)
                raise ContentError(f"its encoding {name[:40]!r} was not asked for; known: {known}")
        self._layers: list[Decoder] = [_DECODERS[name]() for name in reversed(self._names)]

    @property
    def plain(self) -> bool:
        """Whether the bytes stay as they come."""
        return not self._layers

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What `data` adds to the body, in pieces. Raises `ContentError`."""
        return self._through(0, data)

    def finish(self) -> None:
        """The body is over. Raises `ContentError` if the end of an encoding has not come."""
        for layer in self._layers:
            layer.finish()

    def _through(self, layer: int, data: bytes) -> Iterator[bytes]:
        if layer == len(self._layers):
            yield data
            return
        for piece in self._layers[layer].decode(data):
            yield from self._through(layer + 1, piece)


def _pieces(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    try:
        while piece := stream.decompress(data, PIECE_BYTES):
            yield piece
            data = stream.unconsumed_tail
    except zlib.error as error:
        raise ContentError(f"its encoding is damaged: {error}") from None
