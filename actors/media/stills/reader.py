"""Reading of still images: checked by their header, decoded small where that suffices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from reelyard.actors.media.codec.geometry import Orientation, Rect
from reelyard.actors.media.codec.headers.heif import read_photo
from reelyard.actors.media.codec.headers.image_headers import turn_left
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.stills.colour import to_web
from reelyard.actors.media.stills.errors import still_errors, too_many_pixels
from reelyard.actors.media.stills.profiles import is_hdr_image, profile_of
from reelyard.cluster.errors import CorruptMedia, UnsupportedCodec

_ANIMATED = frozenset({"AVIF", "GIF", "PNG", "TIFF", "WEBP"})
_TIFF_COMPRESSION = 259
_TIFF_WEBP = 50001


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
    _part: Rect | None
    """What is shown of it, before it is turned."""
    _turn: Orientation

    def load(self, at_least: tuple[int, int] | None = None) -> Still:
        """Decode the first frame.

        `at_least` (width, height, upright) lets JPEG be decoded at 1/2, 1/4 or 1/8 as long as it
        stays as large as that. Raises `CorruptMedia`, `LimitExceeded` or `UnsupportedCodec`.
        """
        image = self._image
        with still_errors(self.name, self.max_pixels):
            if at_least and image.format in ("JPEG", "MPO"):
                image.draft(image.mode, at_least[::-1] if self._turn.swaps else at_least)
            image.load()
            converted, icc = to_web(image)
        return Still(upright_image(converted, self._part, self._turn), icc)


def upright_image(image: Image.Image, part: Rect | None, turn: Orientation) -> Image.Image:
    """The part of a decoded image that is shown (None: all of it), turned."""
    if part is not None:
        image = image.crop((part.x, part.y, part.x + part.width, part.y + part.height))
    if turn.mirror:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if turn.turns:
        quarter = (
            Image.Transpose.ROTATE_90,
            Image.Transpose.ROTATE_180,
            Image.Transpose.ROTATE_270,
        )
        image = image.transpose(quarter[turn.turns - 1])
    return image


@contextmanager
def open_still(source: Source, limits: Limits) -> Iterator[StillFile | None]:
    """The image in `source`; None when the file is a video, or an image for FFmpeg: of a format
    that Pillow does not read, or HDR.

    Only the header is read. Raises a `MediaError` naming it for what is neither, and
    `LimitExceeded` for more pixels than `limits` allows.
    """
    name, kind = source.name, source.sniffed
    if not kind.pillow or (kind.demuxer and is_hdr_image(source.path, kind.format)):
        yield None
        return
    # By a file of ours, not by its path: pixels that Pillow 13 could map into memory come out
    # scrambled where a TIFF's tag turns them, as it then takes the turned size for the stored one.
    with source.path.open("rb") as file:
        with still_errors(name, limits.max_pixels):
            try:
                image = Image.open(file, formats=(kind.pillow,))
            except (UnidentifiedImageError, LookupError, NotImplementedError, OSError) as error:
                if not kind.demuxer:
                    raise CorruptMedia(
                        f"{name!r} is a damaged {kind.format} image", internal=repr(error)
                    ) from None
                image = None
        if image is None:
            yield None
            return
        with image:
            yield _checked(image, source, limits)


def _checked(image: Image.Image, source: Source, limits: Limits) -> StillFile:
    name = source.name
    width, height = image.size
    if width * height > limits.max_pixels:
        raise too_many_pixels(name, width * height, limits.max_pixels)
    with still_errors(name, limits.max_pixels):
        if _is_webp_tiff(image):
            raise UnsupportedCodec(f"{name!r} is a TIFF compressed as WebP; that has no decoder")
        if image.format == "PNG":
            image.load()  # EXIF may stand behind the samples
        if found := profile_of(source.path, image):
            image.info["icc_profile"] = found
        animated = image.format in _ANIMATED and bool(getattr(image, "is_animated", False))
        turn = turn_left(image)
    photo = read_photo(source.path) if image.format == "AVIF" else None
    part = None if photo is None else photo.crop
    if part is not None:
        width, height = part.width, part.height
    if turn.swaps:
        width, height = height, width
    return StillFile(
        name=name,
        format=(image.format or "").lower(),
        width=width,
        height=height,
        animated=animated,
        max_pixels=limits.max_pixels,
        _image=image,
        _part=part,
        _turn=turn,
    )


def _is_webp_tiff(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(_TIFF_COMPRESSION) == _TIFF_WEBP)
