"""Several runs of one figure, and what they say together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Several runs of one figure; at least one."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Raises `ValueError` for no values."""
        if not values:
            raise ValueError("no runs, no spread")
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """Half of the runs are below."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The least."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The greatest."""
        return max(self.values)

    @property
    def runs(self) -> int:
        """How many there were."""
        return len(self.values)

    def text(self, digits: int = 2) -> str:
        """`median (low - high)`; one run is one number."""
        if self.runs == 1:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} - {self.high:,.{digits}f})"

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"median": self.median, "low": self.low, "high": self.high, "runs": self.runs}


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of them do not exceed, by nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def by_slices(values: Sequence[float], percent: int, slices: int) -> Spread:
    """The percentile in each of so many stretches of time, one behind the other: what else the
    machine did for a moment counts in one of them only."""
    size = len(values) // slices
    parts = [values[start : start + size] for start in range(0, size * slices, size)]
    return Spread.of([percentile(part, percent) for part in parts])
