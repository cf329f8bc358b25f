"""HDR light as standard-range signal: the published formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reelyard.actors.media.codec.colour.tonecurve import (
    PEAK_NITS,
    WHITE_NITS,
    compress,
    hlg_to_nits,
    nits_to_pq,
    pq_to_nits,
    to_sdr,
)

PQ, HLG, BT2020, BT709, P3 = 16, 18, 9, 1, 12
BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593])
colours = arrays(np.float64, (7, 3), elements=st.floats(0, 1))


def test_pq_signals_are_the_light_that_the_standards_name() -> None:
    # BT.2408, table 1: 58 % is reference white, and ST 2084's own ends.
    light = pq_to_nits(np.array([0.0, 0.5806889, 0.7518271, 1.0]))
    assert light == pytest.approx([0, 203, 1000, 10_000], rel=1e-3)


def test_hlg_signals_are_the_light_that_the_standards_name() -> None:
    # BT.2408, table 1: 75 % is reference white on a display of 1,000 cd/m2.
    grey = np.repeat(np.array([0.0, 0.75, 1.0])[:, None], 3, axis=1)
    light = hlg_to_nits(grey, BT2020_LUMA)
    assert light[:, 0] == pytest.approx([0, 203, 1000], rel=5e-3, abs=0.01)


@given(st.floats(0, 10_000))
def test_pq_goes_there_and_back(nits: float) -> None:
    assert float(pq_to_nits(nits_to_pq(np.array(nits)))) == pytest.approx(nits, rel=1e-6, abs=1e-4)


@given(st.lists(st.floats(0, 10_000), min_size=2, max_size=50))
def test_compression_keeps_the_order_of_brightness_and_never_exceeds_white(nits: float) -> None:
    less = compress(np.sort(np.array(nits)))
    assert (np.diff(less) >= -1e-9).all()
    assert less.max() <= WHITE_NITS * 1.001


def test_compression_leaves_dark_tones_alone_and_keeps_highlights_apart() -> None:
    assert compress(np.array([0.0, 1.0, 50.0, 85.0])) == pytest.approx([0, 1, 50, 85])
    bright = compress(np.array([203.0, 400.0, 600.0, PEAK_NITS]))
    assert (np.diff(bright) > 1).all()
    assert bright[-1] == pytest.approx(WHITE_NITS)


@given(colours, st.sampled_from([PQ, HLG]), st.sampled_from([BT2020, P3, BT709, 2]))
def test_every_colour_has_a_place_in_the_standard_range(
    signal: NDArray[np.float64], transfer: int, primaries: int
) -> None:
    mapped = to_sdr(signal, transfer, primaries)
    assert mapped.shape == signal.shape
    assert np.isfinite(mapped).all()
    assert mapped.min() >= 0
    assert mapped.max() <= 1


@given(st.floats(0, 1), st.sampled_from([PQ, HLG]), st.sampled_from([BT2020, P3, BT709]))
def test_grey_stays_grey(level: float, transfer: int, primaries: int) -> None:
    mapped = to_sdr(np.full((1, 3), level), transfer, primaries)
    assert np.ptp(mapped) < 0.002
