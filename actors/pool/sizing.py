"""The size of a pool: the workers that it should have, and which of them may go. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from reelyard.cluster.settings import PoolSettings

TARGET_S = 30.0
"""The queue of a pool should be worked off in about that time."""
PENDING_S = 30.0
"""A worker that has not started is not given up before: between two tasks a queue looks empty."""


@dataclass(frozen=True)
class WorkerView:
    """A worker as the pool manager sees it."""

    slot: str
    alive: bool
    """It runs, rather than waiting for resources or starting."""
    held: int = 0
    idle_s: float = 0.0
    draining: bool = False
    age_s: float = 0.0
    """Since it was asked for."""


@dataclass(frozen=True)
class Load:
    """What waits for a pool."""

    queued: int = 0
    backlog_s: float = 0.0
    """Estimated work in the queue, in worker seconds."""


@dataclass(frozen=True)
class Plan:
    """What to do about a pool now."""

    start: list[str]
    """Slots to start."""
    stop: list[str]
    """Slots to drain (or, where they still wait for resources, to give up)."""


def bounds(pool: PoolSettings, gpus: float) -> tuple[int, int]:
    """The least and the most workers of `pool` in a cluster with `gpus` GPUs.

    A pool of GPU workers exists where Ray reports GPUs: then at least one worker runs, so that
    jobs for it are not sent elsewhere. `min_workers` set to more than 0 makes it wait for GPUs,
    which is what makes an autoscaler add a node.
    """
    if pool.gpus_per_worker == 0:
        return pool.min_workers, max(pool.min_workers, pool.max_workers)
    room = math.floor(gpus / pool.gpus_per_worker + 1e-9)
    most = max(pool.min_workers, min(pool.max_workers, room))
    return max(pool.min_workers, min(1, most)), most


def desired_workers(least: int, most: int, busy: int, load: Load) -> int:
    """`busy` workers keep what they do; the queue asks for `backlog_s / TARGET_S` more.

    Any queue asks for at least one more, because nobody can know how long the busy ones take.
    """
    more = math.ceil(load.backlog_s / TARGET_S) if load.queued else 0
    more = max(more, 1 if load.queued else 0)
    return max(least, min(most, busy + min(more, load.queued)))


def plan_pool(
    name: str,
    pool: PoolSettings,
    workers: Sequence[WorkerView],
    load: Load,
    gpus: float,
    blocked: Collection[str] = (),
) -> Plan:
    """Which workers to start and to stop.

    Slots in `blocked` are not started now (they died at once and wait, or their name is not
    free yet). Only workers that have been idle for `idle_exit_s` are stopped, and those that have
    waited `PENDING_S` for resources which nobody needs any more.
    """
    least, most = bounds(pool, gpus)
    staying = [worker for worker in workers if not worker.draining]
    busy = sum(worker.held > 0 for worker in staying)
    wanted = desired_workers(least, most, busy, load)
    missing = wanted - len(staying)
    if missing > 0:
        return Plan(_free_slots(name, workers, missing, blocked), [])
    surplus = [worker for worker in staying if _may_go(worker, pool)]
    surplus.sort(key=lambda worker: (worker.alive, -_number(worker.slot)))
    return Plan([], [worker.slot for worker in surplus[: len(staying) - wanted]])


def _may_go(worker: WorkerView, pool: PoolSettings) -> bool:
    if worker.alive:
        return worker.held == 0 and worker.idle_s >= pool.idle_exit_s
    return worker.age_s >= PENDING_S


def slot_name(pool: str, number: int) -> str:
    """The name of a pool's worker: `media-cpu-1`."""
    return f"media-{pool}-{number}"


def _number(slot: str) -> int:
    return int(slot.rpartition("-")[2])


def _free_slots(
    pool: str, workers: Sequence[WorkerView], count: int, blocked: Collection[str]
) -> list[str]:
    taken = {worker.slot for worker in workers}
    slots: list[str] = []
    number = 0
    while len(slots) < count:
        number += 1
        slot = slot_name(pool, number)
        if slot not in taken:
            slots.append(slot)
    return [slot for slot in slots if slot not in blocked]


def restart_pause_s(quick_deaths: int) -> float:
    """Seconds to wait before a slot whose workers die right after their start is filled again."""
    return 0.0 if quick_deaths == 0 else min(30.0, 0.5 * 2.0 ** (quick_deaths - 1))
