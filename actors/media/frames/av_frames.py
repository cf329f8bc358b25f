"""The way between PyAV's `VideoFrame` and `Frame`, without a copy where there need be none."""

from __future__ import annotations

import av
import numpy as np

from reelyard.actors.media.frames.colour import Matrix
from reelyard.actors.media.frames.frame import Frame, Plane, PlaneLayout

_COUNTS = {"gray": 1, "yuv420p": 3, "yuvj420p": 3, "yuva420p": 4}
_TAGS = ("colorspace", "color_range", "color_primaries", "color_trc")


def view(av_frame: av.VideoFrame) -> Frame:
    """The planes of `av_frame` without a copy: writing to them writes to it.

    Takes gray, yuv420p, yuvj420p and yuva420p; raises `ValueError` for other pixel formats. The
    planes stay valid as long as the result lives, also after the container is closed. Decoders may
    hold a frame as a reference: call `av_frame.make_writable()` before changing a decoded one.
    """
    if (count := _COUNTS.get(av_frame.format.name)) is None:
        raise ValueError(f"no planes of {av_frame.format.name}; reformat to one of {list(_COUNTS)}")
    return Frame(tuple(_plane(av_frame, index) for index in range(count)))


def to_av_frame(frame: Frame, like: av.VideoFrame | None = None) -> av.VideoFrame:
    """A new frame of PyAV's with the samples of `frame`.

    Time stamp, time base and colour tags are those of `like`, if given.
    """
    layout: PlaneLayout = frame.layout
    av_frame = av.VideoFrame(frame.width, frame.height, layout)
    for target, plane in zip(view(av_frame).planes, frame.planes, strict=True):
        target[:] = plane
    if like is not None:
        av_frame.pts, av_frame.time_base = like.pts, like.time_base
        for tag in _TAGS:
            setattr(av_frame, tag, getattr(like, tag))
    return av_frame


def matrix_of(av_frame: av.VideoFrame) -> Matrix:
    """What the frame's samples are made of RGB with, as far as it is tagged."""
    # Decoders tag BT.601 as 5 (625 lines) or 6 (525 lines); ITU-T H.273, table 4.
    return "bt601" if int(av_frame.colorspace) in (5, 6) else "bt709"


def _plane(av_frame: av.VideoFrame, index: int) -> Plane:
    plane = av_frame.planes[index]
    # Rows are padded to the decoder's alignment: line_size bytes, of which `width` count.

    rows = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
