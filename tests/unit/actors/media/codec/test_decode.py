"""Frames by their time."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.decode import (
    best_audio,
    best_video,
    first_frame,
    require_audio,
    require_video,
)
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.testing.sample_media import make_sample, read_frame_number
from reelyard.cluster.errors import CorruptMedia, NoSuchStream
from tests.unit.actors.media.videos import source


def test_the_first_frame_is_the_first(any_video: Path) -> None:
    assert read_frame_number(first_frame(source(any_video))) == 0


def test_the_default_then_the_largest_stream_is_chosen_and_no_cover(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", attached_picture=True, audio_tracks=2)
    with av.open(str(path)) as container:
        video, audio = best_video(container), best_audio(container)
        assert video is not None
        assert audio is not None
        assert (video.width, audio.metadata["language"]) == (320, "eng")


def test_missing_streams_are_named(tmp_path: Path) -> None:
    audio = make_sample(tmp_path / "a.mp3", attached_picture=True)
    with open_input(audio) as container, pytest.raises(NoSuchStream, match="has no video"):
        require_video(container, "song")
    with open_input(audio) as container, pytest.raises(NoSuchStream, match="no track 3"):
        require_audio(container, "song", 3)
    silent = make_sample(tmp_path / "a.mp4", audio=False)
    with open_input(silent) as container, pytest.raises(NoSuchStream, match="no audio"):
        require_audio(container, "video")


def test_a_video_without_a_whole_frame_is_damaged(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", audio=False, faststart=True)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    with pytest.raises(CorruptMedia, match=r"a\.mp4"):
        first_frame(source(path))
