"""Headers of still images, through Pillow, which knows pages and EXIF."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reelyard.actors.media.codec.errors import translate
from reelyard.actors.media.codec.geometry import Orientation
from reelyard.actors.media.codec.headers.heif import read_photo
from reelyard.actors.media.codec.media_info import VideoStream
from reelyard.actors.media.sniff import Sniffed
from reelyard.cluster.errors import CorruptMedia, LimitExceeded, UnsupportedCodec

if TYPE_CHECKING:
    from PIL import Image

_CODECS = {"jpeg": "mjpeg", "avif": "av1", "heic": "hevc"}
_PIX_FMTS = {
    "1": "monob",
    "L": "gray",
    "LA": "ya8",
    "P": "pal8",
    "RGB": "rgb24",
    "RGBA": "rgba",
    "RGBX": "rgb0",
    "CMYK": "cmyk",
    "LAB": "lab",
    "YCbCr": "yuv444p",
    "I;16": "gray16le",
    "I;16B": "gray16be",
    "F": "grayf32le",
}
# EXIF 2.32, tag 0x0112, as "mirror, then turn counter-clockwise".
_EXIF_TURNS = {
    2: Orientation(0, mirror=True),
    3: Orientation(2),
    4: Orientation(2, mirror=True),
    5: Orientation(1, mirror=True),
    6: Orientation(3),
    7: Orientation(3, mirror=True),
    8: Orientation(1),
}
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    SyntaxError,
    struct.error,
)
"""What Pillow's readers raise for damaged files."""


@contextmanager
def open_image(path: Path, kind: Sniffed, name: str) -> Iterator[Image.Image | None]:
    """The image with its header read and nothing decoded; None where only FFmpeg may know it.

    Raises `CorruptMedia` for damage, also while the image is used inside the block, and
    `LimitExceeded` for what Pillow takes for a bomb.
    """
    from PIL import Image, UnidentifiedImageError

    if not kind.pillow:
        yield None
        return
    with warnings.catch_warnings():
        # Pillow warns of images above its own limit; ours decides.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(path, formats=(kind.pillow,))
        except UnidentifiedImageError:
            if not kind.demuxer:
                raise CorruptMedia(f"{name!r} is a damaged image") from None
            yield None
            return
        except Image.DecompressionBombError as error:
            raise _too_large(error, name) from None
        except _DAMAGE as error:
            raise CorruptMedia(f"{name!r} is a damaged image", internal=repr(error)) from None
        with image:
            try:
                yield image
            except Image.DecompressionBombError as error:
                # Some formats hold other images, of which only decoding shows the size.
                raise _too_large(error, name) from None
            except MemoryError as error:
                raise translate(error, name) from error
            except _DAMAGE as error:
                if "not available" in str(error) or "decoder error -2" in str(error):
                    raise UnsupportedCodec(
                        f"{name!r} is compressed in a way that has no decoder here",
                        internal=repr(error),
                    ) from None
                raise CorruptMedia(f"{name!r} is a damaged image", internal=repr(error)) from None


def _too_large(error: Exception, name: str) -> LimitExceeded:
    count = next(iter(re.findall(r"\d+", str(error))), "too many")
    return LimitExceeded(
        f"{name!r} has {count} pixels, more than an image may have",
        details={"limit": "max_pixels"},
    )


def image_size(path: Path, kind: Sniffed, name: str) -> tuple[int, int] | None:
    """Width and height (px) as the header tells, or None if nobody can say."""
    with open_image(path, kind, name) as image:
        if image is not None:
            return image.size
    photo = read_photo(path) if kind.demuxer == "mov" else None
    return None if photo is None else (photo.width, photo.height)


def exif_orientation(image: Image.Image) -> Orientation:
    """How EXIF says that the image is turned; damaged EXIF says nothing."""
    try:
        return _EXIF_TURNS.get(image.getexif().get(0x0112, 1), Orientation())
    except (*_DAMAGE, OverflowError):
        return Orientation()


def turn_left(image: Image.Image) -> Orientation:
    """How the image is still to be turned once it is loaded. TIFFs are turned by Pillow 13 as it
    loads them, and have their upright size from the start."""
    return Orientation() if image.format == "TIFF" else exif_orientation(image)


def file_orientation(path: Path, kind: Sniffed, name: str) -> Orientation:
    """How the image in a file is turned, by its EXIF; not at all where there is none."""
    with open_image(path, kind, name) as image:
        return Orientation() if image is None else exif_orientation(image)


def describe(image: Image.Image, kind: Sniffed) -> VideoStream:
    """The image as a stream of one frame (or of its pages)."""
    turn = exif_orientation(image)
    shown_w, shown_h = image.size
    if turn_left(image).swaps:
        shown_w, shown_h = shown_h, shown_w
    width, height = (shown_h, shown_w) if turn.swaps else (shown_w, shown_h)
    pix_fmt = _PIX_FMTS.get(image.mode)
    return VideoStream(
        index=0,
        codec=_CODECS.get(kind.format, kind.format),
        profile=None,
        width=width,
        height=height,
        display_width=shown_w,
        display_height=shown_h,
        rotation=turn.turns * 90,
        mirrored=turn.mirror,
        sar="1:1",
        fps=None,
        frames=int(getattr(image, "n_frames", 1)),
        duration_s=None,
        start_s=None,
        bit_rate=None,
        pix_fmt=pix_fmt,
        bit_depth=16 if image.mode.startswith("I") else 8,
        alpha=image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
        color_space="unknown",
        color_range="pc",
        color_primaries="unknown",
        color_transfer="unknown",
        hdr=None,
        interlaced=False,
        attached_pic=False,
        default=True,
        language=None,
        tags={"icc_profile": "yes"} if image.info.get("icc_profile") else {},
    )
