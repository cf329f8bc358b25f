"""The time stamps of MPEG streams and Ogg files, read from their bytes alone.

No demuxer is run, which would copy and parse every frame on the way: a look at them costs a
tenth of that. What such a look can't be sure of it says nothing about.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

type Stamps = list[tuple[int, float]]
"""In the order of the file: the number of a stream, and a time in s."""

_CLOCK = 90_000
_WRAP = 1 << 33
_NEAR_WRAP = 120 * _CLOCK
"""FFmpeg counts stamps that lie so near to the overflow of their 33 bits (60 s) from below 0."""
_STAMPED = (0xBD, 0xFD, *range(0xC0, 0xF0))
"""Kinds of PES packets that carry audio or video (ISO/IEC 13818-1, table 2-22)."""
_PES_BYTES = 19
"""Of the head of a PES packet, up to its second stamp."""


class _Unclear(Exception):
    """The bytes don't tell."""


def raw_stamps(path: Path, demuxer: str) -> Stamps | None:
    """The stamps of the file that FFmpeg reads by `demuxer`: of its PES packets (of decoding, where
    that differs) or of its Ogg pages. None: they can't be told so. Raises `OSError`."""
    if (reading := _READINGS.get(demuxer)) is None:
        return None
    try:
        return reading(path)
    except (_Unclear, struct.error, IndexError):
        return None


