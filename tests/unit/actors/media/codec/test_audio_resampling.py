"""The conversion of audio, and what is made of more channels than are wanted."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler
from av.filter import Graph
from numpy.typing import NDArray

from reelyard.actors.media.codec.audio_resampling import (
    DOWNMIX_GAIN,
    MONO_GAIN,
    MOST_OF_INTEGERS,
    Resampler,
    mixes_integers,
)
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import samples_of, transcode

RATE = 48_000
SIDE = 2**-0.5
OF_INTEGERS = DOWNMIX_GAIN * MOST_OF_INTEGERS / (1 + 2 * SIDE)
"""What a front channel of 5.1 keeps in a mix of integers."""
type Samples = NDArray[np.float32]


def tone(hertz: float, level: float = 0.3) -> Samples:
    """A second of it."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.float32)


def resampled(
    channels: Samples, layout: str, to: str, format: str = "fltp", rate: int = RATE
) -> Samples:
    """The channels (float, of `RATE`) in another layout, as floats."""
    resampler, parts = Resampler(format, to, rate), []
    for at in range(0, channels.shape[1], 1024):
        # Interleaved: PyAV 19 fails on planes of eight channels.
        piece = channels[:, at : at + 1024].T.reshape(1, -1).copy()
        frame = av.AudioFrame.from_ndarray(piece, "flt", layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, 5000 + at, Fraction(1, RATE)
        parts += resampler.resample(frame)
    parts += resampler.resample(None)
    assert parts[0].pts == round(5000 * rate / RATE)
    joined = np.concatenate([part.to_ndarray() for part in parts], axis=1)
    if format == "s16p":
        return (joined / 32_768).astype(np.float32)
    return joined.astype(np.float32)


@pytest.mark.parametrize(("format", "gain"), [("fltp", DOWNMIX_GAIN), ("s16p", OF_INTEGERS)])
@pytest.mark.parametrize(
    ("channel", "left", "right"),
    [(0, 1, 0), (1, 0, 1), (2, SIDE, SIDE), (3, 0, 0), (4, SIDE, 0), (5, 0, SIDE)],
)
def test_five_channels_go_to_stereo_by_one_matrix(
    format: str, gain: float, channel: int, left: float, right: float
) -> None:
    source = np.zeros((6, RATE), np.float32)
    source[channel] = tone(440)
    mixed = resampled(source, "5.1", "stereo", format)
    assert mixed.shape == (2, RATE)
    for found, share in zip(mixed, (left, right), strict=True):
        assert np.abs(found - share * gain * source[channel]).max() < 1e-4


def test_what_two_channels_share_keeps_its_level_in_mono() -> None:
    both = np.stack([tone(440), tone(440)])
    mixed = resampled(both, "stereo", "mono")
    assert np.abs(mixed[0] / 2 / SIDE - MONO_GAIN * both[0]).max() < 1e-4
    assert 20 * np.log10(mixed.std() / both.std()) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("layout", "to"), [("5.1", "stereo"), ("7.1", "stereo"), ("5.1", "mono"), ("7.1", "5.1")]
)
@pytest.mark.parametrize("format", ["fltp", "s16p"])
def test_channels_at_full_scale_do_not_clip(layout: str, to: str, format: str) -> None:
    count = av.AudioLayout(layout).nb_channels
    mixed = resampled(np.stack([tone(440, 0.999)] * count), layout, to, format)
    assert 0.9 < np.abs(mixed).max() <= 0.98
    # Not cut flat: a limiter turns the gain down, so single peaks alone reach the top.
    steady = mixed[0, RATE // 2 :]
    assert (np.abs(steady) > 0.99 * np.abs(steady).max()).mean() < 0.2


def test_more_channels_and_other_rates_stay_as_loud_as_they_are() -> None:
    stereo = np.stack([tone(440), tone(550)])
    assert np.abs(resampled(stereo, "stereo", "stereo", "s16p") - stereo).max() < 1e-4
    wide = resampled(stereo, "stereo", "5.1")
    assert np.abs(wide[:2] - stereo).max() < 1e-6
    slow = resampled(stereo, "stereo", "mono", rate=24_000)
    assert slow.shape[1] == pytest.approx(RATE / 2, abs=64)


@pytest.mark.parametrize("name", ["aac", "libmp3lame", "libopus", "flac", "pcm_s16le"])
@pytest.mark.parametrize("source", ["fltp", "s16", "s32"])
@pytest.mark.parametrize(
    ("layout", "to"), [("5.1", "stereo"), ("7.1", "stereo"), ("quad", "stereo"), ("7.1", "5.1")]
)
def test_a_mix_is_within_3_db_of_what_the_ffmpeg_command_gives(
    name: str, source: str, layout: str, to: str
) -> None:
    """What the command's own conversion is, as FFmpeg negotiates it with the encoder."""
    takes = av.Codec(name, "w").audio_formats or []
    count = av.AudioLayout(layout).nb_channels
    noise = np.random.default_rng(1).normal(0, 0.05, (count, RATE)).astype(np.float32)
    given = converted(noise, layout, source)
    graph = Graph()
    wanted = f"sample_fmts={'|'.join(form.name for form in takes)}:channel_layouts={to}"
    told = f"sample_rate={RATE}:sample_fmt={source}:channel_layout={layout}:time_base=1/{RATE}"
    steps = (("abuffer", told), ("aformat", wanted), ("abuffersink", None))
    graph.link_nodes(*(graph.add(step, args) for step, args in steps)).configure()
    graph.push(given)
    theirs = graph.pull()
    assert isinstance(theirs, av.AudioFrame)
    resampler = Resampler(takes[0].name, to, RATE, takes=takes)
    ours = [*resampler.resample(given), *resampler.resample(None)]
    apart_db = level_db(*ours) - level_db(theirs)
    assert abs(apart_db) < 2.6


def converted(samples: Samples, layout: str, format: str) -> av.AudioFrame:
    packed = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1).copy(), "flt", layout)
    packed.sample_rate, packed.pts, packed.time_base = RATE, 0, Fraction(1, RATE)
    [frame] = AudioResampler(format, layout, RATE).resample(packed)
    return frame


