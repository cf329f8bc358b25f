"""A task's progress as a client sees it: per cent, speed and time left, estimated. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reelyard.actors.media.operation import Phase, Progress

FETCH_SHARE = 5.0
STORE_SHARE = 4.0
"""Per cent of the bar for staging the input and for storing the output."""
HIGHEST = 99.0
"""100 is said when the output is stored and committed, and not before."""
_SMOOTHING_S = 3.0


@dataclass(frozen=True)
class ProgressEstimate:
    """`percent` 0 to 99; `speed` in media seconds a second; `eta_s` in seconds."""

    percent: float
    phase: Phase
    speed: float | None
    eta_s: float | None


class ProgressEstimator:
    """Looks at a task's Progress now and then. Per cents never go back."""

    def __init__(self) -> None:
        self._percent = 0.0
        self._speed: float | None = None
        self._rate: float | None = None
        self._last: tuple[float, float, float] | None = None

    def estimate(self, progress: Progress, now: float) -> ProgressEstimate:
        """The estimate at `now` (seconds of a monotonic clock)."""
        phase = progress.phase
        fraction = done_fraction(progress)
        self._percent = max(self._percent, percent_of(phase, fraction))
        if phase in ("fetch", "store"):
            self._last = None
            return ProgressEstimate(round(self._percent, 2), phase, None, None)
        self._follow(progress.done_s, fraction, now)
        eta = None
        if self._rate and fraction > 0:
            eta = round((1.0 - fraction) / self._rate, 1)
        speed = round(self._speed, 2) if self._speed else None
        return ProgressEstimate(round(self._percent, 2), phase, speed, eta)

    def _follow(self, done_s: float, fraction: float, now: float) -> None:
        last, self._last = self._last, (now, done_s, fraction)
        if last is None:
            return
        elapsed = now - last[0]
        if elapsed <= 0:
            self._last = last
            return
        weight = min(1.0, elapsed / _SMOOTHING_S)
        self._speed = _blend(self._speed, max(0.0, done_s - last[1]) / elapsed, weight)
        self._rate = _blend(self._rate, max(0.0, fraction - last[2]) / elapsed, weight)


def done_fraction(progress: Progress) -> float:
    """0 to 1: by media time or by `fraction`, whichever is further."""
    by_time = progress.done_s / progress.total_s if progress.total_s else 0.0
    return min(1.0, max(0.0, by_time, progress.fraction))


def percent_of(phase: Phase, fraction: float) -> float:
    """Where the bar stands, 0 to 99."""
    if phase == "fetch":
        return FETCH_SHARE * fraction
    if phase == "store":
        return HIGHEST - STORE_SHARE * (1.0 - fraction)
    return FETCH_SHARE + (HIGHEST - STORE_SHARE - FETCH_SHARE) * fraction


def _blend(old: float | None, new: float, weight: float) -> float:
    return new if old is None else old + (new - old) * weight
