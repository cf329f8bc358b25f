"""`reelyard run`: its parameters, inputs and outputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.api.cli.run import _destination, local_input, parse_params
from reelyard.cluster.errors import (
    SourceNotFound,
    SourceUnreadable,
    ValidationFailed,
)


def test_a_value_that_is_json_is_taken_as_such_and_any_other_as_text() -> None:
    assert parse_params(["width=640", "fit=cover", "audio=false", 'tags=["a"]', "start=00:12"]) == {
        "width": 640,
        "fit": "cover",
        "audio": False,
        "tags": ["a"],
        "start": "00:12",
    }


def test_a_value_may_hold_an_equals_sign() -> None:
    assert parse_params(["title=a=b"]) == {"title": "a=b"}


@pytest.mark.parametrize("pair", ["width", "=5", ""])
def test_a_parameter_without_name_or_value_is_refused(pair: str) -> None:
    with pytest.raises(ValidationFailed, match="key=value"):
        parse_params([pair])


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1), st.integers())
def test_integers_survive_the_command_line(name: str, value: int) -> None:
    assert parse_params([f"{name}={value}"]) == {name: value}


def test_a_missing_input_is_named_before_anything_starts(tmp_path: object) -> None:
    with pytest.raises(SourceNotFound, match=r"nowhere\.mp4"):
        local_input(f"{tmp_path}/nowhere.mp4")
    with pytest.raises(SourceUnreadable, match="is a folder"):
        local_input(str(tmp_path))
    local_input("https://example.com/a.mp4")


def test_several_inputs_need_a_folder_for_their_outputs() -> None:
    assert _destination("out/", ["a", "b", "c"]) == "out/"
    assert _destination("out.mp4", ["a"]) == "out.mp4"
    assert _destination(None, ["a", "b", "c"]) is None
    with pytest.raises(ValidationFailed, match=r"out\.mp4/"):
        _destination("out.mp4", ["a", "b", "c"])
