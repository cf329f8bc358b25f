"""The judgement of whether the cluster can take jobs on and run them, part by part. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from reelyard.actors.jobs.messages import Health, HealthPart
from reelyard.cluster.errors import RateLimited, ReelyardError, StorageFull, Unavailable

HYSTERESIS = 1.1
"""What was full has room again when this many times the reserve is free."""
RETRY_FULL_S, RETRY_AWAY_S, RETRY_QUEUE_S = 60.0, 5.0, 10.0
"""When to try again what room, a lost part or the queue has kept from being taken on."""


@dataclass(frozen=True)
class Place:
    """Where something is kept, as it was last looked at."""

    error: str = ""
    """Why it can't be used."""
    free_bytes: int | None = None
    """None: it has no limit that we know of."""


@dataclass(frozen=True)
class Seen:
    """What there is to judge by."""

    store: Place = field(default_factory=Place)
    storage: Place = field(default_factory=Place)
    workers: int = 0
    """Workers that are there."""
    full_workers: int = 0
    """Of those, the ones that take nothing for want of scratch."""
    wanted: bool = False
    """Whether there is a use for workers: tasks wait, or pools keep some."""
    open_jobs: int = 0


@dataclass(frozen=True)
class Bounds:
    """The settings that count."""

    reserve_bytes: int
    max_open_jobs: int


def judge(seen: Seen, bounds: Bounds, before: Health | None = None) -> Health:
    """How the parts stand; `before` is the judgement before this one."""
    was_full = {part.name for part in before.parts if part.full} if before else set[str]()
    parts = [
        _place("store", seen.store, bounds, was_full),
        _place("storage", seen.storage, bounds, was_full),
        _scratch(seen),
        _workers(seen),
        _queue(seen, bounds),
    ]
    return Health(status=_status(parts), parts=parts)


def refusal(health: Health) -> ReelyardError | None:
    """What a new job is refused with; None: it is taken on, though it may have to wait."""
    parts = {part.name: part for part in health.parts}
    for name in ("store", "storage"):
        if (part := parts.get(name)) is not None and not part.ok:
            told = f"{name}: {part.reason}"
            if part.full:
                return StorageFull(told, retry_after_s=RETRY_FULL_S)
            return Unavailable(told, retry_after_s=RETRY_AWAY_S)
    if (queue := parts.get("queue")) is not None and not queue.ok:
        return RateLimited(f"{queue.reason}; try again later", retry_after_s=RETRY_QUEUE_S)
    return None


def _status(parts: list[HealthPart]) -> str:
    bad = {part.name for part in parts if not part.ok}
    if bad & {"store", "storage", "queue"}:
        return "unavailable"
    return "degraded" if bad else "ok"


def _place(name: str, place: Place, bounds: Bounds, was_full: set[str]) -> HealthPart:
    if place.error:
        return HealthPart(name, ok=False, reason=place.error)
    needed = bounds.reserve_bytes * (HYSTERESIS if name in was_full else 1.0)
    if place.free_bytes is not None and place.free_bytes < needed:
        reason = (
            f"the disk is full: {_size(place.free_bytes)} free, "
            f"{_size(bounds.reserve_bytes)} kept free (disk_reserve_bytes)"
        )
        return HealthPart(name, ok=False, reason=reason, full=True)
    return HealthPart(name)


def _scratch(seen: Seen) -> HealthPart:
    if not seen.full_workers:
        return HealthPart("scratch")
    reason = (
        f"{seen.full_workers} of {seen.workers} workers take nothing: "
        "their scratch disk is full (scratch_reserve_bytes)"
    )
    full = seen.full_workers >= seen.workers
    return HealthPart("scratch", ok=not full, reason=reason, full=full)


def _workers(seen: Seen) -> HealthPart:
    if seen.workers or not seen.wanted:
        return HealthPart("workers")
    return HealthPart("workers", ok=False, reason="no worker is there")


def _queue(seen: Seen, bounds: Bounds) -> HealthPart:
    if seen.open_jobs < bounds.max_open_jobs:
        return HealthPart("queue")
    reason = f"{seen.open_jobs} jobs are waiting already (max_queued_jobs)"
    return HealthPart("queue", ok=False, reason=reason, full=True)


def _size(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB"
