"""NumPy frame operations on planes: pictures are never taken through RGB.

A `Picture` is one to four uint8 planes; the operations below take and give pictures:

    view, to_frame                    av.VideoFrame <-> Picture
    crop, pad, rotate, flip           geometry
    overlay, fade, cross_fade         blending
    mosaic                            a grid of pictures
    parse_colour, yuv_of              colours

Going to RGB and back costs about 8 ms a 1080p frame, working on the planes well under 1 ms.

Rule for odd offsets: in the subsampled layouts one chroma sample stands for 2 x 2 luma samples, so
positions (of a crop, in a pad, of an overlay, of a mosaic cell) are rounded down to even numbers,
as FFmpeg's crop and pad filters do. `gray` pictures have no such rule. Sizes may be odd: chroma
planes then have ceil(n / 2) rows or columns.
"""

from actors.media.frames.av_frames import matrix_of, to_frame, view
from actors.media.frames.blend import cross_fade, fade, fade_level, overlay
from actors.media.frames.colour import BLACK, Colour, parse_colour, yuv_of
from actors.media.frames.frame import Picture, Plane, blank
from actors.media.frames.geometry import crop, flip, pad, rotate
from actors.media.frames.grid import mosaic

__all__ = [
    "BLACK",
    "Colour",
    "Picture",
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
    "to_frame",
    "view",
    "yuv_of",
]
