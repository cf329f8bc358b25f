"""The clock of an output's video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from reelyard.actors.media.operation import Limits
from reelyard.actors.media.transcode.clip import open_clip
from reelyard.actors.media.transcode.frame_clock import FrameClock
from reelyard.actors.media.transcode.scaling import ClipScaler
from reelyard.actors.media.transcode.settings import TranscodeSettings, VideoSettings
from reelyard.actors.testing.sample_media import make_sample, read_frame_number
from reelyard.cluster.errors import LimitExceeded
from tests.unit.actors.media.videos import source

BASE = Fraction(1, 1000)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames at 25/s."""
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    return make_sample(path, duration_s=0.4, audio=False)


@contextmanager
def scaler_of(path: Path) -> Iterator[ClipScaler]:
    settings = VideoSettings("h264")
    with open_clip(source(path), TranscodeSettings("mp4", settings, None), Limits(), 1) as clip:
        yield ClipScaler(clip, settings, None, None, Limits(), 1)


def stamped(clock: FrameClock, path: Path) -> list[tuple[int, int, int]]:
    """(number of the frame, stamp, duration) of all frames that `clock` gives out."""
    found = []
    with scaler_of(path) as scaler:
        for _, frames in scaler.clip.demuxer:
            for frame in frames:
                found += list(clock.feed(scaler, frame))
        found += list(clock.finish(Fraction(2, 5)))
        return [(read_frame_number(frame), pts, duration) for frame, pts, duration in found]


def test_frames_keep_their_own_times_where_no_rate_is_asked_for(video: Path) -> None:
    clock = FrameClock(BASE, None, Limits())
    assert stamped(clock, video) == [(number, number * 40, 40) for number in range(10)]
    assert (clock.produced, clock.dropped) == (10, 0)


def test_a_constant_rate_repeats_frames_or_drops_them(video: Path) -> None:
    double, half = FrameClock(BASE, Fraction(50), Limits()), FrameClock(BASE, Fraction(5), Limits())
    assert [number for number, _, _ in stamped(double, video)] == [n // 2 for n in range(20)]
    assert [pts for _, pts, _ in stamped(half, video)] == [0, 1]
    assert (half.produced, half.dropped) == (2, 8)


def test_a_frame_that_comes_no_later_than_the_one_before_is_dropped(video: Path) -> None:
    clock = FrameClock(Fraction(1, 5), None, Limits())
    stamps = [pts for _, pts, _ in stamped(clock, video)]
    assert stamps == sorted(set(stamps))
    assert clock.produced + clock.dropped == 10
    assert clock.dropped > 0


def test_more_frames_than_allowed_are_refused(video: Path) -> None:
    with pytest.raises(LimitExceeded, match="more than 5 frames"):
        stamped(FrameClock(BASE, None, Limits(max_frames=5)), video)
