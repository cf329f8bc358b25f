"""The promise of a Matroska or WebM file: the sizes of its segment and clusters, and its index.

RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

from reelyard.actors.media.truncation.promise import HeaderReader, Promise

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_SEEK_HEAD, _SEEK, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AC
_MOST_ELEMENTS = 200_000


def matroska_promise(file: HeaderReader) -> Promise:
    """Whether the segment, a cluster of known size, or what the seek head lists lies behind the
    end."""
    at = 0
    for _ in range(8):
        found = _element(file, at)
        if found is None:
            break
        kind, body, size = found
        if kind == _SEGMENT:
            if size is not None:
                return Promise(missing_bytes=file.behind(body + size))
            return Promise(missing_bytes=_behind_in(file, body))
        if size is None:
            break
        at = body + size
    return Promise()


def _behind_in(file: HeaderReader, start: int) -> int:
    """The same of a segment of unknown size, whose content begins at `start`."""
    at, missing = start, 0
    for _ in range(_MOST_ELEMENTS):
        found = _element(file, at)
        # A cluster of unknown size ends where its last block does: nothing can be missed there.
        if found is None:
            break
        kind, body, size = found
        if size is None:
            break
        if kind == _SEEK_HEAD:
            for position in _seek_positions(file, body, body + size):
                missing = max(missing, file.behind(start + position + 1))
        at = body + size
        missing = max(missing, file.behind(at))
    return missing


def _seek_positions(file: HeaderReader, at: int, end: int) -> list[int]:
    found: list[int] = []
    while at < end and (entry := _element(file, at)) is not None:
        kind, body, size = entry
        if size is None:
            break
        if kind == _SEEK:
            found += _seek_positions(file, body, body + size)
        elif kind == _SEEK_POSITION:
            found.append(file.big(body, min(size, 8)))
        at = body + size
    return found


def _element(file: HeaderReader, at: int) -> tuple[int, int, int | None] | None:
    """(identifier, where its content begins, how many bytes that has) of the element at `at`; the
    size is None where it is unknown. None: there is no element."""
    head = file.bytes_at(at, 12)
    if not head or not head[0] & 0xF0:
        return None
    wide = 9 - head[0].bit_length()
    kind, rest = int.from_bytes(head[:wide], "big"), head[wide:]
    if not rest or not rest[0]:
        return None
    length = 9 - rest[0].bit_length()
    if len(rest) < length:
        return None
    size = int.from_bytes(rest[:length], "big") & (1 << 7 * length) - 1
    unknown = size == (1 << 7 * length) - 1
    return kind, at + wide + length, None if unknown else size
