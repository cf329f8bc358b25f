"""HDR frames mapped to the standard range."""

from __future__ import annotations

import itertools
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reelyard.actors.media.codec.colour.tonecurve import (
    sdr_cube,
    to_sdr,
)
from reelyard.actors.media.codec.frame_conversion import Normalizer

PQ, HLG, BT2020, BT709, P3 = 16, 18, 9, 1, 12
BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])
colours = arrays(np.float64, (7, 3), elements=st.floats(0, 1))


def hdr_frame(rgb: NDArray[np.floating], transfer: int = PQ) -> av.VideoFrame:
    """A frame (rgb48le, BT.2020) of signals 0 to 1, (height, width, 3)."""
    frame = av.VideoFrame.from_ndarray(np.round(rgb * 65_535).astype(np.uint16), "rgb48le")
    frame.color_trc, frame.color_primaries = transfer, BT2020
    frame.colorspace, frame.color_range = 0, 2
    return frame


def normalized(
    frame: av.VideoFrame, width: int | None = None, height: int | None = None
) -> NDArray[np.float64]:
    """Red, green and blue, 0 to 1, of what `Normalizer` makes of it."""
    scaler = Normalizer(width or frame.width, height or frame.height, "rgb24")
    return scaler.convert(frame).to_ndarray() / 255


def test_the_table_gives_the_colours_of_the_formulas() -> None:
    levels = np.linspace(0, 1, 23)
    rgb = np.array(list(itertools.product(levels, repeat=3))).reshape(23, -1, 3)
    for transfer in (PQ, HLG):
        difference = np.abs(normalized(hdr_frame(rgb, transfer)) - to_sdr(rgb, transfer, BT2020))
        assert difference.mean() < 0.005
        assert np.percentile(difference, 99) < 0.05


def test_tones_below_the_knee_are_those_of_swscale() -> None:
    # Where nothing is compressed or out of gamut, both compute the same colours.
    levels = np.linspace(0.05, 0.45, 9)
    rgb = np.array(list(itertools.product(levels, repeat=3)))
    mapped = to_sdr(rgb, PQ, BT2020)
    rgb = rgb[mapped.min(axis=1) > 0.02].reshape(1, -1, 3)
    frame = hdr_frame(rgb)
    theirs = VideoReformatter().reformat(
        frame,
        format="rgb24",
        dst_color_trc=ColorTrc.BT709,
        dst_color_primaries=ColorPrimaries.BT709,
        dst_color_range=2,
    )
    difference = np.abs(normalized(frame) - theirs.to_ndarray() / 255)
    assert difference.max() < 0.04
    assert difference.mean() < 0.004


def test_mapping_hdr_leaves_swscale_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its table takes seconds, for each new scaler.
    asked = []

    class Watched:
        def __init__(self) -> None:
            self._scaler = VideoReformatter()

        def reformat(self, *args: Any, **kwargs: Any) -> av.VideoFrame:
            asked.append(kwargs)
            return self._scaler.reformat(*args, **kwargs)

    monkeypatch.setattr("reelyard.actors.media.codec.frame_conversion.VideoReformatter", Watched)
    monkeypatch.setattr("reelyard.actors.media.codec.colour.tonemap.VideoReformatter", Watched)
    Normalizer(16, 16).convert(hdr_frame(np.full((32, 32, 3), 0.5)))
    assert asked
    assert all(not call.get("dst_color_trc") for call in asked)


def test_the_table_is_computed_once_for_all_frames_of_a_kind() -> None:
    sdr_cube.cache_clear()
    for _ in range(3):
        normalized(hdr_frame(np.full((16, 16, 3), 0.5)))
    assert sdr_cube.cache_info().misses == 1


def test_frames_without_a_time_and_frames_out_of_order_are_mapped() -> None:
    scaler = Normalizer(16, 16, "rgb24")
    for pts in (None, 500, 20, None):
        frame = hdr_frame(np.full((16, 16, 3), 0.4))
        frame.pts = pts
        mapped = scaler.convert(frame)
        assert mapped.pts == pts
        assert mapped.to_ndarray()[8, 8].tolist() == pytest.approx(
            to_sdr(np.full(3, 0.4)[None], PQ, BT2020)[0] * 255, abs=2
        )


def test_a_change_of_the_transfer_within_a_stream_is_followed() -> None:
    scaler = Normalizer(16, 16, "rgb24")
    for transfer in (PQ, HLG, PQ):
        grey = np.full((16, 16, 3), 0.45)
        mapped = scaler.convert(hdr_frame(grey, transfer)).to_ndarray()[8, 8] / 255
        assert mapped == pytest.approx(to_sdr(grey, transfer, BT2020)[8, 8], abs=0.01)


@pytest.mark.parametrize("size", [(2, 2), (31, 17), (1, 9), (333, 5)])
def test_odd_and_tiny_sizes_are_mapped(size: tuple[int, int]) -> None:
    grey = np.full((40, 40, 3), 0.5)
    # What lies in memory behind the rows differs from time to time.
    for _ in range(20):
        mapped = normalized(hdr_frame(grey), *size)
        assert mapped.shape == (size[1], size[0], 3)
        assert np.abs(mapped - to_sdr(grey[0, 0], PQ, BT2020)).max() < 0.01


def test_yuv_without_a_named_matrix_is_taken_for_bt2020() -> None:
    red = np.zeros((16, 16, 3))
    red[..., 0] = 0.5
    scaler = VideoReformatter()
    images = []
    for space in (9, 2):
        frame = scaler.reformat(
            hdr_frame(red), format="yuv444p10le", dst_colorspace=9, dst_color_range=1
        )
        frame.colorspace = space
        images.append(normalized(frame))
    assert np.array_equal(images[0], images[1])


def test_the_planes_of_the_table_are_not_taken_for_each_other() -> None:
    for index in range(3):
        rgb = np.full((8, 8, 3), 0.2)
        rgb[..., index] = 0.5
        assert int(normalized(hdr_frame(rgb))[4, 4].argmax()) == index
