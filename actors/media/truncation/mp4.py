"""The promise of an MP4 or MOV file: the sizes of its boxes, and of the segments in its index.

ISO/IEC 14496-12, sections 4.2 (boxes) and 8.16.3 (segment index).
"""

from __future__ import annotations

from reelyard.actors.media.truncation.promise import HeaderReader, Promise

_MOST_BOXES = 200_000
_REFERENCE_BYTES = 12


def mp4_promise(file: HeaderReader) -> Promise:
    """Whether boxes, or segments that a `sidx` lists, lie behind the end."""
    at = missing = another = 0
    seen: set[bytes] = set()
    for _ in range(_MOST_BOXES):
        head = file.bytes_at(at, 16)
        if len(head) < 8:
            break
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), 16
        if size < body:
            # 0: up to the end of the file; else nonsense.
            break
        if not kind.strip().isalnum():
            break
        # What is sent in fragments may send its beginning again.
        if kind == b"ftyp" and {b"moov", b"mdat"} <= seen and b"moof" not in seen:
            another = file.size - at
            break
        seen.add(kind)
        if kind == b"sidx":
            missing = max(missing, file.behind(_indexed_until(file, at + body, at + size)))
        at += size
        missing = max(missing, file.behind(at))
    return Promise(missing_bytes=missing, another_bytes=another)


def _indexed_until(file: HeaderReader, body: int, end: int) -> int:
    """Where the last segment of the `sidx` ends whose content begins at `body`."""
    wide = 8 if file.big(body, 1) else 4
    offsets = body + 12 + wide
    first, count = file.big(offsets, wide), file.big(offsets + wide + 2, 2)
    table = file.bytes_at(offsets + wide + 4, count * _REFERENCE_BYTES)
    sizes = (
        # The highest bit tells a segment from another index.
        int.from_bytes(table[at : at + 4], "big") & 0x7FFFFFFF
        for at in range(0, len(table), _REFERENCE_BYTES)
    )
    return end + first + sum(sizes)
