"""The clock of an open input: its packets with time stamps that run on where the file's jump."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.format import Flags
from av.stream import Stream

from reelyard.actors.media.codec.timing.raw_stamps import raw_stamps
from reelyard.actors.media.codec.timing.restart_bridge import RestartBridge
from reelyard.actors.media.codec.timing.stamp_bridge import StampBridge, keeps_together, runs_on

type Packet = av.Packet[Any]

_MAY_JUMP = cast("int", Flags.ts_discont.value)
_MAY_RESTART = frozenset({"flv", "live_flv", "matroska", "webm"})
"""Formats in which one file behind the other is read to its end, with the stamps of both."""
_COUNTS_PICTURES = "dirac"
"""A bare stream whose stamps FFmpeg 9 leaves as the numbers of pictures."""
_FAR = 1000
"""A number that lies so far ahead is that of the mark behind the last picture."""
_READ_ONCE = cast("int", Flags.no_bin_search.value) | cast("int", Flags.no_byte_seek.value)
_SAMPLE_EVERY = 4 << 20
_SAMPLES = (16, 256)
_READ_WHOLE = 8 << 20
"""Bytes: what is shorter is read rather than sampled."""
_WRAP = Fraction(2**33, 90_000)
"""As many s do MPEG's time stamps count."""
_FROM_ZERO = frozenset({"matroska", "webm", "asf", "nut", "ogg"})
"""Formats whose length FFmpeg counts from the zero of the clock, wherever their streams begin."""
_LATE = Fraction(1, 2)
_PLACES_EVERY = Fraction(1, 2)
"""Every packet of audio can be decoded alone: as many s apart are enough."""


@dataclass(frozen=True)
class _Place:
    """Where in the file a packet begins that can be decoded alone."""

    at: Fraction
    """Its time, in s on the common clock."""
    part: int
    byte: int


@dataclass
class _Survey:
    """A file with jumps, read through once; times in s on the common clock."""

    offsets: list[Fraction]
    begin: Fraction
    end: Fraction
    places: dict[int, list[_Place]] = field(default_factory=dict)
    """By the stream's number."""


