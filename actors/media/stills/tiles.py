"""Photos (HEIC) that are stored as a grid of tiles, each an image of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition

from actors.media.codec.errors import media_errors
from actors.media.codec.frame_conversion import Normalizer
from actors.media.codec.image_headers import heif_size
from actors.media.codec.source import check_pixels, open_input
from actors.media.frames import Frame, crop, mosaic, rotate, view
from actors.media.operation import Limits, Source
from cluster.errors import CorruptMedia, UnsupportedFormat

_HEAD_BYTES = 1 << 20


def tiled_photo(source: Source, limits: Limits) -> tuple[Frame, av.VideoFrame] | None:
    """The whole photo, upright, and a frame that carries its colour tags; None if it has no tiles.

    Tiles fill the grid row by row, all of one size, and stick out of the photo's right and lower
    edge (ISO/IEC 23008-12, section 6.6.2.3). Raises `UnsupportedFormat` where the numbers do not
    fit together, `LimitExceeded`, `CorruptMedia`.
    """
    with open_input(source, limits) as container:
        tiles = [s for s in container.streams.video if s.disposition & Disposition.dependent]
        if not tiles:
            return None
        size = heif_size(source.path)
        width, height = tiles[0].width, tiles[0].height
        if size is None or any((s.width, s.height) != (width, height) for s in tiles):
            raise UnsupportedFormat(f"{source.name!r} is a photo made of tiles of several sizes")
        check_pixels(*size, limits, source.name)
        columns, rows = -(-size[0] // width), -(-size[1] // height)
        if len(tiles) != columns * rows:
            raise UnsupportedFormat(
                f"{source.name!r} is a photo made of {len(tiles)} tiles, which do not make "
                f"{size[0]} x {size[1]} pixels"
            )
        turns = _turns(source.path, source.name)
        with media_errors(source.name):
            frames = _decoded(container, tiles, limits)
    if lost := len(tiles) - len(frames):
        raise CorruptMedia(f"{source.name!r} is damaged: {lost} of its {len(tiles)} tiles are lost")
    scale = Normalizer(width, height)
    scaled = [scale.convert(frame) for frame in frames]
    whole = crop(mosaic([view(frame) for frame in scaled], columns, rows), 0, 0, *size)
    return rotate(whole, -90 * turns), scaled[0]


def _decoded(
    container: InputContainer, tiles: Sequence[av.VideoStream], limits: Limits
) -> list[av.VideoFrame]:
    """The tiles that are whole, in their order."""
    by_index = {tile.index: tile for tile in tiles}
    for tile in tiles:
        # Without `explode` the HEVC decoder fills what it can't read with green, and says nothing.
        tile.codec_context.options = {
            "max_pixels": str(limits.max_pixels),
            "err_detect": "explode",
        }
    found: dict[int, av.VideoFrame] = {}
    for packet in container.demux(*tiles):
        stream = by_index[packet.stream_index]
        if packet.size:
            with suppress(av.error.InvalidDataError):
                for frame in stream.decode(packet) or stream.decode(None):
                    found[stream.index] = frame
    return [found[index] for index in by_index if index in found]


def _turns(path: Path, name: str) -> int:
    """Quarter turns anticlockwise ('irot', ISO/IEC 23008-12, section 6.5.10)."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    parts = head.split(b"irot")[1:]
    angles = {part[0] & 3 for part in parts if part}
    if len(angles) > 1 or b"imir" in head:
        raise UnsupportedFormat(f"{name!r} is a photo made of tiles, turned in more than one way")
    return angles.pop() if angles else 0
