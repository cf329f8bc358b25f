"""The durations of an output's video packets."""

from __future__ import annotations

import av
import pytest

from reelyard.actors.media.transcode.demux import Packet
from reelyard.actors.media.transcode.packet_durations import PacketDurations


def packet(pts: int, dts: int, duration: int = 0) -> Packet:
    made = av.Packet(b"x")
    made.pts, made.dts, made.duration = pts, dts, duration
    return made


SHOWN = {0: 50, 50: 100, 150: 25, 175: 300}
"""Begin and duration of four frames."""


def run(stored: list[Packet], *, stored_order: bool) -> list[tuple[int | None, int | None]]:
    """(pts, duration) of all packets."""
    durations = PacketDurations(stored_order=stored_order)
    for pts, duration in SHOWN.items():
        durations.note(pts, duration)
    out = [*durations.settle(stored[:2]), *durations.settle(stored[2:]), *durations.finish()]
    return [(made.pts, made.duration) for made in out]


def test_each_packet_gets_its_own_frame_s_duration_whatever_the_encoder_says() -> None:
    stored = [packet(0, -50, 7), packet(175, 0), packet(50, 50), packet(150, 150)]
    assert run(stored, stored_order=False) == [(0, 50), (175, 300), (50, 100), (150, 25)]


@pytest.mark.parametrize(
    "stored",
    [
        [packet(0, -50), packet(175, 0), packet(50, 50), packet(150, 150)],
        [packet(0, 0), packet(50, 50), packet(150, 150), packet(175, 175)],
        [packet(0, -50), packet(150, 0), packet(50, 50), packet(175, 150)],
    ],
)
def test_a_track_in_stored_order_lasts_as_long_as_its_frames_are_shown(
    stored: list[Packet],
) -> None:
    out = run(stored, stored_order=True)
    first, last = stored[0].dts or 0, stored[-1].dts or 0
    # As FFmpeg's muxer counts: the sum of the stored durations, and the latest end of any packet.
    by_storing = last - first + (out[-1][1] or 0)
    by_showing = max((pts or 0) + (duration or 0) for pts, duration in out)
    assert min(by_storing, by_showing) == 475
    assert out[:-1] == [(made.pts, SHOWN[made.pts or 0]) for made in stored[:-1]]


def test_an_output_without_frames_has_no_last_packet() -> None:
    durations = PacketDurations(stored_order=True)
    assert [*durations.settle([]), *durations.finish()] == []
