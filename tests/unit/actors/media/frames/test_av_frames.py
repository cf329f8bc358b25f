"""The way between frames of PyAV and ours."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given

from reelyard.actors.media.frames import Frame, blank, to_av_frame, view
from tests.unit.actors.media.frames.frame_strategies import frames, same


@given(frames())
def test_a_frame_survives_the_way_through_one_of_pyav(frame: Frame) -> None:
    assert same(view(to_av_frame(frame)), frame)


def test_a_view_writes_to_the_frame_of_pyav_and_matches_its_samples() -> None:
    av_frame = av.VideoFrame(33, 17, "yuv420p")
    frame = view(av_frame)
    frame.planes[0][:] = np.arange(33, dtype=np.uint8)
    for plane in frame.planes[1:]:
        plane[:] = 128
    assert [plane.shape for plane in frame.planes] == [(17, 33), (9, 17), (9, 17)]
    gray = av_frame.reformat(format="gray", src_color_range="JPEG", dst_color_range="JPEG")
    assert np.array_equal(view(gray).planes[0], frame.planes[0])


def test_a_view_outlives_its_frame() -> None:
    av_frame = to_av_frame(blank(64, 64))
    frame = view(av_frame)
    del av_frame
    assert (frame.planes[0] == 16).all()


def test_a_view_of_packed_or_deep_formats_is_refused() -> None:
    for name in ("rgb24", "yuv420p10le", "nv12"):
        with pytest.raises(ValueError, match=name):
            view(av.VideoFrame(4, 4, name))


def test_time_stamp_and_colour_tags_are_taken_over() -> None:
    like = av.VideoFrame(4, 4, "yuv420p")
    like.pts, like.time_base, like.colorspace, like.color_range = 7, Fraction(1, 25), 1, 2
    av_frame = to_av_frame(Frame(blank(4, 4).planes), like)
    assert (av_frame.pts, str(av_frame.time_base)) == (7, "1/25")
    assert (av_frame.colorspace, av_frame.color_range) == (1, 2)
