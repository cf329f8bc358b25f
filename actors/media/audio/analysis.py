"""The first pass: loudness, noise floor and hum of a stream, in one go."""

from __future__ import annotations

import numpy as np

from actors.media.audio.chain import Findings
from actors.media.audio.hum import HumDetector
from actors.media.audio.loudness import LoudnessMeter
from actors.media.audio.noise import NoiseMeter
from actors.media.audio.pcm import PcmFormat
from actors.media.audio.truepeak import Block


class Analysis:
    """Feed every block once, then ask."""

    def __init__(self, pcm: PcmFormat) -> None:
        self._loudness = LoudnessMeter(rate=pcm.rate, layout=pcm.layout, channels=pcm.channels)
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
