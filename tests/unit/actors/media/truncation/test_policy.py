"""The policy for files that may be cut off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.truncation.policy import (
    Ending,
    Evidence,
    Verdict,
    judge,
    truncation_data,
)
from reelyard.cluster.errors import CorruptMedia, TruncatedMedia

LENGTHS = st.floats(0, 1e5)


@pytest.mark.parametrize("sign", ["points_behind", "broken_off"])
def test_a_file_that_shows_its_lack_and_falls_short_is_surely_cut_off(sign: str) -> None:
    assert judge(Evidence(40.0, 1.8, **{sign: True})) is Verdict.TRUNCATED
    assert judge(Evidence(7200.0, 7199.0, **{sign: True})) is Verdict.TRUNCATED


def test_a_length_alone_that_is_not_reached_is_only_suspicious() -> None:
    assert judge(Evidence(40.0, 1.8)) is Verdict.SUSPECTED
    assert judge(Evidence(143_165.0, 1.0)) is Verdict.SUSPECTED


def test_headers_may_be_a_little_wrong() -> None:
    assert judge(Evidence(40.0, 39.5)) is Verdict.WHOLE
    assert judge(Evidence(0.4, 0.1)) is Verdict.WHOLE
    assert judge(Evidence(7200.0, 7100.0)) is Verdict.WHOLE


def test_a_file_that_lacks_only_its_index_at_the_end_is_whole() -> None:
    assert judge(Evidence(40.0, 40.0, points_behind=True)) is Verdict.WHOLE


def test_a_track_that_ends_long_before_the_others_counts_once_bytes_are_missing() -> None:
    assert judge(Evidence(10.0, 10.0, points_behind=True, shortest_s=4.0)) is Verdict.TRUNCATED
    assert judge(Evidence(10.0, 10.0, points_behind=True, shortest_s=9.8)) is Verdict.WHOLE
    assert judge(Evidence(10.0, 10.0, shortest_s=4.0)) is Verdict.WHOLE
    ending = Ending.of("a", Evidence(10.0, 10.0, points_behind=True, shortest_s=4.0))
    assert "not of each track" in ending.note


def test_a_file_that_promises_no_length_is_judged_by_its_sizes_alone() -> None:
    assert judge(Evidence(None, 9.0, points_behind=True)) is Verdict.TRUNCATED
    assert judge(Evidence(None, 9.0, open_end=True)) is Verdict.SUSPECTED
    assert judge(Evidence(None, 9.0, broken_off=True)) is Verdict.SUSPECTED
    assert judge(Evidence(None, 9.0)) is Verdict.WHOLE


@given(LENGTHS, LENGTHS, st.booleans(), st.booleans(), st.booleans())
def test_a_part_that_is_there_is_whole_whatever_is_missing_behind_it(
    promised_s: float, reached_s: float, behind: bool, broken: bool, open_end: bool
) -> None:
    evidence = Evidence(promised_s, reached_s, behind, broken, open_end, wanted_s=reached_s)
    assert judge(evidence) is Verdict.WHOLE


@given(LENGTHS, LENGTHS, LENGTHS, st.booleans())
def test_more_data_never_make_a_verdict_worse(
    promised_s: float, reached_s: float, more_s: float, behind: bool
) -> None:
    worse = [Verdict.WHOLE, Verdict.SUSPECTED, Verdict.TRUNCATED]
    less = judge(Evidence(promised_s, reached_s, behind))
    more = judge(Evidence(promised_s, reached_s + more_s, behind))
    assert worse.index(more) <= worse.index(less)


def test_the_error_tells_both_lengths_and_the_way_out() -> None:
    ending = Ending.of("video.flv", Evidence(40.0, 1.76, points_behind=True))
    with pytest.raises(
        TruncatedMedia, match=r"video\.flv.*1\.76 of 40\.00 s.*partial=true"
    ) as told:
        ending.refuse_unless(partial=False)
    assert told.value.code == "truncated_media"
    assert told.value.details == {
        "name": "video.flv",
        "expected_duration_s": 40.0,
        "available_duration_s": 1.76,
        "parameter": "partial",
    }
    ending.refuse_unless(partial=True)


def test_a_suspicion_refuses_nothing() -> None:
    Ending.of("a", Evidence(40.0, 1.8)).refuse_unless(partial=False)


def test_a_file_of_which_nothing_is_there_is_damaged() -> None:
    with pytest.raises(CorruptMedia, match="before its first"):
        Ending.of("a", Evidence(40.0, 0.0, points_behind=True)).refuse_unless(partial=False)


def test_a_time_behind_what_is_there_is_refused_even_of_a_suspicious_file() -> None:
    ending = Ending.of("a", Evidence(40.0, 1.8))
    ending.refuse_behind("start", 1.5)
    with pytest.raises(TruncatedMedia, match="start 3 s lies behind that"):
        ending.refuse_behind("start", 3.0)


def test_a_result_tells_the_lengths_of_all_inputs_together() -> None:
    whole = Ending.of("a", Evidence(10.0, 10.0))
    cut = Ending.of("b", Evidence(40.0, 1.75))
    unknown = Ending.of("c", Evidence(None, 3.0, open_end=True))
    assert truncation_data([whole]) == {}
    assert truncation_data([whole, cut]) == {
        "truncated": True,
        "expected_duration_s": 50.0,
        "available_duration_s": 11.75,
    }
    assert truncation_data([whole, unknown])["expected_duration_s"] is None
