"""A worker's counters at nothing, so that their first rise is seen as one."""

from __future__ import annotations

from reelyard.actors.jobs.model import Outcome
from reelyard.actors.media.catalogue import built_in_names
from reelyard.cluster.errors import MediaError, StorageFull, error_classes
from reelyard.cluster.metrics import CODEC_ENDS, FAILURES, FRAMES, TASKS

OUTCOMES = (*(str(outcome) for outcome in Outcome if outcome is not Outcome.RUNNING), "refused")
CODEC_END_REASONS = ("crash", "cancel", "stall", "timeout", "memory", "tasks", "growth")


def begin_counters(pool: str) -> None:
    """Begin every counter that a worker of `pool` raises, for each built-in operation."""
    codes = [cls.code for cls in error_classes() if issubclass(cls, MediaError | StorageFull)]
    for operation in built_in_names():
        FRAMES.begin(pool=pool, operation=operation)
        for outcome in OUTCOMES:
            TASKS.begin(pool=pool, operation=operation, outcome=outcome)
        for code in codes:
            FAILURES.begin(pool=pool, operation=operation, code=code)
    for reason in CODEC_END_REASONS:
        CODEC_ENDS.begin(pool=pool, reason=reason)
