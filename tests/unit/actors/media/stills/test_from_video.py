"""Stills from videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    MediaError,
)
from tests.unit.actors.media.images import opened, run_image


def test_a_video_gives_the_frame_at_start_upright(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "c.mp4", duration_s=1, rotation=90, audio=False)
    first = opened(run_image(clip, tmp_path / "out", format="png"))
    later = opened(run_image(clip, tmp_path / "later", format="png", start=0.8, width=90))
    assert first.size == (180, 320)
    assert later.size == (90, 160)
    luma = np.asarray(first.convert("L"), dtype=int)
    corners = [luma[y, x] for y in (4, -5) for x in (4, -5)]
    # As stored they darken from top left to bottom right, row by row; shown, they are turned
    # anticlockwise.
    assert np.argsort(corners).tolist() == [1, 3, 0, 2]


def test_a_start_behind_the_end_of_a_video_is_refused(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "c.mp4", duration_s=1, audio=False)
    with pytest.raises(MediaError, match="behind its end"):
        run_image(clip, tmp_path / "out", start=99)
