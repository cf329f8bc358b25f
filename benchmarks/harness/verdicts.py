"""Targets, and whether the runs show that one is met, that it is missed, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.harness.statistics import Spread

AGREEING = 0.75
"""Share of the runs that must lie on one side of the limit for a claim."""


class Verdict(StrEnum):
    """What the runs show."""

    MET = "yes"
    MISSED = "no"
    NOISY = "can't tell: busy machine"
    SPLIT = "can't tell: runs disagree"


@dataclass(frozen=True)
class Target:
    """A figure and what it should be."""

    name: str
    runs: Spread
    limit: float
    at_most: bool
    timed: bool = True
    """False for what no other process can change: counts, quality."""
    unit: str = "x"

    def verdict(self, *, noisy: bool) -> Verdict:
        """`noisy`: other processes took so much of the machine that times mean little."""
        if noisy and self.timed:
            return Verdict.NOISY
        if self._agreeing(kept=True) >= AGREEING:
            return Verdict.MET
        return Verdict.MISSED if self._agreeing(kept=False) >= AGREEING else Verdict.SPLIT

    def _agreeing(self, *, kept: bool) -> float:
        values = self.runs.values
        return sum(self._keeps(value) is kept for value in values) / len(values)

    def _keeps(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit

    @property
    def wanted(self) -> str:
        """`<= 1.05`."""
        return f"{'<=' if self.at_most else '>='} {self.limit:,g}"
