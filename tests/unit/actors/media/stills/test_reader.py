"""Reading of stills: upright, small, the first frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.paths import CORPUS
from tests.unit.actors.media.images import is_near, opened, quadrants, run_image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = quadrants(640, 480)
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    stored.save(path, exif=exif, quality=95)
    image = opened(run_image(path, tmp_path / "out", format="png", width=64))
    assert image.size == (64, 48)
    for at, colour in (
        ((10, 10), (255, 0, 0)),
        ((54, 10), (0, 255, 0)),
        ((10, 38), (0, 0, 255)),
        ((54, 38), (255, 255, 255)),
    ):
        assert is_near(image, at, colour)
    assert 0x0112 not in image.getexif()


def test_an_animated_image_gives_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    first.save(path, save_all=True, append_images=[second], duration=100)
    assert is_near(
        opened(run_image(path, tmp_path / "out", format="png")).convert("RGB"), (9, 9), (254, 0, 0)
    )


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jpg"
    quadrants(4000, 3000).save(path)
    drafted: list[tuple[int, int]] = []
    plain = Image.Image.resize

    def noted(self: Image.Image, *args: Any, **more: Any) -> Image.Image:
        drafted.append(self.size)
        return plain(self, *args, **more)

    monkeypatch.setattr(Image.Image, "resize", noted)
    assert opened(run_image(path, tmp_path / "out", width=400)).size == (400, 300)
    assert drafted[0] == (1000, 750)


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_a_heic_photo_is_converted_in_full_size(tmp_path: Path) -> None:
    path = CORPUS / "image" / "sample_still_photo.heic"
    assert opened(run_image(path, tmp_path / "out", format="webp")).size == (1080, 1920)
