"""Still pictures: read with Pillow, brought upright and to a web colour model, fitted, written."""

from actors.media.stills.colour import to_srgb
from actors.media.stills.from_video import refuse_behind_end, still_at, still_of
from actors.media.stills.layout import compose, decode_size
from actors.media.stills.make import make_still
from actors.media.stills.source import Still, StillFile, open_still
from actors.media.stills.write import EXTENSIONS, ImageFormat, Quality, quality_number, write_still

__all__ = [
    "EXTENSIONS",
    "ImageFormat",
    "Quality",
    "Still",
    "StillFile",
    "compose",
    "decode_size",
    "make_still",
    "open_still",
    "quality_number",
    "refuse_behind_end",
    "still_at",
    "still_of",
    "to_srgb",
    "write_still",
]
