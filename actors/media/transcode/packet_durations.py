"""The durations of an output's video packets: as long as their frames are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelyard.actors.media.transcode.demux import Packet


class PacketDurations:
    """Gives each packet the duration of its frame, also where an encoder has lost it.

    `stored_order`: for QuickTime and MP4. They store durations in the order of decoding, and a
    track is played no longer than their sum: the packet that is decoded last makes up for what is
    missing. So one packet is always held back. Times are in units of the encoder's time base.
    """

    def __init__(self, *, stored_order: bool) -> None:
        self._stored_order = stored_order
        self._durations: dict[int, int] = {}
        self._first_shown: int | None = None
        self._first_decoded: int | None = None
        self._end = 0
        self._held: Packet | None = None

    def note(self, pts: int, duration: int) -> None:
        """A frame goes to the encoder."""
        self._durations[pts] = duration
        self._first_shown = pts if self._first_shown is None else min(self._first_shown, pts)
        self._end = max(self._end, pts + duration)

    def settle(self, packets: Sequence[Packet]) -> Iterator[Packet]:
        """The packets that are ready now that `packets` have come."""
        for packet in packets:
            if packet.pts is not None and (own := self._durations.pop(packet.pts, 0)):
                packet.duration = own
            if self._first_decoded is None:
                self._first_decoded = packet.dts
            if self._held is not None:
                yield self._held
            self._held = packet

    def finish(self) -> Iterator[Packet]:
        """The last packet."""
        last, first = self._held, self._first_decoded
        if last is None:
            return
        if self._stored_order and last.dts is not None and first is not None:
            missing = self._end - (self._first_shown or 0) - (last.dts - first)
            last.duration = max(last.duration or 0, missing)
        yield last
