"""Colours: their text and their samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.frames import (
    parse_colour,
    yuv_of,
)
from reelyard.actors.media.frames.colour import Matrix
from tests.unit.actors.media.frames.frame_strategies import samples


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
def test_colours_have_the_samples_of_the_standards(
    rgb: tuple[int, int, int], matrix: Matrix, expected: tuple[int, int, int]
) -> None:
    assert yuv_of(rgb, matrix)[:3] == expected


@given(st.tuples(samples, samples, samples), st.sampled_from(["bt601", "bt709"]))
def test_every_colour_stays_in_its_range(rgb: tuple[int, int, int], matrix: Matrix) -> None:
    limited = yuv_of(rgb, matrix)
    assert 16 <= limited.y <= 235
    assert min(limited.u, limited.v) >= 16
    assert max(limited.u, limited.v) <= 240
    assert all(0 <= sample <= 255 for sample in yuv_of(rgb, matrix, full_range=True))


@given(st.tuples(samples, samples, samples, samples))
def test_hexadecimal_colours_are_read_with_and_without_alpha(
    rgba: tuple[int, int, int, int],
) -> None:
    text = bytes(rgba).hex()
    assert parse_colour("#" + text) == rgba
    assert parse_colour(text.upper()) == rgba
    assert parse_colour(text[:6]) == (*rgba[:3], 255)


def test_short_hexadecimal_colours_double_their_digits() -> None:
    assert parse_colour("#1af") == (0x11, 0xAA, 0xFF, 255)
    assert parse_colour("#1af8") == (0x11, 0xAA, 0xFF, 0x88)


@pytest.mark.parametrize("text", ["", "red", "#12", "#12345", "#1234567", "##123", "#ggg"])
def test_other_texts_are_no_colours(text: str) -> None:
    with pytest.raises(ValueError, match="a colour is"):
        parse_colour(text)
