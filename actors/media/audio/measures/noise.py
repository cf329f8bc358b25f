"""Noise floor of a recording: level and spectrum of its quietest moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BAND_CENTRES_HZ = (
    80, 125, 193, 295, 448, 677, 1021, 1537, 2311, 3472, 5213, 7825, 11743, 17620, 26435,
)  # fmt: skip
"""The fifteen bands of FFmpeg's `afftdn`: each centre is 1.5 times the last, plus 5 Hz."""

QUIET_SHARE = 0.1
"""The quietest tenth of a recording counts as its noise."""

DIGITAL_SILENCE_DBFS = -110.0
_MAX_FRAMES = 16_384


@dataclass(frozen=True)
class NoiseFloor:
    """Noise of a recording, as found in its quiet moments."""

    level_dbfs: float
    """RMS level, of a full-scale square wave at 0 dBFS."""
    bands_db: tuple[float, ...]
    """For each of `BAND_CENTRES_HZ`: spectral density against white noise of the same level."""


class NoiseMeter:
    """Collects band powers of frames of 46 ms."""

    def __init__(self, rate: int) -> None:
        self._size = 1 << max(5, round(np.log2(rate * 0.046)))
        self._window = np.hanning(self._size).astype(np.float32)
        self._edges = self._band_edges(rate)
        self._rest = np.zeros(0, np.float32)
        self._stride = 1
        self._seen = 0
        self._kept: list[NDArray[np.float32]] = []

    def _band_edges(self, rate: int) -> list[tuple[int, int]]:
        """First and last + 1 bin of each band; the last row is everything."""
        bins = self._size // 2 + 1
        per_bin = rate / self._size
        edges = []
        for centre in BAND_CENTRES_HZ:
            low = min(bins - 1, int(centre / 1.25 / per_bin))
            edges.append((low, max(low + 1, min(bins, round(centre * 1.25 / per_bin)))))
        return [*edges, (0, bins)]

    def feed(self, mono: NDArray[np.float32]) -> None:
        """Take further samples of one channel: float32, shape (n,)."""
        joined = np.concatenate([self._rest, mono])
        count = len(joined) // self._size
        frames = joined[: count * self._size].reshape(count, self._size)
        self._rest = joined[count * self._size :].copy()
        frames = frames[(-self._seen) % self._stride :: self._stride]
        self._seen += count
        if len(frames) == 0:
            return
        power = np.abs(np.fft.rfft(frames * self._window, axis=1)) ** 2
        rows = np.stack([power[:, a:b].mean(axis=1) for a, b in self._edges], axis=1)
        self._kept.extend(rows.astype(np.float32))
        if len(self._kept) > _MAX_FRAMES:
            # A long recording is sampled ever more sparsely: memory stays bounded.
            self._kept = self._kept[::2]
            self._stride *= 2

    def finish(self) -> NoiseFloor | None:
        """The floor; None for a recording that is digitally silent or shorter than a frame."""
        if not self._kept:
            return None
        rows = np.stack(self._kept).astype(np.float64)
        # Mean power in a bin of white noise of power 1 is the sum of the squared window.
        rows /= float((self._window.astype(np.float64) ** 2).sum())
        total = rows[:, -1]
        heard = rows[total > 10 ** (DIGITAL_SILENCE_DBFS / 10)]
        if len(heard) == 0:
            return None
        count = max(1, int(len(heard) * QUIET_SHARE))
        quiet = heard[np.argsort(heard[:, -1])[:count]].mean(axis=0)
        bands = 10 * np.log10(np.maximum(quiet[:-1] / quiet[-1], 1e-9))
        return NoiseFloor(float(10 * np.log10(quiet[-1])), tuple(float(band) for band in bands))
