"""A still picture from a film."""

from __future__ import annotations

import av
from PIL import Image

from actors.media.codec.frame_conversion import Normalizer
from actors.media.codec.source import identify
from actors.media.frames import Picture, to_frame
from actors.media.operation import Limits, Source
from actors.media.sampling.video import Painter, open_film
from actors.media.stills.source import Still
from actors.media.stills.tiles import tiled_photo
from cluster.errors import CorruptMedia, MediaError


def still_at(source: Source, time_s: float, limits: Limits, threads: int = 1) -> Still:
    """The frame on show at `time_s`, upright and SDR, in full size (square pixels), RGB.

    A HEIC photo is a film of one frame, or is put together from its tiles.

    Raises `MediaError` for a time behind the end.
    """
    if identify(source.path, source.name).image and (photo := tiled_photo(source, limits)):
        return still_of(*photo)
    with open_film(source, limits, threads, still=True) as film:
        refuse_behind_end("start", time_s, film.duration_s, source.name)
        painter = Painter(film, film.width, film.height, threads)
        for frame in film.shown_at([time_s]):
            return still_of(*painter.paint(frame))
    raise CorruptMedia(f"{source.name!r}: no picture could be decoded")


def still_of(picture: Picture, like: av.VideoFrame) -> Still:
    """The picture (yuv420p) as RGB; `like` carries its colour space and range."""
    frame = to_frame(picture, like)
    rgb = Normalizer(frame.width, frame.height, "rgb24").convert(frame)
    plane = rgb.planes[0]
    image = Image.frombytes(
        "RGB", (rgb.width, rgb.height), bytes(plane), "raw", "RGB", plane.line_size, 1
    )
    return Still(image)


def refuse_behind_end(field: str, time_s: float, duration_s: float, name: str) -> None:
    """Raises `MediaError` when `time_s` lies behind the end of the film, if that is known."""
    if 0 < duration_s < time_s:
        raise MediaError(
            f"{name!r} is {duration_s:.3f} s long; {field} {time_s:g} s lies behind its end",
            details={field: time_s, "duration_s": duration_s},
        )
