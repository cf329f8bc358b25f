"""Timestamps: reading and writing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.sampling.timestamps import (
    format_timestamp,
    parse_timestamp,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (0, 0),
        (12.5, 12.5),
        ("12.5", 12.5),
        ("90", 90),
        ("1:30", 90),
        ("00:05", 5),
        ("00:00:30", 30),
        ("01:02:03.25", 3723.25),
        ("100:00", 6000),
    ],
)
def test_times_are_seconds_or_clock_times(text: str | None, seconds: float) -> None:
    assert parse_timestamp(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", -1, "1:60", "1:60:00", "1:2:3:4", None, True, float("nan"), "1e9"]
)
def test_other_times_are_refused(text: str | None) -> None:
    with pytest.raises(ValueError, match="a time"):
        parse_timestamp(text)


@given(st.integers(0, 359_999))
def test_a_clock_time_reads_back_as_itself(seconds: float) -> None:
    assert parse_timestamp(format_timestamp(seconds)) == seconds
