"""Clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.actors.media.previews import run_preview


def test_a_clip_is_h264_and_aac_of_the_asked_length(clip: Path, tmp_path: Path) -> None:
    result = run_preview(
        clip, tmp_path / "out", preview_type="clip", start=0.5, duration=1, width=160
    )
    facts = result.files[0].facts
    assert (facts["video_codec"], facts["audio_codec"]) == ("h264", "aac")
    assert (facts["width"], facts["height"], facts["frames"]) == (160, 90, 25)
    assert facts["duration_s"] == pytest.approx(1, abs=0.05)
    assert result.files[0].path.name == "clip.mp4"


def test_a_clip_of_a_silent_video_has_no_audio(long_gop: Path, tmp_path: Path) -> None:
    result = run_preview(long_gop, tmp_path / "out", preview_type="clip", duration=0.5)
    assert "audio_codec" not in result.files[0].facts
