"""How the command line reads and shows parameters."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from actors.media.operation import Params
from api.cli.operations import allowed, default
from api.cli.output import Exit, exit_code, human_bytes
from api.cli.run import _destination, local_input, parse_params
from cluster.errors import (
    Conflict,
    CorruptMedia,
    NotFound,
    ReelyardError,
    SourceNotFound,
    SourceUnreadable,
    Unauthorized,
    Unavailable,
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


class _Example(Params):
    """An example."""

    width: Annotated[int, Field(ge=2, le=8192)] = 640
    fit: Literal["contain", "cover"] = "contain"
    rate: float | None = Field(None, gt=0)
    loud: bool = True
    name: str


def test_bounds_choices_and_defaults_read_like_prose() -> None:
    schema = _Example.model_json_schema()
    facts = schema["properties"]
    shown = {name: (allowed(fact, {}), default(fact)) for name, fact in facts.items()}
    assert shown == {
        "width": ("2 to 8192", "640"),
        "fit": ("contain | cover", "contain"),
        "rate": ("number from 0", "-"),
        "loud": ("true | false", "true"),
        "name": ("text", "required"),
    }


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


def test_exit_codes_tell_a_refusal_from_a_failure_from_silence() -> None:
    assert exit_code(ValidationFailed()) is Exit.USAGE
    assert exit_code(NotFound()) is Exit.USAGE
    assert exit_code(Unauthorized()) is Exit.USAGE
    assert exit_code(Conflict()) is Exit.USAGE
    assert exit_code(SourceNotFound()) is Exit.USAGE
    assert exit_code(ReelyardError()) is Exit.FAILED
    assert exit_code(Unavailable()) is Exit.UNREACHABLE
    assert exit_code(CorruptMedia()) is Exit.FAILED


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (4200, "4.2 kB"), (1.3e9, "1.3 GB")]
)
def test_sizes_are_shown_in_powers_of_a_thousand(size: float, text: str) -> None:
    assert human_bytes(size) == text
