from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.readable_text import MAX_TRACEBACK, printable, readable, traceback_text


@given(st.binary(max_size=40))
def test_any_file_name_becomes_text_that_can_be_written(name: bytes) -> None:
    readable(os.fsdecode(name)).encode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_stays(text: str) -> None:
    assert readable(text) == text


def test_half_a_surrogate_pair_is_no_character() -> None:
    assert readable("a\ud83d.mp4") == "a\ufffd.mp4"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2J\x1b]0;title\x07.mp4", r"a\x1b[2J\x1b]0;title\x07.mp4"),
        ("in\nvoice\r.mp4", r"in\nvoice\r.mp4"),
        ("gpj.\u202e4pm.exe", r"gpj.\u202e4pm.exe"),
        ("a\x9b31m\x7f", r"a\x9b31m\x7f"),
        ("Übung 動画 🎬.mp4", "Übung 動画 🎬.mp4"),
    ],
)
def test_a_name_gives_no_commands_to_a_terminal(name: str, shown: str) -> None:
    assert printable(name) == shown


@given(st.text())
def test_what_is_printed_stays_on_its_line(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


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
