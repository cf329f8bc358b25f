"""Loudness and true peak of a stream (ITU-R BS.1770-5, EBU R 128, EBU Tech 3342)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reelyard.actors.media.audio.filter_graph import AudioFilter, FilterRun
from reelyard.actors.media.audio.measures.true_peak import TruePeakMeter
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat

GATE_S = 0.4
"""Length of a gating block: nothing shorter has an integrated loudness."""

SILENCE_LUFS = -70.0
"""The absolute gate: a stream without a block above it has no loudness."""

RANGE_S = 3.5
"""Loudness range is a statistic of windows of 3 s: below this there are too few."""


@dataclass(frozen=True)
class Loudness:
    """What a loudness meter says of a whole stream."""

    integrated_lufs: float | None
    """Gated loudness; None for silence."""
    range_lu: float | None
    """Loudness range (LRA); None for silence and below 3.5 s."""
    true_peak_dbtp: float | None
    """None for digital silence."""
    duration_s: float
    samples: int
    """For each channel."""

    def as_dict(self) -> dict[str, Any]:
        """Rounded for people and JSON."""
        return {
            "integrated_lufs": _rounded(self.integrated_lufs),
            "range_lu": _rounded(self.range_lu),
            "true_peak_dbtp": _rounded(self.true_peak_dbtp),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


class LoudnessMeter:
    """Measures a stream of blocks.

    A clip shorter than one gating block (0.4 s) is measured as if it were repeated: the standard
    has no figure for it, and this one is what a listener who loops it hears.
    """

    def __init__(self, pcm: PcmFormat) -> None:
        self._rate = pcm.rate
        self._layout = pcm.layout
        self._samples = 0
        self._peak = TruePeakMeter(pcm.channels)
        self._run = self._meter()
        self._start: list[Block] = []
        """The first 0.4 s, until it is clear that there is more."""

    def _meter(self) -> FilterRun:
        meter = AudioFilter("ebur128", "metadata=1")
        return FilterRun([meter], rate=self._rate, layout=self._layout, meter=True)

    def feed(self, block: Block) -> None:
        """Take further samples: float32, shape (channels, n)."""
        if self._samples < GATE_S * self._rate:
            self._start.append(block)
        elif self._start:
            self._start = []
        self._samples += block.shape[1]
        self._peak.feed(block)
        for _ in self._run.feed(block):
            pass

    def finish(self) -> Loudness:
        """The figures of everything that was fed. Call it once."""
        run = self._run
        if 0 < self._samples < GATE_S * self._rate:
            run = self._meter()
            clip = np.concatenate(self._start, axis=1)
            for _ in run.feed(np.tile(clip, (1, -(-self._rate // clip.shape[1])))):
                pass
        for _ in run.finish():
            pass
        integrated = float(run.metadata.get("lavfi.r128.I", "-70"))
        silent = not integrated > SILENCE_LUFS
        lra = float(run.metadata.get("lavfi.r128.LRA", "0"))
        long_enough = self._samples >= RANGE_S * self._rate
        return Loudness(
            integrated_lufs=None if silent else integrated,
            range_lu=lra if long_enough and not silent else None,
            true_peak_dbtp=self._peak.finish(),
            duration_s=self._samples / self._rate,
            samples=self._samples,
        )
