"""Entries of one priority in a fair order: tenants share the workers, each gets its oldest first.

Start-time fair queueing (Goyal, Vin and Cheng, 1996): each tenant has a virtual time, which goes on
by the cost of what it was given; next is the tenant whose time is least. Whoever comes back after
a pause begins at the present, so that nobody saves up time. Pure, in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any, Protocol

LEAST_COST_S = 0.01
"""What costs nothing could be handed out for ever, before all others."""


class Queued(Protocol):
    """What is queued, ordered by age: its tenant, and the worker seconds that it should take."""

    @property
    def tenant(self) -> str: ...
    @property
    def cost_s(self) -> float: ...
    def __lt__(self, other: Any, /) -> bool: ...


class FairHeap[Item: Queued]:
    """Items by tenant. Those that have left are dropped once they are their tenant's oldest."""

    def __init__(self, stays: Callable[[Item], bool]) -> None:
        """`stays`: whether an item that was pushed is still to be handed out."""
        self._stays = stays
        self._heaps: dict[str, list[Item]] = {}
        """Of tenants that have something, by age."""
        self._order: list[tuple[float, str]] = []
        """Their virtual times, in seconds: a heap."""
        self._ahead: dict[str, float] = {}
        """The virtual times of tenants that have nothing now, and have had more than others."""
        self._now_s = 0.0

    def push(self, item: Item) -> None:
        """Add an item."""
        heap = self._heaps.get(item.tenant)
        if heap is None:
            heap = self._heaps[item.tenant] = []
            begins = max(self._now_s, self._ahead.pop(item.tenant, 0.0))
            heapq.heappush(self._order, (begins, item.tenant))
        heapq.heappush(heap, item)

    def pop(self) -> Item | None:
        """Take the oldest item of the tenant that has had least; None if there is none."""
        while self._order:
            begins, tenant = self._order[0]
            heap = self._heaps[tenant]
            if not self._drop_gone(heap):
                heapq.heappop(self._order)
                self._leave(tenant, begins)
                continue
            item = heapq.heappop(heap)
            self._now_s = max(self._now_s, begins)
            ends = begins + max(LEAST_COST_S, item.cost_s)
            if heap:
                heapq.heapreplace(self._order, (ends, tenant))
            else:
                heapq.heappop(self._order)
                self._leave(tenant, ends)
            return item
        return None

    def heads(self) -> Iterator[Item]:
        """The oldest item of each tenant."""
        for heap in self._heaps.values():
            if self._drop_gone(heap):
                yield heap[0]

    def _drop_gone(self, heap: list[Item]) -> bool:
        """Whether anything is left."""
        while heap and not self._stays(heap[0]):
            heapq.heappop(heap)
        return bool(heap)

    def _leave(self, tenant: str, ends: float) -> None:
        del self._heaps[tenant]
        if not self._order:
            # Nobody is left whom it could be ahead of.
            self._ahead.clear()
        elif ends > self._now_s:
            self._ahead[tenant] = ends
            if len(self._ahead) > 2 * len(self._order) + 64:
                self._ahead = {name: at for name, at in self._ahead.items() if at > self._now_s}
