"""A bare Ray actor with a list in memory, and bare actors that pull from it: nothing durable."""

from __future__ import annotations

import asyncio
from typing import Any

PULL = 64
"""Jobs a call."""
BATCH = 500
"""Jobs a submit."""


class BareLoop:
    """A list in an actor, and actors that take from it."""

    def __init__(self, workers: int) -> None:
        import ray

        self.queue = ray.remote(BareQueue).options(num_cpus=0, max_concurrency=100).remote()
        self.pullers = [
            ray.remote(BarePuller).options(num_cpus=0).remote(self.queue) for _ in range(workers)
        ]

    def run(self, jobs: int) -> None:
        """All jobs from the first submit until the last is acknowledged."""
        import ray

        ray.get(self.queue.begin.remote(jobs))
        pulling = [puller.pull.remote(PULL) for puller in self.pullers]
        for start in range(0, jobs, BATCH):
            names = [f"job-{number}" for number in range(start, min(jobs, start + BATCH))]
            ray.get(self.queue.submit.remote(names))
        assert sum(ray.get(pulling)) == jobs


class BareQueue:
    """Names of jobs in memory."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.to_come = 0
        self.done = 0

    async def begin(self, jobs: int) -> None:
        """So many will come."""
        self.to_come = jobs

    async def submit(self, names: list[str]) -> None:
        """Take names in."""
        self.waiting += names

    async def lease(self, want: int, done: int) -> list[str] | None:
        """Up to `want` names, waiting a moment for some; None when all have come."""
        self.done += done
        for _ in range(1000):
            taken, self.waiting = self.waiting[:want], self.waiting[want:]
            self.to_come -= len(taken)
            if taken:
                return taken
            if not self.to_come:
                return None
            await asyncio.sleep(0.001)
        return []


class BarePuller:
    """Pulls until the end."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue

    def pull(self, want: int) -> int:
        """How many names this one got."""
        import ray

        total = done = 0
        while (taken := ray.get(self.queue.lease.remote(want, done))) is not None:
            done = len(taken)
            total += done
        return total
