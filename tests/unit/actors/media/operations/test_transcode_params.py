"""What `transcode` refuses before any work is done."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.codec import containers
from reelyard.actors.media.operations.transcode import TranscodeParams, frames_per_second
from reelyard.cluster.errors import ValidationFailed


def parse(params: dict[str, Any]) -> TranscodeParams:
    parsed = find_operation("transcode").parse(params)
    assert isinstance(parsed, TranscodeParams)
    return parsed


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"format": "exe"}, "format"),
        ({"codec": "divx"}, "codec"),
        ({"format": "webm", "codec": "h264"}, "webm can't hold h264"),
        ({"format": "webm", "audio_codec": "aac"}, "webm can't hold aac"),
        ({"format": "mp3", "codec": "h264"}, "mp3 can't hold h264"),
        ({"format": "mp3", "width": 100}, "width: mp3 holds audio only"),
        ({"format": "wav", "audio_bitrate": 64_000}, "audio_bitrate"),
        ({"format": "mp3", "audio": False}, "nothing but audio"),
        ({"format": "mp3", "audio_track": "all"}, "one track"),
        ({"format": "mp3", "channels": 6}, "channels"),
        ({"format": "aac", "channels": 8}, "channels: aac audio in aac has at most 6"),
        ({"width": -4}, "width"),
        ({"width": 0}, "width"),
        ({"width": 15}, "16"),
        ({"width": "0%"}, "width"),
        ({"height": "half"}, "height"),
        ({"height": True}, "height"),
        ({"width": 1e9}, "width"),
        ({"fps": 0.5}, "fps"),
        ({"fps": 61}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"start": -1}, "start"),
        ({"start": 5, "end": 5}, "end .* must come after start"),
        ({"end": 0}, "end"),
        ({"crf": 60}, "crf of h264 lies between 0 and 51"),
        ({"format": "webm", "crf": 30.5}, "whole number"),
        ({"crf": 20, "quality": "high"}, "only one of"),
        ({"crf": 20, "bitrate": 500_000}, "only one of"),
        ({"preset": "warp"}, "preset must be one of"),
        ({"codec": "av1", "preset": "14"}, "preset"),
        ({"format": "webm", "preset": "good-9"}, "preset"),
        ({"background": "red"}, "background"),
        ({"background": "#00000080"}, "nothing shines through"),
        ({"background": "#000000"}, "needs both width and height"),
        ({"background": "#000000", "fit": "cover", "width": 20, "height": 20}, "fit contain only"),
        ({"fit": "stretchy"}, "fit"),
        ({"position": "somewhere"}, "position"),
        ({"audio": False, "audio_bitrate": 64_000}, "audio is off"),
        ({"audio_track": -1}, "track"),
        ({"speed": 2}, "speed"),
    ],
)
def test_what_can_not_work_is_refused_with_the_name_of_the_fault(
    params: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationFailed, match=named) as caught:
        parse(params)
    assert caught.value.details["errors"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"codec": "hevc", "preset": "medium", "crf": 20.5},
        {"format": "webm", "preset": "realtime-7", "crf": 30},
        {"codec": "av1", "preset": "10", "crf": 35},
        {"format": "wav", "audio_codec": "pcm", "sample_rate": 16_000, "channels": 1},
        {"width": "50%", "height": 200, "fit": "cover", "position": "Top Left"},
        {"width": 16, "height": 16384, "background": "FFFFFF"},
        {"fps": 1, "start": 0.5, "end": 0.6},
    ],
)
def test_what_can_work_is_taken_and_survives_json(params: dict[str, Any]) -> None:
    parsed = parse(params)
    assert parse(parsed.model_dump(mode="json")) == parsed


def test_a_refusal_reads_as_a_sentence() -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse({"start": 5, "end": 5})
    assert caught.value.message == "transcode: end (5 s) must come after start (5 s)"
    with pytest.raises(ValidationFailed) as caught:
        parse({"position": "somewhere"})
    assert caught.value.message.startswith("transcode: position: a position is center, top")


def test_a_colour_may_be_short_and_comes_out_whole() -> None:
    params = parse({"width": 64, "height": 64, "background": "F0a"})
    assert params.background == "#ff00aa"


@given(
    st.sampled_from(get_args(containers.Format)),
    st.one_of(st.none(), st.sampled_from(get_args(containers.VideoCodec))),
    st.one_of(st.none(), st.sampled_from(get_args(containers.AudioCodec))),
)
def test_a_container_takes_exactly_the_codecs_of_its_row(
    form: str, video: str | None, audio: str | None
) -> None:
    row = containers.CONTAINERS[form]
    fits = video in (None, *row.video) and audio in (None, *row.audio)
    try:
        parse({"format": form, "codec": video, "audio_codec": audio})
    except ValidationFailed:
        assert not fits
    else:
        assert fits


def test_broadcast_rates_are_taken_as_they_are_meant() -> None:
    assert frames_per_second(29.97) == Fraction(30_000, 1001)
    assert frames_per_second(23.976) == Fraction(24_000, 1001)
    assert frames_per_second(25) == 25
    assert frames_per_second(12.5) == Fraction(25, 2)


def test_the_lane_and_the_kind_follow_from_the_parameters() -> None:
    operation = find_operation("transcode")
    assert operation.lane(parse({})) == "cpu"
    assert operation.kind(parse({})) == "video"
    assert operation.kind(parse({"format": "opus"})) == "audio"
    assert (operation.min_inputs, operation.max_inputs) == (1, 20)
