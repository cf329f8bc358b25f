"""The span of a stream: from when to when a player shows it, found by its packets."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.stream import Stream


class StreamSpan:
    """Takes the packets of one stream in file order; tells where the first image or sample begins
    and the last one ends.

    A packet's duration is its image's only where images are stored in the order in which they are
    shown. QuickTime and MP4 keep the durations of the stored order: there the track's own length,
    as it is played, tells how long the last image stays.
    """

    def __init__(self, stream: Stream) -> None:
        self._base = stream.time_base
        self.packets = 0
        """Those that are not empty and are played."""
        self._first: int | None = None
        self._last: int | None = None
        self._stay = 0
        self._stored_from: int | None = None
        self._stored_to = 0
        self._told: tuple[int, int] | None = None
        by_track = stream.type == "video" and "mov" in stream.container.format.name
        if by_track and stream.duration and stream.start_time is not None:
            self._told = stream.start_time, stream.duration

    def add(self, packet: av.Packet[Any]) -> None:
        """Note a packet; the stamps of an empty one, and of one that is not played, count less."""
        at = packet.dts if packet.pts is None else packet.pts
        stay = packet.duration or 0
        if packet.dts is not None:
            self._stored_from = packet.dts if self._stored_from is None else self._stored_from
            self._stored_to = packet.dts + stay
        if not packet.size or packet.is_discard:
            return
        self.packets += 1
        if at is None:
            return
        if self._first is None or self._last is None:
            self._first, self._last, self._stay = at, at, stay
            return
        self._first = min(self._first, at)
        if at >= self._last:
            self._last, self._stay = at, stay

    @property
    def begin_s(self) -> Fraction | None:
        """When the first image or sample is due, in s on the input's clock; None: nothing tells."""
        return self._seconds(self._first)

    @property
    def last_s(self) -> Fraction | None:
        """When the last packet's image or sound is due."""
        return self._seconds(self._last)

    @property
    def end_s(self) -> Fraction | None:
        """Where the last one ends."""
        if self._last is None:
            return None
        end = self._last + self._stay
        if self._told is not None and self._stored_from is not None:
            start, length = self._told
            is_whole = self._stored_to - self._stored_from + self._stay >= length
            if is_whole and start + length > self._last:
                end = start + length
        return self._seconds(end)

    @property
    def seconds(self) -> Fraction:
        """From the begin to the end; 0 where nothing tells."""
        begin, end = self.begin_s, self.end_s
        return Fraction(0) if begin is None or end is None else end - begin

    def _seconds(self, stamp: int | None) -> Fraction | None:
        if stamp is None or not self._base.denominator:
            return None
        return stamp * Fraction(self._base.numerator, self._base.denominator)
