"""Runs of several sides in turns: whatever else the machine does hits all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.harness.noise import NoiseMeter
from benchmarks.harness.statistics import Spread


@dataclass(frozen=True)
class Sample:
    """One run. Times in seconds."""

    wall_s: float
    cpu_s: float = 0.0
    """User and system time of all processes that worked on it."""
    extra: dict[str, float] = field(default_factory=dict)


Run = Callable[[], Sample]
Figure = Callable[[Sample], float]


def wall(sample: Sample) -> float:
    """Seconds from start to end."""
    return sample.wall_s


def cpu(sample: Sample) -> float:
    """Seconds of CPU."""
    return sample.cpu_s


def extra(name: str) -> Figure:
    """A figure that a side gave beside its times."""
    return lambda sample: sample.extra[name]


@dataclass(frozen=True)
class Runs:
    """The runs of each side, by its name; the n-th of all sides belong together."""

    sides: dict[str, list[Sample]]

    def spread(self, side: str, figure: Figure) -> Spread:
        """One figure of one side."""
        return Spread.of([figure(sample) for sample in self.sides[side]])

    def ratio(self, side: str, other: str, figure: Figure) -> Spread:
        """Of one side to another, round by round."""
        pairs = zip(self.sides[side], self.sides[other], strict=True)
        return Spread.of([figure(a) / figure(b) for a, b in pairs])


def in_turns(
    sides: Mapping[str, Run], rounds: int, meter: NoiseMeter, *, warm: bool = True
) -> Runs:
    """`rounds` runs of each side in the order ABBA…; `warm`: one of each before, uncounted."""
    if warm:
        for run in sides.values():
            run()
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for number in range(rounds):
        order = list(sides.items())
        for name, run in order if number % 2 == 0 else reversed(order):
            meter.listen()
            samples[name].append(run())
    return Runs(samples)
