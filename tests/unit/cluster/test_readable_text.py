from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.readable_text import MAX_TRACEBACK, readable, traceback_text


@given(st.binary(max_size=40))
def test_any_file_name_becomes_text_that_can_be_written(name: bytes) -> None:
    readable(os.fsdecode(name)).encode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_stays(text: str) -> None:
    assert readable(text) == text


def test_half_a_surrogate_pair_is_no_character() -> None:
    assert readable("a\ud83d.mp4") == "a\ufffd.mp4"


def _deep() -> None:
    raise ValueError("x" * 2 * MAX_TRACEBACK + "the end")


def test_a_traceback_ends_with_its_error_and_can_leave_frames_of_a_file_out() -> None:
    with pytest.raises(ValueError, match="the end") as caught:
        _deep()
    text = traceback_text(caught.value)
    assert len(text) == MAX_TRACEBACK
    assert text.endswith("the end\n")
    with pytest.raises(json.JSONDecodeError) as other:
        json.loads("{")
    assert "test_readable" in traceback_text(other.value)
    bare = traceback_text(other.value, without=__file__)
    assert "test_readable" not in bare
    assert "decoder.py" in bare
