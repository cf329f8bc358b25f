"""The promises of FLV, ASF, MXF, MP3 and Ogg files, each in a header of its own."""

from __future__ import annotations

import struct

from reelyard.actors.media.truncation.promise import HeaderReader, Promise

_SCRIPT = 18
_NUMBER, _ARRAY = 0, 10


def flv_promise(file: HeaderReader) -> Promise:
    """By `duration`, `filesize` and the index of key frames in `onMetaData` (Adobe FLV 10.1,
    annex E.5; AMF 0)."""
    first = file.big(5, 4) + 4
    if file.big(first, 1) & 0x1F != _SCRIPT:
        return Promise()
    body = file.bytes_at(first + 11, file.big(first + 1, 3))
    duration, size = _amf_number(body, b"duration"), _amf_number(body, b"filesize")
    places = _amf_numbers(body, b"filepositions")
    end = max([size or 0, *places])
    follows = size is not None and file.bytes_at(int(size), 4) == b"FLV\x01"
    another = file.size - int(size) if size and follows else 0
    return Promise(duration or None, file.behind(int(end)), another_bytes=another)


def _amf_number(body: bytes, name: bytes) -> float | None:
    at = body.find(len(name).to_bytes(2, "big") + name)
    value = body[at + 2 + len(name) :][:9] if at >= 0 else b""
    if len(value) < 9 or value[0] != _NUMBER:
        return None
    number: float = struct.unpack(">d", value[1:])[0]
    return number if 0 <= number < 1e15 else None


def _amf_numbers(body: bytes, name: bytes) -> list[float]:
    at = body.find(len(name).to_bytes(2, "big") + name)
    values = body[at + 2 + len(name) :] if at >= 0 else b""
    if len(values) < 5 or values[0] != _ARRAY:
        return []
    count = min(int.from_bytes(values[1:5], "big"), (len(values) - 5) // 9)
    found = [struct.unpack(">d", values[6 + 9 * n : 14 + 9 * n])[0] for n in range(count)]
    return [number for number in found if 0 <= number < 1e15]


_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_BROADCAST = 1


def asf_promise(file: HeaderReader) -> Promise:
    """By the file properties and the size of the data object (ASF 1.20, sections 3.2 and 5.1); a
    broadcast promises nothing."""
    header = file.little(16, 8)
    found = file.bytes_at(0, min(header, 1 << 20)).find(_FILE_PROPERTIES)
    if found < 0 or file.little(found + 88, 4) & _BROADCAST:
        return Promise()
    # In units of 100 ns, of which the first `preroll` ms are not played.
    played = file.little(found + 64, 8) / 1e7 - file.little(found + 80, 8) / 1e3
    missing = 0
    if file.bytes_at(header, 16) == _DATA:
        missing = file.behind(header + file.little(header + 16, 8))
    return Promise(played if played > 0 else None, missing)


_PARTITION = bytes.fromhex("060e2b34020501010d01020101")


def mxf_promise(file: HeaderReader) -> Promise:
    """By the place of the footer that the header partition tells (SMPTE ST 377-1, 7.1)."""
    head = file.bytes_at(0, 64)
    if not head.startswith(_PARTITION):
        return Promise()
    length = head[16]
    body = 17 + (length & 0x7F if length & 0x80 else 0)
    footer = file.big(body + 24, 8)
    return Promise(missing_bytes=file.behind(footer + 1) if footer else 0)


_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def mp3_promise(file: HeaderReader) -> Promise:
    """By the frames and bytes that a Xing, Info or VBRI header counts."""
    start = _behind_id3(file)
    head = file.bytes_at(start, 256)
    if len(head) < 4 or head[0] != 0xFF:
        return Promise()
    version, rate_index = head[1] >> 3 & 3, head[2] >> 2 & 3
    if version == 1 or rate_index == 3:
        return Promise()
    rate, samples = _RATES[version][rate_index], 1152 if version == 3 else 576
    frames, size = _counted(head)
    return Promise(frames * samples / rate if frames else None, file.behind(start + size))


def _counted(head: bytes) -> tuple[int, int]:
    """The frames and bytes that the first frame counts; 0: it doesn't."""
    for mark in (b"Xing", b"Info"):
        if 0 < (at := head.find(mark)) < 48:
            flags, values = head[at + 7], head[at + 8 :]
            frames = int.from_bytes(values[:4], "big") if flags & 1 else 0
            after = values[4:8] if flags & 1 else values[:4]
            return frames, int.from_bytes(after, "big") if flags & 2 else 0
    if head[36:40] == b"VBRI":
        return int.from_bytes(head[50:54], "big"), int.from_bytes(head[46:50], "big")
    return 0, 0


def _behind_id3(file: HeaderReader) -> int:
    head = file.bytes_at(0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    # Four bytes of seven bits (ID3v2.4, section 3.1).
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 127
    return 10 + size


_LARGEST_PAGE = 65_307
_LAST_PAGE = 4


def ogg_promise(file: HeaderReader) -> Promise:
    """Ogg tells no length, but its last page says that it is the last (RFC 3533, section 6)."""
    tail_at = max(0, file.size - 2 * _LARGEST_PAGE)
    tail = file.bytes_at(tail_at, 2 * _LARGEST_PAGE)
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return Promise(open_end=True)
    lengths = page[27 : 27 + page[26]]
    cut = len(lengths) < page[26] or len(page) < 27 + len(lengths) + sum(lengths)
    return Promise(open_end=cut or not page[5] & _LAST_PAGE)
