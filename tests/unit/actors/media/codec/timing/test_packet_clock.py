"""The clock of an open input."""

from __future__ import annotations

from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.timing import packet_clock
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import joined, restamped


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transport stream of 2 s with a key frame every 0.4 s."""
    folder = tmp_path_factory.mktemp("plain")
    return restamped(make_sample(folder / "a.mp4", gop=10), folder / "a.ts", 0)


@pytest.fixture(scope="module")
def twice(plain: Path) -> Path:
    return joined(plain.with_name("twice.ts"), plain, plain)


def video_times(clock: PacketClock) -> list[float]:
    """When the rest of the video's packets are decoded, in s."""
    stream = clock.container.streams.video[0]
    return [
        float(packet.dts * packet.time_base)
        for packet in clock.read(stream)
        if packet.dts is not None
    ]


def test_packets_run_on_with_and_without_a_survey(twice: Path) -> None:
    for surveyed in (False, True):
        with av.open(str(twice)) as container:
            clock = PacketClock(container)
            if surveyed:
                clock.survey()
            times = video_times(clock)
            assert len(times) == 100
            assert all(0 < later - sooner < 0.1 for sooner, later in pairwise(times))
            assert clock.jumps == 1
            assert clock.note is not None


def test_a_survey_tells_the_end_and_leads_to_any_key_frame(twice: Path) -> None:
    with av.open(str(twice)) as container:
        clock = PacketClock(container)
        stream = container.streams.video[0]
        assert not clock.seek(stream, Fraction(3))
        clock.survey()
        assert clock.end_s is not None
        begin = video_times(clock)[0]
        assert float(clock.end_s) - begin == pytest.approx(4.0, abs=0.1)
        for after_s in (3.0, 0.5, 2.1, 3.9, 0.0):
            at = Fraction(begin + after_s + 0.1)
            assert clock.seek(stream, at)
            assert 0 <= float(at) - video_times(clock)[0] < 0.45
        assert clock.rewind()
        assert video_times(clock)[0] == begin


def test_files_whose_stamps_run_on_or_can_t_jump_need_no_survey(
    plain: Path, tmp_path: Path
) -> None:
    for path in (plain, make_sample(tmp_path / "a.mp4")):
        with av.open(str(path)) as container:
            clock = PacketClock(container)
            clock.survey()
            assert (clock.end_s, clock.jumps, clock.note) == (None, 0, None)
            assert len(video_times(clock)) == 50


def test_samples_show_whether_a_large_file_has_to_be_read(
    plain: Path, twice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packet_clock, "_READ_WHOLE", 0)
    for path, jumps, read in ((plain, 0, False), (twice, 1, True)):
        with av.open(str(path)) as container:
            clock, ticks = PacketClock(container), count()
            clock.survey(ticks.__next__)
            assert (clock.jumps, next(ticks) > 0) == (jumps, read)
            assert len(video_times(clock)) == 50 * (1 + jumps)
