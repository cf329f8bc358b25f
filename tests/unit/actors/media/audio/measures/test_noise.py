"""Noise floor of recordings."""

from __future__ import annotations

import numpy as np
import pytest

from reelyard.actors.media.audio.measures.noise import NoiseMeter
from reelyard.actors.media.audio.pcm.blocks import regroup
from tests.unit.actors.media.audio.audio_samples import noise, speech


@pytest.mark.parametrize("level", [-70.0, -45.0])
def test_noise_floor_is_that_of_the_pauses(level: float) -> None:
    meter = NoiseMeter(48_000)
    for block in regroup([speech(8) + noise(level, 8)], 1):
        meter.feed(block[0])
    floor = meter.finish()
    assert floor is not None
    assert floor.level_dbfs == pytest.approx(level, abs=1.5)
    assert np.allclose(floor.bands_db[2:14], 0, atol=2)


def test_noise_floor_of_digital_silence_is_unknown() -> None:
    meter = NoiseMeter(48_000)
    meter.feed(np.zeros(48_000, np.float32))
    assert meter.finish() is None
    assert NoiseMeter(44_100).finish() is None
