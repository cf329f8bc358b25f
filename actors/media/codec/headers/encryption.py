"""Encryption: whether a file's media are scrambled, as far as its container says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from av.container import InputContainer

from reelyard.actors.media.codec.headers.boxes import boxes, inside
from reelyard.actors.media.sniff import Sniffed
from reelyard.cluster.errors import UnsupportedFormat

_SCRAMBLED_ENTRIES = frozenset({b"encv", b"enca", b"enct", b"encs", b"drms", b"drmi"})
"""Sample entries: ISO/IEC 14496-12, section 8.12, and those of Apple's FairPlay."""
_MATROSKA_KEY = "enc_key_id"
"""The tag in which FFmpeg keeps a track's key (ContentEncKeyID)."""
_ASF_OBJECTS = tuple(
    bytes.fromhex(text)
    for text in (
        "fbb3112223bdd211b4b700a0c955fc6e",
        "14e68a292226174cb935dae07ee9289c",
        "338505438169e6499b74ad12cb86d58c",
    )
)
"""Content Encryption Object, its extended and its advanced form (ASF 01.20.05, section 3)."""
_MXF_CONTAINER = bytes.fromhex("060e2b34040101070d010301020b0100")
"""The label of an encrypted essence container (SMPTE ST 429-6)."""
_ATRAC_OPEN = (0xFFFF, 0xFF80)
"""Encryption numbers of an EA3 header that mean none."""
_SAMPLE_BYTES = 1 << 20
_SHORT_BYTES = 1 << 17


def refuse_encrypted(container: InputContainer, path: Path, kind: Sniffed, name: str) -> None:
    """Raises `UnsupportedFormat` if the header of the open file says that it is encrypted.

    Decoders take scrambled pictures for damaged ones, and may show what they make of them.
    """
    if any(_MATROSKA_KEY in stream.metadata for stream in container.streams):
        raise encrypted(name)
    refuse_by_header(path, kind, name, _BY_HEADER)


def refuse_scrambled(path: Path, kind: Sniffed, name: str) -> None:
    """As `refuse_encrypted`, by a look at the first mebibyte of the file: for files that can't
    be opened or decoded."""
    refuse_by_header(path, kind, name, _BY_HEADER)
    refuse_by_header(path, kind, name, _BY_DATA)


def refuse_by_header(
    path: Path, kind: Sniffed, name: str, tables: Mapping[str, Callable[[BinaryIO], bool]]
) -> None:
    look = tables.get(kind.demuxer)
    if look is None:
        return
    with path.open("rb") as file:
        if look(file):
            raise encrypted(name)


def encrypted(name: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"{name!r} is encrypted; only media without encryption are taken")


def _mov(file: BinaryIO) -> bool:
    movie = next((box for box in boxes(file) if box.kind == b"moov"), None)
    if movie is None:
        return False
    if movie.end - movie.begin <= _SHORT_BYTES:
        # Most films have no such word in them: a look for it spares the walk from box to box.
        content = movie.content(file)
        if not any(kind in content for kind in _SCRAMBLED_ENTRIES):
            return False
    tables = inside(file, movie, b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    return any(
        entry.kind in _SCRAMBLED_ENTRIES
        for table in tables
        # Version, flags and the number of entries come first.
        for entry in boxes(file, table.begin + 8, table.end)
    )


def _asf(file: BinaryIO) -> bool:
    header = file.read(24)
    rest = file.read(min(int.from_bytes(header[16:24], "little"), _SAMPLE_BYTES))
    return any(guid in rest for guid in _ASF_OBJECTS)


def _oma(file: BinaryIO) -> bool:
    head = file.read(_SAMPLE_BYTES)
    at = head.find(b"EA3\x01")
    return at >= 0 and int.from_bytes(head[at + 6 : at + 8], "big") not in _ATRAC_OPEN


def _mxf(file: BinaryIO) -> bool:
    return _MXF_CONTAINER in file.read(_SAMPLE_BYTES)


def _transport(file: BinaryIO) -> bool:
    """Most packets with a payload are scrambled (ISO/IEC 13818-1, section 2.4.3.3)."""
    data = file.read(_SAMPLE_BYTES)
    for size, start in ((188, 0), (192, 4), (204, 0)):
        marks = data[start::size]
        if marks and marks.count(0x47) > len(marks) * 0.9:
            flags = data[start + 3 :: size]
            loaded = [flag for flag in flags if flag & 0x10]
            return sum(flag & 0xC0 != 0 for flag in loaded) > len(loaded) / 2
    return False


def _program(file: BinaryIO) -> bool:
    """Packets of pictures or sound are scrambled (ISO/IEC 13818-1, section 2.4.3.7)."""
    data = file.read(_SAMPLE_BYTES)
    for number in (*range(0xE0, 0xF0), *range(0xC0, 0xE0), 0xBD):
        at = data.find(bytes((0, 0, 1, number)))
        while 0 <= at < len(data) - 7:
            if data[at + 6] & 0xF0 in (0x90, 0xA0, 0xB0):
                return True
            at = data.find(bytes((0, 0, 1, number)), at + 4)
    return False


_BY_HEADER: Mapping[str, Callable[[BinaryIO], bool]] = {"mov": _mov, "asf": _asf, "oma": _oma}
_BY_DATA: Mapping[str, Callable[[BinaryIO], bool]] = {
    "mxf": _mxf,
    "mpegts": _transport,
    "mpeg": _program,
}
