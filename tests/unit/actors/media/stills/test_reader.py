"""Reading of stills: upright, small, the first frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.stills.ffmpeg_still import to_image
from tests.paths import CORPUS
from tests.unit.actors.media.images import is_near, opened, quadrants, run_image
from tests.unit.actors.media.operations.test_optimize import run_optimize
from tests.unit.actors.media.previews import run_preview, shown
from tests.unit.actors.media.videos import frames_of, transcode

_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _turned(path: Path, orientation: int, **options: Any) -> Path:
    """Quadrants of 640 x 480 px, stored so that EXIF has to turn them upright."""
    upright = quadrants(640, 480)
    stored = upright.transpose(_UNDO[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("jpg", {"quality": 95}),
        ("webp", {"quality": 95}),
        ("png", {}),
        ("tif", {}),
        ("tif", {"compression": "tiff_lzw"}),
        ("avif", {"quality": 95}),
    ],
)
def test_exif_orientation_is_applied_once(
    tmp_path: Path, orientation: int, suffix: str, options: dict[str, Any]
) -> None:
    path = _turned(tmp_path / f"turned.{suffix}", orientation, **options)
    stream = probe_media(path).video
    assert stream is not None
    assert (stream.display_width, stream.display_height) == (640, 480)
    assert (stream.width, stream.height) == ((480, 640) if orientation > 4 else (640, 480))
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


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
def test_a_plain_tiff_is_turned_in_every_form_of_samples(
    tmp_path: Path, mode: str, orientation: int
) -> None:
    upright = quadrants(64, 48)
    stored = upright.transpose(_UNDO[orientation]) if orientation > 1 else upright
    if mode == "I;16":
        grey = np.asarray(stored.convert("L")).astype(np.uint16) * 257
        kept, like = Image.fromarray(grey), upright.convert("L")
    elif mode == "P":
        kept, like = stored.quantize(4, dither=Image.Dither.NONE), upright
    else:
        kept, like = stored.convert(mode), upright.convert(mode)
    kept.save(tmp_path / "a.tif", tiffinfo={274: orientation})
    image = opened(run_image(tmp_path / "a.tif", tmp_path / "out", format="png"))
    assert image.size == (64, 48)
    for at in ((8, 8), (56, 8), (8, 40), (56, 40)):
        wanted = like.convert("RGB").getpixel(at)
        assert isinstance(wanted, tuple)
        assert is_near(image.convert("RGB"), at, wanted, 16)


def test_a_turned_tiff_is_upright_in_every_operation(tmp_path: Path) -> None:
    path = _turned(tmp_path / "turned.tif", 6, compression="tiff_lzw")
    small = shown(run_preview(path, tmp_path / "a", preview_type="thumbnail", width=64))
    web = opened(run_optimize(path, tmp_path / "b"))
    video = to_image(frames_of(transcode(path, tmp_path / "c").files[0].path)[0])
    for image in (small, web, video):
        assert image.width / image.height == pytest.approx(4 / 3, abs=0.01)
        at = image.width // 8, image.height // 8
        assert is_near(image.convert("RGB"), at, (255, 0, 0), by=20)


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
