"""The boxes of ISO base media files (ISO/IEC 14496-12, section 4.2), found without reading them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MOST_BOXES = 10_000
_MOST_BYTES = 1 << 22
_UNTIL_END = 1 << 62


@dataclass(frozen=True)
class Box:
    """A box: its type, and where in the file its content begins and ends."""

    kind: bytes
    begin: int
    end: int

    def content(self, file: BinaryIO) -> bytes:
        """What is in it, at most 4 MiB."""
        file.seek(self.begin)
        return file.read(min(self.end - self.begin, _MOST_BYTES))


def boxes(file: BinaryIO, begin: int = 0, end: int = _UNTIL_END) -> Iterator[Box]:
    """The boxes between two places of the file, up to the first that can't be one."""
    for _ in range(_MOST_BOXES):
        if begin + 8 > end:
            return
        file.seek(begin)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind, content = int.from_bytes(head[:4], "big"), head[4:8], begin + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), begin + 16
        elif size == 0:
            size = end - begin
        if begin + size < content or begin + size > end:
            return
        yield Box(kind, content, begin + size)
        begin += size


def inside(file: BinaryIO, outer: Box, *path: bytes, skip: int = 0) -> Iterator[Box]:
    """The boxes that the kinds of `path` lead to, from within `outer`; `skip`: bytes of its own
    before the first box in it."""
    for box in boxes(file, outer.begin + skip, outer.end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from inside(file, box, *path[1:])
