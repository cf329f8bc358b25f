"""Still pictures: read with Pillow, brought upright and to a web colour model, fitted, written."""

from actors.media.stills.layout import compose
from actors.media.stills.source import Still, open_still
from actors.media.stills.video import still_of_frame
from actors.media.stills.write import EXTENSIONS, ImageFormat, Quality, quality_number, write_still

__all__ = [
    "EXTENSIONS",
    "ImageFormat",
    "Quality",
    "Still",
    "compose",
    "open_still",
    "quality_number",
    "still_of_frame",
    "write_still",
]
