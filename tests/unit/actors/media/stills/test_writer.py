"""Writing of stills: alpha, profile, quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.images import is_near, opened, quadrants, run_image


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif"])
def test_the_icc_profile_is_kept_and_other_metadata_is_not(tmp_path: Path, name: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "a camera with an owner"
    path = tmp_path / "p.jpg"
    quadrants().save(path, icc_profile=profile, exif=exif)
    image = opened(run_image(path, tmp_path / "out", format=name))
    assert image.info["icc_profile"] == profile
    assert 0x010F not in image.getexif()


def clear_corner(path: Path) -> Path:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[:] = (255, 0, 0, 255)
    pixels[:20, :20, 3] = 0
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("name", ["png", "webp", "avif"])
def test_alpha_is_kept_where_the_format_can(tmp_path: Path, name: str) -> None:
    image = opened(
        run_image(clear_corner(tmp_path / "a.png"), tmp_path / "out", format=name, width=20)
    )
    assert image.mode == "RGBA"
    alpha = np.asarray(image.getchannel("A"))
    assert alpha[4, 4] <= 8
    assert alpha[15, 15] >= 247


@pytest.mark.parametrize(
    ("background", "expected"), [(None, (255, 255, 255)), ("#00f", (0, 0, 255))]
)
def test_jpeg_lays_alpha_on_the_background(
    tmp_path: Path, background: str | None, expected: tuple[int, int, int]
) -> None:
    image = opened(
        run_image(
            clear_corner(tmp_path / "a.png"), tmp_path / "out", quality=95, background=background
        )
    )
    assert image.mode == "RGB"
    assert is_near(image, (5, 5), expected)
    assert is_near(image, (30, 30), (254, 0, 0))


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_lower_quality_makes_smaller_files(tmp_path: Path, name: str) -> None:
    path = make_sample(tmp_path / "s.png", width=320, height=240)
    sizes = [
        run_image(path, tmp_path / "out", format=name, quality=quality).files[0].facts["size"]
        for quality in ("very_low", "low", "medium", "high", "very_high", 100)
    ]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)
