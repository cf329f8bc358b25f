"""Output formats: choice of container, encoder, rate and bit rate."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.audio.output_formats import (
    AAC,
    FLAC_16,
    MP3,
    OPUS,
    PCM_16,
    Encoder,
    SourceFormat,
    choose_bit_rate,
    choose_channels,
    choose_rate,
    choose_target,
)
from reelyard.cluster.errors import UnsupportedOutput

ENCODERS = st.sampled_from([PCM_16, FLAC_16, MP3, AAC, OPUS])


@pytest.mark.parametrize(
    ("container", "name", "codec", "has_video", "expected"),
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
    container: str, name: str, codec: str, has_video: bool, expected: str
) -> None:
    source = SourceFormat(container, Path(name).suffix, codec, deep=False, has_video=has_video)
    assert choose_target("same", source).format == expected


def test_more_than_16_bits_stay_more_than_16_bits() -> None:
    source = SourceFormat("wav", ".wav", "pcm_s24le", deep=True, has_video=False)
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
