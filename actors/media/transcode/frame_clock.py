"""The clock of an output's video: each frame at its own time, or at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from actors.media.codec.decode import seconds
from actors.media.operation import Limits
from actors.media.transcode.scaling import ClipScaler
from actors.media.transcode.timeline import ConstantRate, RisingStamps
from cluster.errors import LimitExceeded

Stamped = tuple[av.VideoFrame, int, int]
"""A frame with its time stamp and duration in units of the encoder's time base."""


class FrameClock:
    """Gives frames their stamps: at their own times, or at a constant rate."""

    def __init__(self, base: Fraction, fps: Fraction | None, limits: Limits) -> None:
        self.base = base
        self._stamps = RisingStamps()
        self._constant = ConstantRate(fps) if fps else None
        self._limits = limits
        self._held: tuple[ClipScaler, av.VideoFrame] | None = None
        self.produced = 0
        self.dropped = 0

    def feed(self, scaler: ClipScaler, frame: av.VideoFrame) -> Iterator[Stamped]:
        """The stamped, scaled frames that are due now that `frame` has come."""
        if self._constant is None:
            begin, stop = scaler.span(frame, self.base)
            pts = self._stamps.stamp(begin)
            if pts is None:
                self.dropped += 1
            else:
                yield scaler.scale(frame), self._count(pts), max(0, stop - pts)
            return
        at = seconds(frame.pts, frame.time_base)
        assert at is not None
        yield from self._release(self._constant.until(at - scaler.clip.shift, scaler.clip.rate))
        self._held = scaler, frame

    def finish(self, end: Fraction) -> Iterator[Stamped]:
        """The frames due up to `end`, the time at which the video stops."""
        if self._constant is not None:
            yield from self._release(self._constant.rest(end))

    def _release(self, numbers: range) -> Iterator[Stamped]:
        if self._held is None:
            return
        if not numbers:
            self.dropped += 1
            return
        scaler, frame = self._held
        scaled = scaler.scale(frame)
        for number in numbers:
            yield scaled, self._count(number), 1

    def _count(self, pts: int) -> int:
        self.produced += 1
        if self.produced > self._limits.max_frames:
            raise LimitExceeded(
                f"the output would have more than {self._limits.max_frames} frames",
                details={"limit": "max_frames", "allowed": self._limits.max_frames},
            )
        return pts
