"""Blending of frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.frames import (
    Colour,
    Frame,
    blank,
    crop,
    cross_fade,
    fade,
    fade_level,
    overlay,
    yuv_of,
)
from reelyard.actors.media.frames.frame import PlaneLayout
from tests.unit.actors.media.frames.frame_strategies import colours, frames, same

_SIZE = {"width": st.just(7), "height": st.just(5)}
opaque = frames(("yuv420p",), **_SIZE)
clear = frames(("yuva420p",), **_SIZE)


def _with_alpha(frame: Frame, value: int) -> Frame:
    alpha = np.full(frame.planes[0].shape, value, np.uint8)
    return Frame((*frame.planes[:3], alpha))


@given(opaque, clear)
def test_an_overlay_with_alpha_0_changes_nothing(base: Frame, top: Frame) -> None:
    before = base.copy()
    overlay(base, _with_alpha(top, 0), 0, 0)
    overlay(base, top, 0, 0, opacity=0)
    assert same(base, before)


@given(opaque, clear)
def test_an_overlay_with_alpha_255_replaces_the_frame(base: Frame, top: Frame) -> None:
    overlay(base, _with_alpha(top, 255), 0, 0)
    assert same(base, Frame(top.planes[:3]))


@given(opaque, clear, st.floats(0, 1))
def test_an_overlay_lies_between_both_frames_and_matches_the_exact_mean(
    base: Frame, top: Frame, opacity: float
) -> None:
    before = base.copy()
    overlay(base, top, 0, 0, opacity=opacity)
    low, high = (f(before.planes[0], top.planes[0]) for f in (np.minimum, np.maximum))
    assert ((base.planes[0] >= low) & (base.planes[0] <= high)).all()
    weight = np.rint(top.planes[3] * float(round(opacity * 255)) / 255) / 255
    exact = before.planes[0] + (top.planes[0].astype(float) - before.planes[0]) * weight
    assert np.abs(base.planes[0] - exact).max() <= 0.5 + 1e-9


@given(opaque, opaque, st.integers(-9, 9), st.integers(-9, 9))
def test_an_overlay_is_cut_at_the_edges_and_starts_at_even_positions(
    base: Frame, top: Frame, x: int, y: int
) -> None:
    before = base.copy()
    overlay(base, top, x, y)
    x, y = x - x % 2, y - y % 2
    expected = before.planes[0].copy()
    for row in range(5):
        for column in range(7):
            if 0 <= y + row < 5 and 0 <= x + column < 7:
                expected[y + row, x + column] = top.planes[0][row, column]
    assert np.array_equal(base.planes[0], expected)


def test_chroma_takes_the_mean_alpha_of_its_luma_samples() -> None:
    base = blank(2, 2, yuv_of((0, 0, 0)))
    alpha = np.array([[255, 255], [0, 0]], np.uint8)
    overlay(base, Frame((*blank(2, 2, yuv_of((255, 0, 0))).planes, alpha)), 0, 0)
    assert base.planes[0][:, 0].tolist() == [63, 16]
    assert base.planes[2].item() == (128 + 240) // 2


def test_an_overlay_on_a_frame_with_alpha_or_other_planes_is_refused() -> None:
    pairs: list[tuple[PlaneLayout, PlaneLayout]] = [
        ("yuva420p", "yuv420p"),
        ("gray", "yuv420p"),
        ("yuv420p", "gray"),
    ]
    for base, top in pairs:
        with pytest.raises(ValueError, match="can't be laid over"):
            overlay(blank(2, 2, layout=base), blank(2, 2, layout=top), 0, 0)


@given(frames(), colours)
def test_a_fade_ends_in_the_frame_and_in_the_colour(frame: Frame, colour: Colour) -> None:
    assert same(fade(frame, 1, colour), frame)
    gone = fade(frame, 0, colour)
    for plane, sample in zip(gone.planes[:3], colour, strict=False):
        assert (plane == sample).all()
    if frame.layout == "yuva420p":
        assert np.array_equal(gone.planes[3], frame.planes[3])


@given(opaque, opaque, st.floats(0, 1))
def test_a_cross_fade_is_symmetric_and_ends_in_either_frame(
    first: Frame, second: Frame, level: float
) -> None:
    assert same(cross_fade(first, second, 0), first)
    assert same(cross_fade(first, second, 1), second)
    there, back = cross_fade(first, second, level), cross_fade(second, first, 1 - level)
    for a, b in zip(there.planes, back.planes, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1
        assert a.dtype == np.uint8


def test_a_cross_fade_needs_equal_sizes_and_a_level_from_0_to_1() -> None:
    with pytest.raises(ValueError, match="same size"):
        cross_fade(blank(2, 2), blank(2, 4), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        fade(blank(2, 2), 1.5)


@given(st.floats(-5, 5), st.floats(-2, 2), st.floats(0, 3))
def test_fade_levels_stay_in_0_to_1_and_in_mirrors_out(
    time_s: float, start_s: float, duration_s: float
) -> None:
    level = fade_level(time_s, start_s, duration_s, "in")
    assert 0 <= level <= 1
    assert level + fade_level(time_s, start_s, duration_s, "out") == pytest.approx(1)


def test_a_fade_rises_linearly_over_its_duration() -> None:
    levels = [fade_level(t, 1, 2, "in") for t in (0, 1, 1.5, 2, 3, 4)]
    assert levels == [0, 0, 0.25, 0.5, 1, 1]


@given(opaque)
def test_operations_leave_their_inputs_unchanged(frame: Frame) -> None:
    before = frame.copy()
    fade(frame, 0.3)
    cross_fade(frame, before, 0.7)
    crop(frame, 0, 0, 2, 2).copy().planes[0][:] = 9
    assert same(frame, before)
