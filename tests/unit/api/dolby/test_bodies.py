from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from actors.media.catalogue import find_operation
from actors.media.operations.enhance import PRESETS
from api.dolby.bodies import EnhanceBody, TranscodeBody
from api.dolby.enhance import enhance_params
from api.dolby.locations import destination_url, refuse_auth, refuse_callback
from api.dolby.transcode import operation_of, output_params, task_names
from cluster.errors import ReelyardError, UnsupportedOutput, ValidationFailed

PLACES = {"input": "dlb://in.wav", "output": "dlb://out.wav"}


def enhance(audio=None, content=None, **changes):
    body = PLACES | {"audio": audio or {}} | changes
    if content:
        body["content"] = {"type": content}
    return enhance_params(EnhanceBody.model_validate(body))


def transcode(output, inputs=None, **changes):
    inputs = inputs or [{"source": "dlb://in.mp4"}]
    outputs = [{"destination": "dlb://out", **output}]
    body = TranscodeBody.model_validate({"inputs": inputs, "outputs": outputs} | changes)
    return output_params(body.outputs[0], body.inputs)


def test_a_bare_body_leaves_everything_to_the_content():
    assert enhance() == {"content": "other"}
    assert enhance(content="podcast") == {"content": "podcast"}


def test_the_whole_documented_body_becomes_parameters():
    audio = {
        "noise": {"reduction": {"enable": True, "amount": "max"}},
        "loudness": {
            "enable": True,
            "dialog_intelligence": True,
            "target_level": -18,
            "speech_threshold": 15,
            "peak_limit": -2,
            "peak_reference": "true",
        },
        "dynamics": {"range_control": {"enable": True, "amount": "medium"}},
        "filter": {
            "dynamic_eq": {"enable": False},
            "high_pass": {"enable": True, "frequency": 90},
            "hum": {"enable": True},
        },
        "speech": {
            "isolation": {"enable": False, "amount": 50},
            "sibilance": {"reduction": {"enable": True, "amount": "high"}},
            "plosive": {"reduction": {"enable": False, "amount": "low"}},
            "click": {"reduction": {"enable": False}},
        },
        "music": {"detection": {"enable": False}},
    }
    place = {"url": "dlb://in.wav", "region": {"start": 1.5, "end": 9}}
    assert enhance(audio, "lecture", input=place) == {
        "content": "lecture",
        "start": 1.5,
        "end": 9.0,
        "noise_reduction": "max",
        "dynamics": "medium",
        "sibilance": "high",
        "high_pass": True,
        "high_pass_hz": 90.0,
        "hum": "auto",
        "loudness": True,
        "target_lufs": -18.0,
        "peak_limit_db": -2.0,
    }


def test_what_is_switched_off_is_off():
    off = {"enable": False}
    audio = {
        "noise": {"reduction": off},
        "loudness": off,
        "dynamics": {"range_control": off},
        "filter": {"high_pass": off, "hum": off},
        "speech": {"sibilance": {"reduction": off}},
    }
    assert enhance(audio) == {
        "content": "other",
        "noise_reduction": "off",
        "dynamics": "off",
        "sibilance": "off",
        "high_pass": False,
        "hum": "off",
        "loudness": False,
    }


def test_what_is_switched_on_is_on_even_where_the_content_has_it_off():
    audio = {"noise": {"reduction": {"enable": True}}}
    assert enhance(audio, "music")["noise_reduction"] == "medium"
    assert "noise_reduction" not in enhance(audio, "podcast")


@pytest.mark.parametrize(
    ("audio", "named"),
    [
        ({"speech": {"isolation": {"enable": True, "amount": 70}}}, "speech.isolation"),
        ({"speech": {"plosive": {"reduction": {"enable": True}}}}, "speech.plosive"),
        ({"speech": {"click": {"reduction": {"enable": True}}}}, "speech.click"),
        ({"filter": {"dynamic_eq": {"enable": True}}}, "filter.dynamic_eq"),
        ({"music": {"detection": {"enable": True}}}, "music.detection"),
    ],
)
def test_what_is_not_done_here_is_refused_by_name(audio, named):
    with pytest.raises(ValidationFailed, match=named):
        enhance(audio)


