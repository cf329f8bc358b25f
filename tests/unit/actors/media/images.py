"""Pictures to work on, and the operation that is asked of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from actors.media.operation import Limits, Result, Source, Work
from actors.media.operations.image import ImageParams, image


def run(path: Path, out: Path, limits: Limits | None = None, **params: object) -> Result:
    out.mkdir(exist_ok=True)
    checked = ImageParams.model_validate(params)
    return image(Work([Source(path, path.name)], checked, out, limits=limits or Limits()))


def opened(result: Result) -> Image.Image:
    picture = Image.open(result.files[0].path)
    picture.load()
    return picture


def quadrants(width: int = 64, height: int = 48) -> Image.Image:
    """Red and green above, blue and white below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return Image.fromarray(pixels)


def near(picture: Image.Image, at: tuple[int, int], colour: tuple[int, ...], by: int = 12) -> bool:
    found = picture.getpixel(at)
    assert isinstance(found, tuple)
    return max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= by


def make_animation(path: Path) -> Path:
    """128 x 64 px, five pictures of 100 ms, of rising red; the format follows from the suffix."""
    pictures = [Image.new("RGB", (128, 64), (n * 50, 0, 0)) for n in range(5)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    return path
