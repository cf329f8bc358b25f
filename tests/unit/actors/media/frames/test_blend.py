from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.media.frames import (
    Picture,
    blank,
    crop,
    cross_fade,
    fade,
    fade_level,
    overlay,
    parse_colour,
    yuv_of,
)
from tests.unit.actors.media.strategies import colours, pictures, same, samples

_SIZE = {"width": st.just(7), "height": st.just(5)}
opaque = pictures(("yuv420p",), **_SIZE)
clear = pictures(("yuva420p",), **_SIZE)


def _with_alpha(picture: Picture, value: int) -> Picture:
    alpha = np.full(picture.planes[0].shape, value, np.uint8)
    return Picture((*picture.planes[:3], alpha))


@given(opaque, clear)
def test_an_overlay_with_alpha_0_changes_nothing(base, top):
    before = base.copy()
    overlay(base, _with_alpha(top, 0), 0, 0)
    overlay(base, top, 0, 0, opacity=0)
    assert same(base, before)


@given(opaque, clear)
def test_an_overlay_with_alpha_255_replaces_the_picture(base, top):
    overlay(base, _with_alpha(top, 255), 0, 0)
    assert same(base, Picture(top.planes[:3]))


@given(opaque, clear, st.floats(0, 1))
def test_an_overlay_lies_between_both_pictures_and_matches_the_exact_mean(base, top, opacity):
    before = base.copy()
    overlay(base, top, 0, 0, opacity=opacity)
    low, high = (f(before.planes[0], top.planes[0]) for f in (np.minimum, np.maximum))
    assert ((base.planes[0] >= low) & (base.planes[0] <= high)).all()
    weight = np.rint(top.planes[3] * float(round(opacity * 255)) / 255) / 255
    exact = before.planes[0] + (top.planes[0].astype(float) - before.planes[0]) * weight
    assert np.abs(base.planes[0] - exact).max() <= 0.5 + 1e-9


@given(opaque, opaque, st.integers(-9, 9), st.integers(-9, 9))
def test_an_overlay_is_cut_at_the_edges_and_starts_at_even_positions(base, top, x, y):
    before = base.copy()
    overlay(base, top, x, y)
    x, y = x - x % 2, y - y % 2
    expected = before.planes[0].copy()
    for row in range(5):
        for column in range(7):
            if 0 <= y + row < 5 and 0 <= x + column < 7:
                expected[y + row, x + column] = top.planes[0][row, column]
    assert np.array_equal(base.planes[0], expected)


def test_chroma_takes_the_mean_alpha_of_its_luma_samples():
    base = blank(2, 2, yuv_of((0, 0, 0)))
    alpha = np.array([[255, 255], [0, 0]], np.uint8)
    overlay(base, Picture((*blank(2, 2, yuv_of((255, 0, 0))).planes, alpha)), 0, 0)
    assert base.planes[0][:, 0].tolist() == [63, 16]
    assert base.planes[2].item() == (128 + 240) // 2


def test_an_overlay_on_a_picture_with_alpha_or_other_planes_is_refused():
    for base, top in (("yuva420p", "yuv420p"), ("gray", "yuv420p"), ("yuv420p", "gray")):
        with pytest.raises(ValueError, match="can't be laid over"):
            overlay(blank(2, 2, layout=base), blank(2, 2, layout=top), 0, 0)


@given(pictures(), colours)
def test_a_fade_ends_in_the_picture_and_in_the_colour(picture, colour):
    assert same(fade(picture, 1, colour), picture)
    gone = fade(picture, 0, colour)
    for plane, sample in zip(gone.planes[:3], colour, strict=False):
        assert (plane == sample).all()
    if picture.layout == "yuva420p":
        assert np.array_equal(gone.planes[3], picture.planes[3])


@given(opaque, opaque, st.floats(0, 1))
def test_a_cross_fade_is_symmetric_and_ends_in_either_picture(first, second, level):
    assert same(cross_fade(first, second, 0), first)
    assert same(cross_fade(first, second, 1), second)
    there, back = cross_fade(first, second, level), cross_fade(second, first, 1 - level)
    for a, b in zip(there.planes, back.planes, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1
        assert a.dtype == np.uint8


def test_a_cross_fade_needs_equal_sizes_and_a_level_from_0_to_1():
    with pytest.raises(ValueError, match="same size"):
        cross_fade(blank(2, 2), blank(2, 4), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fade(blank(2, 2), 1.5)


@given(st.floats(-5, 5), st.floats(-2, 2), st.floats(0, 3))
def test_fade_levels_stay_in_0_to_1_and_in_mirrors_out(time_s, start_s, duration_s):
    level = fade_level(time_s, start_s, duration_s, "in")
    assert 0 <= level <= 1
    assert level + fade_level(time_s, start_s, duration_s, "out") == pytest.approx(1)


def test_a_fade_rises_linearly_over_its_duration():
    levels = [fade_level(t, 1, 2, "in") for t in (0, 1, 1.5, 2, 3, 4)]
    assert levels == [0, 0, 0.25, 0.5, 1, 1]


@given(opaque)
def test_operations_leave_their_inputs_unchanged(picture):
    before = picture.copy()
    fade(picture, 0.3)
    cross_fade(picture, before, 0.7)
    crop(picture, 0, 0, 2, 2).copy().planes[0][:] = 9
    assert same(picture, before)


@pytest.mark.parametrize(
    ("rgb", "matrix", "expected"),
    [
        ((255, 255, 255), "bt709", (235, 128, 128)),
        ((0, 0, 0), "bt601", (16, 128, 128)),
        # 100 % colour bars: ITU-R BT.709 and BT.601 in 8 bits.
        ((255, 0, 0), "bt709", (63, 102, 240)),
        ((0, 255, 0), "bt709", (173, 42, 26)),
        ((0, 0, 255), "bt709", (32, 240, 118)),
        ((255, 0, 0), "bt601", (81, 90, 240)),
        ((0, 255, 0), "bt601", (145, 54, 34)),
        ((0, 0, 255), "bt601", (41, 240, 110)),
    ],
)
def test_colours_have_the_samples_of_the_standards(rgb, matrix, expected):
    assert yuv_of(rgb, matrix)[:3] == expected


@given(st.tuples(samples, samples, samples), st.sampled_from(["bt601", "bt709"]))
def test_every_colour_stays_in_its_range(rgb, matrix):
    limited = yuv_of(rgb, matrix)
    assert 16 <= limited.y <= 235
    assert min(limited.u, limited.v) >= 16
    assert max(limited.u, limited.v) <= 240
    assert all(0 <= sample <= 255 for sample in yuv_of(rgb, matrix, full_range=True))


@given(st.tuples(samples, samples, samples, samples))
def test_hexadecimal_colours_are_read_with_and_without_alpha(rgba):
    text = bytes(rgba).hex()
    assert parse_colour("#" + text) == rgba
    assert parse_colour(text.upper()) == rgba
    assert parse_colour(text[:6]) == (*rgba[:3], 255)


def test_short_hexadecimal_colours_double_their_digits():
    assert parse_colour("#1af") == (0x11, 0xAA, 0xFF, 255)
    assert parse_colour("#1af8") == (0x11, 0xAA, 0xFF, 0x88)


@pytest.mark.parametrize("text", ["", "red", "#12", "#12345", "#1234567", "##123", "#ggg"])
def test_other_texts_are_no_colours(text):
    with pytest.raises(ValueError, match="a colour is"):
        parse_colour(text)
