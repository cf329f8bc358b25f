"""Writing of still images, with a check of what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from PIL import Image
from pydantic import Field

from reelyard.actors.media.codec.errors import media_errors
from reelyard.actors.media.operation import MediaFile
from reelyard.actors.media.stills.colour import flatten, to_srgb
from reelyard.actors.media.stills.reader import Still
from reelyard.cluster.errors import MediaError, OutputUnwritable, VerificationFailed

ImageFormat = Literal["jpeg", "png", "webp", "avif"]
QualityName = Literal["very_low", "low", "medium", "high", "very_high"]
Quality = QualityName | Annotated[int, Field(ge=1, le=100)]

EXTENSIONS: dict[str, str] = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "avif": ".avif"}

# AVIF reaches the same look at lower numbers: libavif maps them to quantisers linearly.
_NUMBERS: dict[str, dict[str, int]] = {
    "jpeg": {"very_low": 40, "low": 60, "medium": 75, "high": 85, "very_high": 95},
    "webp": {"very_low": 40, "low": 60, "medium": 75, "high": 85, "very_high": 95},
    "avif": {"very_low": 30, "low": 45, "medium": 60, "high": 72, "very_high": 85},
}
_MOST_PX = {"jpeg": 65_500, "webp": 16_383, "avif": 65_536, "png": 2**31 - 1}
_FULL_CHROMA_FROM = 90


def quality_number(quality: str | int, format: str) -> int:
    """A quality name as the encoder's number, 1 to 100; numbers stay. PNG is lossless: 100."""
    if isinstance(quality, int):
        return quality
    return _NUMBERS[format][quality] if format in _NUMBERS else 100


def write_still(
    still: Still,
    path: Path,
    format: ImageFormat,
    *,
    quality: str | int = "high",
    background: tuple[int, int, int] | None = None,
    progressive: bool = True,
    threads: int = 1,
) -> MediaFile:
    """Encode `still` into `path` and read it back.

    A `progressive` JPEG is some per cent smaller and takes twice as long to write and to read.
    JPEG can't hold alpha: it is laid over `background` (r, g, b; white if None). The ICC profile is
    kept where the format's samples are still in it, other metadata (EXIF with its places and
    names) is not. Raises `MediaError` where the format can't hold the size, `OutputUnwritable`,
    `StorageFull`, or `VerificationFailed` when the file does not decode to the same size.
    """
    image, icc = _encodable(still, format, background or (255, 255, 255))
    if max(image.size) > _MOST_PX[format]:
        raise MediaError(
            f"{format} holds at most {_MOST_PX[format]} px a side, not {image.width}x{image.height}"
        )
    options = _options(format, quality_number(quality, format), progressive, threads)
    if icc:
        options["icc_profile"] = icc
    with media_errors(path.name, writing=True):
        try:
            image.save(path, format=format.upper(), **options)
        except (ValueError, RuntimeError, SyntaxError) as error:
            raise OutputUnwritable(
                f"{path.name!r} could not be encoded", internal=repr(error)
            ) from error
    return _verified(path, format, image)


def _encodable(
    still: Still, format: str, background: tuple[int, int, int]
) -> tuple[Image.Image, bytes | None]:
    image, icc = still.image, still.icc
    if format == "jpeg":
        if image.mode == "LA" and len(set(background)) > 1:
            # A grey profile does not describe the RGB image that a coloured background makes.
            image, icc = to_srgb(image, icc), None
        return flatten(image, background), icc
    if format in ("webp", "avif") and image.mode in ("L", "LA"):
        # Both encoders store colour only.
        srgb = to_srgb(image, icc)
        return srgb.convert("RGBA" if "A" in srgb.mode else "RGB"), None
    return image, icc


def _options(format: str, number: int, progressive: bool, threads: int) -> dict[str, Any]:
    if format == "jpeg":
        subsampling = "4:4:4" if number >= _FULL_CHROMA_FROM else "4:2:0"
        return {"quality": number, "progressive": progressive, "subsampling": subsampling}
    if format == "webp":
        return {"quality": number, "method": 4}
    if format == "avif":
        subsampling = "4:4:4" if number >= _FULL_CHROMA_FROM else "4:2:0"
        return {
            "quality": number,
            "speed": 6,
            "max_threads": threads,
            "subsampling": subsampling,
        }
    return {}


def _verified(path: Path, format: str, wanted: Image.Image) -> MediaFile:
    try:
        with Image.open(path, formats=(format.upper(),)) as written:
            size = written.size
            # An eighth of a JPEG's samples reads every byte of it.
            written.draft(written.mode, (1, 1))
            written.load()
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise VerificationFailed(
            f"{path.name!r} does not decode after it was written", internal=repr(error)
        ) from error
    if size != wanted.size:
        raise VerificationFailed(
            f"{path.name!r} is {size[0]}x{size[1]} instead of {wanted.width}x{wanted.height}"
        )
    facts = {
        "format": format,
        "width": size[0],
        "height": size[1],
        "frames": 1,
        "size": path.stat().st_size,
    }
    return MediaFile(path, "image", facts)
