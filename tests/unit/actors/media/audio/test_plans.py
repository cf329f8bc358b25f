"""Decisions about level and format, and the path of samples from a file to blocks."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.media.audio.formats import (
    AAC,
    FLAC_16,
    MP3,
    OPUS,
    PCM_16,
    Encoder,
    SourceSound,
    choose_bit_rate,
    choose_channels,
    choose_rate,
    choose_target,
)
from actors.media.audio.level import (
    MOST_GAIN_DB,
    Goal,
    Setting,
    corrected,
    first_setting,
    levelled,
    reached,
    search,
)
from actors.media.audio.loudness import Loudness
from actors.media.audio.pcm import PcmFormat, Region, Scratch, StreamReader, regroup
from actors.media.audio.render import dithered
from actors.media.codec.decode import require_audio
from cluster.errors import LimitExceeded, OutputUnwritable, UnsupportedOutput
from tests.unit.actors.media.audio_samples import noise, tone, write

GOAL = Goal(-16.0, -1.0)
ENCODERS = st.sampled_from([PCM_16, FLAC_16, MP3, AAC, OPUS])


def measured(lufs: float | None, peak: float | None) -> Loudness:
    return Loudness(lufs, None, peak, 10.0, 480_000)


def pressed(lufs: float, peak: float, slope: float) -> Callable[[Setting], float]:
    """A model of the limiter: loudness above what the peak allows counts only by `slope`."""

    def measure(setting: Setting) -> float:
        assert setting.ceiling_dbtp is not None
        free = setting.ceiling_dbtp - peak
        return lufs + min(setting.gain_db, free) + slope * max(0.0, setting.gain_db - free)

    return measure


def never(setting: Setting) -> float:
    raise AssertionError(f"asked for {setting}")


def test_gain_alone_is_taken_where_the_peak_allows_it() -> None:
    assert search(measured(-20, -8), GOAL, never) == Setting(4.0, None)
    assert search(measured(-10, 0), GOAL, never) == Setting(-6.0, None)


def test_silence_gets_no_gain() -> None:
    assert search(measured(None, None), GOAL, never) == Setting()
    assert search(measured(None, -75), GOAL, never) == Setting(0.0, None)


def test_gain_ends_where_noise_would_explode() -> None:
    setting = first_setting(measured(-69, -60), GOAL)
    assert setting == Setting(MOST_GAIN_DB, None, capped=True)


def test_without_a_target_only_overload_is_limited() -> None:
    assert first_setting(measured(-9, 0.8), Goal(None, 0.0)) == Setting(0.0, 0.0)
    assert first_setting(measured(-9, -0.2), Goal(None, 0.0)) == Setting(0.0, None)


@given(st.floats(-40, -10), st.floats(6, 24), st.floats(0.3, 1.0), st.floats(-24, -8))
def test_search_comes_to_the_target_or_says_that_it_can_not(
    lufs: float, crest: float, slope: float, target: float
) -> None:
    peak = min(6.0, lufs + crest)
    goal = Goal(target, -1.0)
    model = pressed(lufs, peak, slope)
    setting = search(measured(lufs, peak), goal, model, margin_db=0.5)
    if setting.ceiling_dbtp is None:
        assert peak + setting.gain_db <= -1.0
        assert setting.capped or lufs + setting.gain_db == pytest.approx(target)
    elif not setting.capped:
        assert model(setting) == pytest.approx(target, abs=0.15)
    assert setting.gain_db <= MOST_GAIN_DB


def test_overshoot_of_the_written_file_lowers_the_ceiling_and_raises_the_gain() -> None:
    setting = corrected(Setting(3.0, -1.6), measured(-16.5, -0.4), GOAL)
    assert setting.ceiling_dbtp == pytest.approx(-2.25)
    assert setting.gain_db == pytest.approx(3.5)
    fresh = corrected(Setting(3.0, None), measured(-16.0, -0.7), GOAL)
    assert fresh.ceiling_dbtp == pytest.approx(-1.35)


@pytest.mark.parametrize(
    ("lufs", "peak", "good"),
    [
        (-16.2, -1.0, True),
        (-16.4, -3.0, False),
        (-16.0, -0.9, False),
        (None, None, True),
    ],
)
def test_written_file_is_good_when_level_and_peak_are(
    lufs: float | None, peak: float | None, good: bool
) -> None:
    assert reached(Setting(), measured(lufs, peak), GOAL) is good


def test_level_without_limiter_is_exactly_a_factor() -> None:
    samples = noise(-20, 0.1, channels=2)
    result = list(levelled([samples], PcmFormat(48_000, "stereo", 2), Setting(6.0206)))
    assert np.allclose(result[0], samples * 2, rtol=1e-4)


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 40))
def test_regrouping_keeps_every_sample_in_order(sizes: list[int], size: int) -> None:
    total = sum(sizes)
    samples = np.arange(2 * total, dtype=np.float32).reshape(2, total)
    pieces = np.split(samples, np.cumsum(sizes)[:-1], axis=1) if sizes else []
    blocks = list(regroup(pieces, 2, size))
    assert all(block.shape[1] == size for block in blocks[:-1])
    assert sum(block.shape[1] for block in blocks) == total
    if blocks:
        assert np.array_equal(np.concatenate(blocks, axis=1), samples)


def test_scratch_gives_back_what_was_written_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcm"
    samples = noise(-20, 1.5, channels=2)
    with Scratch(path, PcmFormat(48_000, "stereo", 2), "x") as scratch:
        scratch.write(samples[:, :100])
        scratch.write(samples[:, 100:])
        assert np.array_equal(np.concatenate(list(scratch.blocks()), axis=1), samples)
        scratch.drop()
        assert path.stat().st_size == 0
    assert not path.exists()


def test_scratch_in_a_folder_that_is_not_there_is_unwritable(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="voice"):
        Scratch(tmp_path / "no" / "x.pcm", PcmFormat(48_000, "mono", 1), "voice.mp3")


def read_blocks(path: Path, region: Region, pcm: PcmFormat, longest: float = 100.0) -> np.ndarray:
    with av.open(str(path)) as container:
        stream = require_audio(container, path.name)
        reader = StreamReader(
            container, stream, pcm, region, name=path.name, max_duration_s=longest
        )
        return np.concatenate(list(reader.blocks()), axis=1)


def test_region_is_cut_to_the_sample(tmp_path: Path) -> None:
    ramp = np.linspace(-0.9, 0.9, 48_000 * 3, dtype=np.float32)[None]
    path = write(tmp_path / "ramp.wav", ramp)
    region = Region(Fraction(3, 2), Fraction(2), cut=True)
    found = read_blocks(path, region, PcmFormat(48_000, "mono", 1))
    assert found.shape == (1, 24_000)
    assert np.allclose(found, ramp[:, 72_000:96_000], atol=1e-4)


def test_gap_in_the_time_stamps_becomes_silence(tmp_path: Path) -> None:
    path = tmp_path / "gap.mka"
    sound = tone(440, -6, 0.5)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for start in (0, 96_000):
            frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            frame.time_base = Fraction(1, 48_000)
            for packet in stream.encode(frame):
                out.mux(packet)
    found = read_blocks(path, Region(Fraction(0)), PcmFormat(48_000, "mono", 1))
    assert found.shape[1] == pytest.approx(120_000, abs=100)
    assert not found[:, 25_000:95_000].any()
    assert np.abs(found[:, 97_000:]).max() > 0.4


def test_sound_longer_than_allowed_is_refused_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", noise(-20, 2.0))
    with pytest.raises(LimitExceeded, match="1 s"):
        read_blocks(path, Region(Fraction(0)), PcmFormat(48_000, "mono", 1), longest=1.0)


def test_dither_leaves_silence_and_stays_within_one_step() -> None:
    random = np.random.default_rng(0)
    silence = np.zeros((1, 100), np.float32)
    assert not dithered(silence, random).any()
    sound = tone(100, -6, 0.01)
    assert np.abs(dithered(sound, random) - sound).max() <= 1 / 32768 + 1e-6


@pytest.mark.parametrize(
    ("container", "name", "codec", "film", "expected"),
    [
        ("wav", "a.wav", "pcm_s16le", False, "wav"),
        ("aiff", "a.aiff", "pcm_s16be", False, "wav"),
        ("mp3", "a.mp3", "mp3", False, "mp3"),
        ("flac", "a.flac", "flac", False, "flac"),
        ("ogg", "a.ogg", "vorbis", False, "ogg"),
        ("ogg", "a.opus", "opus", False, "opus"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.m4a", "aac", False, "m4a"),
        ("matroska,webm", "a.mka", "aac", False, "mka"),
        ("matroska,webm", "a.webm", "opus", False, "webm"),
        ("aac", "a.aac", "aac", False, "aac"),
        ("amr", "a.amr", "amrnb", False, "m4a"),
        ("caf", "a.caf", "alac", False, "wav"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.mp4", "aac", True, "mp4"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "a.MOV".lower(), "aac", True, "mov"),
        ("matroska,webm", "a.webm", "opus", True, "webm"),
        ("matroska,webm", "a.mkv", "aac", True, "mkv"),
        ("mpegts", "a.ts", "aac", True, "mkv"),
        ("avi", "a.avi", "mp3", True, "mkv"),
        ("flv", "a.flv", "aac", True, "mp4"),
    ],
)
def test_same_format_is_the_inputs_or_the_nearest(
    container: str, name: str, codec: str, film: bool, expected: str
) -> None:
    source = SourceSound(container, Path(name).suffix, codec, deep=False, film=film)
    assert choose_target("same", source).format == expected


def test_more_than_16_bits_stay_more_than_16_bits() -> None:
    source = SourceSound("wav", ".wav", "pcm_s24le", deep=True, film=False)
    assert choose_target("same", source).encoder.name == "pcm_s24le"
    assert choose_target("flac", source).encoder.sample_format == "s32"


@given(ENCODERS, st.integers(1, 400_000), st.integers(1, 8), st.none() | st.integers(8_000, 10**6))
def test_every_source_gets_a_rate_and_a_bit_rate_that_the_encoder_takes(
    encoder: Encoder, rate: int, channels: int, wanted: int | None
) -> None:
    chosen = choose_rate(encoder, rate)
    assert 8_000 <= chosen <= 192_000
    assert not encoder.rates or chosen in encoder.rates
    taken = choose_channels(encoder, channels)
    assert taken <= encoder.max_channels
    if encoder.lossless and wanted is not None:
        with pytest.raises(UnsupportedOutput, match="lossless"):
            choose_bit_rate(encoder, wanted, rate=chosen, channels=taken)
        return
    bit_rate = choose_bit_rate(encoder, wanted, rate=chosen, channels=taken)
    assert (bit_rate is None) == encoder.lossless
    if bit_rate is not None:
        assert 8_000 <= bit_rate <= max(320_000, 6 * chosen * taken)
