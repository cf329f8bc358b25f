"""The workers of the pools as the pool manager tells of them. Loads no Ray."""

from __future__ import annotations

import msgspec

from reelyard.actors.worker.status import WorkerStatus


class PoolWorker(msgspec.Struct, frozen=True):
    """A worker as the pool manager tells of it."""

    slot: str
    pool: str
    alive: bool
    """It takes tasks, rather than waiting for resources or starting."""
    draining: bool
    """It takes no more tasks, or is about to hear that it must not."""
    status: WorkerStatus | None
    """What it told last; None: nothing yet."""
