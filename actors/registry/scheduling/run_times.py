"""Run times, learnt from finished tasks: how long they take, how many come a second. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW_S = 60
FIRST_GUESS_S = 2.0
"""Run time of an operation that has never run."""
WEIGHT = 0.2
"""Of the newest run in the moving average."""


class RunTimes:
    """Counters over the last minute, moving averages over operations."""

    def __init__(self) -> None:
        self.lease_expiries = 0
        self._seconds: deque[list[int]] = deque()
        self._run_s: dict[str, float] = {}

    def finished(self, operation: str, run_s: float, now_ms: int) -> None:
        """A task of `operation` succeeded after `run_s` seconds."""
        second = now_ms // 1000
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0])
            self._trim(second)
        self._seconds[-1][1] += 1
        average = self._run_s.get(operation)
        self._run_s[operation] = run_s if average is None else average + WEIGHT * (run_s - average)

    def expected_s(self, operation: str) -> float:
        """Seconds that a task of `operation` should take."""
        return self._run_s.get(operation, FIRST_GUESS_S)

    def per_second(self, now_ms: int) -> float:
        """Tasks that succeeded, over the last minute."""
        self._trim(now_ms // 1000)
        return sum(count for _, count in self._seconds) / WINDOW_S

    def backlog_s(self, waiting: Mapping[str, int]) -> float:
        """Worker seconds in a queue of so many tasks of each operation."""
        return sum(count * self.expected_s(operation) for operation, count in waiting.items())

    def _trim(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - WINDOW_S:
            self._seconds.popleft()
