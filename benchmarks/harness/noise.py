"""How much of the machine others take while a benchmark runs.

Between the runs, when our side and the rival's are idle, a short fixed piece of work runs on all
cores at once. What it takes in time beyond what it takes of CPU is what others had. This sees other
processes, other containers and a hypervisor's other guests alike, without a right to see them.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.harness.statistics import Spread

MOST = 0.15
"""Share of the CPU that others may have; at more, times mean little. The idle processes of our own
side and of the rival are in it: some 5 % of two cores."""
_ITERATIONS = 120_000
"""Of a hash that leaves Python's lock alone: about 40 ms."""
_SETTLE_S = 0.15


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class NoiseMeter:
    """Samples of the share that others had of the CPU, 0 to 1."""

    shares: list[float] = field(default_factory=list)

    def listen(self) -> None:
        """Take one sample; costs a fifth of a second. Nothing of the benchmark may be at work."""
        time.sleep(_SETTLE_S)
        self.shares.append(share_of_others(cores()))

    def noise(self) -> Noise:
        """What was heard."""
        return Noise(Spread.of(self.shares or [0.0]))


@dataclass(frozen=True)
class Noise:
    """What others took during a benchmark."""

    share: Spread

    @property
    def noisy(self) -> bool:
        """Whether times mean little: by the median, so that a moment doesn't count."""
        return self.share.median > MOST

    @property
    def text(self) -> str:
        """For people."""
        low, mid, high = (
            f"{share:.0%}" for share in (self.share.low, self.share.median, self.share.high)
        )
        said = f"other work took {mid} of the CPU ({low} - {high})"
        if self.noisy:
            return f"{said}: above {MOST:.0%}, so times claim neither a hit nor a miss"
        return said


def share_of_others(threads: int) -> float:
    """The share of CPU time that `threads` busy threads wanted and did not get."""
    ready = threading.Barrier(threads)
    times: list[tuple[float, float]] = []

    def work() -> None:
        ready.wait()
        began, cpu = time.perf_counter(), time.thread_time()
        hashlib.pbkdf2_hmac("sha256", b"pulse", b"salt", _ITERATIONS)
        times.append((time.perf_counter() - began, time.thread_time() - cpu))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return share_missed(times)


def share_missed(times: Sequence[tuple[float, float]]) -> float:
    """Of pairs of wall and CPU time: the share of all wall time that was no CPU time."""
    wall = sum(wall for wall, _ in times)
    cpu = sum(cpu for _, cpu in times)
    return max(0.0, 1 - cpu / wall) if wall else 0.0
