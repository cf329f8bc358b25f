"""The bounds of an output: its size and length so far, refused above what is allowed."""

from __future__ import annotations

from typing import Any

import av

from reelyard.actors.media.operation import Limits
from reelyard.cluster.errors import LimitExceeded


class OutputLimits:
    """Counts the packets of an output as they are written; refuses more than `Limits` allow."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._units: dict[int, float] = {}
        self.written = 0
        """Bytes."""
        self.reached_s = 0.0
        """The latest time stamp."""

    def count(self, packet: av.Packet[Any]) -> None:
        """Add a packet that has not gone to the muxer yet: that changes its clock.

        Raises `LimitExceeded` for more bytes or seconds than allowed.
        """
        self.written += packet.size
        if self.written > self._limits.max_output_bytes:
            raise self._exceeded("max_output_bytes", "have more than {} bytes")
        if packet.pts is None:
            return
        index = packet.stream_index
        if (unit := self._units.get(index)) is None:
            base = packet.time_base
            unit = base.numerator / base.denominator if base.denominator else 0.0
            self._units[index] = unit
        at = packet.pts * unit
        if at > self.reached_s:
            self.reached_s = at
            if at > self._limits.max_duration_s:
                raise self._exceeded("max_duration_s", "be longer than {:g} s")

    def _exceeded(self, limit: str, what: str) -> LimitExceeded:
        allowed = getattr(self._limits, limit)
        return LimitExceeded(
            f"the output would {what.format(allowed)}",
            details={"limit": limit, "allowed": allowed},
        )
