"""Gain and limiter: the setting that reaches a loudness below a peak."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.gain import (
    MOST_GAIN_DB,
    GainSetting,
    LoudnessGoal,
    corrected_setting,
    find_setting,
    first_setting,
    is_reached,
    levelled,
)
from reelyard.actors.media.audio.measures.loudness import Loudness
from reelyard.actors.media.audio.pcm.blocks import PcmFormat
from tests.unit.actors.media.audio.audio_samples import noise

GOAL = LoudnessGoal(-16.0, -1.0)


def measured(lufs: float | None, peak: float | None) -> Loudness:
    return Loudness(lufs, None, peak, 10.0, 480_000)


def pressed(lufs: float, peak: float, slope: float) -> Callable[[GainSetting], float]:
    """A model of the limiter: loudness above what the peak allows counts only by `slope`."""

    def measure(setting: GainSetting) -> float:
        assert setting.ceiling_dbtp is not None
        free = setting.ceiling_dbtp - peak
        return lufs + min(setting.gain_db, free) + slope * max(0.0, setting.gain_db - free)

    return measure


def never(setting: GainSetting) -> float:
    raise AssertionError(f"asked for {setting}")


def test_gain_alone_is_taken_where_the_peak_allows_it() -> None:
    assert find_setting(measured(-20, -8), GOAL, never) == GainSetting(4.0, None)
    assert find_setting(measured(-10, 0), GOAL, never) == GainSetting(-6.0, None)


def test_silence_gets_no_gain() -> None:
    assert find_setting(measured(None, None), GOAL, never) == GainSetting()
    assert find_setting(measured(None, -75), GOAL, never) == GainSetting(0.0, None)


def test_gain_ends_where_noise_would_explode() -> None:
    setting = first_setting(measured(-69, -60), GOAL)
    assert setting == GainSetting(MOST_GAIN_DB, None, capped=True)


def test_without_a_target_only_overload_is_limited() -> None:
    assert first_setting(measured(-9, 0.8), LoudnessGoal(None, 0.0)) == GainSetting(0.0, 0.0)
    assert first_setting(measured(-9, -0.2), LoudnessGoal(None, 0.0)) == GainSetting(0.0, None)


@given(st.floats(-40, -10), st.floats(6, 24), st.floats(0.3, 1.0), st.floats(-24, -8))
def test_search_comes_to_the_target_or_says_that_it_can_not(
    lufs: float, crest: float, slope: float, target: float
) -> None:
    peak = min(6.0, lufs + crest)
    goal = LoudnessGoal(target, -1.0)
    model = pressed(lufs, peak, slope)
    setting = find_setting(measured(lufs, peak), goal, model, margin_db=0.5)
    if setting.ceiling_dbtp is None:
        assert peak + setting.gain_db <= -1.0
        assert setting.capped or lufs + setting.gain_db == pytest.approx(target)
    elif not setting.capped:
        assert model(setting) == pytest.approx(target, abs=0.15)
    assert setting.gain_db <= MOST_GAIN_DB


def test_overshoot_of_the_written_file_lowers_the_ceiling_and_raises_the_gain() -> None:
    setting = corrected_setting(GainSetting(3.0, -1.6), measured(-16.5, -0.4), GOAL)
    assert setting.ceiling_dbtp == pytest.approx(-2.25)
    assert setting.gain_db == pytest.approx(3.5)
    fresh = corrected_setting(GainSetting(3.0, None), measured(-16.0, -0.7), GOAL)
    assert fresh.ceiling_dbtp == pytest.approx(-1.35)


@pytest.mark.parametrize(
    ("lufs", "peak", "good"),
    [
        (-16.2, -1.0, True),
        (-16.4, -3.0, False),
        (-16.0, -0.9, False),
        (None, None, True),
    ],
)
def test_written_file_is_good_when_level_and_peak_are(
    lufs: float | None, peak: float | None, good: bool
) -> None:
    assert is_reached(GainSetting(), measured(lufs, peak), GOAL) is good


def test_level_without_limiter_is_exactly_a_factor() -> None:
    samples = noise(-20, 0.1, channels=2)
    result = list(levelled([samples], PcmFormat(48_000, "stereo", 2), GainSetting(6.0206)))
    assert np.allclose(result[0], samples * 2, rtol=1e-4)
