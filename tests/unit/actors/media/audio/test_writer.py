"""Writing of audio."""

from __future__ import annotations

import numpy as np

from reelyard.actors.media.audio.writer import dithered
from tests.unit.actors.media.audio.audio_samples import tone


def test_dither_leaves_silence_and_stays_within_one_step() -> None:
    random = np.random.default_rng(0)
    silence = np.zeros((1, 100), np.float32)
    assert not dithered(silence, random).any()
    audio = tone(100, -6, 0.01)
    assert np.abs(dithered(audio, random) - audio).max() <= 1 / 32768 + 1e-6
