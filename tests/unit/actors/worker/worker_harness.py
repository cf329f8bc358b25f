"""A worker's loop that runs among fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelyard.actors.worker.loop import WorkerLoop
from reelyard.actors.worker.scratch import Scratch
from reelyard.cluster.settings import Settings
from tests.unit.actors.worker.fakes import FakeCodecClient, FakeRegistry, FakeWorkerTools


@dataclass
class WorkerHarness:
    """A running loop with everything around it."""

    registry: FakeRegistry
    codec: FakeCodecClient
    tools: FakeWorkerTools
    scratch: Scratch
    loop: WorkerLoop
    task: asyncio.Task[None]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    async def end(self) -> None:
        self.registry.down = False
        self.loop.drain(0.0)
        self.registry.arrived.set()
        async with asyncio.timeout(10):
            await self.task
        self.scratch.close()


def start_worker(tmp_path: Path, **settings: Any) -> WorkerHarness:
    quick = {"heartbeat_s": 0.02, "poll_s": 0.5, "scratch_reserve_bytes": 0}
    config = Settings(data_dir=tmp_path, **(quick | settings))
    registry, codec = FakeRegistry(), FakeCodecClient()
    tools = FakeWorkerTools(config, None, codec)  # type: ignore[arg-type]
    scratch = Scratch(config.scratch, "media-t-1-a", config.scratch_reserve_bytes)
    loop = WorkerLoop(config, registry, tools, scratch, "t")
    return WorkerHarness(registry, codec, tools, scratch, loop, asyncio.create_task(loop.work()))
