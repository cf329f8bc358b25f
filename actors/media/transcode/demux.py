"""The demuxing of one open input: its packets in file order, its video decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import av
import av.error

from reelyard.actors.media.codec.decode import frame_time, packets, stands_alone
from reelyard.actors.media.codec.timing.ending import Reach
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.seeking import DELAY_S, is_late, packet_time

type Packet = av.Packet[Any]
type Step = tuple[Packet, Sequence[av.VideoFrame]]
"""A packet, and the frames that came out of the decoder with it."""

HELD_BYTES = 32 << 20
"""As much may be held while a first frame is looked for."""
_PACKET_BYTES = 1024
"""What an empty packet takes."""


class Demuxer:
    """The packets of the streams in `used`, from where `clock` stands; those of `video` are
    decoded on the way, those of other streams only noted. `origin`: where time 0 of the input is on
    that clock, in s."""

    def __init__(
        self,
        clock: PacketClock,
        video: av.VideoStream | None,
        used: Sequence[av.VideoStream | av.AudioStream],
        origin: Fraction = Fraction(0),
    ) -> None:
        self.reach = Reach(origin, clock.container)
        """How far all streams went."""
        self._packets = packets(clock, broken=self.reach.note_error)
        self._used = frozenset(stream.index for stream in used)
        self._video = None if video is None else video.index
        self._ahead: deque[Step] = deque()
        self.bad_packets = 0
        """Packets of the video that the decoder has refused."""

    def lands(self, at: Fraction) -> bool:
        """Whether what comes begins at or before `at` (s on the container's clock), with a frame
        that needs no other. What is read for that is kept."""
        held = 0
        for packet, frames in self._read():
            self._ahead.append((packet, frames))
            late = is_late(packet_time(packet), at if self._video is None else at + DELAY_S)
            if late or (self._video is None and packet.size):
                return not late
            for frame in frames:
                if is_late(frame_time(frame), at):
                    return False
                if stands_alone(frame):
                    return True
            held += packet.size + _PACKET_BYTES
            if held > HELD_BYTES:
                return True
        return False

    def first_frame(self) -> av.VideoFrame | None:
        """The first frame; None: there is none near. All that is read for it is kept: it comes
        again when the demuxer is run through."""
        if found := next((frames[0] for _, frames in self._ahead if frames), None):
            return found
        held = 0
        for packet, frames in self._read():
            self._ahead.append((packet, frames))
            if frames:
                return frames[0]
            held += packet.size + _PACKET_BYTES
            if held > HELD_BYTES:
                break
        return None

    def __iter__(self) -> Iterator[Step]:
        while self._ahead:
            yield self._ahead.popleft()
        yield from self._read()

    def _read(self) -> Iterator[Step]:
        for packet in self._packets:
            # Not `packet.stream_index`: it is 0 in the empty packets that end each stream.
            index = packet.stream.index
            self.reach.note(packet)
            if index in self._used:
                yield packet, self._decode(packet) if index == self._video else ()

    def _decode(self, packet: Packet) -> list[av.VideoFrame]:
        try:
            frames: list[Any] = packet.decode()
        except av.error.InvalidDataError:
            self.bad_packets += 1
            return []
        return frames
