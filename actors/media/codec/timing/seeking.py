"""Searches by time in an open input, for which no index is believed before it has proved right.

An index may promise key frames where there are none, lead elsewhere, or be missing. So whoever
reads from a time on looks at what comes: if that does not begin at or before the time, with a frame
that needs no other, the search is begun further before, and in the end at the file's beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

from reelyard.actors.media.codec.decode import (
    decoded,
    frame_time,
    origin_s,
    packets,
    seconds,
    stands_alone,
)
from reelyard.actors.media.codec.timing.packet_clock import PacketClock
from reelyard.actors.media.sniff import Sniffed
from reelyard.actors.media.truncation.promise_by_format import promise_of

_INDEXED = frozenset({"mov", "matroska", "avi", "flv", "wav", "flac", "mxf", "caf", "aiff"})
STEPS_BACK_S = (0, 2, 10, 60)
"""How far before the time a search is begun, one try after the other."""
DELAY_S = 2
"""A decoder that gives nothing up to so long behind the time has nothing for it."""
_REORDERED_S = Fraction(1, 2)
"""So much later may the first packet be shown than the first frame."""
_IGNORES_INDEX = 2
"""FFmpeg's AVFMT_FLAG_IGNIDX."""
_UNSEARCHABLE = "webp_anim"
"""A search by time in it ends, without an error, where nothing can be read any more."""


def has_index(container: InputContainer) -> bool:
    """Whether the format lists its key frames, so that a seek ends at the last one before."""
    return container.format.name.split(",")[0] in _INDEXED


class WrongIndex(Exception):
    """The index leads elsewhere even for the beginning: the file must be opened without it."""


def landings(clock: PacketClock, stream: Stream, at: Fraction) -> Iterator[bool]:
    """Goes to one place after the other from which `at` (s on the input's clock) may be reached;
    True: that one is certain, as the beginning of the file is, and the last. Raises `WrongIndex`
    for a video whose beginning can't be reached so."""
    if clock.seek(stream, at):
        yield True
        return
    container = clock.container
    origin = origin_s(container)
    for back in STEPS_BACK_S if _searchable(container) else ():
        if at - back > origin and seek_near(clock, stream, at - back):
            yield False
    rewind(clock)
    if isinstance(stream, av.VideoStream) and _rewinds_by_index(container):
        start = seconds(stream.start_time, stream.time_base)
        first = next(iter(container.demux(stream)), None)
        if first is not None and is_late(packet_time(first), (start or origin) + _REORDERED_S):
            raise WrongIndex
        rewind(clock)
    yield True


def _rewinds_by_index(container: InputContainer) -> bool:
    return "matroska" in container.format.name and not container.flags & _IGNORES_INDEX


def _searchable(container: InputContainer) -> bool:
    """Whether a search leads anywhere that knows its time."""
    # Without its footer, in which the index is, FFmpeg guesses places in an MXF file by the bit
    # rate, and labels what it finds there with the time that was looked for.
    if container.format.name == "mxf":
        return not promise_of(Path(container.name), Sniffed("mxf", "mxf")).missing_bytes
    return container.format.name != _UNSEARCHABLE


def rewind(clock: PacketClock) -> None:
    """Go to the beginning of the file."""
    if clock.rewind():
        return
    container = clock.container
    by_bytes = container.format.name == _UNSEARCHABLE
    try:
        container.seek(0, unsupported_byte_offset=by_bytes)
    except (av.FFmpegError, OSError):
        # Elementary streams know no times.
        container.seek(0, unsupported_byte_offset=not by_bytes)


def seek_near(clock: PacketClock, stream: Stream, at: Fraction) -> bool:
    """FFmpeg's own search for `at`, which may end behind it where there is no index, or a wrong
    one; False: it can't search this file."""
    base = stream.time_base
    offset = int(at * base.denominator / base.numerator) if base.numerator else 0
    clock.leave()
    try:
        clock.container.seek(offset, stream=stream)
    except (av.FFmpegError, OSError):
        return False
    return True


def frames_from(
    clock: PacketClock,
    stream: av.VideoStream,
    at: Fraction,
    *,
    tick: Callable[[], object] | None = None,
) -> Iterator[av.VideoFrame]:
    """The frames from a key frame at or before `at` (s on the container's own clock) on, in order;
    from the first one where there is none. `tick` is called for each packet.

    Damaged packets are skipped. Neither rotation nor anything else is applied.
    """
    for beginning in landings(clock, stream, at):
        run = _run(clock, stream, at, certain=beginning, tick=tick)
        try:
            first = next(run, None)
        except (av.FFmpegError, OSError):
            if beginning:
                raise
            continue
        if first is not None:
            yield first
            yield from run
            return


def _run(
    clock: PacketClock,
    stream: av.VideoStream,
    at: Fraction,
    *,
    certain: bool,
    tick: Callable[[], object] | None,
) -> Iterator[av.VideoFrame]:
    """What is decoded from here on; nothing where that is no way to reach `at`."""
    landed = begun = certain
    for packet in packets(clock, stream):
        if tick is not None:
            tick()
        # What comes before a key frame would be decoded for nothing.
        begun = begun or packet.is_keyframe
        for frame in decoded(packet) if begun else ():
            if not landed:
                if is_late(frame_time(frame), at):
                    return
                landed = stands_alone(frame)
            if landed:
                yield frame
        if not landed and is_late(packet_time(packet), at + DELAY_S):
            return


def packets_from(
    clock: PacketClock,
    at: Fraction,
    *streams: Stream,
    broken: Callable[[], object] | None = None,
) -> Iterator[av.Packet[Any]]:
    """The packets of `streams` from `at` or before on; the first stream is searched. `broken` as
    for `packets`."""
    for beginning in landings(clock, streams[0], at):
        run = packets(clock, *streams, broken=broken)
        held: list[av.Packet[Any]] = []
        try:
            for packet in run:
                held.append(packet)
                if packet.stream.index == streams[0].index:
                    break
        except (av.FFmpegError, OSError):
            if beginning:
                raise
            continue
        if beginning or (held and held[-1].size and not is_late(packet_time(held[-1]), at)):
            yield from held
            yield from run
            return


def packet_time(packet: av.Packet[Any]) -> Fraction | None:
    """When a packet is decoded or, where nothing tells that, shown: in s on the container's own
    clock."""
    return seconds(packet.pts if packet.dts is None else packet.dts, packet.time_base)


def is_late(time: Fraction | None, at: Fraction) -> bool:
    """Whether `time` is known and lies behind `at`."""
    return time is not None and time > at
