"""Geometry of frames."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.frames import Colour, Frame, blank, crop, flip, pad, rotate
from tests.unit.actors.media.frames.frame_strategies import colours, frames, same


@given(frames(), st.sampled_from(["horizontal", "vertical"]))
def test_flipping_twice_gives_the_frame_back(
    frame: Frame, axis: Literal["horizontal", "vertical"]
) -> None:
    once = flip(frame, axis)
    assert same(flip(once, axis), frame)
    assert (once.width, once.height) == (frame.width, frame.height)


@given(frames(), st.sampled_from([90, 180, 270, -90]))
def test_four_rotations_give_the_frame_back(frame: Frame, degrees: int) -> None:
    turned = frame
    for _ in range(4):
        turned = rotate(turned, degrees)
    assert same(turned, frame)


@given(frames())
def test_a_half_turn_is_two_flips_and_a_quarter_turn_swaps_the_sides(frame: Frame) -> None:
    assert same(rotate(frame, 180), flip(flip(frame, "horizontal"), "vertical"))
    quarter = rotate(frame, 90)
    assert (quarter.width, quarter.height) == (frame.height, frame.width)
    assert same(rotate(quarter, 270), frame)


def test_a_quarter_turn_is_clockwise() -> None:
    frame = Frame((np.array([[1, 2], [3, 4]], dtype=np.uint8),))
    assert rotate(frame, 90).planes[0].tolist() == [[3, 1], [4, 2]]


def test_a_rotation_that_is_no_quarter_turn_is_refused() -> None:
    with pytest.raises(ValueError, match="not 45"):
        rotate(blank(2, 2), 45)


@given(frames(), colours, st.data())
def test_cropping_what_was_padded_gives_the_frame_back(
    frame: Frame, colour: Colour, data: st.DataObject
) -> None:
    left, top, right, bottom = (data.draw(st.integers(0, 9)) for _ in range(4))
    outer = pad(
        frame,
        frame.width + left + right,
        frame.height + top + bottom,
        left,
        top,
        colour,
    )
    assert (outer.width, outer.height) == (
        frame.width + left + right,
        frame.height + top + bottom,
    )
    assert same(crop(outer, left, top, frame.width, frame.height), frame)


@given(frames(), colours)
def test_padding_leaves_the_border_in_the_colour(frame: Frame, colour: Colour) -> None:
    outer = pad(frame, frame.width + 8, frame.height + 8, 4, 4, colour)
    for (plane, step), value in zip(outer.parts(), colour, strict=False):
        inner = np.ones(plane.shape, dtype=bool)
        rows = slice(4 // step, 4 // step - (-frame.height // step))
        inner[rows, 4 // step : 4 // step - (-frame.width // step)] = False
        assert (plane[inner] == value).all()


@given(frames(("yuv420p", "yuva420p")), st.data())
def test_odd_crop_offsets_are_rounded_down_to_even_where_there_is_chroma(
    frame: Frame, data: st.DataObject
) -> None:
    x = data.draw(st.integers(0, frame.width - 1))
    y = data.draw(st.integers(0, frame.height - 1))
    width = data.draw(st.integers(1, frame.width - x))
    height = data.draw(st.integers(1, frame.height - y))
    part = crop(frame, x, y, width, height)
    assert (part.width, part.height) == (width, height)
    even = (slice(y & ~1, (y & ~1) + height), slice(x & ~1, (x & ~1) + width))
    assert np.array_equal(part.planes[0], frame.planes[0][even])


@given(frames(("gray",), st.integers(4, 9)))
def test_gray_crops_keep_odd_offsets_and_share_memory(frame: Frame) -> None:
    part = crop(frame, 1, 0, 3, frame.height)
    assert np.array_equal(part.planes[0], frame.planes[0][:, 1:4])
    assert np.shares_memory(part.planes[0], frame.planes[0])


@pytest.mark.parametrize(
    "area", [(0, 0, 5, 1), (-2, 0, 1, 1), (0, 0, 0, 1), (4, 0, 1, 1), (0, 2, 1, 3)]
)
def test_a_crop_outside_the_frame_is_refused(area: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not lie inside 4x4"):
        crop(blank(4, 4), *area)


def test_a_frame_does_not_fit_into_a_smaller_one() -> None:
    with pytest.raises(ValueError, match="does not lie inside 3x9"):
        pad(blank(4, 4), 3, 9, 0, 0)
