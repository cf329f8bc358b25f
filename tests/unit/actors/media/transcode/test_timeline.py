"""Where frames and samples go in time."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.transcode.timeline import (
    ConstantRate,
    Retimer,
    RisingStamps,
    SampleLine,
    StampGuess,
)

RATES = st.sampled_from([Fraction(1), Fraction(24000, 1001), Fraction(25), Fraction(60)])
GAPS = st.lists(st.integers(0, 900), min_size=1, max_size=60)


@given(RATES, GAPS)
def test_a_constant_rate_gives_out_each_number_once_and_fills_the_whole_time(
    fps: Fraction, gaps: list[int]
) -> None:
    rate, t = ConstantRate(fps), Fraction(0)
    numbers: list[int] = []
    for gap in gaps:
        t += Fraction(gap, 1000)
        numbers += rate.until(t, fps)
    numbers += rate.rest(t)
    assert numbers == list(range(len(numbers)))
    assert abs(len(numbers) - t * fps) <= 1


@given(RATES, RATES, GAPS)
def test_a_frame_is_shown_at_the_numbers_between_it_and_the_next(
    fps: Fraction, usual: Fraction, gaps: list[int]
) -> None:
    rate, shown_since, t = ConstantRate(fps), Fraction(0), Fraction(0)
    early = Fraction(1, 3) / max(fps, usual)
    for gap in gaps:
        t += Fraction(gap, 1000)
        assert all(shown_since - early <= number / fps < t for number in rate.until(t, usual))
        shown_since = t


@pytest.mark.parametrize("unit", [Fraction(1, 1000), Fraction(1, 600), Fraction(1, 90_000)])
@pytest.mark.parametrize("usual", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("share", [1, 2, 3, 5])
def test_rounded_time_stamps_cost_no_frame_and_double_none(
    usual: Fraction, unit: Fraction, share: int
) -> None:
    rate = ConstantRate(usual / share)
    shown = [
        number
        for number in range(200)
        for _ in rate.until(round((number + 1) / usual / unit) * unit, usual)
    ]
    assert shown == list(range(0, 200, share))


def test_the_time_at_the_end_is_filled_to_the_nearest_frame_but_by_one_at_least() -> None:
    def count(end: Fraction) -> int:
        return len(ConstantRate(Fraction(10)).rest(end))

    assert [count(Fraction(ms, 1000)) for ms in (0, 20, 1040, 1060)] == [1, 1, 10, 11]


@given(st.lists(st.integers(0, 100), max_size=50))
def test_stamps_rise_strictly_and_are_dropped_otherwise(times: list[int]) -> None:
    stamps = RisingStamps()
    given_out = [pts for t in times if (pts := stamps.stamp(t)) is not None]
    assert given_out == sorted(set(given_out))


UNITS = st.sampled_from([Fraction(1, 90_000), Fraction(1, 1000), Fraction(1001, 30_000)])


@given(st.integers(-(2**40), 2**40), UNITS, st.fractions(-100, 100), UNITS)
def test_a_retimed_stamp_is_the_nearest_one_of_the_other_clock(
    stamp: int, base: Fraction, shift: Fraction, unit: Fraction
) -> None:
    exact = (stamp * base - shift) / unit
    assert Retimer(base, shift, unit)(stamp) == floor(exact + Fraction(1, 2))


def test_frames_at_half_a_tick_do_not_fall_together() -> None:
    retimer = Retimer(Fraction(1, 25), Fraction(1, 50), Fraction(1, 25))
    assert [retimer(n) for n in range(1, 6)] == [1, 2, 3, 4, 5]


BLOCKS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(-5_000, 200_000)), st.integers(0, 4096)), max_size=40
)


@given(BLOCKS, st.one_of(st.none(), st.integers(0, 100_000)))
def test_samples_are_laid_without_overlap_and_never_behind_the_end(
    blocks: list[tuple[int | None, int]], end: int | None
) -> None:
    line = SampleLine(48_000, end=end)
    for at, samples in blocks:
        before = line.position
        piece = line.place(at, samples)
        assert piece.silence >= 0
        assert 0 <= piece.skip <= piece.skip + max(0, piece.take) <= samples
        assert line.position == before + piece.silence + piece.take
    assert end is None or line.position <= end


def test_jitter_is_ignored_and_a_gap_is_filled_with_silence() -> None:
    line = SampleLine(48_000)
    assert line.place(0, 1024).silence == 0
    assert line.place(1024 + 40, 1024).silence == 0
    assert line.place(2048 + 9600, 1024).silence == 9600
    assert line.place(10, 1024).skip == 0


def test_what_overlaps_by_more_than_jitter_is_left_out() -> None:
    line = SampleLine(48_000)
    line.place(0, 48_000)
    piece = line.place(48_000 - 2_400, 9_600)
    assert (piece.silence, piece.skip, piece.take) == (0, 2_400, 7_200)
    assert line.place(line.position - 1_000, 1024).skip == 0


def test_sound_whose_stamps_stand_still_or_crawl_is_kept_whole() -> None:
    """As in AVI files whose header lies about the rate."""
    for step in (0, 11, 300):
        line = SampleLine(44_100)
        for number in range(80):
            line.place(number * step, 1152)
        assert line.position == 80 * 1152


def test_an_overlap_longer_than_a_block_is_left_out_over_several() -> None:
    line = SampleLine(48_000)
    line.place(0, 48_000)
    pieces = [line.place(48_000 - 3_000 + number * 1_024, 1_024) for number in range(4)]
    # What is left of the overlap then is too short to hear.
    assert [piece.take for piece in pieces] == [0, 0, 1_024, 1_024]


def test_a_recording_begins_with_its_first_sample_however_late_that_is_decoded() -> None:
    line = SampleLine(48_000)
    line.restart(snug=True)
    assert (line.place(4_416, 2048).silence, line.place(4_416 + 2048, 2048).silence) == (0, 0)
    assert line.place(4_416 + 4096 + 9_600, 2048).silence == 9_600
    line.restart(snug=True)
    assert line.place(line.position + 48_000, 2048).silence == 48_000


def test_the_first_block_counts_to_the_sample() -> None:
    line = SampleLine(48_000)
    assert line.place(-2000, 1024).take == 0
    piece = line.place(-976, 1024)
    assert (piece.skip, piece.take, line.position) == (976, 48, 48)
    late = SampleLine(48_000)
    assert late.place(100, 1024).silence == 100


def test_a_new_clip_counts_to_the_sample_again() -> None:
    line = SampleLine(48_000)
    line.place(0, 1000)
    line.restart()
    assert line.place(990, 1000).skip == 10
    assert line.fill(5000) == 5000 - line.position or line.position == 5000


def test_decoding_times_are_believed_where_presentation_times_go_back() -> None:
    guess = StampGuess()
    shown = [guess.choose(pts, dts) for pts, dts in [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4)]]
    assert shown[-3:] == [2, 3, 4]
    assert StampGuess().choose(None, 7) == 7


def test_the_last_frames_out_of_a_decoder_keep_their_order() -> None:
    guess = StampGuess()
    stamps = [(2, 3), (3, 4), (5, 5), (4, 6), (6, 7), (59, None), (58, None), (60, None)]
    assert [guess.choose(*pair) for pair in stamps][3:] == [6, 7, 59, None, 60]


def test_a_frame_without_any_time_stamp_gets_none() -> None:
    assert StampGuess().choose(None, None) is None
