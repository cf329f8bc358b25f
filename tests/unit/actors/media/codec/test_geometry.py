"""The place of a frame in an output."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.codec.geometry import (
    Fit,
    Layout,
    Orientation,
    Position,
    fit_size,
    orientation_of,
    parse_length,
    parse_position,
    upright_size,
)

SIDES = st.integers(1, 8000)
BOXES = st.one_of(st.none(), st.integers(2, 4000), st.just("50%"), st.just("133.3%"))


def inside(layout: Layout) -> bool:
    crop = layout.crop
    return (
        0 <= crop.x <= crop.x + crop.width <= max(layout.scale_w, crop.width)
        and 0 <= crop.y <= crop.y + crop.height <= max(layout.scale_h, crop.height)
        and 0 <= layout.pad_x <= layout.pad_x + crop.width <= layout.width
        and 0 <= layout.pad_y <= layout.pad_y + crop.height <= layout.height
    )


@given(SIDES, SIDES, BOXES, BOXES, st.sampled_from(get_args(Fit)), st.booleans(), st.booleans())
def test_every_layout_is_consistent_and_even_where_asked(
    w: int,
    h: int,
    width: int | str | None,
    height: int | str | None,
    fit: Fit,
    pad: bool,
    even: bool,
) -> None:
    layout = fit_size(w, h, width, height, fit, pad=pad, even=even)
    assert inside(layout)
    assert min(layout.width, layout.height) >= (2 if even else 1)
    if even:
        lengths = (layout.width, layout.height, layout.pad_x, layout.pad_y, layout.crop.x)
        assert not any(length % 2 for length in lengths)


@given(
    SIDES, SIDES, st.integers(1, 2000), st.integers(1, 2000), st.sampled_from(get_args(Position))
)
def test_cover_and_padded_contain_and_fill_come_out_at_the_size_asked_for(
    w: int, h: int, bw: int, bh: int, position: Position
) -> None:
    bw, bh = bw * 2, bh * 2
    wishes: list[tuple[Fit, bool]] = [("cover", False), ("contain", True), ("fill", False)]
    for fit, pad in wishes:
        layout = fit_size(w, h, bw, bh, fit, position=position, pad=pad)
        assert (layout.width, layout.height) == (bw, bh)


@given(st.integers(20, 4000), st.integers(20, 4000), st.integers(10, 1000), st.integers(10, 1000))
def test_contain_keeps_the_shape_within_a_pixel_or_two_and_never_leaves_the_box(
    w: int, h: int, bw: int, bh: int
) -> None:
    layout = fit_size(w, h, bw * 2, bh * 2, "contain")
    assert layout.width <= bw * 2
    assert layout.height <= bh * 2
    exact = w / h
    if layout.width > 2 and layout.height > 2:
        low, high = (
            (layout.width - 2) / (layout.height + 2),
            (layout.width + 2) / (layout.height - 2),
        )
        assert low <= exact <= high


def test_one_length_alone_follows_the_shape() -> None:
    assert (fit_size(1920, 1080, height=720).width, fit_size(1920, 1080, width="50%").height) == (
        1280,
        540,
    )


def test_an_odd_source_that_keeps_its_size_loses_its_last_row_and_column() -> None:
    layout = fit_size(321, 181)
    assert (layout.scale_w, layout.scale_h, layout.width, layout.height) == (321, 181, 320, 180)


def test_cover_keeps_what_the_position_names() -> None:
    top = fit_size(100, 400, 100, 100, "cover", position="top")
    bottom = fit_size(100, 400, 100, 100, "cover", position="bottom")
    assert (top.crop.y, bottom.crop.y) == (0, 300)


@pytest.mark.parametrize("wrong", [0, -5, "0%", "1001%", "abc", "50", "", "%", "1e9%"][:5])
def test_senseless_lengths_are_refused(wrong: int | str) -> None:
    with pytest.raises(ValueError, match=r"length|share"):
        parse_length(wrong)


def test_positions_may_be_written_in_several_ways() -> None:
    assert parse_position("Top-Left") == parse_position("left top") == "top_left"
    assert parse_position("centre") == "center"
    with pytest.raises(ValueError, match="position"):
        parse_position("middle earth")


@given(st.integers(0, 3), st.booleans())
def test_a_display_matrix_is_read_back_as_the_turn_that_made_it(turns: int, mirror: bool) -> None:
    # Columns of the matrix are where the unit vectors go, y pointing down.
    x, y = np.array([1, 0]), np.array([0, 1])
    if mirror:
        x = -x
    for _ in range(turns):
        x, y = np.array([x[1], -x[0]]), np.array([y[1], -y[0]])
    one = 1 << 16
    matrix = struct.pack("=9i", x[0] * one, x[1] * one, 0, y[0] * one, y[1] * one, 0, 0, 0, 1 << 30)
    assert orientation_of(matrix) == Orientation(turns, mirror)


@given(st.binary(max_size=50))
def test_broken_matrices_never_raise(data: bytes) -> None:
    assert orientation_of(data).turns in range(4)


def test_the_upright_size_has_square_pixels_and_is_never_empty() -> None:
    wide = Fraction(4, 3)
    assert upright_size(320, 180, wide, Orientation()) == (427, 180)
    assert upright_size(320, 180, wide, Orientation(1)) == (180, 427)
    assert upright_size(320, 180, wide, Orientation(2, mirror=True)) == (427, 180)
    assert upright_size(1, 8, Fraction(1, 16), Orientation(3)) == (8, 1)