@given(
    content=st.sampled_from(sorted(PRESETS)),
    enable=st.booleans(),
    amount=st.sampled_from([None, "low", "medium", "high", "max", "auto"]),
    target=st.none() | st.floats(-40, -8),
    peak=st.none() | st.floats(-20, 0),
)
def test_every_documented_body_is_one_that_the_operation_takes(
    content, enable, amount, target, peak
):
    switch = {"enable": enable} | ({"amount": amount} if amount else {})
    loudness = {"enable": enable, "target_level": target, "peak_limit": peak}
    audio = {
        "noise": {"reduction": switch},
        "dynamics": {"range_control": switch},
        "speech": {"sibilance": {"reduction": switch}},
        "loudness": {name: value for name, value in loudness.items() if value is not None},
    }
    find_operation("enhance").parse(enhance(audio, content))


@pytest.mark.parametrize(
    "body",
    [
        {"output": "dlb://out.wav"},
        {"input": "dlb://in.wav"},
        PLACES | {"audio": {"noise": {"reduction": {"amount": "enormous"}}}},
        PLACES | {"audio": {"loudness": {"target_level": 3}}},
        PLACES | {"audio": {"reverb": {}}},
        PLACES | {"content": {"type": "opera"}},
    ],
)
def test_a_wrong_body_is_refused(body):
    with pytest.raises(ValidationError):
        EnhanceBody.model_validate(body)


def test_callbacks_and_credentials_are_refused_clearly():
    body = EnhanceBody.model_validate(PLACES | {"on_complete": {"url": "https://x/"}})
    with pytest.raises(ValidationFailed, match="on_complete"):
        refuse_callback(body.on_complete, "/media/enhance")
    with pytest.raises(ValidationFailed, match="auth"):
        refuse_auth({"key": "a", "secret": "b"}, "input")


def test_a_film_output_becomes_transcode_parameters():
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
def test_every_kind_that_is_made_has_an_operation_that_takes_it(kind):
    body = TranscodeBody.model_validate(
        {
            "inputs": [{"source": "dlb://in", "segment": {"start": 1, "duration": 2}}],
            "outputs": [{"destination": "dlb://out", "kind": kind}],
        }
    )
    (output,) = body.outputs
    find_operation(operation_of(output)).parse(output_params(output, body.inputs))


def test_a_segment_is_where_it_starts_and_ends():
    inputs = [{"source": "dlb://in.mp4", "segment": {"start": 3, "duration": 4}}]
    assert transcode({"kind": "mp3"}, inputs) == {"format": "mp3", "start": 3.0, "end": 7.0}
    picture = transcode({"kind": "png", "image": {"offset_sec": 1, "width": 64}}, inputs)
    assert picture == {"format": "png", "width": 64, "start": 4.0}


@pytest.mark.parametrize("kind", ["hls", "dash"])
def test_streaming_formats_are_refused_clearly(kind):
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
        ({"kind": "mp4", "audio": [{}, {}]}, "one sound track"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(output, named):
    with pytest.raises(ReelyardError, match=named):
        transcode(output)


def test_outputs_go_by_their_ids():
    outputs = [
        {"id": "big", "destination": "dlb://a", "kind": "mp4"},
        {"destination": "dlb://b", "kind": "mp3"},
    ]
    body = TranscodeBody.model_validate({"inputs": [{"source": "dlb://in"}], "outputs": outputs})
    assert task_names(body.outputs) == ["big", "output-2"]
    with pytest.raises(ValidationFailed, match="same id"):
        task_names([body.outputs[0], body.outputs[0]])


def test_a_destination_may_refer_to_a_bucket_of_the_request():
    body = TranscodeBody.model_validate(
        {
            "inputs": [{"source": "dlb://in"}],
            "outputs": [{"destination": {"ref": "mine", "filename": "a.mp4"}, "kind": "mp4"}],
            "storage": [{"id": "mine", "bucket": {"url": "s3://bucket/films/"}}],
        }
    )
    destination = body.outputs[0].destination
    assert destination_url(destination, body.storage) == "s3://bucket/films/a.mp4"
    with pytest.raises(ValidationFailed, match="storage"):
        destination_url(destination, [])
