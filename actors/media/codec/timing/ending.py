"""The end of an input as its header promises it, and as its packets are found to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer

from reelyard.actors.media.codec.decode import is_cover, length_s, origin_s, packets
from reelyard.actors.media.codec.source import open_input
from reelyard.actors.media.codec.timing.packet_clock import PacketClock, late_start_s
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.truncation.policy import Ending, Evidence
from reelyard.actors.media.truncation.promise_by_format import (
    ANIMATIONS,
    TOLD_BY_DEMUXER,
    promise_of,
)

_LAST_ENTRIES = 8
"""The end of an index is what leads furthest."""


@dataclass(frozen=True)
class Expectation:
    """What the header of an input says of its end."""

    name: str
    promised_s: float | None
    """Its length in s; None: it tells none."""
    points_behind: bool = False
    """It leads behind the end of the file."""
    open_end: bool = False
    """The mark of the end is missing."""
    another_bytes: int = 0
    """As much of another file stands behind the end."""

    @property
    def notes(self) -> list[str]:
        """What to tell the caller of what is not read."""
        if not self.another_bytes:
            return []
        told = f"behind the end of {self.name!r} another file begins, of {self.another_bytes} bytes"
        return [f"{told}: it was left out"]

    def ending(
        self,
        reach: Reach,
        *,
        before_s: float = 0.0,
        wanted_s: float | None = None,
    ) -> Ending:
        """The verdict on an input whose data were read from `before_s` on and have that `reach`,
        of which the part up to `wanted_s` is asked for."""
        shortest = reach.shortest_s
        evidence = Evidence(
            promised_s=self.promised_s,
            reached_s=before_s + reach.reached_s,
            shortest_s=None if shortest is None else before_s + shortest,
            points_behind=self.points_behind,
            # Where nothing is promised, the last packet is whatever the recorder had just written.
            broken_off=reach.broken or (reach.cut_packet and self.promised_s is not None),
            open_end=self.open_end,
            wanted_s=wanted_s,
        )
        return Ending.of(self.name, evidence)


def expectation(source: Source, container: InputContainer) -> Expectation:
    """What the header of the open `source` says of its end. Still images promise nothing."""
    if source.sniffed.image and source.sniffed.demuxer not in ANIMATIONS:
        return Expectation(source.name, None)
    promise = promise_of(source.path, source.sniffed)
    told = promise.duration_s
    if told is not None:
        told = max(0.0, told - float(late_start_s(container)))
    elif source.sniffed.demuxer in TOLD_BY_DEMUXER and (length := length_s(container)) is not None:
        told = float(length)
    behind = promise.missing_bytes > 0 or _index_leads_behind(container)
    return Expectation(source.name, told, behind, promise.open_end, promise.another_bytes)


def _index_leads_behind(container: InputContainer) -> bool:
    size = container.size or 0
    for stream in container.streams:
        entries = stream.index_entries
        last = entries[max(0, len(entries) - _LAST_ENTRIES) : len(entries)]
        if any(entry.pos + entry.size > size for entry in last):
            return True
    return False


class Reach:
    """How far packets go, and how they end."""

    def __init__(self, start: Fraction, container: InputContainer | None = None) -> None:
        self._start = start
        media = () if container is None else (*container.streams.video, *container.streams.audio)
        self._ends = {s.index: float(start) for s in media if not is_cover(s)}
        self._units: dict[int, float] = {}
        self._end = float(start)
        self.broken = False
        """Reading ended with an error."""
        self.cut_packet = False
        """The last packet is not there whole."""
        self.position = 0
        """How many bytes of the file lie behind what was read."""

    def note(self, packet: av.Packet[Any]) -> float | None:
        """Count `packet`; returns its time in s from the start."""
        if not packet.size:
            return None
        self.cut_packet = packet.is_corrupt
        if packet.pos is not None:
            self.position = packet.pos
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None:
            return None
        index = packet.stream.index
        if (unit := self._units.get(index)) is None:
            base = packet.time_base
            unit = self._units[index] = base.numerator / (base.denominator or 1)
        end = (at + (packet.duration or 0)) * unit
        if end > self._end:
            self._end = end
        if end > self._ends.get(index, end):
            self._ends[index] = end
        return at * unit - float(self._start)

    def note_error(self) -> None:
        """Reading has ended with an error."""
        self.broken = True

    @property
    def reached_s(self) -> float:
        """Up to where, in s from the start."""
        return self._end - float(self._start)

    @property
    def shortest_s(self) -> float | None:
        """Up to where in the shortest track of video or audio; None: there is none."""
        return min(self._ends.values()) - float(self._start) if self._ends else None


def survey(
    source: Source,
    limits: Limits,
    *,
    until_s: float | None = None,
    tick: Callable[[], object] | None = None,
) -> Ending:
    """The verdict on `source` after all its packets were read, or those up to `until_s`; nothing
    is decoded. `tick` is called for each. Raises what `open_input` raises."""
    with open_input(source, limits, header_only=True) as container:
        start = origin_s(container)
        told = expectation(source, container)
        reach = Reach(start, container)
        for packet in packets(PacketClock(container), broken=reach.note_error):
            if tick is not None:
                tick()
            at = reach.note(packet)
            if until_s is not None and at is not None and at > until_s:
                break
        return told.ending(reach, wanted_s=until_s)
