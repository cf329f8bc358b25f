"""Leases: who holds which task until when. Pure, in memory; the store keeps the fences."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from reelyard.actors.registry.scheduling.ready_queue import TaskKey


@dataclass(slots=True)
class Holding:
    """A running attempt."""

    key: TaskKey
    fence: int
    slot: str
    incarnation: str
    """Empty if it is not known (records of another version)."""
    pool: str
    deadline_steady_ms: int
    """Of a clock that only ever goes on: a jump of the time of day ends no lease."""


class LeaseBook:
    """All running attempts, with their deadlines in a heap.

    A renewal only moves `deadline_steady_ms`; the heap learns of it when the old deadline comes up.
    """

    def __init__(self) -> None:
        self._held: dict[TaskKey, Holding] = {}
        self._slots: dict[str, dict[TaskKey, Holding]] = {}
        self._heap: list[tuple[int, TaskKey, int]] = []

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, holding: Holding) -> None:
        """Enter a new attempt; it replaces an earlier one of the same task."""
        self.release(holding.key)
        self._held[holding.key] = holding
        self._slots.setdefault(holding.slot, {})[holding.key] = holding
        heapq.heappush(self._heap, (holding.deadline_steady_ms, holding.key, holding.fence))

    def get(self, key: TaskKey, fence: int) -> Holding | None:
        """The holding of that task, if its fence is the current one."""
        found = self._held.get(key)
        return found if found is not None and found.fence == fence else None

    def renew(self, key: TaskKey, fence: int, deadline_steady_ms: int) -> bool:
        """Move the deadline; False if that fence holds nothing."""
        found = self.get(key, fence)
        if found is None:
            return False
        found.deadline_steady_ms = max(found.deadline_steady_ms, deadline_steady_ms)
        return True

    def release(self, key: TaskKey) -> None:
        """The attempt has ended, however."""
        found = self._held.pop(key, None)
        if found is not None:
            of_slot = self._slots[found.slot]
            del of_slot[key]
            if not of_slot:
                del self._slots[found.slot]

    def expired(self, now_steady_ms: int) -> list[Holding]:
        """Holdings whose deadline has passed. They stay until released."""
        due: list[Holding] = []
        while self._heap and self._heap[0][0] <= now_steady_ms:
            _, key, fence = heapq.heappop(self._heap)
            holding = self.get(key, fence)
            if holding is None:
                continue
            if holding.deadline_steady_ms <= now_steady_ms:
                due.append(holding)
            else:
                heapq.heappush(self._heap, (holding.deadline_steady_ms, key, fence))
        for holding in due:
            heapq.heappush(self._heap, (now_steady_ms + 1000, holding.key, holding.fence))
        return due

    @property
    def next_deadline_steady_ms(self) -> int | None:
        """When `expired` should next be asked."""
        return self._heap[0][0] if self._heap else None

    def left_behind(self, slot: str, incarnation: str) -> list[Holding]:
        """What earlier processes of `slot` still hold, now that `incarnation` has taken over."""
        return [
            holding
            for holding in self._slots.get(slot, {}).values()
            if holding.incarnation and holding.incarnation != incarnation
        ]

    def of_slot(self, slot: str) -> list[Holding]:
        """What that slot holds."""
        return list(self._slots.get(slot, {}).values())

    def of_incarnations(self, incarnations: set[str]) -> list[Holding]:
        """What those processes hold."""
        return [
            holding
            for of_slot in self._slots.values()
            for holding in of_slot.values()
            if holding.incarnation in incarnations
        ]

    def count(self, pool: str) -> int:
        """Attempts that run on workers of `pool`."""
        return sum(holding.pool == pool for holding in self._held.values())

    def holdings(self) -> list[Holding]:
        """All of them."""
        return list(self._held.values())
