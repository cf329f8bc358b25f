"""The look-ahead limiter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.limiter import Limiter
from reelyard.actors.media.audio.measures.true_peak import TruePeakMeter
from reelyard.actors.media.audio.pcm.blocks import Block
from tests.unit.actors.media.audio.audio_samples import noise, speech, tone


def limited(samples: Block, limiter: Limiter, cuts: list[int]) -> Block:
    pieces = np.split(samples, sorted(min(cut, samples.shape[1]) for cut in cuts), axis=1)
    return np.concatenate([*(limiter.feed(piece) for piece in pieces), limiter.finish()], axis=1)


@given(
    st.integers(0, 1000),
    st.floats(-20, -0.1),
    st.floats(-20, 20),
    st.lists(st.integers(0, 9000), max_size=4),
    st.sampled_from([8_000, 44_100]),
    st.sampled_from([1, 2]),
)
def test_limiter_holds_its_ceiling_and_every_sample_however_blocks_are_cut(
    seed: int, ceiling: float, level: float, cuts: list[int], rate: int, channels: int
) -> None:
    random = np.random.default_rng(seed)
    samples = noise(level - 12, 9000 / rate, rate=rate, channels=channels, seed=seed)
    samples *= np.repeat(random.random(90) > 0.5, 100).astype(np.float32)
    whole = limited(samples, Limiter(rate, channels, ceiling), [])
    pieces = limited(samples, Limiter(rate, channels, ceiling), cuts)
    assert whole.shape == samples.shape
    assert np.allclose(whole, pieces, atol=1e-6)
    meter = TruePeakMeter(channels)
    meter.feed(whole)
    peak = meter.finish()
    assert peak is None or peak <= ceiling + 0.1


def test_limiter_leaves_what_is_below_the_ceiling_untouched() -> None:
    samples = speech(1.0, level_db=-30)
    assert np.array_equal(limited(samples, Limiter(48_000, 1, -1.0), [777]), samples)


def test_limiter_recovers_after_a_peak() -> None:
    samples = tone(440, -12, 1.5)
    samples[0, 24_000:24_010] = 0.99
    result = limited(samples, Limiter(48_000, 1, -6.0), [])
    assert np.allclose(result[0, -4_800:], samples[0, -4_800:], rtol=0.01, atol=1e-3)
    reduction = samples[0, 24_000:24_010] / result[0, 24_000:24_010]
    assert 20 * np.log10(reduction.max()) == pytest.approx(6.5, abs=0.7)