class PacketClock:
    """The packets of an open input on one clock, and the search by time on it.

    In formats whose time stamps may jump (MPEG transport and program streams, Ogg) or begin anew
    (FLV, Matroska) that is bridged while packets are read. `survey` finds the jumps beforehand:
    without it, length and search are the container's own, as they are for FLV and Matroska.
    """

    def __init__(self, container: InputContainer) -> None:
        self.container = container
        self._bridge: StampBridge | RestartBridge | None = None
        self._survey: _Survey | None = None
        self._end: Fraction | None = None

    @property
    def jumps(self) -> int:
        """How many jumps have been bridged."""
        found = () if self._survey is None else self._survey.offsets
        read = () if self._bridge is None else self._bridge.offsets
        return max(len(found), len(read), 1) - 1

    @property
    def begins_anew(self) -> bool:
        """Whether parts that begin anew were read: a search in the open file mixes them up."""
        return isinstance(self._bridge, RestartBridge) and self.jumps > 0

    @property
    def note(self) -> str | None:
        """What to tell the caller of the jumps; None: there were none."""
        if not self.jumps:
            return None
        return f"its time stamps jump {self.jumps} time(s); what follows was joined without a gap"

    @property
    def end_s(self) -> Fraction | None:
        """The end of the whole, in s on this clock; None: no survey was needed to know it."""
        return self._end if self._survey is None else self._survey.end

    def read(self, *streams: Stream) -> Iterator[Packet]:
        """The packets of `streams`, or of all, from where the container stands."""
        if self.container.format.name == _COUNTS_PICTURES:
            return _timed(self.container.demux(*streams))
        if self._bridge is None:
            if stamps_may_jump(self.container):
                self._bridge = StampBridge()
            elif _MAY_RESTART.isdisjoint(self.container.format.name.split(",")):
                return self.container.demux(*streams)
            else:
                self._bridge = RestartBridge()
        return _bridged(self.container.demux(*streams), self._bridge)

    def survey(self, tick: Callable[[], object] | None = None) -> None:
        """Find out whether stamps jump, from samples of a large file or by a look at the bytes of
        a small one; if they may, read all its packets. Where the header's length can't be trusted,
        find the end.

        To be called before anything else is read; `tick` is called for each packet.
        """
        if not stamps_may_jump(self.container):
            if late_start_s(self.container):
                self._end = _last_end(self.container, tick)
            return
        if not _seems_to_jump(self.container):
            if late_start_s(self.container):
                self._end = _last_end(self.container, tick)
            return
        if not self.container.format.flags & _READ_ONCE:
            found = _surveyed(self.container, tick)
            _to_byte(self.container, 0)
        else:
            # A chained Ogg file can be read only once: what has gone by is not found again.
            with _opened_again(self.container) as other:
                found = _surveyed(other, tick)
                found.places.clear()
            if late_start_s(self.container):
                self._end = found.end
        # FFmpeg's search does not find its way around the point where 33 bits overflow.
        if len(found.offsets) > 1 or found.begin < 0 or found.end > _WRAP:
            self._survey = found
            self._bridge = StampBridge(found.offsets)

    def seek(self, stream: Stream, at: Fraction) -> bool:
        """Go to the last key packet of `stream` at or before `at` (s) in a file with known jumps;
        False: none are known, the container's own search is right."""
        if self._survey is None:
            self.leave()
            return False
        places = self._survey.places.get(stream.index, [])
        number = bisect_right(places, at, key=lambda place: place.at) - 1
        if number < 0:
            return self.rewind()
        place = places[number]
        _to_byte(self.container, place.byte)
        self._bridge = StampBridge(self._survey.offsets, place.part, place.at)
        return True

    def leave(self) -> None:
        """Forget where reading stood: the container goes elsewhere by a search of its own."""
        self._bridge = None

    def rewind(self) -> bool:
        """Go to the beginning of a file with known jumps; False as for `seek`."""
        self.leave()
        if self._survey is None:
            return False
        _to_byte(self.container, 0)
        self._bridge = StampBridge(self._survey.offsets)
        return True


def stamps_may_jump(container: InputContainer) -> bool:
    """Whether it is of a format in which time stamps may begin anew."""
    return bool(container.format.flags & _MAY_JUMP)


def late_start_s(container: InputContainer) -> Fraction:
    """How far behind its clock's zero a recording begins, in s, where its header's length may
    count from that zero; 0 where it does not, or hardly. Some writers (mkvmerge) count from the
    first stamp all the same: only the packets tell."""
    names = set(container.format.name.split(","))
    # FFmpeg's "unknown" is None.
    start: int | None = container.start_time
    late = Fraction(start or 0, av.time_base)
    return late if late > _LATE and names & _FROM_ZERO else Fraction(0)


def _opened_again(container: InputContainer) -> InputContainer:
    options = container.options | {"codec_whitelist": "none"}
    return av.open(container.name, format=container.format.name, options=options)


def _last_end(container: InputContainer, tick: Callable[[], object] | None) -> Fraction | None:
    """The end of the last packet of video or audio, in s; None: nothing is there."""
    with _opened_again(container) as other:
        # Before the end, whichever way its length counts.
        with suppress(av.FFmpegError):
            other.seek(container.duration or 0)
        media = [s for s in other.streams if s.type in ("video", "audio")]
        end: Fraction | None = None
        for packet in other.demux(*media):
            if tick is not None:
                tick()
            pts = packet.dts if packet.pts is None else packet.pts
            if packet.size and pts is not None:
                unit = Fraction(packet.time_base.numerator, packet.time_base.denominator)
                found = (pts + (packet.duration or 0)) * unit
                end = found if end is None else max(end, found)
    return end


