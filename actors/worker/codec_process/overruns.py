"""The times of the task that a codec process runs, and when they are exceeded. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from reelyard.cluster.errors import ReelyardError, Stalled, TimedOut

BEAT_S = 0.25
"""Longest pause between two looks at the task."""


class Overrun(NamedTuple):
    """Why the process must be killed under its task."""

    reason: str
    """The metric tag: timeout, stall."""
    error: ReelyardError
    """The task's error."""


class Watchdog:
    """Notes when the running task began and when it last made progress."""

    def __init__(
        self, stall_s: float, task_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stall_s = stall_s
        self._task_s = task_s
        self._clock = clock
        self._began = 0.0
        self._last_sign = 0.0

    @property
    def beat_s(self) -> float:
        """How often to ask for an `overrun`."""
        return min(BEAT_S, self._stall_s / 4, self._task_s / 4)

    def task_begins(self) -> None:
        """The next task runs from now on."""
        self._began = self._last_sign = self._clock()

    def task_progresses(self) -> None:
        """The running task has made progress."""
        self._last_sign = self._clock()

    def running_s(self) -> float:
        """For how long the task has been running."""
        return self._clock() - self._began

    def overrun(self, operation: str) -> Overrun | None:
        """Whether the task, which runs `operation`, takes too long or stands still."""
        now = self._clock()
        if now - self._began > self._task_s:
            text = f"{operation}: took longer than the {self._task_s:g} s allowed"
            return Overrun("timeout", TimedOut(text))
        if now - self._last_sign > self._stall_s:
            text = f"{operation}: no progress for {self._stall_s:g} s"
            return Overrun("stall", Stalled(text))
        return None
