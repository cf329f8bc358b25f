"""The sample media are what they say."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reelyard.actors.testing.sample_media import make_sample, read_corners, read_frame_number
from tests.unit.actors.media.videos import frames_of, samples_of, times_of


def test_frames_are_numbered_and_move_and_the_audio_is_heard(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", duration_s=1, fps=30)
    frames = frames_of(path)
    assert [read_frame_number(frame) for frame in frames] == list(range(30))
    assert read_corners(frames[0]) == (0, 1, 2, 3)
    first, second = (frame.to_ndarray()[:180] for frame in (frames[0], frames[10]))
    assert np.abs(first.astype(int) - second).mean() > 10
    assert np.abs(samples_of(path)).max() > 0.2


def test_variable_times_are_uneven_but_rise(tmp_path: Path) -> None:
    times = times_of(make_sample(tmp_path / "a.mp4", vfr=True, audio=False))
    steps = {round(b - a, 3) for a, b in itertools.pairwise(times)}
    assert len(steps) == 3
    assert min(steps) > 0


def test_tracks_covers_and_sizes_come_as_asked(tmp_path: Path) -> None:
    path = make_sample(
        tmp_path / "a.mkv", width=321, height=181, audio_tracks=2, vcodec="ffv1", duration_s=0.2
    )
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 2
        assert (container.streams.video[0].width, container.streams.video[0].height) == (321, 181)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif"])
def test_stills_have_the_size_asked_for(tmp_path: Path, suffix: str) -> None:
    with Image.open(make_sample(tmp_path / f"a{suffix}", width=50, height=30)) as image:
        assert image.size == (50, 30)


def test_a_share_of_the_bytes_can_be_cut_off(tmp_path: Path) -> None:
    whole = make_sample(tmp_path / "a.mp4", faststart=True).stat().st_size
    assert make_sample(tmp_path / "b.mp4", faststart=True, keep=0.5).stat().st_size == whole // 2
