"""The bridging of time stamps that jump."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reelyard.actors.media.codec.timing.stamp_bridge import StampBridge, keeps_together, runs_on

UNIT = Fraction(1, 90_000)
FRAME, BLOCK = 3600, 2160
"""25 images a second, and 24 ms of sound, in units of `UNIT`."""


@dataclass(frozen=True)
class Part:
    """A stretch of a file: seconds, the time of its first stamp (s), and by how many packets its
    sound comes later in the file than its images."""

    length_s: float = 4.0
    begin_s: float = 1.4
    lag: int = 0
    audio_s: float | None = None


def packets(*parts: Part) -> list[tuple[int, int, int]]:
    """(stream, dts, length), 0: video, 1: audio, by time within each part; late sound of one part
    comes among the images of the next."""
    found: list[tuple[float, int, int, int]] = []
    before_s = 0.0
    for part in parts:
        begin = round(part.begin_s * 90_000)
        for stream, step, length_s, lag in (
            (0, FRAME, part.length_s, 0),
            (1, BLOCK, part.length_s if part.audio_s is None else part.audio_s, part.lag),
        ):
            for number in range(round(length_s * 90_000 / step)):
                at = number * step
                place = before_s + at / 90_000 + lag * 0.04
                found.append((place, stream, begin + at, step))
        before_s += part.length_s
    return [(stream, dts, step) for _, stream, dts, step in sorted(found, key=lambda row: row[0])]


def bridged(rows: list[tuple[int, int, int]], bridge: StampBridge | None = None) -> list[list[int]]:
    """The stamps of both streams, moved."""
    bridge = bridge or StampBridge()
    found: list[list[int]] = [[], []]
    for stream, dts, length in rows:
        found[stream].append(dts + bridge.shift(stream, UNIT, dts, length))
    return found


def steps(stamps: list[int]) -> set[int]:
    return {later - sooner for sooner, later in pairwise(stamps)}


@pytest.mark.parametrize("begin_s", [1.4, 0.0, 3601.4, 95_440.0, 3.0])
@pytest.mark.parametrize("lag", [0, 1, 15])
def test_both_streams_run_on_where_stamps_begin_anew(begin_s: float, lag: int) -> None:
    first, second = Part(lag=lag), Part(begin_s=begin_s, lag=lag)
    video, audio = bridged(packets(first, second))
    assert (len(video), steps(video)) == (200, {FRAME})
    # Image and sound of the second part keep their distance.
    assert audio[len(audio) // 2] - video[100] == 0
    assert abs(audio[-1] - video[-1]) < FRAME


def test_gaps_that_are_real_and_small_stay() -> None:
    bridge = StampBridge()
    video, audio = bridged(packets(Part(), Part(begin_s=1.4 + 4 + 9.5)), bridge)
    assert (video[100] - video[99], audio[-1] > 9 * 90_000) == (FRAME + round(9.5 * 90_000), True)
    assert bridge.offsets == [0]


def test_a_step_back_of_less_than_a_tenth_of_a_second_is_no_jump() -> None:
    bridge = StampBridge()
    bridged(packets(Part(), Part(begin_s=1.4 + 4 - 0.08)), bridge)
    assert bridge.offsets == [0]


def test_a_stream_that_pauses_while_the_other_runs_on_keeps_its_time() -> None:
    rows = [row for row in packets(Part(length_s=40)) if row[0] == 0 or not 5 < row[1] / 90e3 < 30]
    bridge = StampBridge()
    video, audio = bridged(rows, bridge)
    assert bridge.offsets == [0]
    assert max(steps(audio)) > 20 * 90_000
    assert steps(video) == {FRAME}


def test_a_single_wild_stamp_changes_nothing_for_what_follows() -> None:
    rows = packets(Part())
    wild = next(n for n, row in enumerate(rows) if row[0] == 0 and n > 60)
    rows[wild] = (0, 900_000_000, FRAME)
    video, audio = bridged(rows)
    plain_video, plain_audio = bridged(packets(Part()))
    assert audio == plain_audio
    assert video == plain_video


def test_the_part_begins_where_the_longer_of_two_streams_had_ended() -> None:
    """The sound jumps first: it had been the shorter one."""
    rows = packets(Part(audio_s=3.0), Part(begin_s=0.0))
    sound_first = [row for row in rows if row[0] == 1][125:126]
    rows.remove(sound_first[0])
    rows.insert(next(n for n, row in enumerate(rows) if row == (0, 0, FRAME)), sound_first[0])
    video, audio = bridged(rows)
    assert steps(video) == {FRAME}
    assert abs(audio[-1] - video[-1]) < 2 * FRAME


def test_reading_can_begin_in_any_part_that_is_known() -> None:
    rows = packets(Part(), Part(), Part(begin_s=3601.4), Part())
    bridge = StampBridge()
    video, _ = bridged(rows, bridge)
    second_half = next(n for n, row in enumerate(rows) if row[1] > 3600 * 90_000)
    again = StampBridge(bridge.offsets, 2, video[200] * UNIT)
    late, _ = bridged(rows[second_half:], again)
    assert late == video[200:]
    assert again.offsets == bridge.offsets


def test_packets_that_come_now_and_then_follow_the_others() -> None:
    bridge = StampBridge()
    assert bridge.follow(UNIT, 126_000) == 0
    bridged(packets(Part(), Part(begin_s=3601.4)), bridge)
    moved = 3603 * 90_000 + bridge.follow(UNIT, 3603 * 90_000)
    assert 5 * 90_000 < moved < 10 * 90_000
    assert bridge.follow(UNIT, None) == bridge.follow(UNIT, 3603 * 90_000)


@given(
    st.lists(
        st.builds(
            Part,
            length_s=st.sampled_from([1.0, 2.0, 4.0]),
            begin_s=st.sampled_from([0.0, 1.4, 700.0, 3601.4, 50_000.0]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 10),
)
def test_the_clock_runs_on_over_any_row_of_parts(parts: list[Part], lag: int) -> None:
    parts = [replace(part, lag=lag) for part in parts]
    video, audio = bridged(packets(*parts))
    total = sum(part.length_s for part in parts)
    for stamps, step in ((video, FRAME), (audio, BLOCK)):
        assert all(-9_000 <= gap <= 900_000 + step for gap in steps(stamps))
    if all(later.begin_s <= sooner.begin_s for sooner, later in pairwise(parts)):
        assert abs((video[-1] - video[0]) / 90_000 - total) < 0.2 * len(parts)


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        ([], True),
        ([1.4], True),
        ([1.4, 3.0, 4.4, 6.1], True),
        ([1.4, 3.0, 2.0, 4.0], False),
        ([1.4, 3.0, 3603.0, 3605.0], False),
        ([0, 60, 118, 500, 560], False),
        ([0, 60, 118, 300, 360], True),
    ],
)
def test_samples_of_a_file_tell_whether_its_clock_runs_on(
    times_s: list[float], expected: bool
) -> None:
    assert runs_on(times_s) is expected


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2_000_000), st.integers(0, 4_000)), max_size=12
    )
)
@example(rows=[(0, 0, 0), (1, 0, 0), (1, 800_000, 0), (0, 1_000_000, 0)])
def test_what_keeps_together_is_not_bridged(rows: list[tuple[int, int, int]]) -> None:
    if keeps_together((stream, dts / 90_000) for stream, dts, _ in rows):
        bridge = StampBridge()
        for stream, dts, length in rows:
            bridge.shift(stream, UNIT, dts, length)
        assert bridge.offsets == [0]


@pytest.mark.parametrize("lag", [0, 7])
def test_two_streams_of_one_clock_keep_together(lag: int) -> None:
    def together(*parts: Part) -> bool:
        return keeps_together((stream, dts / 90_000) for stream, dts, _ in packets(*parts))

    assert together(Part(lag=lag), Part(begin_s=5.4, lag=lag))
    assert not together(Part(), Part())
    assert not together(Part(), Part(begin_s=30.0))
    assert not together()
