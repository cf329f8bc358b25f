"""Reading of audio streams: region, gaps, limits."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelyard.actors.media.audio.pcm.blocks import PcmFormat
from reelyard.actors.media.audio.pcm.reader import AudioRegion, PcmReader
from reelyard.actors.media.codec.decode import require_audio
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.cluster.errors import LimitExceeded
from tests.unit.actors.media.audio.audio_samples import noise, tone, write_audio


def read_blocks(
    path: Path, region: AudioRegion, pcm: PcmFormat, longest: float = 100.0
) -> np.ndarray:
    with av.open(str(path)) as container:
        stream = require_audio(container, path.name)
        reader = PcmReader(
            PacketClock(container), stream, pcm, region, name=path.name, max_duration_s=longest
        )
        return np.concatenate(list(reader.blocks()), axis=1)


def test_region_is_cut_to_the_sample(tmp_path: Path) -> None:
    ramp = np.linspace(-0.9, 0.9, 48_000 * 3, dtype=np.float32)[None]
    path = write_audio(tmp_path / "ramp.wav", ramp)
    region = AudioRegion(Fraction(3, 2), Fraction(2), cut=True)
    found = read_blocks(path, region, PcmFormat(48_000, "mono", 1))
    assert found.shape == (1, 24_000)
    assert np.allclose(found, ramp[:, 72_000:96_000], atol=1e-4)


def test_gap_in_the_time_stamps_becomes_silence(tmp_path: Path) -> None:
    path = tmp_path / "gap.mka"
    audio = tone(440, -6, 0.5)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for start in (0, 96_000):
            frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            frame.time_base = Fraction(1, 48_000)
            for packet in stream.encode(frame):
                out.mux(packet)
    found = read_blocks(path, AudioRegion(Fraction(0)), PcmFormat(48_000, "mono", 1))
    assert found.shape[1] == pytest.approx(120_000, abs=100)
    assert not found[:, 25_000:95_000].any()
    assert np.abs(found[:, 97_000:]).max() > 0.4


def test_audio_longer_than_allowed_is_refused_while_it_is_read(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "long.wav", noise(-20, 2.0))
    with pytest.raises(LimitExceeded, match="1 s"):
        read_blocks(path, AudioRegion(Fraction(0)), PcmFormat(48_000, "mono", 1), longest=1.0)
