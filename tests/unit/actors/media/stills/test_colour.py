"""Colour models of stills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.unit.actors.media.images import opened, run_image


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("1", ".png"),
        ("L", ".png"),
        ("LA", ".png"),
        ("P", ".gif"),
        ("CMYK", ".jpg"),
        ("CMYK", ".tif"),
        ("I;16", ".png"),
        ("I", ".tif"),
        ("F", ".tif"),
        ("YCbCr", ".jpg"),
        ("LAB", ".tif"),
        ("RGBA", ".webp"),
        ("RGB", ".avif"),
        ("RGB", ".bmp"),
        ("RGB", ".tga"),
        ("RGB", ".jp2"),
    ],
)
@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_every_mode_of_an_image_is_taken(tmp_path: Path, mode: str, suffix: str, name: str) -> None:
    grey = np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1))
    if mode == "I;16":
        source = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("I", "F"):
        source = Image.fromarray(grey.astype(np.int32 if mode == "I" else np.float32) * 1000)
    elif mode == "LAB":
        srgb, lab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
        transform = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
        converted = ImageCms.applyTransform(Image.fromarray(grey).convert("RGB"), transform)
        assert converted is not None
        source = converted
    else:
        source = Image.fromarray(grey).convert(mode)
    path = tmp_path / f"p{suffix}"
    source.save(path)
    image = opened(run_image(path, tmp_path / "out", format=name, quality=95)).convert("L")
    row = np.asarray(image, dtype=int)[16]
    assert row[2] < 60
    assert row[29] > 195
