from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given

from actors.media.frames import Picture, blank, to_frame, view
from tests.unit.actors.media.strategies import pictures, same


@given(pictures())
def test_a_picture_survives_the_way_through_a_frame(picture):
    assert same(view(to_frame(picture)), picture)


def test_a_view_writes_to_the_frame_and_matches_its_samples():
    frame = av.VideoFrame(33, 17, "yuv420p")
    picture = view(frame)
    picture.planes[0][:] = np.arange(33, dtype=np.uint8)
    for plane in picture.planes[1:]:
        plane[:] = 128
    assert [plane.shape for plane in picture.planes] == [(17, 33), (9, 17), (9, 17)]
    gray = frame.reformat(format="gray", src_color_range="JPEG", dst_color_range="JPEG")
    assert np.array_equal(view(gray).planes[0], picture.planes[0])


def test_a_view_outlives_its_frame():
    frame = to_frame(blank(64, 64))
    picture = view(frame)
    del frame
    assert (picture.planes[0] == 16).all()


def test_a_view_of_packed_or_deep_formats_is_refused():
    for name in ("rgb24", "yuv420p10le", "nv12"):
        with pytest.raises(ValueError, match=name):
            view(av.VideoFrame(4, 4, name))


def test_time_stamp_and_colour_tags_are_taken_over():
    like = av.VideoFrame(4, 4, "yuv420p")
    like.pts, like.time_base, like.colorspace, like.color_range = 7, Fraction(1, 25), 1, 2
    frame = to_frame(Picture(blank(4, 4).planes), like)
    assert (frame.pts, frame.time_base, frame.colorspace, frame.color_range) == (
        7,
        Fraction(1, 25),
        1,
        2,
    )
