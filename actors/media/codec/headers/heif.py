"""The header of HEIF photos (HEIC, AVIF): what FFmpeg and Pillow do not tell of the one on show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from reelyard.actors.media.codec.geometry import Orientation, Rect
from reelyard.actors.media.codec.headers.boxes import Box, boxes, inside


@dataclass(frozen=True)
class HeifPhoto:
    """The primary item of a file (ISO/IEC 23008-12). Sizes in px, as coded."""

    width: int
    height: int
    crop: Rect | None = None
    """The clean aperture, before it is turned; None: all of it."""
    turn: Orientation = field(default_factory=Orientation)
    icc: bytes | None = None
    primaries: int = 2
    """Like `transfer`, of H.273; 2: unspecified."""
    transfer: int = 2
    tiles: tuple[int, ...] = ()
    """Numbers of the items that it is put together from, row by row."""

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height as shown."""
        size = (self.width, self.height)
        if self.crop is not None:
            size = (self.crop.width, self.crop.height)
        return (size[1], size[0]) if self.turn.swaps else size


def read_photo(path: Path) -> HeifPhoto | None:
    """The photo in the file; None where no item with a size is named as the one to show."""
    with path.open("rb") as file:
        meta = next((box for box in boxes(file) if box.kind == b"meta"), None)
        return None if meta is None else _photo(file, meta)


def _photo(file: BinaryIO, meta: Box) -> HeifPhoto | None:
    first = {box.kind: box for box in reversed(list(boxes(file, meta.begin + 4, meta.end)))}
    if b"pitm" not in first or b"iprp" not in first:
        return None
    number = _number(first[b"pitm"].content(file)[4:])
    known = [
        (box.kind, box.content(file))
        for shelf in inside(file, first[b"iprp"], b"ipco")
        for box in boxes(file, shelf.begin, shelf.end)
    ]
    uses = [
        index
        for box in inside(file, first[b"iprp"], b"ipma")
        for item, index in _uses(box.content(file))
        if item == number
    ]
    own = [known[index - 1] for index in uses if 0 < index <= len(known)]
    found = _described(own, [entry for entry in known if entry[0] == b"colr"])
    if found is None or b"iref" not in first:
        return found
    tiles = _references(file, first[b"iref"], number)
    return replace(found, tiles=tiles)


def _described(
    own: list[tuple[bytes, bytes]], colours: list[tuple[bytes, bytes]]
) -> HeifPhoto | None:
    size = next((data for kind, data in own if kind == b"ispe" and len(data) >= 12), None)
    if size is None:
        return None
    width, height = _number(size[4:8]), _number(size[8:12])
    crop, turn = None, Orientation()
    for kind, data in own:
        if kind == b"clap" and turn.is_identity:
            crop = clean_aperture(data, width, height)
        elif kind == b"irot" and data:
            turn = Orientation((turn.turns + (data[0] & 3)) % 4, turn.mirror)
        elif kind == b"imir" and data:
            # 0: top and bottom change places, which is half a turn more than left and right.
            half = 0 if data[0] & 1 else 2
            turn = Orientation((half - turn.turns) % 4, not turn.mirror)
    # Some writers give a photo of tiles no colours of its own, only its tiles.
    own_colours = [data for kind, data in own if kind == b"colr"]
    said = own_colours or [data for _, data in colours]
    icc = next((data[4:] for data in said if data[:4] in (b"prof", b"rICC")), None)
    points = next((data for data in said if data[:4] == b"nclx" and len(data) >= 10), bytes(10))
    return HeifPhoto(
        width,
        height,
        crop,
        turn,
        icc,
        _number(points[4:6]) or 2,
        _number(points[6:8]) or 2,
    )


def clean_aperture(data: bytes, width: int, height: int) -> Rect | None:
    """The part of a picture that a `clap` box (ISO/IEC 14496-12, section 12.1.4) leaves; None for
    all of it, or where the box makes no sense."""
    if len(data) < 32:
        return None
    numbers = [int.from_bytes(data[at : at + 4], "big", signed=True) for at in range(0, 32, 4)]
    if any(divisor <= 0 for divisor in numbers[1::2]):
        return None
    wide, high, off_x, off_y = (
        numerator / divisor for numerator, divisor in zip(numbers[::2], numbers[1::2], strict=True)
    )
    kept_w, kept_h = int(wide), int(high)
    x, y = int((width - wide) / 2 + off_x), int((height - high) / 2 + off_y)
    if kept_w < 1 or kept_h < 1 or x < 0 or y < 0 or x + kept_w > width or y + kept_h > height:
        return None
    return None if (kept_w, kept_h) == (width, height) else Rect(x, y, kept_w, kept_h)


def _uses(data: bytes) -> Iterator[tuple[int, int]]:
    """(item, property's number from 1), of an `ipma` box."""
    if len(data) < 8:
        return
    wide_items, wide_numbers = data[0] >= 1, data[3] & 1
    at, item_size = 8, 4 if wide_items else 2
    for _ in range(_number(data[4:8])):
        if at >= len(data):
            return
        item, count = _number(data[at : at + item_size]), data[at + item_size : at + item_size + 1]
        at += item_size + 1
        for _ in range(count[0] if count else 0):
            if wide_numbers:
                yield item, _number(data[at : at + 2]) & 0x7FFF
            else:
                yield item, _number(data[at : at + 1]) & 0x7F
            at += 2 if wide_numbers else 1


def _references(file: BinaryIO, iref: Box, number: int) -> tuple[int, ...]:
    """The items that the item `number` is derived from."""
    with_version = Box(iref.kind, iref.begin + 4, iref.end)
    size = 4 if iref.content(file)[:1] == b"\1" else 2
    for box in inside(file, with_version, b"dimg"):
        data = box.content(file)
        if _number(data[:size]) == number:
            rest = data[size + 2 :]
            return tuple(_number(rest[at : at + size]) for at in range(0, len(rest), size))
    return ()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
