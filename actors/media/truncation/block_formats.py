"""The promises of GIF, animated PNG, VOC and Flash files, which are rows of blocks with an end."""

from __future__ import annotations

from reelyard.actors.media.truncation.promise import HeaderReader, Promise

_TAIL = 256
_MOST_BLOCKS = 100_000


def gif_promise(file: HeaderReader) -> Promise:
    """The end of a block and the trailer 3B (GIF89a, section 27), perhaps with something behind."""
    tail = file.bytes_at(max(0, file.size - _TAIL), _TAIL)
    return Promise(open_end=b"\0;" not in tail)


def png_promise(file: HeaderReader) -> Promise:
    """The chunk that ends all (PNG, section 11.2.5), perhaps with something behind."""
    tail = file.bytes_at(max(0, file.size - _TAIL), _TAIL)
    return Promise(open_end=b"IEND" not in tail)


def voc_promise(file: HeaderReader) -> Promise:
    """By the size of each block (Creative's Voice File Format): of one byte, a number of three
    bytes, and so many bytes. The block that ends them all, 0, is often left out."""
    at = file.little(20, 2)
    for _ in range(_MOST_BLOCKS):
        if at >= file.size or not file.big(at, 1):
            break
        at += 4 + file.little(at + 1, 3)
    return Promise(missing_bytes=file.behind(at))


def flash_promise(file: HeaderReader) -> Promise:
    """By the length of the file (SWF 19, "SWF header"); where it is compressed, by nothing."""
    plain = file.bytes_at(0, 3) == b"FWS"
    return Promise(missing_bytes=file.behind(file.little(4, 4)) if plain else 0)
