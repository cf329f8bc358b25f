"""The scaling of a video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.geometry import Layout
from reelyard.actors.media.operation import Limits
from reelyard.actors.media.transcode.clip import Clip, open_clip
from reelyard.actors.media.transcode.scaling import MAX_SIDE, ClipScaler, plan_layout
from reelyard.actors.media.transcode.settings import TranscodeSettings, VideoSettings
from reelyard.actors.testing.sample_media import make_sample, read_corners
from reelyard.cluster.errors import LimitExceeded
from tests.unit.actors.media.videos import source


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320 x 180 px as coded, shown as 180 x 320."""
    path = tmp_path_factory.mktemp("turned") / "a.mp4"
    return make_sample(path, rotation=90, duration_s=0.4, audio=False)


@pytest.fixture
def clip(turned: Path) -> Iterator[Clip]:
    settings = TranscodeSettings("mp4", VideoSettings("h264"), None)
    with open_clip(source(turned), settings, Limits(), 1) as opened:
        yield opened


def planned(
    clip: Clip, video: VideoSettings, limits: Limits, canvas: tuple[int, int] | None
) -> Layout:
    return plan_layout(clip.name, clip.upright_size, video, limits, canvas)


def frames(clip: Clip) -> Iterator[av.VideoFrame]:
    for _, decoded in clip.demuxer:
        yield from decoded


def test_a_layout_is_planned_for_the_upright_video(clip: Clip) -> None:
    layout = planned(clip, VideoSettings("h264", width=90), Limits(), None)
    assert (layout.width, layout.height) == (90, 160)
    joined = planned(clip, VideoSettings("h264", width=90), Limits(), (320, 180))
    assert (joined.width, joined.height, joined.pads) == (320, 180, True)


def test_sides_and_areas_above_the_limits_are_refused_before_anything_is_decoded(
    clip: Clip,
) -> None:
    with pytest.raises(LimitExceeded) as caught:
        planned(clip, VideoSettings("h264", width=MAX_SIDE), Limits(), None)
    assert caught.value.details["limit"] == "max_side"
    with pytest.raises(LimitExceeded) as caught:
        planned(
            clip,
            VideoSettings("h264", width=900),
            Limits(max_pixels=900_000),
            None,
        )
    assert caught.value.details["limit"] == "max_pixels"


def test_frames_come_out_upright_in_the_planned_size(clip: Clip) -> None:
    video = VideoSettings("h264", width=90, height=120, fit="cover")
    scaler = ClipScaler(clip, video, None, None, Limits(), 1)
    first = scaler.scale(next(frames(clip)))
    assert (first.width, first.height, first.format.name) == (90, 120, "yuv420p")
    whole = ClipScaler(clip, VideoSettings("h264"), None, None, Limits(), 1)
    upright = whole.scale(next(frames(clip)))
    assert read_corners(upright) == (1, 3, 0, 2)


def test_a_frame_begins_at_its_time_on_the_output_s_clock(clip: Clip) -> None:
    scaler = ClipScaler(clip, VideoSettings("h264"), None, None, Limits(), 1)
    clip.shift = Fraction(1, 25)
    begins = [scaler.begin(frame, Fraction(1, 1000)) for frame in frames(clip)]
    assert begins[:3] == [0, 0, 40]
