"""Mosaics: the moments they show, and their layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.preview.mosaic import cell_times
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.previews import cell_numbers_of, luma, run_preview, shown


def test_a_mosaic_shows_the_middles_of_equal_parts(long_gop: Path, tmp_path: Path) -> None:
    result = run_preview(
        long_gop, tmp_path / "out", preview_type="mosaic", width=1280, columns=4, rows=2
    )
    assert (result.data["width"], result.data["height"]) == (1280, 360)
    assert cell_numbers_of(result, 4, 2) == [0, 18, 31, 43, 56, 68, 81, 93]
    assert result.data["timestamps"] == [0.0, 0.72, 1.24, 1.72, 2.24, 2.72, 3.24, 3.72]


def test_a_mosaic_takes_key_frames_where_they_are_close_enough(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "c.mp4", duration_s=6, fps=10, gop=5, audio=False)
    result = run_preview(
        path, tmp_path / "out", preview_type="mosaic", width=960, columns=3, rows=1
    )
    assert cell_numbers_of(result, 3, 1) == [10, 30, 50]


def test_a_mosaic_of_a_huge_video_makes_do_with_key_frames(
    long_gop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelyard.actors.media.preview.mosaic._MOST_PIXELS", 1000)
    result = run_preview(
        long_gop, tmp_path / "out", preview_type="mosaic", width=640, columns=2, rows=1
    )
    assert cell_numbers_of(result, 2, 1) == [0, 0]


def test_the_parts_of_a_mosaic_have_the_asked_size_gap_and_colour(
    clip: Path, tmp_path: Path
) -> None:
    result = run_preview(
        clip,
        tmp_path / "out",
        preview_type="mosaic",
        columns=3,
        rows=2,
        width=480,
        gap=10,
        background="#ff0000",
    )
    sheet = shown(result)
    assert sheet.width == 480
    row = np.asarray(sheet, dtype=int)[20]
    red = (row[:, 0] > 200) & (row[:, 1] < 60) & (row[:, 2] < 60)
    # Two gaps, and what is left over at the sides.
    assert 18 <= red.sum() <= 30


def test_times_are_written_on_the_cells_of_a_mosaic(clip: Path, tmp_path: Path) -> None:
    layout: dict[str, Any] = {"preview_type": "mosaic", "columns": 2, "rows": 1, "width": 640}
    plain, stamped = (
        luma(shown(run_preview(clip, tmp_path / str(stamps), timestamps=stamps, **layout)))
        for stamps in (False, True)
    )
    changed = np.abs(plain - stamped) > 30
    assert changed[150:, 240:320].any()
    assert not changed[:140].any()


@given(st.floats(0.01, 1e4), st.integers(1, 64))
def test_cells_show_the_middles_of_equal_parts(duration: float, count: int) -> None:
    times = cell_times(duration, count)
    assert len(times) == count
    assert all(0 < time < duration for time in times)
    assert times == sorted(times)
