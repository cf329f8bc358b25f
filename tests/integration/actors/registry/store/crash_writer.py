"""Writes jobs for ever and says which are acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import sys

from reelyard.actors.jobs.model import State
from reelyard.actors.registry.store.opening import open_store
from reelyard.actors.registry.store.protocol import Write
from tests.unit.actors.registry.builders import START_MS, make_job


async def main(url: str) -> None:
    store = open_store(url)
    await store.open()

    async def write_jobs(number: int) -> None:
        for n in range(100_000):
            job = make_job(START_MS + number * 100_000 + n, tenant=f"t{number}")
            for state in (State.QUEUED, State.RUNNING, State.SUCCEEDED)[: 1 + n % 3]:
                job.state = state
                job.rev += 1
                assert await store.write([Write(job, job.rev - 1)]) == [True]
                # One write of at most PIPE_BUF bytes: whole or not at all.
                sys.stdout.write(f"{job.id} {job.rev}\n")
                sys.stdout.flush()

    await asyncio.gather(*map(write_jobs, range(4)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
