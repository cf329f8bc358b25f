"""Dolby's transcode body as parameters of `transcode` and `image`."""

from __future__ import annotations

from typing import Any

import pytest

from reelyard.actors.media.catalogue import find_operation
from reelyard.api.dolby.bodies import TranscodeBody
from reelyard.api.dolby.transcode import operation_of, output_params, task_names
from reelyard.cluster.errors import ReelyardError, UnsupportedOutput, ValidationFailed


def transcode(
    output: dict[str, Any], inputs: list[dict[str, Any]] | None = None, **changes: Any
) -> dict[str, Any]:
    inputs = inputs or [{"source": "dlb://in.mp4"}]
    outputs = [{"destination": "dlb://out", **output}]
    body = TranscodeBody.model_validate({"inputs": inputs, "outputs": outputs} | changes)
    return output_params(body.outputs[0], body.inputs)


def test_a_video_output_becomes_transcode_parameters() -> None:
    output = {
        "kind": "mp4",
        "video": {
            "codec": "h264",
            "width": 1280,
            "height": 720,
            "frame_rate": 25,
            "bitrate_mode": "vbr",
            "bitrate_kb": 2500,
        },
        "audio": [{"codec": "aac_lc", "bitrate_kb": 128, "channels": 2}],
    }
    said = transcode(output)
    assert said == {
        "format": "mp4",
        "codec": "h264",
        "width": 1280,
        "height": 720,
        "fps": 25.0,
        "bitrate": 2_500_000,
        "audio_codec": "aac",
        "audio_bitrate": 128_000,
        "channels": 2,
    }
    find_operation("transcode").parse(said)


@pytest.mark.parametrize("kind", ["mp4", "webm", "mp3", "wav", "ogg", "png", "jpg"])
def test_every_kind_that_is_made_has_an_operation_that_takes_it(kind: str) -> None:
    body = TranscodeBody.model_validate(
        {
            "inputs": [{"source": "dlb://in", "segment": {"start": 1, "duration": 2}}],
            "outputs": [{"destination": "dlb://out", "kind": kind}],
        }
    )
    (output,) = body.outputs
    find_operation(operation_of(output)).parse(output_params(output, body.inputs))


def test_a_segment_is_where_it_starts_and_ends() -> None:
    inputs = [{"source": "dlb://in.mp4", "segment": {"start": 3, "duration": 4}}]
    assert transcode({"kind": "mp3"}, inputs) == {"format": "mp3", "start": 3.0, "end": 7.0}
    picture = transcode({"kind": "png", "image": {"offset_sec": 1, "width": 64}}, inputs)
    assert picture == {"format": "png", "width": 64, "start": 4.0}


@pytest.mark.parametrize("kind", ["hls", "dash"])
def test_streaming_formats_are_refused_clearly(kind: str) -> None:
    body = TranscodeBody.model_validate(
        {
            "inputs": [{"source": "dlb://in"}],
            "outputs": [{"destination": "dlb://out", "kind": kind}],
        }
    )
    with pytest.raises(UnsupportedOutput, match=kind):
        operation_of(body.outputs[0])


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ({"kind": "webm", "video": {"codec": "vp8"}}, "vp8"),
        ({"kind": "mp3", "video": {"width": 64}}, "mp3 has no video"),
        ({"kind": "mp4", "image": {"width": 64}}, "mp4 has no image"),
        ({"kind": "mp4", "audio": [{}, {}]}, "one audio track"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(output: dict[str, Any], named: str) -> None:
    with pytest.raises(ReelyardError, match=named):
        transcode(output)


def test_outputs_go_by_their_ids() -> None:
    outputs = [
        {"id": "big", "destination": "dlb://a", "kind": "mp4"},
        {"destination": "dlb://b", "kind": "mp3"},
    ]
    body = TranscodeBody.model_validate({"inputs": [{"source": "dlb://in"}], "outputs": outputs})
    assert task_names(body.outputs) == ["big", "output-2"]
    with pytest.raises(ValidationFailed, match="same id"):
        task_names([body.outputs[0], body.outputs[0]])