def _transport(path: Path) -> Stamps:
    """ISO/IEC 13818-1, sections 2.4.3.2 to 2.4.3.7."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    packets = _packets(data)
    # Those in which a payload begins.
    packets = packets[(packets[:, 1] & 0x40 != 0) & (packets[:, 3] & 0x10 != 0)]
    field = packets[:, 3] & 0x20 != 0
    at = np.where(field, 5 + packets[:, 4].astype(np.intp), 4)
    columns = np.minimum(at[:, None] + np.arange(_PES_BYTES), packets.shape[1] - 1)
    heads = np.take_along_axis(packets, columns, 1)
    begins = (heads[:, :3] == (0, 0, 1)).all(axis=1) & np.isin(heads[:, 3], _STAMPED)
    if np.any(begins & ((at + _PES_BYTES > packets.shape[1]) | (heads[:, 6] & 0xC0 != 0x80))):
        raise _Unclear
    told = heads[:, 7] >> 6
    begins &= told > 1
    heads, told = heads[begins].astype(np.int64), told[begins]
    first, *rest = np.where(told == 3, heads[:, 14:19].T, heads[:, 9:14].T)
    stamps = (
        (first >> 1 & 7) << 30 | rest[0] << 22 | rest[1] >> 1 << 15 | rest[2] << 7 | rest[3] >> 1
    )
    if np.any(stamps > _WRAP - _NEAR_WRAP):
        raise _Unclear
    numbers = (packets[begins, 1] & 0x1F).astype(int) << 8 | packets[begins, 2]
    return list(zip(numbers.tolist(), (stamps / _CLOCK).tolist(), strict=True))


def _packets(data: NDArray[Any]) -> NDArray[Any]:
    """One a row, from its sync byte on."""
    for size, start in ((188, 0), (192, 4), (204, 0)):
        rows = data[: len(data) // size * size].reshape(-1, size)
        if len(rows) and np.all(rows[:, start] == 0x47):
            return rows[:, start : start + 188]
    raise _Unclear


def _pes_stamp(head: bytes, at: int) -> int | None:
    """When what follows is decoded or, where nothing tells that, shown, by the head of MPEG-2 that
    goes on at `at`."""
    if head[at] & 0xC0 != 0x80:
        raise _Unclear
    told = head[at + 1] >> 6
    if told < 2:
        return None
    return _stamp(head, at + (8 if told == 3 else 3))


def _stamp(head: bytes, at: int) -> int:
    """33 bits in five bytes, with marks between."""
    first, middle, last = head[at], head[at + 1 : at + 3], head[at + 3 : at + 5]
    high = int.from_bytes(middle, "big") >> 1
    return (first >> 1 & 7) << 30 | high << 15 | int.from_bytes(last, "big") >> 1


def _seconds(stamp: int) -> float:
    if stamp > _WRAP - _NEAR_WRAP:
        raise _Unclear
    return stamp / _CLOCK


def _program(path: Path) -> Stamps:
    """ISO/IEC 13818-1, section 2.5.3, and ISO/IEC 11172-1, section 2.4.3."""
    data = path.read_bytes()
    found: Stamps = []
    at = 0
    while at + 4 <= len(data):
        kind = data[at + 3]
        if data[at : at + 3] != b"\0\0\1" or kind < 0xB9:
            raise _Unclear
        if kind == 0xB9:
            at += 4
        elif kind == 0xBA:
            at += 14 + (data[at + 13] & 7) if data[at + 4] & 0xC0 == 0x40 else 12
        else:
            size = int.from_bytes(data[at + 4 : at + 6], "big")
            if not size:
                raise _Unclear
            if kind in _STAMPED and (stamp := _packet_stamp(data, at + 6)) is not None:
                found.append((kind, _seconds(stamp)))
            at += 6 + size
    return found


def _packet_stamp(data: bytes, at: int) -> int | None:
    if data[at] & 0xC0 == 0x80:
        return _pes_stamp(data, at)
    # MPEG-1: stuffing, and the size of a buffer, may come first.
    while data[at] == 0xFF:
        at += 1
    if data[at] & 0xC0 == 0x40:
        at += 2
    told = data[at] >> 4
    return _stamp(data, at + (5 if told == 3 else 0)) if told in (2, 3) else None


_PAGE_BYTES = 27
_MOST_SEGMENTS = 255
_FIRST_PAGE = 2
_NO_PACKET_ENDS = -1


def _ogg(path: Path) -> Stamps:
    """RFC 3533, section 6. Pages that are missing, and streams that follow others, are unclear."""
    clocks: dict[int, Callable[[int], float] | None] = {}
    pages: dict[int, int] = {}
    found: Stamps = []
    begun = False
    for flags, position, stream, number, body in _pages(path):
        if flags & _FIRST_PAGE:
            if begun or stream in clocks:
                raise _Unclear
            clocks[stream] = _ogg_clock(body)
        elif stream not in clocks or number != pages[stream] + 1:
            raise _Unclear
        pages[stream] = number
        begun = begun or not flags & _FIRST_PAGE
        clock = clocks[stream]
        # Headers are at 0, whatever the time of what follows.
        if clock is not None and position not in (0, _NO_PACKET_ENDS):
            found.append((stream, clock(position)))
    return found


def _pages(path: Path) -> Iterator[tuple[int, int, int, int, bytes]]:
    """(flags, position, stream, number, first bytes of the body) of each page."""
    at = 0
    with path.open("rb", buffering=1 << 16) as file:
        while head := file.read(_PAGE_BYTES + _MOST_SEGMENTS + 64):
            if head[:4] != b"OggS":
                raise _Unclear
            flags, position, stream, number = struct.unpack_from("<xBqII", head, 4)
            body = _PAGE_BYTES + head[26]
            yield flags, position, stream, number, head[body : body + 64]
            at += body + sum(head[_PAGE_BYTES:body])
            file.seek(at)


def _ogg_clock(first: bytes) -> Callable[[int], float] | None:
    """How positions in a stream that begins so are told in s; None: it is only a list of the
    others (Skeleton)."""
    if first.startswith(b"fishead\0"):
        return None
    if first.startswith(b"\x80theora"):
        # Theora's specification, section 6.2: frames a second, and the bits that count from the
        # last key frame on.
        over, under = struct.unpack_from(">II", first, 22)
        shift = (first[40] & 3) << 3 | first[41] >> 5
        return lambda position: ((position >> shift) + (position & (1 << shift) - 1)) * under / over
    if first.startswith(b"\x01vorbis"):
        rate = int.from_bytes(first[12:16], "little")
    elif first.startswith(b"OpusHead") and first[10:12] == b"\0\0":
        # Samples that are not played (RFC 7845, section 4.2) come before 0, unlike in all others.
        rate = 48_000
    elif first.startswith(b"\x7fFLAC"):
        rate = int.from_bytes(first[27:30], "big") >> 4
    elif first.startswith(b"Speex   "):
        rate = int.from_bytes(first[36:40], "little")
    else:
        raise _Unclear
    if not rate:
        raise _Unclear
    return lambda position: position / rate


_READINGS: Mapping[str, Callable[[Path], Stamps]] = {
    "mpegts": _transport,
    "mpeg": _program,
    "ogg": _ogg,
}
