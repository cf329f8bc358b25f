"""Videos whose index of key frames lies, in every operation that searches by time."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelyard.actors.testing.sample_media import make_sample, read_frame_number
from tests.unit.actors.media.enhancements import run_enhance
from tests.unit.actors.media.lying_indexes import KINDS, falsify_key_frames, lying_video
from tests.unit.actors.media.previews import run_preview
from tests.unit.actors.media.videos import frames_of, numbers_of, transcode


@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_shows_the_moment_that_is_asked_for(tmp_path: Path, kind: str) -> None:
    path = lying_video(tmp_path, kind)
    part = transcode(path, tmp_path / "o", start=0.6, end=1.0, crf=10)
    assert numbers_of(part.files[0].path) == list(range(15, 25))
    for time_s, number in ((0.6, 15), (2.6, 65)):
        thumbnail = run_preview(
            path, tmp_path / "t", preview_type="thumbnail", timestamp=time_s, width=320
        )
        assert thumbnail.data["timestamp"] == pytest.approx(time_s, abs=0.02)
        assert read_frame_number(frames_of(thumbnail.files[0].path)[0]) == number
    mosaic = run_preview(path, tmp_path / "m", preview_type="mosaic", columns=4, rows=2, width=256)
    assert mosaic.data["timestamps"] == pytest.approx([0.25 + n / 2 for n in range(8)], abs=0.26)
    gif = run_preview(path, tmp_path / "g", preview_type="gif", start=0.6, duration=1, width=320)
    assert gif.data["duration"] == 1


def test_a_copied_video_begins_with_a_frame_that_can_be_decoded(tmp_path: Path) -> None:
    plain = make_sample(tmp_path / "plain.mp4", duration_s=3, gop=600)
    path = falsify_key_frames(plain, tmp_path / "a.mkv")
    made = run_enhance(path, tmp_path / "o", start=2.0)
    assert numbers_of(made.files[0].path)[0] == 0
    assert made.data["region"]["start"] == 0
