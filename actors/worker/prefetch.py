"""The number of tasks that a worker holds at a time. Pure."""

from __future__ import annotations

from typing import NamedTuple

from reelyard.actors.worker.codec_process.sizing import SHORT_S, TaskLength

MAX_DEPTH = 128
BATCH_S = 0.25
"""So much work is held for each core, in short tasks."""
GIVE_BACK_S = 2.0
"""When a task runs longer than this, those behind it are given back, unless others wait too."""


class Standing(NamedTuple):
    """What a worker has and could have to do."""

    held: int
    """Tasks leased and not handed in."""
    unstarted: int = 0
    """Those of them whose operation has not begun."""
    spare: int = 1
    """Cores on which nothing runs."""
    waiting: int = 0
    """Tasks that wait at the registry, as it last said."""


class PrefetchDepth:
    """Follows the time that tasks take.

    Holding several short tasks hides the round trip to the registry. Of long ones a worker holds
    as many as it has cores to run them on, and one more, staged beside them, only while others
    wait at the registry: behind a long task it would be kept from an idle worker.
    """

    def __init__(self, cores: int = 1) -> None:
        self._cores = cores
        self._length = TaskLength()
        self.record = self._length.record
        self.expect_long_task = self._length.expect_long

    @property
    def limit(self) -> int:
        """The most short tasks to hold: 2 for each core, up to `MAX_DEPTH`."""
        depth = BATCH_S * self._cores / max(self._length.seconds, 1e-6)
        return max(2 * self._cores, min(MAX_DEPTH, int(depth)))

    @property
    def short(self) -> bool:
        """Whether tasks are short of late."""
        return self._length.seconds < SHORT_S

    def want(self, now: Standing) -> int:
        """How many more to ask for; of short ones none until half of what is held is done."""
        if not self.short:
            return self._want_long(now)
        if now.held == 0 or now.held <= self.limit // 2:
            return max(0, self.limit - now.held)
        return 0

    def _want_long(self, now: Standing) -> int:
        if now.waiting == 0 and now.unstarted:
            # It gets all cores if it stays the only one.
            return 0
        return max(0, now.spare - now.unstarted + (1 if now.waiting else 0))
