from __future__ import annotations

from benchmarks.crowd import OWN_FILES, WHOLE, Crowd


def test_the_whole_crowd_comes_where_files_allow_it() -> None:
    assert WHOLE.fitting(20_000) == WHOLE == Crowd(5_000, 500, 500)


def test_a_process_with_few_files_holds_a_smaller_crowd_of_the_same_kinds() -> None:
    crowd = WHOLE.fitting(3_000 + OWN_FILES)
    assert crowd == Crowd(2_500, 250, 250)
    assert WHOLE.fitting(10).size == 0
