"""Searches by time, in honest files and in lying ones."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from reelyard.actors.media.codec.decode import best_audio, best_video, origin_s, seconds
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.seeking import frames_from, packets_from
from reelyard.actors.testing.sample_media import make_sample, read_frame_number
from tests.unit.actors.media.lying_indexes import KINDS, lying_video


def numbers_from(path: Path, time_s: float, count: int = 3) -> list[int]:
    """The numbers of the first frames that come when `time_s` is looked for."""
    with open_input(path) as container:
        stream = best_video(container)
        assert stream is not None
        at = origin_s(container) + Fraction(time_s)
        found = frames_from(PacketClock(container), stream, at)
        return [read_frame_number(frame) for frame, _ in zip(found, range(count), strict=False)]


def test_frames_come_from_the_key_frame_before_on(any_video: Path) -> None:
    first, second, third = numbers_from(any_video, 1.5)
    assert first in (0, 24, 25)
    assert second in (first + 1, first + 2)
    assert third == second + 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "shifted.mkv"])
def test_a_false_key_frame_is_not_begun_with(tmp_path: Path, kind: str) -> None:
    assert numbers_from(lying_video(tmp_path, kind), 2.5)[0] == 0


def test_a_search_is_begun_where_the_cues_lead_before_the_time(tmp_path: Path) -> None:
    first = numbers_from(lying_video(tmp_path, "shifted.mkv"), 2.5)[0]
    assert first <= 62


def test_every_packet_that_is_decoded_counts_as_a_sign_of_life(tmp_path: Path) -> None:
    path = lying_video(tmp_path, "mpeg4.mkv")
    ticks: list[None] = []
    with open_input(path) as container:
        stream = best_video(container)
        assert stream is not None
        found = frames_from(
            PacketClock(container), stream, Fraction(3), tick=lambda: ticks.append(None)
        )
        frames = sum(1 for _ in found)
    assert frames == 100
    assert len(ticks) > frames


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".wav", ".m4a", ".mkv", ".ts"])
def test_audio_comes_from_at_or_before_the_time(tmp_path: Path, suffix: str) -> None:
    path = make_sample(tmp_path / f"a{suffix}", duration_s=4)
    with open_input(path) as container:
        stream = best_audio(container)
        assert stream is not None
        at = origin_s(container) + 2
        packet = next(packets_from(PacketClock(container), at, stream))
        time = seconds(packet.pts, packet.time_base)
    assert time is not None
    assert 0 <= time <= at


def test_a_file_that_can_not_be_searched_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = make_sample(tmp_path / "a.mp4", audio=False, duration_s=0.4)
    raw = tmp_path / "a.h264"
    with av.open(str(path)) as source, av.open(str(raw), "w", format="h264") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    assert numbers_from(raw, 0.2) == [0, 1, 2]
