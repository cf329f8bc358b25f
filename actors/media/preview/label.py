"""Short texts as frames, to be laid over others."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reelyard.actors.media.frames import Frame, blank, parse_colour, yuv_of

_WHITE, _BLACK = (yuv_of(parse_colour(text)[:3]) for text in ("#fff", "#000"))
_BOX_ALPHA = 140


@lru_cache(maxsize=256)
def label(text: str, height: int) -> Frame:
    """White `text` on a translucent dark box, `height` px high (at least 8), as yuva420p.

    The planes are read-only.
    """
    height = max(8, height)
    font = ImageFont.load_default(size=height * 0.72)
    left, top, right, bottom = font.getbbox(text)
    width = round(right - left + height * 0.5)
    mask = Image.new("L", (width, height))
    at = (height * 0.25 - left, (height - (bottom - top)) / 2 - top)
    ImageDraw.Draw(mask).text(at, text, fill=255, font=font)
    ink = np.asarray(mask)
    box = blank(width, height, _BLACK, "yuva420p")
    luma, alpha = box.planes[0], box.planes[3]
    luma[:] = _BLACK.y + (ink.astype(np.uint16) * (_WHITE.y - _BLACK.y) // 255).astype(np.uint8)
    alpha[:] = np.maximum(ink, _BOX_ALPHA)
    for plane in box.planes:
        plane.flags.writeable = False
    return box
