"""Audio for tests: float32, shape (channels, n), and files made of it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from reelyard.actors.media.audio.filter_graph import AudioFilter, FilterRun
from reelyard.actors.media.audio.pcm.blocks import (
    Block,
    frame_of,
    sample_format,
    samples_of,
    standard_layout,
)
from reelyard.actors.media.codec.decode import best_audio


def tone(
    frequency: float,
    level_db: float,
    seconds: float,
    *,
    rate: int = 48_000,
    channels: int = 1,
    phase: float = 0.0,
) -> Block:
    """A sine whose peak lies at `level_db` dBFS."""
    t = np.arange(round(seconds * rate)) / rate
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * t + phase)
    return np.tile(wave.astype(np.float32), (channels, 1))


def noise(
    level_db: float, seconds: float, *, rate: int = 48_000, channels: int = 1, seed: int = 0
) -> Block:
    """White noise of an RMS level in dBFS."""
    random = np.random.default_rng(seed)
    samples = random.normal(0, 10 ** (level_db / 20), (channels, round(seconds * rate)))
    return samples.astype(np.float32)


def speech(
    seconds: float, *, rate: int = 48_000, channels: int = 1, level_db: float = -20.0, seed: int = 3
) -> Block:
    """Something like speech: syllables of a voice of harmonics with pauses between phrases."""
    random = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.37 * t) + 15 * np.sin(2 * np.pi * 1.3 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(k * phase) / k**1.1 for k in range(1, 24))
    syllables = np.clip(np.sin(2 * np.pi * 3.7 * t) + 0.3, 0, 1)
    syllables *= 0.5 + random.random(len(t) // (rate // 4) + 1)[(t * 4).astype(int)]
    phrases = (t % 2.6 < 1.9).astype(float)
    wave = voice * syllables * phrases
    wave *= 10 ** (level_db / 20) / np.sqrt(np.mean(wave**2))
    return np.tile(np.clip(wave, -1, 1).astype(np.float32), (channels, 1))


def rms_db(samples: Block) -> float:
    """RMS level in dBFS."""
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def line_db(samples: Block, frequency: float, rate: int) -> float:
    """Level (RMS, dBFS) of the sine at `frequency` in the first channel."""
    x = samples[0].astype(np.float64)
    t = np.arange(len(x)) / rate
    window = np.hanning(len(x))
    found = np.sum(x * window * np.exp(-2j * np.pi * frequency * t)) / window.sum()
    return float(20 * np.log10(abs(found) * np.sqrt(2) + 1e-12))


def write_audio(
    path: Path,
    samples: Block,
    *,
    rate: int = 48_000,
    codec: str | None = None,
    layout: str | None = None,
    tags: dict[str, str] | None = None,
) -> Path:
    """Write an audio file; WAV of 16 bits if nothing else is said."""
    layout = layout or standard_layout(len(samples))
    with av.open(str(path), "w") as out:
        out.metadata.update(tags or {})
        stream = out.add_stream(codec or "pcm_s16le", rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        frame = frame_of(np.clip(samples, -1, 1), rate, layout, 0)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def read_audio(path: Path, rate: int | None = None) -> tuple[Block, int]:
    """Samples and rate of the audio of a file, by PyAV alone."""
    with av.open(str(path)) as container:
        stream = best_audio(container)
        assert stream is not None
        rate = rate or stream.codec_context.sample_rate
        channels = stream.codec_context.channels
        resampler = av.AudioResampler(sample_format(channels), standard_layout(channels), rate)
        frames = [
            piece for frame in container.decode(stream) for piece in resampler.resample(frame)
        ]
        frames += resampler.resample(None)
        return np.concatenate([samples_of(frame) for frame in frames], axis=1), rate


def measured_by_ffmpeg(path: Path) -> tuple[float, float]:
    """Integrated loudness (LUFS) and true peak (dBTP) of a file, by FFmpeg's own meter."""
    samples, rate = read_audio(path)
    # The meter reports each 100 ms; silence completes the last of them, for the sake of the peak.
    padded = np.concatenate([samples, np.zeros((len(samples), rate // 5), np.float32)], axis=1)
    loudness = float(_r128(samples, rate)["lavfi.r128.I"])
    peak = float(_r128(padded, rate)["lavfi.r128.true_peak"])
    return loudness, 20 * np.log10(max(peak, 1e-6))


def _r128(samples: Block, rate: int) -> dict[str, str]:
    meter = AudioFilter("ebur128", "metadata=1:peak=true")
    run = FilterRun([meter], rate=rate, layout=standard_layout(len(samples)), meter=True)
    for _ in (*run.feed(samples), *run.finish()):
        pass
    return run.metadata


def mains_hum(frequency: float, level_db: float, seconds: float, rate: int = 48_000) -> Block:
    """A hum of seven harmonics, each 3 dB below the last."""
    parts = [
        tone(frequency * k, level_db - 3 * k, seconds, rate=rate, phase=k) for k in range(1, 8)
    ]
    return np.sum(parts, axis=0, dtype=np.float32)
