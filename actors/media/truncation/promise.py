"""A file's promise of its own end, read from its header: its length, and bytes that are not there.

Only the file's own structure counts; no demuxer is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class Promise:
    """What the header of a file says of its end."""

    duration_s: float | None = None
    """In s; None: the header doesn't tell."""
    missing_bytes: int = 0
    """How far what it declares reaches behind the end of the file."""
    open_end: bool = False
    """It should mark its end, and doesn't."""
    another_bytes: int = 0
    """Behind its end begins another file of its kind, of so many bytes, which no reader reads."""


class HeaderReader:
    """Reads numbers from an open file by position; what lies behind its end reads as zeros."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def bytes_at(self, at: int, count: int) -> bytes:
        """`count` bytes from `at` on, fewer where the file ends."""
        if at < 0 or at >= self.size:
            return b""
        self._file.seek(at)
        return self._file.read(count)

    def big(self, at: int, count: int) -> int:
        """An unsigned number of `count` bytes, the highest first."""
        return int.from_bytes(self.bytes_at(at, count).ljust(count, b"\0"), "big")

    def little(self, at: int, count: int) -> int:
        """An unsigned number of `count` bytes, the lowest first."""
        return int.from_bytes(self.bytes_at(at, count).ljust(count, b"\0"), "little")

    def behind(self, end: int) -> int:
        """How many bytes up to `end` lie behind the end of the file."""
        return max(0, end - self.size)


Reading = Callable[[HeaderReader], Promise]


def read_promise(path: Path, readings: Mapping[str, Reading], demuxer: str) -> Promise:
    """The promise of the file that `demuxer` reads, by its reading; an empty one without any.

    Raises `OSError`.
    """
    if (reading := readings.get(demuxer)) is None:
        return Promise()
    with path.open("rb") as file:
        return reading(HeaderReader(file))
