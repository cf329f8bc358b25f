"""Photos (HEIC) that are stored as a grid of tiles, each an image of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import av
from av.container import InputContainer
from av.stream import Disposition
from PIL import Image

from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.codec.frame_conversion import Normalizer
from reelyard.actors.media.codec.headers.heif import HeifPhoto
from reelyard.actors.media.codec.source import check_pixels, open_input
from reelyard.actors.media.frames import crop, mosaic, to_av_frame, view
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.stills.from_video import still_of
from reelyard.actors.media.stills.reader import upright_image
from reelyard.cluster.errors import CorruptMedia, UnsupportedFormat


def tiled_photo(
    source: Source, photo: HeifPhoto, limits: Limits
) -> tuple[Image.Image, av.VideoFrame] | None:
    """The whole photo, upright, and a frame that carries its colour tags; None if it has no tiles.

    Tiles fill the grid row by row, all of one size, and stick out of the photo's right and lower
    edge (ISO/IEC 23008-12, section 6.6.2.3). Raises `UnsupportedFormat` where the numbers do not
    fit together, `LimitExceeded`, `CorruptMedia`.
    """
    with open_input(source, limits) as container:
        tiles = _tiles(container, photo)
        if not tiles:
            return None
        size = photo.width, photo.height
        width, height = tiles[0].width, tiles[0].height
        if any((s.width, s.height) != (width, height) for s in tiles):
            raise UnsupportedFormat(f"{source.name!r} is a photo made of tiles of several sizes")
        check_pixels(*size, limits, source.name)
        columns, rows = -(-size[0] // width), -(-size[1] // height)
        if len(tiles) != columns * rows:
            raise UnsupportedFormat(
                f"{source.name!r} is a photo made of {len(tiles)} tiles, which do not make "
                f"{size[0]} x {size[1]} pixels"
            )
        with media_errors(source.name):
            frames = _decoded(container, tiles, limits)
    if lost := len(tiles) - len(frames):
        raise CorruptMedia(f"{source.name!r} is damaged: {lost} of its {len(tiles)} tiles are lost")
    scale = Normalizer(width, height)
    scaled = [scale.convert(frame) for frame in frames]
    whole = crop(mosaic([view(frame) for frame in scaled], columns, rows), 0, 0, *size)
    still = still_of(to_av_frame(whole, scaled[0]))
    return upright_image(still.image, photo.crop, photo.turn), scaled[0]


def _tiles(container: InputContainer, photo: HeifPhoto) -> list[av.VideoStream]:
    """The streams that the photo is put together from; others may be of its gain map."""
    found = [s for s in container.streams.video if s.disposition & Disposition.dependent]
    by_item = {stream.id: stream for stream in found}
    if photo.tiles and all(number in by_item for number in photo.tiles):
        return [by_item[number] for number in photo.tiles]
    return found


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
