"""Colour models of stills: from any of Pillow's modes to 8-bit grey or RGB, alpha kept."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MOST_16 = 65_535.0
_ALPHA_OF = {"LA": "L", "La": "L", "PA": "RGB", "RGBA": "RGB", "RGBa": "RGB"}


def to_web(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """`image` in mode L, LA, RGB or RGBA, and the ICC profile that its samples are in.

    - RGB and grey profiles are kept and returned; None means sRGB or unknown.
    - CMYK and Lab go through their profiles (Lab: D50) to sRGB; CMYK without one by Pillow's
      plain conversion.
    - Palettes are resolved; 1 bit becomes grey.
    - 16 bits keep their upper 8. Floats from 0 to 1 are shares of white. Floats and 32-bit integers
      that go up to 255 are taken as they are, up to 65,535 as 16 bits; those that go further, or
      below 0, are measurements: stretched linearly from their least to their greatest value.
    """
    icc = image.info.get("icc_profile") or None
    mode = image.mode
    if mode == "CMYK":
        return _managed(image, icc) or image.convert("RGB"), None
    if mode == "LAB":
        return _from_lab(image), None
    if mode.startswith(("I;16", "I", "F")):
        return _to_eight_bits(image), _matching(icc, "GRAY")
    if mode in ("P", "PA"):
        clear = mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if clear else "RGB")
    elif mode in ("1", "L", "RGB") and "transparency" in image.info:
        image = image.convert("LA" if mode != "RGB" else "RGBA")
    elif mode == "1":
        image = image.convert("L")
    elif mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    return image, _matching(icc, "GRAY" if image.mode in ("L", "LA") else "RGB ")


def flatten(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """`image` without alpha, laid over `background` (r, g, b)."""
    if image.mode not in ("LA", "RGBA"):
        return image
    grey = image.mode == "LA" and len(set(background)) == 1
    solid = image if image.mode == "RGBA" else image.convert("RGBA")
    canvas = Image.new("RGBA", image.size, (*background, 255))
    canvas.alpha_composite(solid)
    return canvas.convert("L" if grey else "RGB")


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Samples in a profile as sRGB; alpha stays."""
    if not icc or image.mode not in ("L", "LA", "RGB", "RGBA"):
        return image
    if image.mode in ("L", "RGB"):
        return _managed(image, icc) or image.convert("RGB")
    solid = to_srgb(image.convert(image.mode[:-1]), icc)
    solid.putalpha(image.getchannel("A"))
    return solid


def _managed(image: Image.Image, icc: bytes | None) -> Image.Image | None:
    """`image` through its profile to sRGB; None where that can't be done."""
    if not icc:
        return None
    try:
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(icc)),
            _srgb(),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _from_lab(image: Image.Image) -> Image.Image:
    lab = ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted


def _to_eight_bits(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)
    if image.mode.startswith("I;16") or (samples.dtype.kind in "iu" and _fits_16_bits(samples)):
        return Image.fromarray((samples.astype(np.uint16) >> 8).astype(np.uint8))
    values = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= _MOST_16:
        white = next(most for most in (1.0, 255.0, _MOST_16) if high <= most)
        if samples.dtype.kind in "iu":
            white = 255.0
        return Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8))
    scale = 255 / (high - low) if high > low else 0.0
    return Image.fromarray(np.rint((values - low) * scale).astype(np.uint8))


def _fits_16_bits(samples: np.ndarray[tuple[int, ...], np.dtype[np.signedinteger]]) -> bool:
    return 255 < int(samples.max()) <= _MOST_16 and int(samples.min()) >= 0


def _matching(icc: bytes | None, space: str) -> bytes | None:
    """`icc` if it describes samples of that colour space (ICC.1:2022, section 7.2.6)."""
    return icc if icc and icc[16:20] == space.encode() else None


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
