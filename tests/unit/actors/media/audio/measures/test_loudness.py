"""Loudness of streams."""

from __future__ import annotations

import numpy as np
import pytest

from reelyard.actors.media.audio.measures.loudness import Loudness, LoudnessMeter
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat, regroup, standard_layout
from tests.unit.actors.media.audio.audio_samples import tone


def loudness_of(samples: Block, rate: int = 48_000, size: int = 32_768) -> Loudness:
    channels = len(samples)
    meter = LoudnessMeter(PcmFormat(rate, standard_layout(channels), channels))
    for block in regroup([samples], channels, size):
        meter.feed(block)
    return meter.finish()


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(-23, 10)], -23.0),
        ([(-33, 10)], -33.0),
        ([(-36, 5), (-23, 30), (-36, 5)], -23.0),
        ([(-72, 5), (-36, 5), (-23, 30), (-36, 5), (-72, 5)], -23.0),
    ],
)
def test_loudness_meter_agrees_with_the_cases_of_ebu_tech_3341(
    levels: list[tuple[float, float]], expected: float
) -> None:
    parts = [tone(1000, level, seconds, channels=2) for level, seconds in levels]
    assert loudness_of(np.concatenate(parts, axis=1)).integrated_lufs == pytest.approx(
        expected, abs=0.1
    )


def test_loudness_range_agrees_with_ebu_tech_3342() -> None:
    parts = [tone(1000, -20, 20, channels=2), tone(1000, -30, 20, channels=2)]
    assert loudness_of(np.concatenate(parts, axis=1)).range_lu == pytest.approx(10.0, abs=1.0)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 192_000])
def test_loudness_does_not_depend_on_the_sample_rate(rate: int) -> None:
    samples = tone(997, -20, 3, rate=rate)
    # A mono sine of peak level L has L - 3.01 LUFS.
    assert loudness_of(samples, rate).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_silence_has_no_loudness() -> None:
    found = loudness_of(np.zeros((2, 48_000), np.float32))
    assert (found.integrated_lufs, found.range_lu, found.true_peak_dbtp) == (None, None, None)
    assert found.duration_s == 1.0


def test_clip_shorter_than_a_gating_block_is_measured_as_if_repeated() -> None:
    found = loudness_of(tone(1000, -20, 0.1), size=1000)
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.2)
    assert found.range_lu is None


def test_nothing_at_all_has_no_loudness() -> None:
    found = loudness_of(np.zeros((1, 0), np.float32))
    assert found.samples == 0
    assert found.integrated_lufs is None
