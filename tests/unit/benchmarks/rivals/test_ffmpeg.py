from __future__ import annotations

from benchmarks.rivals.ffmpeg import WAYS, options, quickest


def test_the_quickest_way_counts_by_its_best_try() -> None:
    one, other = WAYS["exact frame"]
    assert quickest({one: [2.0, 2.1], other: [9.0, 1.9]}) is other


def test_options_become_words_of_a_command() -> None:
    assert options({"crf": "23", "b:v": "0"}) == ["-crf", "23", "-b:v", "0"]


def test_a_key_frame_is_kept_though_it_lies_before_the_time_asked_for() -> None:
    assert all("passthrough" in way.after for way in WAYS["key frame"])
    assert {way.threads for way in WAYS["key frame"]} == {1, None}
