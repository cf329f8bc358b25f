"""Images to work on, and runs of the operation `image` on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from reelyard.actors.media.operation import Limits, Result, Source, Work
from reelyard.actors.media.operations.image import ImageParams, image


def run_image(path: Path, out: Path, limits: Limits | None = None, **params: object) -> Result:
    """What the operation makes of the file at `path`, with outputs in `out`."""
    out.mkdir(exist_ok=True)
    checked = ImageParams.model_validate(params)
    return image(Work([Source(path, path.name)], checked, out, limits=limits or Limits()))


def opened(result: Result) -> Image.Image:
    """The image that was written, decoded."""
    written = Image.open(result.files[0].path)
    written.load()
    return written


def quadrants(width: int = 64, height: int = 48) -> Image.Image:
    """Red and green above, blue and white below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return Image.fromarray(pixels)


def is_near(found: Image.Image, at: tuple[int, int], colour: tuple[int, ...], by: int = 12) -> bool:
    """Whether the pixel at `at` differs by at most `by` from the colour, in each channel."""
    pixel = found.getpixel(at)
    assert isinstance(pixel, tuple)
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= by


def make_animation(path: Path) -> Path:
    """128 x 64 px, five frames of 100 ms, of rising red; the format follows from the suffix."""
    frames = [Image.new("RGB", (128, 64), (n * 50, 0, 0)) for n in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    return path
