"""The clean-up chain: filters that follow from what is wanted and what was found. Pure.

Levels inside the chain are relative to one working loudness, so that its thresholds mean the same
for a whisper recorded far away and for a presenter at the microphone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelyard.actors.media.audio.filter_graph import AudioFilter
from reelyard.actors.media.audio.measures.analysis import Findings
from reelyard.actors.media.audio.measures.hum import HIGHEST_HZ, Hum, Mains
from reelyard.actors.media.audio.measures.loudness import Loudness

Strength = Literal["off", "low", "medium", "high", "max"]
HumMode = Literal["auto", "50", "60", "off"]

WORKING_LUFS = -23.0
_MOST_WORKING_GAIN_DB = 40.0

NOISE_CUT_DB: dict[Strength, float] = {"low": 6, "medium": 12, "high": 20, "max": 30}
"""How far noise goes down at most."""
NOISE_MARGIN_DB = 4.0
"""The denoiser's threshold above the measured floor: single frames of noise exceed the mean."""
QUIET_ENOUGH_DBFS = -84.0
"""Noise below this, at working loudness, is left alone."""
NOISE_BELOW_VOICE_DB = 10.0
"""What is nearer than this to the loudness of the whole is not taken for noise."""

_HUM_NOTCH_WIDTH_HZ = 2.5
_TOLD_HARMONICS = 6

# Threshold (linear, in the band around 6.5 kHz), ratio, most reduction.
_SIBILANCE: dict[Strength, tuple[float, float, float]] = {
    "low": (0.02, 2, 4),
    "medium": (0.014, 3, 8),
    "high": (0.008, 4, 12),
    "max": (0.004, 8, 18),
}
_SIBILANCE_HZ = 6500

# Threshold in dBFS at working loudness, ratio, attack and release in ms.
_COMPRESSOR: dict[Strength, tuple[float, float, float, float]] = {
    "low": (-20, 2, 15, 200),
    "medium": (-24, 2.5, 10, 200),
    "high": (-27, 3.5, 8, 180),
    "max": (-30, 5, 5, 160),
}
# Frame in ms, Gauss window in frames, most gain: slow levelling of near and far voices.
_LEVELLER: dict[Strength, tuple[int, int, float]] = {"high": (400, 21, 3), "max": (300, 15, 5)}


@dataclass(frozen=True)
class CleanUp:
    """What is wanted."""

    high_pass_hz: float | None = None
    noise_reduction: Strength = "off"
    hum: HumMode = "off"
    sibilance: Strength = "off"
    dynamics: Strength = "off"


@dataclass(frozen=True)
class CleanUpChain:
    """Filters in order, and how late their output comes."""

    filters: tuple[AudioFilter, ...]
    delay: int
    """Samples."""


def working_gain_db(loudness: Loudness) -> float:
    """Gain to working loudness; 0 for silence."""
    if loudness.integrated_lufs is None:
        return 0.0
    gain = WORKING_LUFS - loudness.integrated_lufs
    return max(-_MOST_WORKING_GAIN_DB, min(_MOST_WORKING_GAIN_DB, gain))


def plan_chain(wanted: CleanUp, found: Findings, rate: int) -> CleanUpChain:
    """The filters for a stream at `rate` Hz, from first to last.

    Order: working gain, high-pass, hum notches, noise reduction, sibilance, dynamics, and the
    working gain undone. In silence only the high-pass is left: there is nothing to measure the
    others by.
    """
    filters: list[AudioFilter] = []
    delay = 0
    if wanted.high_pass_hz is not None and wanted.high_pass_hz < 0.45 * rate:
        filters.append(high_pass(wanted.high_pass_hz))
    filters += hum_notches(hum_to_cut(wanted.hum, found.hum), rate)
    if found.loudness.integrated_lufs is not None:
        gain = working_gain_db(found.loudness)
        denoise = noise_filter(wanted.noise_reduction, found, gain)
        delay = noise_delay(rate) if denoise else 0
        level = [
            *([denoise] if denoise else []),
            *sibilance_filters(wanted.sibilance, rate),
            *dynamics_filters(wanted.dynamics),
        ]
        if level:
            filters = [_volume(gain), *filters, *level, _volume(-gain)]
    return CleanUpChain(tuple(filters), delay)


