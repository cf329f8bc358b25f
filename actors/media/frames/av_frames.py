"""Between av.VideoFrame and Picture."""

from __future__ import annotations

import av
import numpy as np

from actors.media.frames.colour import Matrix
from actors.media.frames.frame import Layout, Picture, Plane

_COUNTS = {"gray": 1, "yuv420p": 3, "yuvj420p": 3, "yuva420p": 4}
_TAGS = ("colorspace", "color_range", "color_primaries", "color_trc")


def view(frame: av.VideoFrame) -> Picture:
    """The frame's planes without a copy: writing to them writes to the frame.

    Takes gray, yuv420p, yuvj420p and yuva420p; raises `ValueError` for other pixel formats. The
    planes stay valid as long as the picture lives, also after the container is closed. Decoders may
    hold a frame as a reference: call `frame.make_writable()` before changing a decoded one.
    """
    if (count := _COUNTS.get(frame.format.name)) is None:
        raise ValueError(f"no planes of {frame.format.name}; reformat to one of {list(_COUNTS)}")
    return Picture(tuple(_plane(frame, index) for index in range(count)))


def to_frame(picture: Picture, like: av.VideoFrame | None = None) -> av.VideoFrame:
    """A new frame with the picture's samples.

    Time stamp, time base and colour tags are those of `like`, if given.
    """
    layout: Layout = picture.layout
    frame = av.VideoFrame(picture.width, picture.height, layout)
    for target, plane in zip(view(frame).planes, picture.planes, strict=True):
        target[:] = plane
    if like is not None:
        frame.pts, frame.time_base = like.pts, like.time_base
        for tag in _TAGS:
            setattr(frame, tag, getattr(like, tag))
    return frame


def matrix_of(frame: av.VideoFrame) -> Matrix:
    """What the frame's samples are made of RGB with, as far as it is tagged."""
    # Decoders tag BT.601 as 5 (625 lines) or 6 (525 lines); ITU-T H.273, table 4.
    return "bt601" if int(frame.colorspace) in (5, 6) else "bt709"


def _plane(frame: av.VideoFrame, index: int) -> Plane:
    plane = frame.planes[index]
    # Rows are padded to the decoder's alignment: line_size bytes, of which `width` are picture.
    rows = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
