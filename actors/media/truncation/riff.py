"""The promises of files made of chunks: WAV, AVI, Wave64, AIFF, CAF, AU, RealMedia.

A size that says "unknown", as programs write it that can't go back, promises nothing.
"""

from __future__ import annotations

import struct

from reelyard.actors.media.truncation.promise import HeaderReader, Promise

_STREAMED = 0x7FFFF000
"""SoX, arecord and FFmpeg write a size from there on when they do not know it."""
_MOST_CHUNKS = 10_000
_UNKNOWN_64 = 1 << 62
_REAL_SLACK = 16


def wav_promise(file: HeaderReader) -> Promise:
    """By the size of the data chunk and the bytes a second; RF64 has sizes of 64 bits (EBU Tech
    3306)."""
    at, rate, size_64 = 12, 0, 0
    for _ in range(_MOST_CHUNKS):
        kind, size = file.bytes_at(at, 4), file.little(at + 4, 4)
        if len(kind) < 4:
            break
        if kind == b"ds64":
            size_64 = file.little(at + 16, 8)
        elif kind == b"fmt ":
            rate = file.little(at + 16, 4)
        elif kind == b"data":
            if size == 0xFFFFFFFF and size_64:
                size = size_64
            elif size >= _STREAMED or not size:
                break
            return _payload(file, at + 8, size, rate)
        at += 8 + size + size % 2
    return Promise()


def avi_promise(file: HeaderReader) -> Promise:
    """By the size of the RIFF chunks (OpenDML has several) and the frames that `avih` counts."""
    at = missing = 0
    for _ in range(_MOST_CHUNKS):
        kind, size = file.bytes_at(at, 4), file.little(at + 4, 4)
        if kind != b"RIFF" or not size or size == 0xFFFFFFFF:
            break
        at += 8 + size + size % 2
        missing = max(missing, file.behind(at))
    # The last byte of padding is often left out.
    missing = missing if missing > 1 else 0
    header = file.bytes_at(0, 4096)
    found = header.find(b"avih")
    if found < 0:
        return Promise(missing_bytes=missing)
    frame_us, frames = file.little(found + 8, 4), file.little(found + 24, 4)
    return Promise(frame_us * frames / 1e6 or None, missing)


def wave64_promise(file: HeaderReader) -> Promise:
    """By the size of the data chunk: sizes hold the chunk's own 24 bytes, too."""
    at, rate = 40, 0
    for _ in range(_MOST_CHUNKS):
        kind, size = file.bytes_at(at, 4).lower(), file.little(at + 16, 8)
        if size < 24 or size > _UNKNOWN_64:
            break
        if kind == b"fmt ":
            rate = file.little(at + 32, 4)
        elif kind == b"data":
            return _payload(file, at + 24, size - 24, rate)
        at += (size + 7) // 8 * 8
    return Promise()


def aiff_promise(file: HeaderReader) -> Promise:
    """By the size of the sound chunk; the demuxer tells the length that `COMM` promises."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        kind, size = file.bytes_at(at, 4), file.big(at + 4, 4)
        if len(kind) < 4:
            break
        if kind == b"SSND" and size < _STREAMED:
            return Promise(missing_bytes=file.behind(at + 8 + size))
        at += 8 + size + size % 2
    return Promise()


def caf_promise(file: HeaderReader) -> Promise:
    """By the size of the data chunk; -1 means unknown (Core Audio Format, "Data Chunk")."""
    at, rate = 8, 0.0
    for _ in range(_MOST_CHUNKS):
        kind, size = file.bytes_at(at, 4), file.big(at + 4, 8)
        if len(kind) < 4 or size > _UNKNOWN_64:
            break
        if kind == b"desc":
            rate = _caf_rate(file, at + 12)
        elif kind == b"data":
            return _payload(file, at + 12, size, rate)
        at += 12 + size
    return Promise()


def _caf_rate(file: HeaderReader, at: int) -> float:
    """Bytes a second; 0: they vary."""
    (samples,) = struct.unpack(">d", file.bytes_at(at, 8).ljust(8, b"\0"))
    packet_bytes, packet_samples = file.big(at + 16, 4), file.big(at + 20, 4)
    return samples * packet_bytes / packet_samples if packet_samples else 0.0


def au_promise(file: HeaderReader) -> Promise:
    """By the size of the data; all ones mean unknown."""
    start, size = file.big(4, 4), file.big(8, 4)
    return Promise() if size >= _STREAMED else Promise(missing_bytes=file.behind(start + size))


def real_promise(file: HeaderReader) -> Promise:
    """By the sizes of its chunks."""
    at = missing = 0
    for _ in range(_MOST_CHUNKS):
        kind, size = file.bytes_at(at, 4), file.big(at + 4, 4)
        if not kind.strip(b".").isalnum() or size < 10:
            break
        at += size
        missing = max(missing, file.behind(at))
    # FFmpeg counts the ten bytes of a header twice.
    return Promise(missing_bytes=missing if missing > _REAL_SLACK else 0)


def _payload(file: HeaderReader, start: int, size: int, rate: float) -> Promise:
    missing = file.behind(start + size)
    return Promise(size / rate if rate and missing else None, missing)


def webp_promise(file: HeaderReader) -> Promise:
    """By the size of the whole (WebP container, "WebP file header")."""
    return Promise(missing_bytes=file.behind(8 + file.little(4, 4)))
