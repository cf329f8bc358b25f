"""The gain that brings audio to a loudness below a true peak, with a limiter where it must. Pure.

A gain alone changes nothing but the level, so it is taken wherever the peak allows. Otherwise a
limiter follows it, which takes away some loudness again: how much shows only by measuring, so the
gain is searched for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from reelyard.actors.media.audio.limiter import Limiter
from reelyard.actors.media.audio.measures.loudness import Loudness
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat

MOST_GAIN_DB = 40.0
"""More would be raising noise, not the recording."""
MOST_LIMITING_DB = 15.0
"""Peaks are never pushed further than this into the limiter: it would be heard."""
CLOSE_LU = 0.1
_STEPS = 6


@dataclass(frozen=True)
class LoudnessGoal:
    """What the result should measure."""

    lufs: float | None
    """None: leave the level as it is."""
    peak_dbtp: float


@dataclass(frozen=True)
class GainSetting:
    """What is done to every sample."""

    gain_db: float = 0.0
    ceiling_dbtp: float | None = None
    """None: no limiter."""
    capped: bool = False
    """The target lies beyond what gain and limiter may do."""


def first_setting(now: Loudness, goal: LoudnessGoal, *, margin_db: float = 0.0) -> GainSetting:
    """The gain that the loudness asks for; with a limiter if the peak would be too high then.

    `margin_db`: how much lower a limiter's ceiling is set than the goal. Silence is left alone.
    """
    peak = now.true_peak_dbtp
    if peak is None:
        return GainSetting()
    gain, capped = 0.0, False
    if goal.lufs is not None and now.integrated_lufs is not None:
        wanted = goal.lufs - now.integrated_lufs
        gain = min(wanted, MOST_GAIN_DB, goal.peak_dbtp - peak + MOST_LIMITING_DB)
        capped = gain < wanted
    if peak + gain <= goal.peak_dbtp:
        return GainSetting(gain, None, capped)
    return GainSetting(gain, goal.peak_dbtp - margin_db, capped)


def find_setting(
    now: Loudness,
    goal: LoudnessGoal,
    measure: Callable[[GainSetting], float | None],
    *,
    margin_db: float = 0.0,
) -> GainSetting:
    """The setting whose measured loudness comes to the goal, by the secant method.

    `measure` gives the loudness (LUFS) of a setting; it is asked only where a limiter is at work,
    and at most six times.
    """
    setting = first_setting(now, goal, margin_db=margin_db)
    if setting.ceiling_dbtp is None or goal.lufs is None or now.integrated_lufs is None:
        return setting
    assert now.true_peak_dbtp is not None
    most = min(MOST_GAIN_DB, setting.ceiling_dbtp - now.true_peak_dbtp + MOST_LIMITING_DB)
    gain, slope = min(setting.gain_db, most), 1.0
    before: tuple[float, float] | None = None
    for _ in range(_STEPS):
        loudness = measure(replace(setting, gain_db=gain))
        if loudness is None:
            break
        missing = goal.lufs - loudness
        if abs(missing) <= CLOSE_LU:
            return replace(setting, gain_db=gain, capped=False)
        if before is not None and abs(gain - before[0]) > 1e-6:
            slope = max(0.1, min(1.0, (loudness - before[1]) / (gain - before[0])))
        before = (gain, loudness)
        following = min(most, gain + max(-6.0, min(6.0, missing / slope)))
        if following == gain:
            return replace(setting, gain_db=gain, capped=True)
        gain = following
    return replace(setting, gain_db=gain)


def corrected_setting(setting: GainSetting, after: Loudness, goal: LoudnessGoal) -> GainSetting:
    """The next setting to try, when the file that was written measures `after`."""
    excess = _excess(after, goal)
    ceiling = setting.ceiling_dbtp
    if excess > 0:
        ceiling = (goal.peak_dbtp if ceiling is None else ceiling) - excess - 0.05
    gain = setting.gain_db
    if goal.lufs is not None and after.integrated_lufs is not None and not setting.capped:
        gain = min(MOST_GAIN_DB, gain + goal.lufs - after.integrated_lufs)
    return replace(setting, gain_db=gain, ceiling_dbtp=ceiling)


def is_reached(setting: GainSetting, after: Loudness, goal: LoudnessGoal) -> bool:
    """Whether the written file measures as it should: ±0.3 LU, and 0.05 dB above the peak."""
    if _excess(after, goal) > 0.05:
        return False
    if goal.lufs is None or after.integrated_lufs is None or setting.capped:
        return True
    return abs(after.integrated_lufs - goal.lufs) <= 0.3


def _excess(after: Loudness, goal: LoudnessGoal) -> float:
    return 0.0 if after.true_peak_dbtp is None else after.true_peak_dbtp - goal.peak_dbtp


def levelled(blocks: Iterable[Block], pcm: PcmFormat, setting: GainSetting) -> Iterator[Block]:
    """The blocks at the setting's gain, limited where it says so; as many samples as before."""
    factor = np.float32(10 ** (setting.gain_db / 20))
    if setting.ceiling_dbtp is None:
        for block in blocks:
            yield block * factor
        return
    limiter = Limiter(pcm.rate, pcm.channels, setting.ceiling_dbtp)
    for block in blocks:
        limited = limiter.feed(block * factor)
        if limited.shape[1]:
            yield limited
    if (rest := limiter.finish()).shape[1]:
        yield rest
