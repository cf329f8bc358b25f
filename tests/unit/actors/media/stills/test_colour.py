"""Colour models of stills."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from reelyard.actors.media.stills.colour import to_web
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


@pytest.mark.parametrize(
    ("most", "shown"), [(0.5, 128), (1.0, 255), (128.0, 128), (255.0, 255), (32_768.0, 128)]
)
def test_floats_keep_their_level(most: float, shown: int) -> None:
    ramp = np.linspace(0.2 * most, most, 16, dtype=np.float32).reshape(4, 4)
    image, _ = to_web(Image.fromarray(ramp))
    levels = np.asarray(image)
    assert int(levels.max()) == pytest.approx(shown, abs=1)
    assert int(levels.min()) == pytest.approx(shown / 5, abs=1)


def test_a_tiff_of_floats_in_colour_is_read(tmp_path: Path) -> None:
    samples = np.full((48, 64, 3), 0.5, "<f4")
    samples[:, :, 2] = 0.2
    values = {256: 64, 257: 48, 259: 1, 262: 2, 277: 3, 278: 48, 279: samples.nbytes}
    rows = [(tag, 4, 1, value) for tag, value in values.items()]
    # The bits of each sample, their kind (3: floats), and where the samples are.
    begin = 8 + 2 + 12 * (len(rows) + 3) + 4
    rows += [(258, 3, 3, begin), (339, 3, 3, begin + 6), (273, 4, 1, begin + 12)]
    path = tmp_path / "light.tif"
    path.write_bytes(
        struct.pack("<2sHIH", b"II", 42, 8, len(rows))
        + b"".join(struct.pack("<HHII", *row) for row in sorted(rows))
        + struct.pack("<I6H", 0, 32, 32, 32, 3, 3, 3)
        + samples.tobytes()
    )
    image = opened(run_image(path, tmp_path / "o", format="png"))
    assert image.getpixel((20, 20)) == pytest.approx((128, 128, 51), abs=1)


def test_measurements_below_zero_are_stretched() -> None:
    ramp = np.linspace(-40, 10, 16, dtype=np.float32).reshape(4, 4)
    levels = np.asarray(to_web(Image.fromarray(ramp))[0])
    assert (levels.min(), levels.max()) == (0, 255)


def test_whole_numbers_of_32_bits_that_fit_into_8_stay() -> None:
    ramp = np.arange(16, dtype=np.int32).reshape(4, 4)
    assert (np.asarray(to_web(Image.fromarray(ramp))[0]) == ramp).all()