def _timed(packets: Iterator[Packet]) -> Iterator[Packet]:
    seen = 0
    for packet in packets:
        seen += 1
        if packet.pts is not None and packet.dts is not None:
            if packet.pts > seen + _FAR:
                continue
            length = packet.duration or 0
            packet.pts, packet.dts = packet.pts * length, packet.dts * length
        yield packet


def _bridged(packets: Iterator[Packet], bridge: StampBridge | RestartBridge) -> Iterator[Packet]:
    units: dict[int, tuple[Fraction, bool]] = {}
    for packet in packets:
        if packet.size:
            stream = packet.stream
            if (known := units.get(stream.index)) is None:
                base = packet.time_base
                unit = Fraction(base.numerator, base.denominator or 1)
                known = units[stream.index] = unit, stream.type in ("video", "audio")
            shift = _shift(packet, stream.index, *known, bridge)
            if shift:
                if packet.pts is not None:
                    packet.pts += shift
                if packet.dts is not None:
                    packet.dts += shift
        yield packet


def _shift(
    packet: Packet,
    stream: int,
    unit: Fraction,
    is_media: bool,
    bridge: StampBridge | RestartBridge,
) -> int:
    if not is_media:
        return bridge.follow(unit, packet.dts)
    length = packet.duration or 0
    if isinstance(bridge, StampBridge):
        return bridge.shift(stream, unit, packet.dts, length)
    # Matroska has no decoding times: FFmpeg makes them up, and where stamps begin anew wrongly.
    stamp = packet.dts if packet.pts is None else packet.pts
    return bridge.shift(stream, unit, stamp, length, is_key=packet.is_keyframe)


def _seems_to_jump(container: InputContainer) -> bool:
    """Leaves the container where it is, at its beginning."""
    size = container.size or 0
    if size <= _READ_WHOLE or container.format.flags & _READ_ONCE:
        stamps = raw_stamps(Path(container.name), container.format.name)
        return stamps is None or not keeps_together(stamps)
    media = [s for s in container.streams if s.type in ("video", "audio")]
    if not media:
        return False
    times_s: list[float] = []
    count = min(max(_SAMPLES[0], size // _SAMPLE_EVERY), _SAMPLES[1])
    for number in range(count):
        _to_byte(container, size * number // count)
        for packet in container.demux(media[0]):
            if packet.dts is not None and packet.time_base.denominator:
                times_s.append(float(packet.dts * packet.time_base))
                break
    _to_byte(container, 0)
    end = ((container.start_time or 0) + (container.duration or 0)) / av.time_base
    wraps = (container.start_time or 0) < 0 or end > _WRAP
    return wraps or not runs_on([*times_s, end])


def _surveyed(container: InputContainer, tick: Callable[[], object] | None) -> _Survey:
    bridge = StampBridge()
    media = [s for s in container.streams if s.type in ("video", "audio")]
    begins: list[Fraction] = []
    ends: dict[int, Fraction] = {}
    places: dict[int, list[_Place]] = {}
    for packet in _bridged(container.demux(*media), bridge):
        if tick is not None:
            tick()
        pts = packet.dts if packet.pts is None else packet.pts
        if not packet.size or pts is None:
            continue
        unit = Fraction(packet.time_base.numerator, packet.time_base.denominator)
        index, at = packet.stream.index, pts * unit
        if index not in ends:
            begins.append(at)
        ends[index] = max(ends.get(index, at), at + (packet.duration or 0) * unit)
        if packet.is_keyframe and packet.pos is not None:
            known = places.setdefault(index, [])
            spaced = packet.stream.type == "video" or not known
            if spaced or at - known[-1].at >= _PLACES_EVERY:
                known.append(_Place(at, bridge.part, packet.pos))
    begin = min(begins, default=Fraction(0))
    return _Survey(bridge.offsets, begin, max(ends.values(), default=begin), places)


def _to_byte(container: InputContainer, byte: int) -> None:
    container.seek(byte, unsupported_byte_offset=True)
