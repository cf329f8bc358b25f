"""Key frames in files without an index, found by reading packets: nothing is decoded."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import av

from reelyard.actors.media.codec import decode
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.codec.timing.seeking import STEPS_BACK_S, landings, rewind

MOST_PACKETS = 300
"""A search for the first key frame behind a point reads no further."""

type Packet = av.Packet[av.VideoStream]


def last_key_packet(clock: PacketClock, stream: av.VideoStream, at: Fraction) -> Packet | None:
    """The last key packet shown at or before `at` (s on the input's clock), or the first one of the
    file where that is not found within a minute before.

    FFmpeg's search by time may end behind the point; so it is begun further and further before.
    """
    near = clock.end_s is not None or at - decode.origin_s(clock.container) <= STEPS_BACK_S[-1]
    for certain in landings(clock, stream, at):
        if near or not certain:
            found = _last_until(clock, stream, at)
            if found is not None:
                return found
    return _first(clock, stream)


def _last_until(clock: PacketClock, stream: av.VideoStream, at: Fraction) -> Packet | None:
    base = stream.time_base
    # In the packets' own units: a `Fraction` for each costs more than to read it.
    until = floor(at * base.denominator / base.numerator) if base.numerator else 0
    last: Packet | None = None
    for packet in clock.read(stream):
        pts = packet.pts
        read = pts if packet.dts is None else packet.dts
        if packet.size == 0 or (read is not None and read > until):
            break
        if packet.is_keyframe and pts is not None and pts <= until:
            last = packet
    return last


def _first(clock: PacketClock, stream: av.VideoStream) -> Packet | None:
    rewind(clock)
    for count, packet in enumerate(clock.read(stream)):
        if packet.size == 0 or count > MOST_PACKETS:
            break
        if packet.is_keyframe:
            return packet
    return None
