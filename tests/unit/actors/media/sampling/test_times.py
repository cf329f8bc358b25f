from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.media.sampling.times import (
    cell_times,
    clock,
    parse_timestamp,
    resample,
    tick_count,
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
def test_times_are_seconds_or_clock_times(text, seconds):
    assert parse_timestamp(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", -1, "1:60", "1:60:00", "1:2:3:4", None, True, float("nan"), "1e9"]
)
def test_other_times_are_refused(text):
    with pytest.raises(ValueError, match="a time"):
        parse_timestamp(text)


@given(st.integers(0, 359_999))
def test_a_clock_time_reads_back_as_itself(seconds):
    assert parse_timestamp(clock(seconds)) == seconds


@given(st.floats(0.01, 1e4), st.integers(1, 64))
def test_cells_show_the_middles_of_equal_parts(duration, count):
    times = cell_times(duration, count)
    assert len(times) == count
    assert all(0 < time < duration for time in times)
    assert times == sorted(times)


@given(
    st.lists(st.integers(0, 2000), min_size=1, max_size=40, unique=True),
    st.integers(0, 1500),
    st.integers(1, 30),
    st.integers(1, 60),
)
def test_each_tick_shows_the_last_item_that_has_come(stamps_ms, start_ms, fps, count):
    timed = [(stamp / 1000, stamp / 1000) for stamp in sorted(stamps_ms)]
    shown = list(resample(timed, start_ms / 1000, fps, count))
    assert len(shown) == count
    for tick, item in enumerate(shown):
        due = start_ms / 1000 + tick / fps + 0.0005
        come = [time for time, _ in timed if time <= due]
        assert item == (come[-1] if come else timed[0][0])


def test_resampling_reads_no_further_than_it_must():
    def items():
        yield 0.0, "a"
        yield 0.5, "b"
        raise AssertionError("read too far")

    assert list(resample(items(), 0, 10, 3)) == ["a", "a", "a"]


def test_nothing_comes_of_nothing():
    assert list(resample([], 0, 10, 5)) == []


@given(st.floats(0, 100), st.floats(0, 15), st.integers(1, 20))
def test_a_stretch_has_at_least_one_picture(start, length, fps):
    assert tick_count(start, start + length, fps) >= 1