def _volume(gain_db: float) -> AudioFilter:
    return AudioFilter("volume", f"volume={gain_db:.3f}dB:precision=float")


def high_pass(frequency_hz: float) -> AudioFilter:
    """Second-order Butterworth (12 dB an octave)."""
    return AudioFilter("highpass", f"f={frequency_hz:g}:t=q:w=0.7071:p=2:r=f64")


def hum_to_cut(mode: HumMode, found: Hum | None) -> Hum | None:
    """The hum whose harmonics get a notch: what was found, or what the caller told."""
    if mode == "off":
        return None
    if mode == "auto":
        return found
    mains: Mains = 50 if mode == "50" else 60
    return found if found is not None and found.mains_hz == mains else Hum(mains, mains, ())


def hum_notches(hum: Hum | None, rate: int) -> list[AudioFilter]:
    """One narrow notch for each harmonic that was found; the first six where none was."""
    if hum is None:
        return []
    numbers = {round(line.frequency_hz / hum.fundamental_hz) for line in hum.lines}
    numbers = numbers or set(range(1, _TOLD_HARMONICS + 1))
    # Low harmonics hide below the voice, and are heard in its pauses.
    frequencies = [hum.fundamental_hz * number for number in sorted(numbers | {1, 2, 3})]
    limit = min(HIGHEST_HZ, 0.45 * rate)
    return [
        AudioFilter("bandreject", f"f={frequency:.2f}:t=h:w={_HUM_NOTCH_WIDTH_HZ:g}:r=f64")
        for frequency in frequencies
        if frequency < limit
    ]


def noise_filter(level: Strength, found: Findings, gain_db: float) -> AudioFilter | None:
    """Spectral noise reduction with the measured floor and spectrum of the noise.

    None where none is wanted, and where the quiet moments are quiet enough.
    """
    loudness = found.loudness.integrated_lufs
    if level == "off" or found.noise is None or loudness is None:
        return None
    floor = min(found.noise.level_dbfs, loudness - NOISE_BELOW_VOICE_DB) + gain_db
    if floor < QUIET_ENOUGH_DBFS:
        return None
    floor = max(-80.0, min(-20.0, floor + NOISE_MARGIN_DB))
    bands = "|".join(f"{max(-24.0, min(24.0, band)):.1f}" for band in found.noise.bands_db)
    return AudioFilter("afftdn", f"nr={NOISE_CUT_DB[level]:g}:nf={floor:.1f}:nt=custom:bn={bands}")


def noise_delay(rate: int) -> int:
    """Samples by which `afftdn` is late: its window less one step."""
    return 2 * (rate // 80)


def sibilance_filters(level: Strength, rate: int) -> list[AudioFilter]:
    """A dynamic shelf above 5 kHz that follows the level around 6.5 kHz.

    Nothing for rates that carry no sibilants.
    """
    if level == "off" or rate < 2.4 * _SIBILANCE_HZ:
        return []
    threshold, ratio, most = _SIBILANCE[level]
    args = (
        f"threshold={threshold:g}:dfrequency={_SIBILANCE_HZ}:dqfactor=1:tfrequency=5000:tqfactor=1"
        f":ratio={ratio:g}:range={most:g}:mode=cutabove:tftype=highshelf:attack=2:release=40"
    )
    return [AudioFilter("adynamicequalizer", args)]


def dynamics_filters(level: Strength) -> list[AudioFilter]:
    """Levelling of slow changes (high, max), then a compressor for fast ones."""
    if level == "off":
        return []
    filters = []
    if level in _LEVELLER:
        frame, window, most = _LEVELLER[level]
        # The threshold keeps pauses from being raised.
        filters.append(AudioFilter("dynaudnorm", f"f={frame}:g={window}:m={most:g}:p=0.5:t=0.01"))
    threshold, ratio, attack, release = _COMPRESSOR[level]
    args = f"threshold={threshold:g}dB:ratio={ratio:g}:attack={attack:g}:release={release:g}:knee=6"
    filters.append(AudioFilter("acompressor", args))
    return filters
