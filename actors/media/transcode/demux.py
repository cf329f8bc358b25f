"""The demuxing of one open input: its packets in file order, its video decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import av
import av.error

from actors.media.codec.packet_clock import PacketClock
from actors.media.codec.stream_span import StreamSpan

type Packet = av.Packet[Any]
type Step = tuple[Packet, Sequence[av.VideoFrame]]
"""A packet, and the frames that came out of the decoder with it."""

HELD_BYTES = 32 << 20
"""As much may be held while a first frame is looked for."""
_PACKET_BYTES = 1024
"""What an empty packet takes."""


class Demuxer:
    """The packets of the streams in `used`, from where `clock` stands; those of `video` are
    decoded on the way, those of other streams only noted."""

    def __init__(
        self,
        clock: PacketClock,
        video: av.VideoStream | None,
        used: Sequence[av.VideoStream | av.AudioStream],
    ) -> None:
        self._packets = clock.read()
        self._used = frozenset(stream.index for stream in used)
        self._video = None if video is None else video.index
        self._ahead: deque[Step] = deque()
        self.bad_packets = 0
        """Packets of the video that the decoder has refused."""
        self.unused: dict[int, StreamSpan] = {}
        """How far the other streams went, by their number."""

    def first_frame(self) -> av.VideoFrame | None:
        """The first frame; None: there is none near. All that is read for it is kept: it comes
        again when the demuxer is run through."""
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
            if index in self._used:
                yield packet, self._decode(packet) if index == self._video else ()
            else:
                if index not in self.unused:
                    self.unused[index] = StreamSpan(packet.stream)
                self.unused[index].add(packet)

    def _decode(self, packet: Packet) -> list[av.VideoFrame]:
        try:
            frames: list[Any] = packet.decode()
        except av.error.InvalidDataError:
            self.bad_packets += 1
            return []
        return frames
