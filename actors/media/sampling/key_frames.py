"""Key frames in files without an index, found by reading packets: nothing is decoded."""

from __future__ import annotations

from fractions import Fraction

import av
from av.container import InputContainer

from actors.media.codec import decode, seeking

MOST_PACKETS = 300
"""A search for the first key frame behind a point reads no further."""

type Packet = av.Packet[av.VideoStream]


def last_key_packet(
    container: InputContainer, stream: av.VideoStream, at: Fraction
) -> Packet | None:
    """The last key packet shown at or before `at` (s on the container's own clock), or the first
    one of the file where that is not found within a minute before.

    FFmpeg's search by time may end behind the point; so it is begun further and further before.
    """
    for beginning in seeking.landings(container, stream, at):
        if not beginning or at - decode.origin_s(container) <= seeking.STEPS_BACK_S[-1]:
            found = _last_until(container, stream, at)
            if found is not None:
                return found
    return _first(container, stream)


def _last_until(container: InputContainer, stream: av.VideoStream, at: Fraction) -> Packet | None:
    last: Packet | None = None
    for packet in container.demux(stream):
        read = decode.seconds(packet.pts if packet.dts is None else packet.dts, packet.time_base)
        if packet.size == 0 or (read is not None and read > at):
            break
        shown = decode.seconds(packet.pts, packet.time_base)
        if packet.is_keyframe and shown is not None and shown <= at:
            last = packet
    return last


def _first(container: InputContainer, stream: av.VideoStream) -> Packet | None:
    seeking.rewind(container)
    for count, packet in enumerate(container.demux(stream)):
        if packet.size == 0 or count > MOST_PACKETS:
            break
        if packet.is_keyframe:
            return packet
    return None
