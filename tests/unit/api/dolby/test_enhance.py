"""Dolby's enhance body as parameters of `enhance`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operations.enhance import PRESETS
from reelyard.api.dolby.bodies import EnhanceBody
from reelyard.api.dolby.enhance import enhance_params
from reelyard.cluster.errors import ValidationFailed

PLACES = {"input": "dlb://in.wav", "output": "dlb://out.wav"}


def enhance(
    audio: dict[str, Any] | None = None, content: str | None = None, **changes: Any
) -> dict[str, Any]:
    body = PLACES | {"audio": audio or {}} | changes
    if content:
        body["content"] = {"type": content}
    return enhance_params(EnhanceBody.model_validate(body))


def test_a_bare_body_leaves_everything_to_the_content() -> None:
    assert enhance() == {"content": "other"}
    assert enhance(content="podcast") == {"content": "podcast"}


def test_the_whole_documented_body_becomes_parameters() -> None:
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


def test_what_is_switched_off_is_off() -> None:
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


def test_what_is_switched_on_is_on_even_where_the_content_has_it_off() -> None:
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
def test_what_is_not_done_here_is_refused_by_name(audio: dict[str, Any], named: str) -> None:
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
    content: str, enable: bool, amount: str | None, target: float | None, peak: float | None
) -> None:
    switch = {"enable": enable} | ({"amount": amount} if amount else {})
    loudness = {"enable": enable, "target_level": target, "peak_limit": peak}
    audio = {
        "noise": {"reduction": switch},
        "dynamics": {"range_control": switch},
        "speech": {"sibilance": {"reduction": switch}},
        "loudness": {name: value for name, value in loudness.items() if value is not None},
    }
    find_operation("enhance").parse(enhance(audio, content))
