"""Still images: read with Pillow, brought upright and to a web colour model, fitted, written."""

from reelyard.actors.media.stills.colour import to_srgb
from reelyard.actors.media.stills.composition import compose, decode_size
from reelyard.actors.media.stills.from_source import make_still
from reelyard.actors.media.stills.from_video import still_at, still_of
from reelyard.actors.media.stills.reader import Still, StillFile, open_still
from reelyard.actors.media.stills.writer import (
    EXTENSIONS,
    ImageFormat,
    Quality,
    quality_number,
    write_still,
)

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
    "still_at",
    "still_of",
    "to_srgb",
    "write_still",
]
