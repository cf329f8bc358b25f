"""The queue of tasks that may be leased: one a pool, by priority, then fair between tenants. Pure,
in memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from reelyard.actors.registry.scheduling.fair_heap import FairHeap

TaskKey = tuple[str, str]
"""(job id, task name)"""


class Entry(NamedTuple):
    """A task that is ready to run."""

    created_ms: int
    job_id: str
    task: str
    pool: str
    operation: str
    priority: int = 0
    ready_at_steady_ms: int = 0
    """Not before; of the steady clock, where `Task.not_before_ms` is Unix time."""
    tenant: str = ""
    cost_s: float = 1.0
    """Seconds of a worker that it is expected to take."""

    @property
    def key(self) -> TaskKey:
        return self.job_id, self.task


class _Pool:
    """Entries of one pool by priority. Removed ones are dropped lazily."""

    def __init__(self, stays: Callable[[Entry], bool]) -> None:
        self._stays = stays
        self.heaps: dict[int, FairHeap[Entry]] = {}
        self.priorities: list[int] = []
        self.operations: Counter[str] = Counter()

    def push(self, entry: Entry) -> None:
        heap = self.heaps.get(entry.priority)
        if heap is None:
            heap = self.heaps[entry.priority] = FairHeap(self._stays)
            self.priorities = sorted(self.heaps, reverse=True)
        heap.push(entry)

    def heads(self) -> Iterator[Entry]:
        for heap in self.heaps.values():
            yield from heap.heads()


class ReadyQueue:
    """Ready tasks by pool. A `steady_ms` is the milliseconds of a clock that only ever goes on,
    handed in by the caller; `created_ms` is Unix time."""

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}
        self._entries: dict[TaskKey, Entry] = {}
        self._delayed: list[tuple[int, Entry]] = []
        self._paused: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: TaskKey) -> bool:
        return key in self._entries

    @property
    def paused(self) -> frozenset[str]:
        """Pools that hand out nothing for now."""
        return frozenset(self._paused)

    def pause(self, pool: str) -> None:
        """Hand out nothing from `pool` until `resume`."""
        self._paused.add(pool)

    def resume(self, pool: str) -> None:
        """Undo `pause`."""
        self._paused.discard(pool)

    def push(self, entry: Entry, now_steady_ms: int) -> bool:
        """Add a task; returns whether it can run now (False: it waits for `ready_at_steady_ms`)."""
        self.discard(entry.key)
        self._entries[entry.key] = entry
        pool = self._pools.setdefault(entry.pool, _Pool(self._stays))
        pool.operations[entry.operation] += 1
        if entry.ready_at_steady_ms > now_steady_ms:
            heapq.heappush(self._delayed, (entry.ready_at_steady_ms, entry))
            return False
        pool.push(entry)
        return True

    def discard(self, key: TaskKey) -> None:
        """Take a task out, wherever it waits."""
        if (entry := self._entries.pop(key, None)) is not None:
            self._pools[entry.pool].operations[entry.operation] -= 1

    def wake(self, now_steady_ms: int) -> list[str]:
        """Move tasks whose pause is over into their queues; the pool of each."""
        pools = []
        while self._delayed and self._delayed[0][0] <= now_steady_ms:
            _, entry = heapq.heappop(self._delayed)
            if self._stays(entry):
                self._pools[entry.pool].push(entry)
                pools.append(entry.pool)
        return pools

    @property
    def next_wake_steady_ms(self) -> int | None:
        """When `wake` will next have something to do."""
        return self._delayed[0][0] if self._delayed else None

    def pop(self, pools: Sequence[str], want: int) -> list[Entry]:
        """Take up to `want` tasks, from the first of `pools` that has any, then the next."""
        taken: list[Entry] = []
        for name in pools:
            pool = self._pools.get(name)
            if pool is None or name in self._paused:
                continue
            for priority in pool.priorities:
                heap = pool.heaps[priority]
                while len(taken) < want and (entry := heap.pop()) is not None:
                    self.discard(entry.key)
                    taken.append(entry)
            if len(taken) == want:
                break
        return taken

    def has_ready(self, pools: Sequence[str]) -> bool:
        """Whether `pop` would find something."""
        return any(
            next(found.heads(), None) is not None
            for pool in pools
            if (found := self._pools.get(pool)) is not None and pool not in self._paused
        )

    def names(self) -> list[str]:
        """Pools that have ever had a task."""
        return sorted(self._pools)

    def queued(self, pool: str) -> int:
        """Tasks that wait for `pool`, delayed ones included."""
        found = self._pools.get(pool)
        return found.operations.total() if found else 0

    def oldest_ms(self, pool: str) -> int | None:
        """Creation time of the oldest task that could run in `pool`; None if there is none."""
        found = self._pools.get(pool)
        if found is None:
            return None
        return min((head.created_ms for head in found.heads()), default=None)

    def _stays(self, entry: Entry) -> bool:
        return self._entries.get(entry.key) is entry

    def by_operation(self, pool: str) -> dict[str, int]:
        """How many tasks of which operation wait for `pool`."""
        found = self._pools.get(pool)
        return {name: n for name, n in found.operations.items() if n} if found else {}