def level_db(*frames: av.AudioFrame) -> float:
    """Of all channels together."""
    whole = {"s16": 2.0**15, "s32": 2.0**31}.get(frames[0].format.packed.name, 1.0)
    samples = np.concatenate([frame.to_ndarray().astype(float).ravel() for frame in frames])
    return float(20 * np.log10(samples.std() / whole))


def test_integers_are_mixed_where_the_encoder_takes_them_without_loss() -> None:
    def mixed(source: str, *takes: str) -> bool:
        return mixes_integers(av.AudioFormat(source), [av.AudioFormat(name) for name in takes])

    assert mixed("fltp", "s16")
    assert mixed("s16p", "s16", "flt")
    assert not mixed("s32", "s16", "flt")
    assert not mixed("s16", "fltp")
    assert not mixed("dblp", "s32p", "fltp")


@pytest.mark.parametrize(
    ("format", "gain"),
    [
        *((name, DOWNMIX_GAIN) for name in ("m4a", "mp3", "opus")),
        *((name, OF_INTEGERS) for name in ("flac", "wav")),
    ],
)
def test_a_film_s_sound_is_as_loud_in_every_format_of_a_kind(
    tmp_path: Path, format: str, gain: float
) -> None:
    video = make_sample(tmp_path / "a.mkv", layout="5.1", acodec="aac", duration_s=1)
    wide = samples_of(video)
    wanted = gain * (wide[0] + SIDE * (wide[2] + wide[4]))
    options: dict[str, Any] = {} if format == "mp3" else {"channels": 2}
    made = samples_of(transcode(video, tmp_path / "out", format=format, **options).files[0].path)
    found_db = 20 * np.log10(made[0, 4800:40_000].std() / wanted[4800:40_000].std())
    assert found_db == pytest.approx(0, abs=0.7)
