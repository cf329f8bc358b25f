"""NumPy frame operations on planes: frames are never taken through RGB.

A `Frame` is one to four uint8 planes; the operations below take and give frames:

    view, to_av_frame                 av.VideoFrame <-> Frame

    crop, pad, rotate, flip           geometry
    overlay, fade, cross_fade         blending
    mosaic                            a grid of frames
    parse_colour, yuv_of              colours

Going to RGB and back costs about 8 ms a 1080p frame, working on the planes well under 1 ms.

Rule for odd offsets: in the subsampled layouts one chroma sample stands for 2 x 2 luma samples, so
positions (of a crop, in a pad, of an overlay, of a mosaic cell) are rounded down to even numbers,
as FFmpeg's crop and pad filters do. `gray` frames have no such rule. Sizes may be odd: chroma
planes then have ceil(n / 2) rows or columns.
"""

from reelyard.actors.media.frames.av_frames import matrix_of, to_av_frame, view
from reelyard.actors.media.frames.blend import cross_fade, fade, fade_level, overlay
from reelyard.actors.media.frames.colour import BLACK, Colour, parse_colour, yuv_of
from reelyard.actors.media.frames.frame import Frame, Plane, blank
from reelyard.actors.media.frames.geometry import crop, flip, pad, rotate
from reelyard.actors.media.frames.grid import mosaic

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
