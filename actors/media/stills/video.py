"""A still picture from a video frame."""

from __future__ import annotations

import av
from PIL import Image

from actors.media.stills.source import Still


def still_of_frame(frame: av.VideoFrame) -> Still:
    """The frame (upright, SDR, any pixel format) as an RGB picture in BT.709's primaries."""
    rgb = frame.reformat(format="rgb24", interpolation="BICUBIC")
    plane = rgb.planes[0]
    image = Image.frombuffer(
        "RGB", (rgb.width, rgb.height), bytes(plane), "raw", "RGB", plane.line_size, 1
    )
    return Still(image)
