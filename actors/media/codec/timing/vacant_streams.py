"""Streams that a file declares and that hold nothing: they count as absent."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Stream

from reelyard.actors.media.codec.decode import is_cover, packets, seconds
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.operation import Limits, Source


def vacant_streams(
    source: Source,
    container: InputContainer,
    limits: Limits,
    *,
    tick: Callable[[], object] | None = None,
) -> frozenset[int]:
    """The numbers of the video and audio streams of the open `source` that hold no packet.

    A file with one stream has none of them: what is wrong with that shows when it is read. Packets
    are read only where the header leaves a doubt, and up to the first of each stream.
    """
    media = [
        stream
        for stream in (*container.streams.video, *container.streams.audio)
        if not is_cover(stream)
    ]
    doubtful = {stream.index for stream in media if _may_be_vacant(container, stream)}
    if source.sniffed.image or len(media) < 2 or not doubtful:
        return frozenset()
    with open_input(source, limits, header_only=True) as other:
        for packet in packets(PacketClock(other)):
            if tick is not None:
                tick()
            if packet.size:
                doubtful.discard(packet.stream.index)
                if not doubtful:
                    break
    return frozenset(doubtful)


def _may_be_vacant(container: InputContainer, stream: Stream) -> bool:
    """Whether nothing shows that FFmpeg has seen a packet of the stream."""
    if len(stream.index_entries):
        return False
    # FFmpeg lends the container's start and length to streams that have none of their own; AVI
    # tells a length of 0.
    base = stream.time_base
    unit = Fraction(base.numerator, base.denominator or 1)
    own = ((stream.start_time, container.start_time), (stream.duration or None, container.duration))
    for value, lent in own:
        at = seconds(value, base)
        if at is not None and abs(at - Fraction(lent or 0, av.time_base)) > unit:
            return False
    return True


def left_out(source: Source, container: InputContainer, vacant: frozenset[int]) -> list[str]:
    """A remark for each of the `vacant` streams."""
    return [
        f"the {container.streams[index].type} track {index} of {source.name!r} is empty: "
        "it was left out"
        for index in sorted(vacant)
    ]
