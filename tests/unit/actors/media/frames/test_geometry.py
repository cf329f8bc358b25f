from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.media.frames import BLACK, Colour, Picture, blank, crop, flip, mosaic, pad, rotate
from tests.unit.actors.media.strategies import colours, pictures, same


@given(pictures(), st.sampled_from(["horizontal", "vertical"]))
def test_flipping_twice_gives_the_picture_back(picture, axis):
    once = flip(picture, axis)
    assert same(flip(once, axis), picture)
    assert (once.width, once.height) == (picture.width, picture.height)


@given(pictures(), st.sampled_from([90, 180, 270, -90]))
def test_four_rotations_give_the_picture_back(picture, degrees):
    turned = picture
    for _ in range(4):
        turned = rotate(turned, degrees)
    assert same(turned, picture)


@given(pictures())
def test_a_half_turn_is_two_flips_and_a_quarter_turn_swaps_the_sides(picture):
    assert same(rotate(picture, 180), flip(flip(picture, "horizontal"), "vertical"))
    quarter = rotate(picture, 90)
    assert (quarter.width, quarter.height) == (picture.height, picture.width)
    assert same(rotate(quarter, 270), picture)


def test_a_quarter_turn_is_clockwise():
    picture = Picture((np.array([[1, 2], [3, 4]], dtype=np.uint8),))
    assert rotate(picture, 90).planes[0].tolist() == [[3, 1], [4, 2]]


def test_a_rotation_that_is_no_quarter_turn_is_refused():
    with pytest.raises(ValueError, match="not 45"):
        rotate(blank(2, 2), 45)


@given(pictures(), colours, st.data())
def test_cropping_what_was_padded_gives_the_picture_back(picture, colour, data):
    left, top, right, bottom = (data.draw(st.integers(0, 9)) for _ in range(4))
    outer = pad(
        picture,
        picture.width + left + right,
        picture.height + top + bottom,
        left,
        top,
        colour,
    )
    assert (outer.width, outer.height) == (
        picture.width + left + right,
        picture.height + top + bottom,
    )
    assert same(crop(outer, left, top, picture.width, picture.height), picture)


@given(pictures(), colours)
def test_padding_leaves_the_border_in_the_colour(picture, colour):
    outer = pad(picture, picture.width + 8, picture.height + 8, 4, 4, colour)
    for (plane, step), value in zip(outer.parts(), colour, strict=False):
        inner = np.ones(plane.shape, dtype=bool)
        rows = slice(4 // step, 4 // step - (-picture.height // step))
        inner[rows, 4 // step : 4 // step - (-picture.width // step)] = False
        assert (plane[inner] == value).all()


@given(pictures(("yuv420p", "yuva420p")), st.data())
def test_odd_crop_offsets_are_rounded_down_to_even_where_there_is_chroma(picture, data):
    x = data.draw(st.integers(0, picture.width - 1))
    y = data.draw(st.integers(0, picture.height - 1))
    width = data.draw(st.integers(1, picture.width - x))
    height = data.draw(st.integers(1, picture.height - y))
    part = crop(picture, x, y, width, height)
    assert (part.width, part.height) == (width, height)
    even = (slice(y & ~1, (y & ~1) + height), slice(x & ~1, (x & ~1) + width))
    assert np.array_equal(part.planes[0], picture.planes[0][even])


@given(pictures(("gray",), st.integers(4, 9)))
def test_gray_crops_keep_odd_offsets_and_share_memory(picture):
    part = crop(picture, 1, 0, 3, picture.height)
    assert np.array_equal(part.planes[0], picture.planes[0][:, 1:4])
    assert np.shares_memory(part.planes[0], picture.planes[0])


@pytest.mark.parametrize(
    "area", [(0, 0, 5, 1), (-2, 0, 1, 1), (0, 0, 0, 1), (4, 0, 1, 1), (0, 2, 1, 3)]
)
def test_a_crop_outside_the_picture_is_refused(area):
    with pytest.raises(ValueError, match="does not lie inside 4x4"):
        crop(blank(4, 4), *area)


def test_a_picture_does_not_fit_into_a_smaller_one():
    with pytest.raises(ValueError, match="does not lie inside 3x9"):
        pad(blank(4, 4), 3, 9, 0, 0)


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 5),
    colours,
    st.lists(pictures(width=st.just(5), height=st.just(4)), min_size=1, max_size=12),
)
def test_every_cell_of_a_mosaic_holds_its_picture(columns, rows, gap, background, cells):
    cells = [cell for cell in cells if cell.layout == cells[0].layout][: columns * rows]
    sheet = mosaic(cells, columns, rows, gap=gap, background=background)
    pitch_x, pitch_y = (size + gap for size in (5, 4))
    if cells[0].layout != "gray":
        pitch_x, pitch_y = pitch_x + pitch_x % 2, pitch_y + pitch_y % 2
    assert (sheet.width, sheet.height) == (pitch_x * (columns - 1) + 5, pitch_y * (rows - 1) + 4)
    for index in range(columns * rows):
        x, y = index % columns * pitch_x, index // columns * pitch_y
        cell = crop(sheet, x, y, 5, 4)
        wanted = cells[index] if index < len(cells) else blank(5, 4, background, cells[0].layout)
        assert same(cell, wanted)


def test_a_mosaic_without_rows_takes_as_many_as_it_needs():
    assert mosaic([blank(2, 2)] * 5, 2).height == 6


@pytest.mark.parametrize(
    ("cells", "columns", "rows"),
    [([], 1, 1), ([blank(2, 2)] * 3, 1, 2), ([blank(2, 2), blank(4, 2)], 2, 1)],
)
def test_a_mosaic_that_can_not_be_filled_is_refused(cells, columns, rows):
    with pytest.raises(ValueError, match=r"mosaic|fit"):
        mosaic(cells, columns, rows)


@pytest.mark.parametrize(
    "planes",
    [
        (),
        (np.zeros((2, 2), np.uint8),) * 2,
        (np.zeros((2, 2), np.uint16),),
        (np.zeros((2, 2, 3), np.uint8),),
        (np.zeros((0, 2), np.uint8),),
        (np.zeros((4, 4), np.uint8), np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)),
    ],
)
def test_planes_that_make_no_picture_are_refused(planes):
    with pytest.raises(ValueError, match="plane"):
        Picture(planes)


def test_a_blank_picture_has_its_colour_in_every_plane():
    picture = blank(3, 5, Colour(1, 2, 3, 4), "yuva420p")
    assert [plane.shape for plane in picture.planes] == [(5, 3), (3, 2), (3, 2), (5, 3)]
    assert [np.unique(plane).tolist() for plane in picture.planes] == [[1], [2], [3], [4]]
    assert blank(1, 1).planes[0].item() == BLACK.y
