"""Frames made upright, small, progressive and SDR."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelyard.actors.testing.sample_media import make_sample, read_corners
from tests.unit.actors.media.previews import luma, run_preview, shown


def test_previews_are_not_enlarged_and_have_even_sizes(clip: Path, tmp_path: Path) -> None:
    big = run_preview(clip, tmp_path / "a", preview_type="thumbnail", width=3840)
    odd = run_preview(clip, tmp_path / "b", preview_type="thumbnail", width=101)
    assert (big.data["width"], big.data["height"]) == (320, 180)
    assert (odd.data["width"], odd.data["height"]) == (100, 56)


@pytest.mark.parametrize(
    ("rotation", "hflip", "corners"),
    [
        (0, False, (0, 1, 2, 3)),
        (90, False, (1, 3, 0, 2)),
        (180, False, (3, 2, 1, 0)),
        (270, False, (2, 0, 3, 1)),
        (0, True, (1, 0, 3, 2)),
    ],
)
def test_previews_come_out_upright(
    tmp_path: Path, rotation: int, hflip: bool, corners: tuple[int, int, int, int]
) -> None:
    path = make_sample(
        tmp_path / "c.mp4", duration_s=0.4, rotation=rotation, hflip=hflip, audio=False
    )
    size = (180, 320) if rotation in (90, 270) else (320, 180)
    for kind in ("thumbnail", "gif", "clip"):
        result = run_preview(path, tmp_path / kind, preview_type=kind)
        with av.open(str(result.files[0].path)) as container:
            frame = next(container.decode(video=0))
        upright = frame.reformat(format="yuv420p", dst_color_range="MPEG")
        assert (frame.width, frame.height) == size
        assert read_corners(upright) == corners, kind


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=0.2, sar=Fraction(2, 1), audio=False)
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail", width=640)
    assert (result.data["width"], result.data["height"]) == (640, 180)


def test_hdr_is_brought_to_sdr_instead_of_left_washed_out(tmp_path: Path) -> None:
    hdr = make_sample(tmp_path / "hdr.mp4", duration_s=0.2, hdr=True, audio=False)
    sdr = make_sample(tmp_path / "sdr.mp4", duration_s=0.2, audio=False)
    mapped, plain = (
        luma(shown(run_preview(path, tmp_path / path.stem, preview_type="thumbnail")))
        for path in (hdr, sdr)
    )
    # Both hold the same codes: shown as they are, the images would be equal.
    assert np.abs(mapped - plain).mean() > 15
    corners = [mapped[2, 2], mapped[2, -3], mapped[-3, 2], mapped[-3, -3]]
    assert corners[0] == max(corners)
    assert corners[3] < corners[0] - 50


def test_interlaced_video_is_deinterlaced(tmp_path: Path) -> None:
    path = make_sample(
        tmp_path / "c.mp4", duration_s=0.4, width=320, height=240, interlaced=True, audio=False
    )
    result = run_preview(path, tmp_path / "out", preview_type="thumbnail", timestamp=0.2, width=320)
    image = luma(shown(result))
    combing = np.abs(image[1:-1] - (image[:-2] + image[2:]) / 2).mean()
    with av.open(str(path)) as container:
        woven = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][5]
    woven = woven.astype(int)
    assert combing < 0.7 * np.abs(woven[1:-1] - (woven[:-2] + woven[2:]) / 2).mean()
