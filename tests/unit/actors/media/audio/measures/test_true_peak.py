"""True peak."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.measures.true_peak import TruePeakMeter, between, decibels
from tests.unit.actors.media.audio.audio_samples import noise, tone


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_true_peak_sees_the_crest_between_two_samples(rate: int) -> None:
    # At a quarter of the rate, an eighth of a turn off, samples lie 3.01 dB below the crest.
    samples = tone(rate / 4, -6, 0.2, rate=rate, phase=math.pi / 4)
    # Faded in and out: a sine that starts at once has a higher crest still.
    samples *= np.hanning(samples.shape[1]).astype(np.float32)
    meter = TruePeakMeter(1)
    meter.feed(samples)
    assert float(np.abs(samples).max()) < 0.36
    peak = meter.finish()
    assert peak == pytest.approx(-6.0, abs=0.1)


def test_true_peak_of_digital_silence_is_none() -> None:
    meter = TruePeakMeter(2)
    meter.feed(np.zeros((2, 1000), np.float32))
    assert meter.finish() is None
    assert decibels(0.0) is None


@given(st.integers(0, 10_000), st.integers(16, 400))
def test_value_between_samples_is_never_below_the_sample(seed: int, count: int) -> None:
    samples = noise(-10, count / 48_000, seed=seed)[0]
    peaks = between(samples)
    assert len(peaks) == len(samples) - 15
    assert np.all(peaks >= np.abs(samples[7 : len(samples) - 8]))
