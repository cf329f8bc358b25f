"""Mains hum: a steady comb of lines at multiples of 50 or 60 Hz, found in a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Mains = Literal[50, 60]

WINDOW_S = 2.0
"""Half a hertz a bin: enough to tell 50 Hz from a voice, and to place a notch."""
HIGHEST_HZ = 1000.0
DRIFT = 0.004
"""A grid's frequency stays within this share of its nominal value (±0.2 Hz of 50 Hz)."""
LINE_DB = 10.0
"""How far a line stands above its neighbourhood, at least."""
FAINT_DBFS = -85.0
"""Lines below this level are nobody's trouble."""
_MIN_WINDOWS = 3
_MAX_WINDOWS = 400


@dataclass(frozen=True)
class HumLine:
    """One harmonic."""

    frequency_hz: float
    level_dbfs: float
    """RMS level of the sine."""
    above_db: float
    """Height above the spectrum around it."""


@dataclass(frozen=True)
class Hum:
    """A comb of hum lines."""

    mains_hz: Mains
    fundamental_hz: float
    """As measured; exactly `mains_hz` where it was told, not found."""
    lines: tuple[HumLine, ...]

    def as_dict(self) -> dict[str, Any]:
        """Rounded for people and JSON."""
        return {
            "mains_hz": self.mains_hz,
            "fundamental_hz": round(self.fundamental_hz, 2),
            "harmonics_hz": [round(line.frequency_hz, 1) for line in self.lines],
            "level_dbfs": round(
                10 * float(np.log10(sum(10 ** (line.level_dbfs / 10) for line in self.lines))), 1
            )
            if self.lines
            else None,
        }


class HumDetector:
    """Collects spectra below 1 kHz of windows of two seconds, half overlapping.

    Hum is what is there all the time: the spectrum that counts is, for each bin, the lower quarter
    over all windows, in which speech and music, that come and go, leave no lines.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._size = 2 * round(rate * WINDOW_S / 2)
        self._bins = min(self._size // 2, round(HIGHEST_HZ * WINDOW_S)) + 20
        self._window = np.hanning(self._size).astype(np.float32)
        self._rest = np.zeros(0, np.float32)
        self._spectra: list[NDArray[np.float32]] = []
        self._stride = 1
        self._seen = 0

    def feed(self, mono: NDArray[np.float32]) -> None:
        """Take further samples of one channel: float32, shape (n,)."""
        self._rest = np.concatenate([self._rest, mono])
        step = self._size // 2
        while len(self._rest) >= self._size:
            if self._seen % self._stride == 0:
                spectrum = np.abs(np.fft.rfft(self._rest[: self._size] * self._window))
                self._spectra.append((spectrum[: self._bins] ** 2).astype(np.float32))
            self._seen += 1
            self._rest = self._rest[step:].copy()
            if len(self._spectra) > _MAX_WINDOWS:
                self._spectra = self._spectra[::2]
                self._stride *= 2

    def finish(self) -> Hum | None:
        """The hum that was found; None where there is none, or too little (4 s) to tell."""
        if len(self._spectra) < _MIN_WINDOWS:
            return None
        low = np.quantile(np.stack(self._spectra), 0.25, axis=0)
        # A sine of RMS level 1 has this power in its bin (amplitude √2, window sum / 2).
        steady = low.astype(np.float64) / (float(self._window.sum()) ** 2 / 2)
        found = [hum for mains in (50, 60) if (hum := _comb(steady, mains)) is not None]
        return max(found, key=_weight, default=None)


def _weight(hum: Hum) -> float:
    # 300, 600 and 900 Hz belong to both combs and say nothing.
    return sum(line.above_db for line in hum.lines if round(line.frequency_hz) % 300 > 3)


def _comb(power: NDArray[np.float64], mains: int) -> Hum | None:
    """The lines at multiples of about `mains` Hz in a power spectrum of 1 / WINDOW_S Hz a bin."""
    lines = [
        line
        for multiple in range(1, int(HIGHEST_HZ / mains) + 1)
        if (line := _line(power, mains * multiple)) is not None
    ]
    own = [line for line in lines if round(line.frequency_hz / mains) * mains % 300]
    strongest = max((line.above_db for line in own), default=0.0)
    low = [line for line in own if line.frequency_hz < 2.5 * mains]
    if not low or (len(own) < 2 and strongest < 2 * LINE_DB):
        return None
    best = max(low, key=lambda line: line.above_db)
    fundamental = best.frequency_hz / round(best.frequency_hz / mains)
    if abs(fundamental / mains - 1) > DRIFT:
        return None
    # All harmonics are exact multiples of one frequency; what strays is something else.
    lines = [
        line
        for line in lines
        if abs(line.frequency_hz - fundamental * round(line.frequency_hz / mains))
        < max(0.6, line.frequency_hz * 0.002)
    ]
    return Hum(50 if mains == 50 else 60, fundamental, tuple(lines))


def _line(power: NDArray[np.float64], frequency: float) -> HumLine | None:
    """The line near a frequency, if one stands out there."""
    centre = frequency * WINDOW_S
    reach = max(1, round(centre * DRIFT))
    low, high = round(centre) - reach, round(centre) + reach + 1
    if low < 1 or high + 16 > len(power):
        return None
    peak = low + int(power[low:high].argmax())
    sides = np.concatenate([power[max(1, peak - 16) : peak - 4], power[peak + 5 : peak + 17]])
    if len(sides) == 0 or power[peak] <= 0:
        return None
    above = 10 * np.log10(power[peak] / max(float(np.median(sides)), 1e-20))
    level = 10 * np.log10(power[peak])
    if above < LINE_DB or level < FAINT_DBFS:
        return None
    # Parabola through the logarithms of the three highest bins.
    a, b, c = np.log(np.maximum(power[peak - 1 : peak + 2], 1e-30))
    bend = a - 2 * b + c
    shift = 0.5 * (a - c) / bend if bend < 0 else 0.0
    return HumLine((peak + float(np.clip(shift, -0.5, 0.5))) / WINDOW_S, float(level), float(above))
