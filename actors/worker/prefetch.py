"""The number of tasks that a worker holds at a time. Pure."""

from __future__ import annotations

MAX_DEPTH = 128
SHORT_S = 1.0
"""Tasks that take longer are held one at a time."""
FIRST_S = 3.0
"""What a new worker expects of its first task: a few short ones must come before it prefetches."""
BATCH_S = 0.25
"""So much work is held, in short tasks."""
GIVE_BACK_S = 2.0
"""When a task runs longer than this, those behind it are given back."""


class PrefetchDepth:
    """Follows the time that tasks take: the mean of the short ones; at once up to a long one's.

    Holding several short tasks hides the round trip to the registry; holding one behind a long
    task would keep it from an idle worker.
    """

    def __init__(self) -> None:
        self._seconds = FIRST_S

    def record(self, seconds: float) -> None:
        """A task has run for that long."""
        smoothed = 0.8 * self._seconds + 0.2 * seconds
        self._seconds = seconds if seconds >= SHORT_S else smoothed

    def expect_long_task(self) -> None:
        """A task turned out to be long: take single ones for now."""
        self._seconds = max(self._seconds, SHORT_S)

    @property
    def limit(self) -> int:
        """The most tasks to hold: 1, or 2 to `MAX_DEPTH` while tasks are short."""
        if self._seconds >= SHORT_S:
            return 1
        return max(2, min(MAX_DEPTH, int(BATCH_S / max(self._seconds, 1e-6))))

    def want(self, held: int) -> int:
        """How many more to ask for; 0 until half of what is held is done."""
        limit = self.limit
        if held == 0 or held <= limit // 2:
            return max(0, limit - held)
        return 0
