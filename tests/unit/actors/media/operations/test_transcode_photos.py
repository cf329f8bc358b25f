"""Transcoding photos: videos of one frame that shows what the photo shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelyard.actors.testing.sample_media import make_sample, plane_of
from reelyard.cluster.errors import (
    CorruptMedia,
)
from tests.unit.actors.media.videos import frames_of, transcode


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_with_exif_comes_out_upright_and_its_profile_does_no_harm(
    tmp_path: Path, orientation: int
) -> None:
    from PIL import Image, ImageCms, ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(make_sample(tmp_path / "a.png")) as image:
        image.save(tmp_path / "a.jpg", exif=exif, icc_profile=profile)
    with Image.open(tmp_path / "a.jpg") as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L")).astype(int)
    [file] = transcode(tmp_path / "a.jpg", tmp_path / "o", format="mkv").files
    shown = plane_of(frames_of(file.path)[0]).astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright * 219 / 255 - 16).mean() < 8


def test_what_is_stored_behind_a_photo_is_not_part_of_it(tmp_path: Path) -> None:
    photo, gain_map = (Image.new("RGB", (64, 32), colour) for colour in ("red", "blue"))
    photo.save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as stored:
        gain_map.save(stored, "jpeg")
    [file] = transcode(tmp_path / "a.jpg", tmp_path / "o").files
    assert file.facts["frames"] == 1


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"big_tiff": True}),
        ("RGB", {"compression": "jpeg"}),
        ("CMYK", {"compression": "tiff_lzw"}),
        ("LAB", {}),
        ("F", {}),
        ("P", {}),
    ],
)
def test_photos_of_every_kind_become_videos_of_one_frame(
    tmp_path: Path, mode: str, options: dict[str, Any]
) -> None:
    photo = Image.linear_gradient("L")
    (photo if mode == "F" else photo.convert("RGB")).convert(mode).save(
        tmp_path / "a.tiff", **options
    )
    [file] = transcode(tmp_path / "a.tiff", tmp_path / "o", crf=5).files
    [frame] = frames_of(file.path)
    rows = frame.to_ndarray(format="rgb24").mean(axis=(1, 2))
    assert rows[::32] == pytest.approx(range(0, 256, 32), abs=12)


def test_clear_pixels_of_a_photo_lie_on_white_or_on_the_background(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "a.webp", exact=True)
    wishes: list[tuple[dict[str, Any], tuple[int, int, int]]] = [
        ({}, (255, 255, 255)),
        ({"width": 64, "height": 64, "background": "#00f"}, (0, 0, 255)),
    ]
    for number, (params, colour) in enumerate(wishes):
        [file] = transcode(tmp_path / "a.webp", tmp_path / f"{number}", **params).files
        [frame] = frames_of(file.path)
        assert frame.to_ndarray(format="rgb24")[30, 30] == pytest.approx(colour, abs=6)


def test_a_damaged_photo_is_called_damaged(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:-2000])
    with pytest.raises(CorruptMedia, match=r"b\.png"):
        transcode(tmp_path / "b.png", tmp_path / "o")
    assert list((tmp_path / "o").iterdir()) == []
