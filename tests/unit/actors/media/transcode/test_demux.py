"""Reading an input from its first frame on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.transcode import demux
from reelyard.actors.media.transcode.demux import Demuxer
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.videos import frames_of, samples_of, transcode


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_sample(tmp_path / "a.mp4", width=64, height=48)


type Stamps = list[tuple[int, int | None, int]]
"""Stream, time stamp and size of each packet."""


def read(path: Path, *, ahead: bool) -> tuple[av.VideoFrame | None, Stamps, list[av.VideoFrame]]:
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        video.thread_type = "AUTO"
        source = Demuxer(PacketClock(container), video, [video, audio])
        first = source.first_frame() if ahead else None
        stamps: Stamps = []
        decoded: list[av.VideoFrame] = []
        for packet, frames in source:
            stamps.append((packet.stream.index, packet.pts, packet.size))
            decoded += frames
    return first, stamps, decoded


def test_what_was_read_to_find_the_first_frame_comes_again_in_order(clip: Path) -> None:
    _, stamps, frames = read(clip, ahead=False)
    first, again, decoded = read(clip, ahead=True)
    assert again == stamps
    assert decoded[0] is first
    assert [frame.pts for frame in decoded] == [frame.pts for frame in frames]
    assert len(decoded) == 50


def test_a_first_frame_that_is_far_off_is_not_waited_for_and_nothing_is_lost(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [plain] = transcode(clip, tmp_path / "o").files
    monkeypatch.setattr(demux, "HELD_BYTES", 0)
    first, stamps, frames = read(clip, ahead=True)
    assert first is None
    assert (stamps, len(frames)) == (read(clip, ahead=False)[1], 50)
    [file] = transcode(clip, tmp_path / "p").files
    assert file.facts == plain.facts
    assert len(frames_of(file.path)) == 50
    assert len(samples_of(file.path)) == len(samples_of(plain.path))


def test_packets_that_the_decoder_refuses_are_counted(clip: Path) -> None:
    class Refused:
        size = 10
        is_corrupt = False
        pos = pts = dts = None

        def __init__(self, stream: av.VideoStream) -> None:
            self.stream = stream

        def decode(self) -> None:
            raise av.InvalidDataError(1, "broken")

    with av.open(str(clip)) as container:
        video = container.streams.video[0]

        class Clock(PacketClock):
            def read(self, *_: Any) -> Iterator[Any]:
                yield Refused(video)
                yield from container.demux(video)

        source = Demuxer(Clock(container), video, [video])
        assert source.first_frame() is not None
        assert source.bad_packets == 1
