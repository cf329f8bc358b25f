"""Mains hum, found and not found."""

from __future__ import annotations

import numpy as np
import pytest

from reelyard.actors.media.audio.measures.hum import Hum, HumDetector
from reelyard.actors.media.audio.pcm.blocks import Block, regroup
from tests.unit.actors.media.audio.audio_samples import (
    mains_hum,
    noise,
    speech,
    tone,
)


def hum_of(samples: Block, rate: int = 48_000) -> Hum | None:
    detector = HumDetector(rate)
    for block in regroup([samples], 1, 10_000):
        detector.feed(block[0])
    return detector.finish()


@pytest.mark.parametrize("frequency", [49.96, 50.05, 59.95, 60.04])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_hum_is_found_below_speech_with_its_exact_frequency(frequency: float, rate: int) -> None:
    audio = speech(8, rate=rate) + noise(-65, 8, rate=rate) + mains_hum(frequency, -42, 8, rate)
    hum = hum_of(audio, rate)
    assert hum is not None
    assert hum.mains_hz == round(frequency, -1)
    assert hum.fundamental_hz == pytest.approx(frequency, abs=0.05)
    assert len(hum.lines) >= 2


@pytest.mark.parametrize(
    "audio",
    [
        speech(8) + noise(-60, 8),
        noise(-30, 8),
        np.zeros((1, 400_000), np.float32),
        tone(440, -10, 8),
        tone(55, -10, 8),
        mains_hum(50, -30, 2),
    ],
    ids=["speech", "noise", "silence", "a'", "bass note", "too short to tell"],
)
def test_no_hum_is_found_where_there_is_none(audio: Block) -> None:
    assert hum_of(audio) is None
