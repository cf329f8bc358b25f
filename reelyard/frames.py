"""NumPy operations on frames, for operations of one's own: planes, never taken through RGB.

A `Frame` is one to four uint8 planes; `view` makes one of a frame of PyAV's, `to_av_frame` one of
PyAV's of it. In between: `crop`, `pad`, `rotate`, `flip`; `overlay`, `fade`, `cross_fade`;
`mosaic`; `parse_colour`, `yuv_of`. Positions in subsampled planes are rounded down to even numbers.
"""

from actors.media.frames import (
    BLACK,
    Colour,
    Frame,
    Plane,
    blank,
    crop,
    cross_fade,
    fade,
    fade_level,
    flip,
    matrix_of,
    mosaic,
    overlay,
    pad,
    parse_colour,
    rotate,
    to_av_frame,
    view,
    yuv_of,
)

__all__ = [
    "BLACK",
    "Colour",
    "Frame",
    "Plane",
    "blank",
    "crop",
    "cross_fade",
    "fade",
    "fade_level",
    "flip",
    "matrix_of",
    "mosaic",
    "overlay",
    "pad",
    "parse_colour",
    "rotate",
    "to_av_frame",
    "view",
    "yuv_of",
]
