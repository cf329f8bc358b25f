"""True peak, limiter and loudness."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.media.audio.graph import standard_layout
from actors.media.audio.limiter import Limiter
from actors.media.audio.loudness import Loudness, measure
from actors.media.audio.pcm import regroup
from actors.media.audio.truepeak import Block, TruePeakMeter, between, decibels
from tests.unit.actors.media.audio_samples import noise, speech, tone


def loudness_of(samples: Block, rate: int = 48_000, size: int = 32_768) -> Loudness:
    blocks = regroup([samples], len(samples), size)
    return measure(blocks, rate=rate, layout=standard_layout(len(samples)), channels=len(samples))


def limited(samples: Block, limiter: Limiter, cuts: list[int]) -> Block:
    pieces = np.split(samples, sorted(min(cut, samples.shape[1]) for cut in cuts), axis=1)
    return np.concatenate([*(limiter.feed(piece) for piece in pieces), limiter.finish()], axis=1)


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
    limiter = Limiter(48_000, 1, -6.0)
    result = limited(samples, limiter, [])
    assert np.allclose(result[0, -4_800:], samples[0, -4_800:], rtol=0.01, atol=1e-3)
    assert limiter.most_reduction_db == pytest.approx(6.5, abs=0.7)


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
