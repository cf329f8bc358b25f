"""The bridging of recordings that were put one behind the other."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from reelyard.actors.media.codec.timing.restart_bridge import RestartBridge

MS = Fraction(1, 1000)
type Row = tuple[int, int, int, bool]
"""Stream (0: video, 1: audio), stamp and length in ms, whether it can be decoded alone."""


def recording(length_ms: int, begin_ms: int = 0, *, every_ms: int = 40, gop: int = 12) -> list[Row]:
    """One recording: video with pictures that are decoded out of order, and audio."""
    rows: list[tuple[int, Row]] = []
    count = length_ms // every_ms
    for number in range(count):
        place = number
        # Within a group, each second picture comes before the one that is shown before it.
        if number % gop % 2 and (number + 1) % gop and number + 1 < count:
            place = number + 1
        elif number % gop and not number % gop % 2:
            place = number - 1
        rows.append(
            (number * every_ms, (0, begin_ms + place * every_ms, every_ms, not number % gop))
        )
    rows += [(at, (1, begin_ms + at, 20, True)) for at in range(0, length_ms, 20)]
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def bridged(rows: list[Row], bridge: RestartBridge | None = None) -> list[tuple[int, int]]:
    """(stream, moved stamp)."""
    bridge = bridge or RestartBridge()
    return [
        (stream, stamp + bridge.shift(stream, MS, stamp, length, is_key=is_key))
        for stream, stamp, length, is_key in rows
    ]


def test_a_second_recording_goes_on_where_all_of_the_first_had_ended() -> None:
    moved = bridged(recording(4000) + recording(3000))
    video = [at for stream, at in moved if stream == 0]
    audio = [at for stream, at in moved if stream == 1]
    assert sorted(audio) == list(range(0, 7000, 20))
    assert sorted(video) == list(range(0, 7000, 40))


def test_a_gap_is_real_however_long_it_is() -> None:
    bridge = RestartBridge()
    rows = recording(1000) + recording(1000, begin_ms=300_000)
    assert [at for _, at in bridged(rows, bridge)] == [row[1] for row in rows]
    assert bridge.offsets == [0]


def test_sound_that_comes_late_in_the_file_keeps_to_its_own_recording() -> None:
    first, second = recording(1000), recording(1000)
    late = [row for row in first if row[0] == 1][-3:]
    rows = [row for row in first if row not in late] + second[:1] + late + second[1:]
    moved = bridged(rows)
    assert [at for stream, at in moved if stream == 1] == list(range(0, 1000, 20)) + [
        at + 1000 for at in range(0, 1000, 20)
    ]


def test_three_recordings_of_which_one_has_no_sound_keep_together() -> None:
    silent = [row for row in recording(1000) if row[0] == 0]
    moved = bridged(recording(1000) + silent + recording(1000))
    last_video = max(at for stream, at in moved if stream == 0)
    last_audio = max(at for stream, at in moved if stream == 1)
    assert (last_video, last_audio) == (2960, 2980)


@given(
    every_ms=st.sampled_from([10, 40, 200, 1000, 5000]),
    gop=st.integers(1, 30),
    begin_ms=st.integers(0, 10**7),
)
def test_one_recording_is_never_moved(every_ms: int, gop: int, begin_ms: int) -> None:
    rows = recording(20_000, begin_ms, every_ms=every_ms, gop=gop)
    assert bridged(rows) == [(stream, stamp) for stream, stamp, _, _ in rows]


def test_a_recording_with_but_one_key_picture_is_told_from_the_next() -> None:
    video = [at for stream, at in bridged(recording(1000, gop=999) * 2) if stream == 0]
    assert sorted(video) == list(range(0, 2000, 40))
