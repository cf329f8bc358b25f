"""Sizes in a worker: the cores that a task gets, the tasks that a process holds, the processes.

One rule for all: with one task, it gets all cores; with many, each core works on a task of its own,
because what an encoder's threads wait for each other is lost. Measured on 2 cores, 36 clips of 4 s
to 360p H.264: one task at a time on two threads takes 1.3 times as long as two at a time on one.
Pure.
"""

from __future__ import annotations

from typing import NamedTuple

SHORT_S = 1.0
"""Tasks that take longer are long: they are leased as cores become free."""
FIRST_S = 3.0
"""What a new worker expects of its first task: a few short ones must come before it prefetches."""
WINDOW_S = 0.25
"""So much work a codec process holds, so that it never waits between short tasks."""
MAX_WINDOW = 16
START_WORTH_S = 1.0
"""So much work must wait before another process is worth its start, about 0.7 s of a core."""


class Share(NamedTuple):
    """What a task gets of its worker."""

    threads: int
    reason: str
    """For people, kept in the record of the attempt."""


ONE_CORE = Share(1, "1 thread: the worker has one core")


def share_of(cores: int, tasks: int, free: int) -> Share:
    """The share of one of `tasks` that run on `cores` cores, `free` of them idle, or wait for them.

    At least one thread: a task that is to run gets one even where all cores are busy.
    """
    if cores == 1:
        return ONE_CORE
    if tasks <= 1:
        return Share(cores, f"{cores} threads: no other task wants these cores")
    threads = max(1, min(free, cores // min(tasks, cores)))
    plural = "thread" if threads == 1 else "threads"
    return Share(threads, f"{threads} {plural}: {tasks} tasks for {cores} cores")


def window_of(expected_s: float) -> int:
    """Tasks of `expected_s` seconds that a process holds at a time; long ones are not bound to a
    process before they begin."""
    return max(1, min(MAX_WINDOW, int(WINDOW_S / max(expected_s, 1e-6))))


def another_process(processes: int, cores: int, waiting: int, expected_s: float) -> bool:
    """Whether `waiting` tasks of `expected_s` seconds are worth one more process."""
    return processes < cores and waiting * expected_s >= START_WORTH_S


class TaskLength:
    """The time that tasks take: the mean of the short ones; at once up to a long one's."""

    def __init__(self) -> None:
        self.seconds = FIRST_S

    def record(self, seconds: float) -> None:
        """A task has run for that long."""
        smoothed = 0.8 * self.seconds + 0.2 * seconds
        self.seconds = seconds if seconds >= SHORT_S else smoothed

    def expect_long(self) -> None:
        """A task turned out to be long."""
        self.seconds = max(self.seconds, SHORT_S)
