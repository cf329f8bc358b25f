"""Reading of still images: checked by their header, decoded small where that suffices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import ExifTags, Image, UnidentifiedImageError

from actors.media.operation import Limits, Source
from actors.media.sniff import Sniffed
from actors.media.stills.colour import to_web
from actors.media.stills.errors import still_errors, too_many_pixels
from cluster.errors import CorruptMedia, MediaError, UnsupportedCodec, UnsupportedFormat

# EPS and WMF are left out on purpose: their readers start other programs.
_FORMATS = (
    "AVIF",
    "BMP",
    "GIF",
    "ICO",
    "JPEG",
    "JPEG2000",
    "PNG",
    "PSD",
    "QOI",
    "SGI",
    "TGA",
    "TIFF",
    "WEBP",
)
# Sniffing does not know these, and they are only tried when nothing else fits.
_OTHER_FORMATS = ("DDS", "ICNS", "PCX", "PPM")

_ANIMATED = frozenset({"AVIF", "GIF", "PNG", "TIFF", "WEBP"})
_TIFF_COMPRESSION = 259
_TIFF_WEBP = 50001

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Still:
    """A decoded image, upright, in 8 bits. `icc` is the profile its samples are in."""

    image: Image.Image
    """Mode L, LA, RGB or RGBA."""
    icc: bytes | None = None


@dataclass(frozen=True)
class StillFile:
    """An opened image whose samples are still undecoded."""

    name: str
    format: str
    """Pillow's name, lower case: jpeg, png …"""
    width: int
    """px, upright, like `height`."""
    height: int
    animated: bool
    """Whether there are further frames or pages."""
    max_pixels: int
    _image: Image.Image
    _orientation: int

    def load(self, at_least: tuple[int, int] | None = None) -> Still:
        """Decode the first frame.

        `at_least` (width, height, upright) lets JPEG be decoded at 1/2, 1/4 or 1/8 as long as it
        stays as large as that. Raises `CorruptMedia`, `LimitExceeded` or `UnsupportedCodec`.
        """
        image = self._image
        with still_errors(self.name, self.max_pixels):
            if at_least and image.format in ("JPEG", "MPO"):
                image.draft(
                    image.mode, at_least if self._orientation < 5 else (at_least[1], at_least[0])
                )
            image.load()
            converted, icc = to_web(image)
            if self._orientation in _UPRIGHT:
                converted = converted.transpose(_UPRIGHT[self._orientation])
        return Still(converted, icc)


@contextmanager
def open_still(source: Source, limits: Limits) -> Iterator[StillFile | None]:
    """The image in `source`; None when the file is a video (or a single-tile HEIC) for PyAV.

    Only the header is read. Raises a `MediaError` naming it for what is neither, and
    `LimitExceeded` for more pixels than `limits` allows.
    """
    name = source.name
    refusal: MediaError | None = None
    found: Sniffed | None = None
    try:
        found = source.sniffed
    except (UnsupportedFormat, CorruptMedia) as error:
        refusal = error
    if found is not None and (not found.image or found.format == "heic"):
        yield None
        return
    with still_errors(name, limits.max_pixels):
        try:
            image = Image.open(source.path, formats=_FORMATS if found else _OTHER_FORMATS)
        except UnidentifiedImageError:
            raise refusal or _unidentified(name, found) from None
    with image:
        yield _checked(image, name, limits)


def _unidentified(name: str, found: Sniffed | None) -> MediaError:
    if found is not None and found.format == "tiff":
        return UnsupportedCodec(f"{name!r} is a TIFF of a kind that has no decoder here")
    return CorruptMedia(f"{name!r} is a damaged {found.format if found else ''} image")


def _checked(image: Image.Image, name: str, limits: Limits) -> StillFile:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise too_many_pixels(name, width * height, limits.max_pixels)
    with still_errors(name, limits.max_pixels):
        if _is_webp_tiff(image):
            raise UnsupportedCodec(f"{name!r} is a TIFF compressed as WebP; that has no decoder")
        if image.format == "PNG":
            image.load()  # EXIF may stand behind the samples
        orientation = _orientation(image)
        animated = image.format in _ANIMATED and bool(getattr(image, "is_animated", False))
    if orientation >= 5:
        width, height = height, width
    return StillFile(
        name=name,
        format=(image.format or "").lower(),
        width=width,
        height=height,
        animated=animated,
        max_pixels=limits.max_pixels,
        _image=image,
        _orientation=orientation,
    )


def _is_webp_tiff(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(_TIFF_COMPRESSION) == _TIFF_WEBP)


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; damaged EXIF counts as upright."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (ValueError, TypeError, SyntaxError, LookupError, OSError, OverflowError):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
