"""Frames by their time."""

from __future__ import annotations

import av
import pytest

from actors.media.codec.decode import (
    best_audio,
    best_video,
    first_frame,
    frames,
    require_audio,
    require_video,
)
from actors.media.codec.source import open_input
from actors.media.operation import Limits
from actors.media.sampling.video import open_video
from actors.testing.sample_media import make_sample, read_frame_number
from cluster.errors import CorruptMedia, NoSuchStream
from tests.unit.actors.media.videos import source


@pytest.fixture(scope="module", params=[".mp4", ".mkv", ".ts", ".mpg", ".avi", ".webm"])
def video(request, tmp_path_factory):
    """50 frames at 25/s, a key frame each second, without audio."""
    path = tmp_path_factory.mktemp("video") / f"a{request.param}"
    return make_sample(path, audio=False)


def test_the_frame_on_show_is_found_in_any_container(video):
    with open_video(source(video), Limits()) as opened:
        shown = [next(opened.shown_at([time_s])) for time_s in (0, 0.5, 1.02, 1.5, 100)]
    numbers = [read_frame_number(frame) for frame in shown]
    if video.suffix == ".avi":
        # The encoder leaves an empty place before the second frame of an AVI.
        assert numbers in ([0, 11, 24, 36, 49], [0, 12, 25, 37, 49])
    else:
        assert numbers == [0, 12, 25, 37, 49]


def test_a_key_frame_comes_from_at_or_before_the_time(video):
    with open_video(source(video), Limits()) as opened:
        numbers = [read_frame_number(opened.key_frame_at(time_s)) for time_s in (0, 1.5)]
    assert numbers[0] == 0
    assert numbers[1] in (0, 25)


def test_the_first_frame_is_the_first(video):
    assert read_frame_number(first_frame(source(video))) == 0


def test_a_range_of_frames_starts_and_stops_where_asked(video):
    with open_input(video) as container:
        stream = best_video(container)
        assert stream is not None
        numbers = [read_frame_number(f) for f in frames(container, stream, 0.5, 1.0)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[0] in (12, 13)
    assert len(numbers) in (12, 13)


def test_the_default_then_the_largest_stream_is_chosen_and_no_cover(tmp_path):
    path = make_sample(tmp_path / "a.mp4", attached_picture=True, audio_tracks=2)
    with av.open(str(path)) as container:
        video, audio = best_video(container), best_audio(container)
        assert video is not None
        assert audio is not None
        assert (video.width, audio.metadata["language"]) == (320, "eng")


def test_missing_streams_are_named(tmp_path):
    audio = make_sample(tmp_path / "a.mp3", attached_picture=True)
    with open_input(audio) as container, pytest.raises(NoSuchStream, match="has no video"):
        require_video(container, "song")
    with open_input(audio) as container, pytest.raises(NoSuchStream, match="no track 3"):
        require_audio(container, "song", 3)
    silent = make_sample(tmp_path / "a.mp4", audio=False)
    with open_input(silent) as container, pytest.raises(NoSuchStream, match="no audio"):
        require_audio(container, "video")


def test_a_video_without_a_whole_frame_is_damaged(tmp_path):
    path = make_sample(tmp_path / "a.mp4", audio=False, faststart=True)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = bytes(len(data) - start)
    path.write_bytes(data)
    with pytest.raises(CorruptMedia, match=r"a\.mp4"):
        first_frame(source(path))
