"""The settings of a transcode, and what they mean to the encoders."""

from __future__ import annotations

from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.transcode.settings import (
    VideoSettings,
    audio_layout,
    audio_rate,
    encoder_options,
)


def video(params: dict[str, Any]) -> VideoSettings:
    """The video settings that the operation's parameters mean."""
    settings = TranscodeParams.model_validate(params).settings().video
    assert settings is not None
    return settings


def test_presets_reach_each_encoder_as_its_own_options() -> None:
    assert encoder_options(video({"format": "webm", "preset": "realtime-7", "crf": 31}), 2) == {
        "deadline": "realtime",
        "cpu-used": "7",
        "row-mt": "1",
        "crf": "31",
        "b": "0",
    }
    assert encoder_options(video({"codec": "av1", "preset": "veryfast"}), 3) == {
        "preset": "10",
        "crf": "36",
        "svtav1-params": "lp=3",
    }
    assert "crf" not in encoder_options(video({"bitrate": 500_000}), 1)


@given(
    st.sampled_from(["aac", "opus", "mp3", "flac", "pcm_s16le"]),
    st.integers(0, 64),
    st.one_of(st.none(), st.sampled_from([1, 2, 6, 8])),
)
def test_a_layout_never_has_more_channels_than_wanted_or_allowed(
    codec: str, channels: int, wanted: int | None
) -> None:
    for most in (2, 6, 8):
        layout = audio_layout(codec, most, channels, f"{channels} channels", wanted)
        count = av.AudioLayout(layout).nb_channels
        assert count <= max(1, min(wanted or channels, most))
        assert wanted is None or count == min(wanted, most)


@pytest.mark.parametrize(
    ("codec", "source", "kept"),
    [
        ("flac", "quad", "quad"),
        ("pcm_s16le", "5.1(side)", "5.1(side)"),
        ("pcm_s16le", "4 channels", "4.0"),
        ("flac", "1 channels (LFE)", "mono"),
        ("aac", "quad", "4.0"),
        ("aac", "3.0", "3.0"),
        ("aac", "6.1", "5.1"),
        ("opus", "4.0", "quad"),
        ("opus", "5.0(side)", "5.0"),
        ("mp3", "3.0", "stereo"),
    ],
)
def test_a_layout_is_the_source_s_or_the_codec_s_for_as_many_channels(
    codec: str, source: str, kept: str
) -> None:
    most = 2 if codec == "mp3" else 8
    channels = 1 if "LFE" in source else av.AudioLayout(source).nb_channels
    assert audio_layout(codec, most, channels, source, None) == kept


def test_the_next_higher_sample_rate_is_chosen() -> None:
    assert audio_rate(44_100, None, [48_000, 24_000, 16_000]) == 48_000
    assert audio_rate(44_100, 16_000, [48_000, 24_000, 16_000]) == 16_000
    assert audio_rate(96_000, None, [48_000, 24_000]) == 48_000
    assert audio_rate(1_000_000, None, None) == 192_000
