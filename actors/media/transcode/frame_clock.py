"""The clock of an output's video: each frame at its own time, or at a constant rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from reelyard.actors.media.codec.decode import seconds
from reelyard.actors.media.operation import Limits
from reelyard.actors.media.transcode.scaling import ClipScaler
from reelyard.actors.media.transcode.timeline import ConstantRate, RisingStamps
from reelyard.cluster.errors import LimitExceeded

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
        self._begin = 0
        self.produced = 0
        self.dropped = 0

    def feed(self, scaler: ClipScaler, frame: av.VideoFrame) -> Iterator[Stamped]:
        """The stamped, scaled frames that are due now that `frame` has come. Each stays until the
        next one comes, whatever its packet says."""
        if self._constant is None:
            pts = self._stamps.stamp(scaler.begin(frame, self.base))
            if pts is None:
                self.dropped += 1
                return
            yield from self._release_until(pts)
            self._held, self._begin = (scaler, frame), pts
            return
        at = seconds(frame.pts, frame.time_base)
        assert at is not None
        yield from self._release(self._constant.until(at - scaler.clip.shift, scaler.clip.rate))
        self._held = scaler, frame

    def finish(self, end: Fraction) -> Iterator[Stamped]:
        """The frames due up to `end`, the time at which the video stops."""
        if self._constant is None:
            yield from self._release_until(round(end / self.base))
        else:
            yield from self._release(self._constant.rest(end))

    def _release_until(self, stop: int) -> Iterator[Stamped]:
        if self._held is not None:
            scaler, frame = self._held
            yield scaler.scale(frame), self._count(self._begin), max(0, stop - self._begin)

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
