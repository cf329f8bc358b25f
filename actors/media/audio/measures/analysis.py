"""Analysis of a stream in one pass: its loudness, noise floor and hum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from reelyard.actors.media.audio.measures.hum import Hum, HumDetector
from reelyard.actors.media.audio.measures.loudness import Loudness, LoudnessMeter
from reelyard.actors.media.audio.measures.noise import NoiseFloor, NoiseMeter
from reelyard.actors.media.audio.pcm.blocks import Block, PcmFormat


@dataclass(frozen=True)
class Findings:
    """What the first pass found in the audio."""

    loudness: Loudness
    noise: NoiseFloor | None
    hum: Hum | None

    def as_dict(self) -> dict[str, Any]:
        """For the result."""
        return {
            "noise_floor_dbfs": None if self.noise is None else round(self.noise.level_dbfs, 1),
            "hum": None if self.hum is None else self.hum.as_dict(),
        }


class Analysis:
    """Feed every block once, then ask."""

    def __init__(self, pcm: PcmFormat) -> None:
        self._loudness = LoudnessMeter(pcm)
        self._noise = NoiseMeter(pcm.rate)
        self._hum = HumDetector(pcm.rate)

    def feed(self, block: Block) -> None:
        """Take further samples: shape (channels, n)."""
        self._loudness.feed(block)
        mono = block.mean(axis=0, dtype=np.float32)
        self._noise.feed(mono)
        self._hum.feed(mono)

    def finish(self) -> Findings:
        """What was found."""
        return Findings(self._loudness.finish(), self._noise.finish(), self._hum.finish())
